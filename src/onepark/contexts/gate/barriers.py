"""What devices say of their barriers.

Owns: the checks of what was said, keeping it, and which barriers stood open before a count.
Never: decides who left through an open barrier.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Raw

from onepark.contexts.gate import barrier_store, clocks
from onepark.contexts.gate.barrier_store import KeptLift, LiftKey, Move
from onepark.contexts.gate.model import BarrierIn, BarrierResult, RaisedBy
from onepark.contexts.gate.ports import Archive
from onepark.contexts.gate.rules import moved, named_in
from onepark.contexts.registry.model import Device, Direction
from onepark.contexts.stays.model import LaneMoment, LaneThen, LeftOpen, Lift, Outcome
from onepark.contexts.stays.moments import AHEAD_MAX, CONFIRMS, FIRST_SEEN_AT, LAST_SEEN_AT
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.types import LaneCode, OrderNo

TELLS_FOR = timedelta(hours=72)  # a gate that was offline for a weekend tells of it then
LOOKS_BACK = timedelta(minutes=10)  # several rounds: what is kept late is seen by a later one
LASTING = timedelta(minutes=1)  # a barrier that we raised stands open for longer: not for one car
BARRIERS_AT_ONCE = 500

_BARRIERS = msgspec.json.Decoder(BarrierIn)

OnLeftOpen = Callable[[LeftOpen], Awaitable[int]]


class Lifted(NamedTuple):
    """A barrier that a device told of, its moments by the platform's time beside those shown."""

    shown: BarrierIn
    raised_at: datetime
    lowered_at: datetime | None

    @property
    def key(self) -> LiftKey:
        """Return what names the lift."""
        return (self.shown.lane, self.shown.raised_at)


class Barriers:
    """When barriers stood open, as their devices say."""

    def __init__(
        self, service_db: Database, *, archive: Callable[[], Archive], clock: Clock
    ) -> None:
        self._db, self._archive, self._clock = service_db, archive, clock

    async def keep(
        self, told: Sequence[Raw], device: Device, *, ahead: timedelta
    ) -> tuple[BarrierResult, ...]:
        """Keep what a heartbeat says of barriers; each is answered by itself, in its order."""
        if not told:
            return ()
        now = self._clock.now()
        checked = [check(raw, device, ahead=ahead, now=now) for raw in told]
        good = [one for one in checked if isinstance(one, Lifted)]
        new: set[LiftKey] = set()
        kept: dict[LiftKey, KeptLift] = {}
        if good:
            moves = [move for one in good for move in moves_of(one)]
            suspect = abs(ahead) > clocks.BILLED
            async with self._db.transaction() as tx:
                new = await barrier_store.keep_moves(
                    tx, device, moves, told_at=now, clock_suspect=suspect
                )
                kept = await barrier_store.lifts(tx, device, [one.key for one in good])
        return tuple(
            one if isinstance(one, BarrierResult) else result_of(one, kept[one.key], new=new)
            for one in checked
        )

    async def tell_left_open(self, on_left_open: OnLeftOpen) -> int:
        """Tell of ways out that stood open before the lot counted; return how many cars left."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            found = await barrier_store.left_open(
                tx,
                lowered_after=now - TELLS_FOR,
                told_after=now - LOOKS_BACK,
                limit=BARRIERS_AT_ONCE,
                lasting=LASTING,
            )
        return sum([await on_left_open(one) for one in found if self._leads_out(one.lane)])

    async def lanes_then(self, tx: Tx, asked: Sequence[LaneMoment]) -> list[LaneThen]:
        """Say of lanes at moments whom they were told to let out and which barriers stood open."""
        orders: list[dict[OrderNo, datetime]] = [{} for _ in asked]
        lifts: list[list[Lift]] = [[] for _ in asked]
        for place, order_no, at in await barrier_store.commanded(tx, asked, within=CONFIRMS):
            orders[place - 1][order_no] = at
        for place, lift in await barrier_store.stood_open(tx, asked, within=TELLS_FOR):
            lifts[place - 1].append(lift)
        return [LaneThen(of, tuple(up)) for of, up in zip(orders, lifts, strict=True)]

    def _leads_out(self, code: str) -> bool:
        lane = self._archive().lane(LaneCode(code))
        return lane is not None and lane.direction != Direction.ENTRY


def check(raw: Raw, device: Device, *, ahead: timedelta, now: datetime) -> Lifted | BarrierResult:
    """Read what was said of one barrier, or say why it cannot be."""
    try:
        shown = _BARRIERS.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return _rejected(named_in(raw, "lane"), "gate.invalid_field", str(error))
    if shown.lane not in device.lanes:
        why = "lane: the device does not stand there"
        return _rejected(named_in(raw, "lane"), "gate.foreign_lane", why)
    lowered_at = None if shown.lowered_at is None else moved(shown.lowered_at, ahead)
    lifted = Lifted(shown, moved(shown.raised_at, ahead), lowered_at)
    refused = _why_not(lifted, now)
    return lifted if refused is None else _rejected(shown.lane, *refused)


def _why_not(one: Lifted, now: datetime) -> tuple[str, str] | None:
    moments = {"raised_at": one.raised_at, "lowered_at": one.lowered_at}
    for field, at in moments.items():
        if at is not None and not FIRST_SEEN_AT <= at < LAST_SEEN_AT:
            return f"gate.{field}_out_of_range", f"{field}: outside the years 2000 to 2100"
        if at is not None and at > now + AHEAD_MAX:
            return f"gate.{field}_in_future", f"{field}: more than 5 minutes ahead"
    if one.lowered_at is not None and one.lowered_at < one.raised_at:
        return "gate.lowered_at_out_of_range", "lowered_at: before raised_at"
    return None


def _rejected(lane: str | None, reason: str, detail: str) -> BarrierResult:
    return BarrierResult(lane, Outcome.REJECTED, reason, detail)


def moves_of(one: Lifted) -> list[Move]:
    """Return the moves that a device told of: the raising, and the lowering if there was one."""
    lane, lift_at = one.key
    raised = Move(lane, lift_at, "raised", one.shown.by.value, lift_at, one.raised_at)
    if one.lowered_at is None or one.shown.lowered_at is None:
        return [raised]
    return [raised, Move(lane, lift_at, "lowered", None, one.shown.lowered_at, one.lowered_at)]


def result_of(one: Lifted, kept: KeptLift, *, new: set[LiftKey]) -> BarrierResult:
    """Say what became of it: what was said first of a lift stands."""
    lowered_at = one.shown.lowered_at
    if RaisedBy(kept.raised_by) != one.shown.by or lowered_at not in {None, kept.lowered_shown_at}:
        return BarrierResult(one.shown.lane, Outcome.CONFLICT, "gate.barrier_told_otherwise")
    outcome = Outcome.ACCEPTED if one.key in new else Outcome.DUPLICATE
    return BarrierResult(one.shown.lane, outcome)
