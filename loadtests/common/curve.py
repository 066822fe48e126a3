"""Shapes of a run: how many users there are at which share of its time.

Owns: reading a curve between its points, and making one of the hours of a day.
Never: knows Locust.
"""

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]  # share of the time, share of the users


def level(curve: Sequence[Point], share: float) -> float:
    """Return the share of users at a share of the time, on the straight line between two points."""
    for (from_at, low), (to_at, high) in pairwise(curve):
        if from_at <= share <= to_at:
            along = (share - from_at) / (to_at - from_at) if to_at > from_at else 1.0
            return low + along * (high - low)
    return curve[-1][1]


def of_hours(by_hour: Sequence[int], first: int, last: int) -> tuple[Point, ...]:
    """Return the curve of some hours of a day, its busiest one being all users."""
    hours = by_hour[first : last + 1]
    return tuple((place / (len(hours) - 1), n / max(hours)) for place, n in enumerate(hours))
