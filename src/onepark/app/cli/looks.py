"""A look at one thing, and what was found.

Owns: how a finding is told from what is missing.
Never: looks by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass


class Missing(Exception):
    """Something is not there or not right; the message says what to do."""


@dataclass(frozen=True)
class Finding:
    good: bool
    text: str


def look(at: Callable[[], str]) -> Finding:
    """Run one look."""
    try:
        return Finding(good=True, text=at())
    except Missing as missing:
        return Finding(good=False, text=str(missing))
