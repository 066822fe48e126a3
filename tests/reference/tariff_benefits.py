"""What is taken off a whole amount, in exact fractions: slow, and plainly right.

Owns: the oracle's discounts and coupons, and the terms of a stay.
Never: looks at time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Any


@dataclass
class Terms:
    """What decides beside the time."""

    traits: set[str] = field(default_factory=set)
    zone: str | None = None
    free_visits_used: int = 0
    coupons: Sequence[tuple[str, int]] = ()
    overrides: Sequence[tuple[int, int, int]] = ()


def after_discount(amount_fen: int, plan: dict[str, Any], terms: Terms) -> int:
    open_to = [
        one["off_permille"]
        for one in plan.get("discounts", ())
        if set(one["traits"]) & terms.traits
    ]
    if not open_to:
        return amount_fen
    kept = Fraction(amount_fen * (1_000 - max(open_to)), 1_000)
    rounding = plan.get("discount_rounding", {})
    to_fen = int(rounding.get("to_fen", 1))
    steps = kept / to_fen
    modes = {"down": floor(steps), "half_up": floor(steps + Fraction(1, 2)), "up": ceil(steps)}
    return min(amount_fen, modes[rounding.get("mode", "down")] * to_fen)


def after_coupons(amount_fen: int, terms: Terms) -> int:
    for wanted in ("off_permille", "amount_fen", "full"):
        for kind, value in terms.coupons:
            if kind == wanted == "off_permille":
                amount_fen = amount_fen * (1_000 - value) // 1_000
            elif kind == wanted == "amount_fen":
                amount_fen = max(0, amount_fen - value)
            elif kind == wanted:
                amount_fen = 0
    return amount_fen
