"""What one decision about a car looks at, and what it comes to.

Owns: a car's case with its history, and everything that a batch saves of it.
Never: decides anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays.model import (
    Answer,
    Car,
    Order,
    Passage,
    PassageState,
    Stay,
    StayAndOrder,
    Suspicion,
)
from onepark.kernel.events import Fact
from onepark.kernel.types import LotId, OrderNo, StayId

SeatKey = tuple[LotId, int]  # a lot and a fleet


class Known(NamedTuple):
    """A passage that was folded before, and what it came to."""

    passage: Passage
    state: PassageState
    stay_id: StayId | None


class History(Struct):
    """A car from its last visit before a late passage on."""

    known: list[Known]
    pairs: list[StayAndOrder]  # of these passages, in order of time
    before: (
        StayAndOrder | None
    )  # that ended last before them, if an exit is all that is known of it
    earlier: list[Stay]  # that began up to two days before, for the visits that a quota counts


class Seats:
    """How many cars of a fleet a lot lets in free at once, and how many it has let in.

    One for a batch: its cars take seats one after the other.
    """

    def __init__(self, taken: Mapping[SeatKey, int]) -> None:
        self._taken = dict(taken)

    def take(self, lot_id: LotId, fleet: Benefit, at: datetime) -> bool:  # noqa: ARG002  of others
        """Take a seat of a fleet, for a car that came at a moment, if one is free."""
        assert fleet.fleet_id is not None, "a fleet has a number"
        key = (lot_id, fleet.fleet_id)
        if key not in self._taken or self._taken[key] >= (fleet.seats or 0):
            return False
        self._taken[key] += 1
        return True


class CarCase(Struct):
    """Everything that one decision about one car may look at."""

    car: Car
    passages: list[Passage]  # those of its plate, and misread ones that are its own
    open: StayAndOrder | None = None
    last: StayAndOrder | None = None  # the one that ended last
    history: History | None = None  # where its late passages belong
    suspicions: dict[tuple[int, str, str], Suspicion] = field(default_factory=dict)
    again: dict[tuple[int, str, str], StayId] = field(default_factory=dict)  # whose exit, once more
    benefits: tuple[Benefit, ...] = ()  # passes and coupons of the car in this lot
    seats: Seats | None = None  # of its fleets, as far as they were asked for


class Doubt(NamedTuple):
    """A held passage that a person must look at, and the stay that was kept for it."""

    passage: Passage
    suspicion: Suspicion
    stay_id: StayId | None
    due_at: datetime


class Kept(NamedTuple):
    """A passage with its answer and state, as it will be saved."""

    passage: Passage
    answer: Answer
    state: PassageState
    stay_id: StayId | None


class Amended(NamedTuple):
    """A passage of before that has come to something else, as stays.amended_row."""

    lot_id: LotId
    device_id: str
    passage_id: str
    received_at: datetime
    state: PassageState
    stay_id: StayId | None


class PriceOf(NamedTuple):
    """A price that a decision waits for: of this stay, up to that moment."""

    stay: Stay
    until_at: datetime
    explained: bool = True  # whether the car is told the lines
    benefits: tuple[Benefit, ...] = ()


class Folded(Struct):
    """What one car's passages came to: all of it is saved, or none."""

    car: Car
    kept: list[Kept]
    stays: dict[StayId, Stay]
    orders: dict[OrderNo, Order]
    deltas: list[tuple[Stay, int]]  # one car more or less in the stay's pool
    facts: list[Fact]
    doubts: list[Doubt] = field(default_factory=list)
    amended: list[Amended] = field(default_factory=list)
