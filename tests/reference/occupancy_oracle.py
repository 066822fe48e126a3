"""Counts of cars, second by second: slow, and plainly right.

Owns: what native/core/src/occupancy must come to.
Never: shares a line with it; a passage is (group, delta, second), a visit (group, entered, left).
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Passage: TypeAlias = tuple[int, int, int]
Visit: TypeAlias = tuple[int, int, int | None]
Snapshot: TypeAlias = tuple[int, int, int]  # group, second, cars


def entries(passages: Sequence[Passage], group: int, until_s: int) -> int:
    return sum(1 for g, delta, at_s in passages if (g, delta) == (group, 1) and at_s <= until_s)


def exits(passages: Sequence[Passage], group: int, until_s: int) -> int:
    return sum(1 for g, delta, at_s in passages if (g, delta) == (group, -1) and at_s <= until_s)


def occupied(passages: Sequence[Passage], group: int, at_s: int) -> int:
    """Cars inside in the second ``at_s``, at its end."""
    return entries(passages, group, at_s) - exits(passages, group, at_s)


def passages_of(visits: Sequence[Visit]) -> list[Passage]:
    came = [(group, 1, entered_s) for group, entered_s, _ in visits]
    return came + [(group, -1, left_s) for group, _, left_s in visits if left_s is not None]


def calibrated(
    passages: Sequence[Passage], snapshots: Sequence[Snapshot], group: int, at_s: int
) -> int | None:
    """The last snapshot at or before a second, and the passages of the seconds after it."""
    known = [one for one in snapshots if one[0] == group and one[1] <= at_s]
    if not known:
        return None
    latest_s = max(one[1] for one in known)
    cars = [one[2] for one in known if one[1] == latest_s][-1]
    later = [delta for g, delta, when_s in passages if g == group and latest_s < when_s <= at_s]
    return cars + sum(later)


def level(held: Sequence[int]) -> tuple[int, int, int, int, int]:
    """First, last, least, most and sum of the seconds of a step."""
    return held[0], held[-1], min(held), max(held), sum(held)


def step(
    visits: Sequence[Visit], snapshots: Sequence[Snapshot], group: int, seconds: range
) -> tuple[object, ...]:
    passages = passages_of(visits)
    within = [delta for g, delta, at_s in passages if g == group and at_s in seconds]
    raw = [occupied(passages, group, at_s) for at_s in seconds]
    known = [calibrated(passages, snapshots, group, at_s) for at_s in seconds]
    shown = [cars for cars in known if cars is not None]
    return (
        within.count(1),
        within.count(-1),
        level(raw),
        level(shown) if len(shown) == len(known) else None,
    )


def sums(
    visits: Sequence[Visit], orders: Mapping[int, str], group: int, seconds: range
) -> tuple[int, ...]:
    """Entries, exits, orders, charged orders, seconds stayed, bay seconds."""
    own = [(at, visit) for at, visit in enumerate(visits) if visit[0] == group]
    ended = [(at, visit) for at, visit in own if visit[2] in seconds]
    ordered = [(at, visit) for at, visit in ended if orders[at] != "unknown"]
    return (
        sum(1 for _, visit in own if visit[1] in seconds),
        len(ended),
        len(ordered),
        sum(1 for at, _ in ordered if orders[at] == "charged"),
        sum(left_s - entered_s for _, (_, entered_s, left_s) in ordered if left_s is not None),
        sum(
            1
            for _, (_, entered_s, left_s) in own
            for at_s in seconds
            if entered_s <= at_s and (left_s is None or at_s < left_s)
        ),
    )
