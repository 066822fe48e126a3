"""Cars that left unseen, and what shows that they have gone.

Owns: gathering that evidence, ending a stay by it after a while, and what staff see of it.
Never: charges for time that nobody watched, or believes evidence more than an exit.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from onepark.contexts.access.rules import allows
from onepark.contexts.stays import ghost_store
from onepark.contexts.stays.ghost_store import Evidence
from onepark.contexts.stays.model import Emptied, Kind, LeftOpen, Passage, StayState
from onepark.contexts.stays.moments import EVIDENCE
from onepark.contexts.stays.oddities import Owner
from onepark.contexts.stays.ports import Archive
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.staff import lot_named
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.kernel.masks import mask_plate
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import LotCode, StayId

NOTED_AT_ONCE = 1_000
ENDED_AT_ONCE = 200
SETTLES = timedelta(minutes=5)  # a car that came just before a count may be missing in it


class GhostState(StrEnum):
    """What became of a car that is believed to have left unseen."""

    WAITING = "waiting"  # its exit may still be heard of
    ENDED = "ended"
    OVERTAKEN = "overtaken"  # its exit was heard of before
    CONTRADICTED = "contradicted"  # it was seen leaving later: a clone, or a wrong count


class OpenBarrier(Struct, frozen=True):
    """A barrier at a way out, and how long it stood open."""

    lane: str
    raised_by: str
    raised_at: datetime
    lowered_at: datetime


class LotCount(Struct, frozen=True):
    """What the lot itself counted: so many cars in the pool of the stay, by this device."""

    counted_at: datetime
    cars: int
    device: str


class GhostView(Struct, frozen=True):
    """A stay whose exit nobody saw, and what shows that its car has gone."""

    ghost_id: int
    lot: str
    lot_name: str
    stay_id: StayId
    plate: str
    plate_color: str
    entered_at: datetime
    evidence: str
    gone_by_at: datetime
    ends_at: datetime
    state: GhostState
    owner: Owner
    other_lot: str | None  # for the city alone: where the car went in meanwhile
    barrier: OpenBarrier | None
    snapshot: LotCount | None


class GhostPage(Struct, frozen=True):
    """Some ghosts, oldest first; ``next_after`` asks for more, null is the end."""

    ghosts: tuple[GhostView, ...]
    next_after: int | None


class Ghosts:
    """Stays whose exit nobody saw."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        stays: Stays,
        archive: Callable[[], Archive],
        clock: Clock,
        waits: timedelta,
    ) -> None:
        self._db, self._staff_db, self._stays = service_db, staff_db, stays
        self._archive, self._clock, self._waits = archive, clock, waits

    async def note_elsewhere(self) -> int:
        """Note cars that are inside one lot and went into another one since; return how many."""
        async with self._db.transaction() as tx:
            return await ghost_store.note_elsewhere(
                tx, at=self._clock.now(), waits=self._waits, limit=NOTED_AT_ONCE
            )

    async def note_empty(self, emptied: Emptied) -> int:
        """Note the cars that are inside by the books while their lot says that it is empty."""
        async with self._db.transaction() as tx:
            return await ghost_store.note_empty(
                tx,
                (emptied.lot_id, emptied.pool, emptied.at, emptied.told_by),
                before=emptied.at - SETTLES,
                at=self._clock.now(),
                waits=self._waits,
            )

    async def note_left_open(self, told: LeftOpen) -> int:
        """Note the cars that must have left while a barrier stood open; return how many."""
        async with self._db.transaction() as tx:
            return await ghost_store.note_left_open(
                tx, told, settles=SETTLES, at=self._clock.now(), waits=self._waits
            )

    async def end(self) -> int:
        """End the stays of cars whose exit was not heard of in time; return how many."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            due = await ghost_store.due(tx, now, limit=ENDED_AT_ONCE)
        inside = [one for one in due if one.stay_state == StayState.OPEN]
        if inside:
            await self._stays.take([_gone(one, now) for one in inside])
        async with self._db.transaction() as tx:
            await ghost_store.note_acted(tx, [one.evidence_id for one in due], now)
        return len(due)

    async def page(self, *, lot: LotCode, after: int, limit: int, by: Principal) -> GhostPage:
        """Return the next ghosts of one lot, or of all, that this person may see."""
        lot_id = lot_named(self._archive(), lot).lot_id if lot else None
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await ghost_store.page(tx, after=after, lot_id=lot_id, limit=limit)
        views = tuple(self._view(one, by) for one in found)
        return GhostPage(views, found[-1].evidence_id if len(found) == limit else None)

    def _view(self, one: Evidence, by: Principal) -> GhostView:
        lot = self._archive().lot_by_id(one.lot_id)
        other = None if one.other_lot_id is None else self._archive().lot_by_id(one.other_lot_id)
        whole = allows(by.role, Permission.DECIDE_MISREAD)
        return GhostView(
            ghost_id=one.evidence_id,
            lot="" if lot is None else lot.code,
            lot_name="" if lot is None else lot.name,
            stay_id=one.stay_id,
            plate=one.plate if whole else mask_plate(one.plate),
            plate_color=one.plate_color,
            entered_at=one.entered_at,
            evidence=one.kind,
            gone_by_at=one.gone_by_at,
            ends_at=one.acts_at,
            state=state_of(one),
            owner=Owner.OPERATOR,
            other_lot=other.code if other is not None and by.operator_id is None else None,
            barrier=barrier_of(one),
            snapshot=count_of(one),
        )


def state_of(one: Evidence) -> GhostState:
    """Say what became of a car that is believed to have left unseen."""
    if one.stay_state == StayState.EXIT_MISSING:
        return GhostState.ENDED
    if one.stay_state == StayState.OPEN:
        return GhostState.WAITING
    later = one.exited_at is not None and one.exited_at > one.gone_by_at
    return GhostState.CONTRADICTED if later else GhostState.OVERTAKEN


def barrier_of(one: Evidence) -> OpenBarrier | None:
    """Return the barrier that is evidence, if one is."""
    if one.lane is None or one.raised_by is None or one.raised_at is None or one.lowered_at is None:
        return None
    return OpenBarrier(one.lane, one.raised_by, one.raised_at, one.lowered_at)


def count_of(one: Evidence) -> LotCount | None:
    """Return the lot's own count that is evidence, if one is."""
    if one.told_by is None:
        return None
    if one.counted_at is None or one.counted is None:
        return LotCount(one.gone_by_at, 0, one.told_by)  # it said that it was empty
    return LotCount(one.counted_at, one.counted, one.told_by)


def _gone(one: Evidence, now: datetime) -> Passage:
    """Return what ends the stay, at the last moment at which its car can have been inside."""
    passage_id = f"gone:{one.evidence_id}"
    return Passage(
        lot_id=one.lot_id,
        operator_id=one.operator_id,
        device_id=EVIDENCE,
        passage_id=passage_id,
        lane="",
        confirms_exit=True,
        kind=Kind.EXIT,
        car_key=one.car_key,
        plate=one.plate,
        plate_raw=one.plate,
        plate_color=one.plate_color,
        vehicle=one.vehicle,
        seen_at=one.gone_by_at,
        received_at=now,
        fingerprint=blake2b(passage_id.encode(), digest_size=16).digest(),
        derived=True,
    )
