"""A year of stays of a demonstration city, as columns of numbers.

Owns: how many stays each kind of lot has in a year, and the columns that they are drawn into.
Never: prices a stay, or holds more than one chunk: a city's year is too large for that.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from onepark.kernel.types import CHINA
from onepark.simulator.city.profile import (
    DAY_S,
    PROFILES,
    Kind,
    LotFacts,
    kind_of,
    spread_of_arrivals_s,
    spread_of_stays_s,
)

Seconds: TypeAlias = npt.NDArray[np.int64]
Classes: TypeAlias = npt.NDArray[np.uint8]

CHUNK_STAYS = 65_536
ENTRIES = 65_536  # of a table from which every entry is drawn equally often
VEHICLES_UP_TO = (0.92, 0.96, 0.98)  # small, medium, large, and the rest are motorcycles


class Group(NamedTuple):
    """The lots of one kind that charge by one plan."""

    kind: Kind
    plan_key: str
    visits: float  # of an ordinary day


class Chunk(NamedTuple):
    """Stays of one group, a column a fact; a vehicle is its number in the order above."""

    group: Group
    entered_s: Seconds
    until_s: Seconds
    vehicle: Classes


def groups_of(city: Mapping[str, Any]) -> list[Group]:
    """Return the lots of a city document, put together by kind and plan."""
    visits: dict[tuple[Kind, str], float] = {}
    for lot in city["lots"]:
        kind = kind_of(
            LotFacts(lot["parking_type"], lot["parking_locate"], lot.get("attached_type"))
        )
        key = (kind, lot["plan_key"])
        turns = PROFILES[kind].turns * lot["pools"].get("short_stay", 0)
        visits[key] = visits.get(key, 0.0) + turns
    return [Group(kind, plan_key, count) for (kind, plan_key), count in sorted(visits.items())]


def draw_year(
    groups: Sequence[Group], *, year: int, stays: int, seed: int, chunk_stays: int = CHUNK_STAYS
) -> Iterator[Chunk]:
    """Yield that many stays of cars that come in a year; one seed gives one year."""
    first_s, days = _span_of(year)
    counts = shares(groups, stays)
    for number, (group, count) in enumerate(zip(groups, counts, strict=True)):
        random = np.random.default_rng((seed, year, number))
        arrivals = np.array(spread_of_arrivals_s(group.kind, ENTRIES), np.int64)
        lengths = np.array(spread_of_stays_s(group.kind, ENTRIES), np.int64)
        for done in range(0, count, chunk_stays):
            size = min(chunk_stays, count - done)
            midnight_s = first_s + random.integers(days, size=size) * DAY_S
            entered_s = midnight_s + _drawn(random, arrivals, size)
            vehicle = np.searchsorted(VEHICLES_UP_TO, random.random(size), side="right")
            until_s = entered_s + _drawn(random, lengths, size)
            yield Chunk(group, entered_s, until_s, vehicle.astype(np.uint8))


def shares(groups: Sequence[Group], stays: int) -> list[int]:
    """Split a number of stays by how busy the groups are; the parts add up to it exactly."""
    up_to = list(accumulate(group.visits for group in groups))
    edges = [0, *(round(stays * part / up_to[-1]) for part in up_to)]
    return [until - since for since, until in pairwise(edges)]


def _drawn(random: np.random.Generator, table: Seconds, size: int) -> Seconds:
    return table[random.integers(ENTRIES, size=size)]


def _span_of(year: int) -> tuple[int, int]:
    """Return the first second of a year and how many days it has."""
    first_at = datetime(year, 1, 1, tzinfo=CHINA)
    days = (datetime(year + 1, 1, 1, tzinfo=CHINA) - first_at) // timedelta(days=1)
    return int(first_at.timestamp()), days
