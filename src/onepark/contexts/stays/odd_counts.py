"""Counts that cannot be: more cars than bays, or fewer than none.

Owns: since when they are so, and what staff see and say of them.
Never: changes a count: passages that were missed or wrong do, once they are put right.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from onepark.contexts.stays import odd_count_store
from onepark.contexts.stays.errors import OddCountConfirmed, OddCountUnknown
from onepark.contexts.stays.moments import DECIDED_IN
from onepark.contexts.stays.odd_count_store import OddCount
from onepark.contexts.stays.oddities import Owner
from onepark.contexts.stays.ports import Archive, AuditTrail
from onepark.contexts.stays.rulings import Confirmation, check_texts
from onepark.contexts.stays.staff import lot_named
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import LotCode, OperatorId, Pool


class OddCountView(Struct, frozen=True):
    """A pool whose free bays are negative, or its cars: since when, and by how much."""

    odd_count_id: int
    lot: str
    lot_name: str
    operator_id: int
    owner: Owner
    pool: Pool
    occupied: int
    capacity: int
    free: int  # under zero where there are more cars than bays
    off_by_max: int  # the most that it was off since
    since_at: datetime
    seen_at: datetime
    due_at: datetime


class OddCountPage(Struct, frozen=True):
    """Some odd counts, oldest first; ``next_after`` asks for more, null is the end."""

    counts: tuple[OddCountView, ...]
    next_after: int | None


class CountConfirmed(Struct, frozen=True):
    """The count is right as it is, until it has been possible again."""

    odd_count_id: int


class OddCounts:
    """Counts that have been impossible for a while."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
        lasts: timedelta,
    ) -> None:
        self._db, self._staff_db = service_db, staff_db
        self._archive, self._audit, self._clock, self._lasts = archive, audit, clock, lasts

    async def note(self) -> int:
        """Note which counts are odd now, and which are not any more."""
        async with self._db.transaction() as tx:
            await odd_count_store.note(tx, self._clock.now())
        return 0

    async def page(self, *, lot: LotCode, after: int, limit: int, by: Principal) -> OddCountPage:
        """Return the next odd counts of one lot, or of all, that this person may see."""
        lot_id = lot_named(self._archive(), lot).lot_id if lot else None
        since_before = self._clock.now() - self._lasts
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await odd_count_store.page(
                tx, after=after, lot_id=lot_id, since_before=since_before, limit=limit
            )
        views = tuple(map(self._view, found))
        return OddCountPage(views, found[-1].odd_count_id if len(found) == limit else None)

    async def confirm(
        self, odd_count_id: int, said: Confirmation, *, by: Principal
    ) -> CountConfirmed:
        """Leave an odd count as it is."""
        check_texts(reason=said.reason)
        now = self._clock.now()
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            operator_id = await odd_count_store.operator_of(tx, odd_count_id)
        if operator_id is None:
            raise OddCountUnknown(f"No odd count {odd_count_id}.")
        change = Change(
            actor=by.login,
            action="stays.count_confirmed",
            subject=f"odd count {odd_count_id}",
            operator_id=OperatorId(operator_id),
            after={"reason": said.reason},
        )
        async with self._db.transaction() as tx:
            if not await odd_count_store.confirm(
                tx, odd_count_id, said.reason, by=by.login, at=now
            ):
                raise OddCountConfirmed("Somebody has confirmed it already.")
            await self._audit.append(tx, [change], at=now)
        return CountConfirmed(odd_count_id)

    def _view(self, one: OddCount) -> OddCountView:
        lot = self._archive().lot_by_id(one.lot_id)
        return OddCountView(
            odd_count_id=one.odd_count_id,
            lot="" if lot is None else lot.code,
            lot_name="" if lot is None else lot.name,
            operator_id=one.operator_id,
            owner=Owner.OPERATOR,
            pool=one.pool,
            occupied=one.occupied,
            capacity=one.capacity,
            free=one.capacity - one.occupied,
            off_by_max=one.off_by_max,
            since_at=one.since_at,
            seen_at=one.seen_at,
            due_at=one.since_at + self._lasts + DECIDED_IN,
        )
