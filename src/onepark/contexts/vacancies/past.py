"""The past of a lot, and what the lot itself says that it holds.

Owns: the use cases of history, statistics and snapshots, and how many of them run at once.
Never: answers from memory: the past is read from PostgreSQL, which is the truth.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from onepark.contexts.registry.model import Lot, Zone
from onepark.contexts.stays.model import Emptied, Outcome
from onepark.contexts.vacancies import calibration_store, past_rules, past_store
from onepark.contexts.vacancies.errors import HistoryBusy, HistoryTooLarge, LotUnknown
from onepark.contexts.vacancies.model import (
    CALIBRATES_FOR,
    History,
    HistoryQuery,
    LotStatistics,
    Recounted,
    Snapshot,
    StatisticsQuery,
    Window,
)
from onepark.contexts.vacancies.past_rules import Anchor, Entrances, Past, Visits
from onepark.contexts.vacancies.ports import DirectorySource
from onepark.contexts.vacancies.rules import due_after, emptied
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Principal
from onepark.kernel.types import LotCode, LotId

VISITS_MAX = 1_000_000
SNAPSHOTS_MAX = 250_000
VISITS_AT_ONCE = 20_000
AT_ONCE = 2
WAITING_MAX = 32
LOT_CODE_MAX = 32  # of an unknown code, so much is repeated to the client
SECOND = timedelta(seconds=1)


class ReadsVisits(Protocol):
    """One of the two statements that read visits."""

    async def __call__(
        self,
        tx: Tx,
        lot_id: LotId,
        *,
        from_at: datetime,
        until_at: datetime,
        limit: int,
        through: Entrances,
    ) -> Visits: ...


class Asked(NamedTuple):
    """What is asked about: a lot, or one zone of it."""

    lot: Lot
    zone: Zone | None
    through: Entrances


OnEmpty = Callable[[Emptied], Awaitable[int]]


class PastOfLots:
    """What lots held at any instant, and what their days add up to."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        directory_source: DirectorySource,
        clock: Clock,
        visits_max: int = VISITS_MAX,
        on_empty: OnEmpty | None = None,
    ) -> None:
        self._service_db, self._staff_db = service_db, staff_db
        self._directory, self._clock = directory_source, clock
        self._visits_max, self._on_empty = visits_max, on_empty
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def history(self, code: str, query: HistoryQuery) -> History:
        """Say what a lot or a zone held at a moment or over a span, as it is known today."""
        lot, now = self._lot(code), self._clock.now()
        window = past_rules.window_of(query, now)
        asked = self._asked(lot, query.zone, apart=query.at is not None)
        async with self._turn():
            async with self._service_db.connection() as tx:
                past = await self._past(tx, asked, window)
            if query.at is not None:
                return await asyncio.to_thread(past_rules.moment, past, query.at)
            return await asyncio.to_thread(past_rules.span, past, window)

    async def statistics(
        self, code: str, query: StatisticsQuery, *, by: Principal
    ) -> LotStatistics:
        """Say what the visits of a lot's days add up to; an operator sees its own lots."""
        lot = self._lot(code)
        if by.operator_id not in {None, lot.operator_id}:
            raise _unknown(code)
        days = past_rules.days_of(query, self._clock.now())
        span = (_instant(days[0].from_s), _instant(days[-1].until_s))
        asked = self._asked(lot, query.zone, apart=False)
        scope = StaffScope.of(by.operator_id)
        async with self._turn():
            async with self._staff_db.transaction(scope) as tx:
                read = past_store.visits_with_orders
                visits = await self._visits(tx, asked, span, read=read)
            past = Past(lot, visits, zone=asked.zone)
            return await asyncio.to_thread(past_rules.statistics, past, days)

    async def recount(self) -> Recounted:
        """Make every count anew out of all visits, beside what is kept of it by deltas."""
        async with self._service_db.transaction() as tx:
            counting = past_rules.Tallying(await past_store.counts_kept(tx))
            async for visits in past_store.all_visits(tx, at_once=VISITS_AT_ONCE):
                counting.take(map(tuple, visits))
        return counting.result()

    async def keep_snapshots(self, snapshots: Sequence[Snapshot]) -> list[Outcome]:
        """Keep what lots say that they hold; the same id keeps its first content for ever."""
        unique = {_key(one): one for one in reversed(snapshots)}
        async with self._service_db.transaction() as tx:
            new = await past_store.keep_snapshots(tx, list(unique.values()))
            known = await past_store.fingerprints(tx, list(unique.values()))
            if new:
                due = due_after(unique[key] for key in new)
                await calibration_store.note(tx, due, self._clock.now())
        if self._on_empty is not None:
            for told in emptied(unique.values()):
                await self._on_empty(told)
        outcomes = []
        for one in snapshots:
            same = known[_key(one)] == one.fingerprint
            outcomes.append(_outcome(same=same, new=_key(one) in new))
            new.discard(_key(one))
        return outcomes

    def _asked(self, lot: Lot, zone_code: str | None, *, apart: bool) -> Asked:
        zone, lanes = past_rules.zone_of(lot, zone_code), self._directory().lanes_of(lot.lot_id)
        return Asked(lot, zone, past_rules.entrances(lot, lanes, zone, apart=apart))

    async def _past(self, tx: Tx, asked: Asked, window: Window) -> Past:
        """Read the visits that meet a window, from the snapshots that calibrate its beginning."""
        from_at, until_at = _instant(window.from_s), _instant(window.until_s)
        lot, zone, _ = asked
        if zone is not None:  # a lot's snapshots do not tell its zones apart
            visits = await self._visits(tx, asked, (from_at, until_at), read=past_store.visits)
            return Past(lot, visits, zone=zone)
        before = await past_store.last_snapshots(
            tx, lot.lot_id, before=from_at + SECOND, since=from_at - CALIBRATES_FOR
        )
        within = await past_store.snapshots_within(
            tx, lot.lot_id, from_at=from_at + SECOND, until_at=until_at, limit=SNAPSHOTS_MAX + 1
        )
        if len(within) > SNAPSHOTS_MAX:
            raise HistoryTooLarge("The span holds too many snapshots; ask for a shorter one.")
        first_s = min([window.from_s, *(anchor.at_s for anchor in before)])
        span = (_instant(first_s), until_at)
        visits = await self._visits(tx, asked, span, read=past_store.visits)
        return Past(lot, visits, _in_order([*before, *within]))

    async def _visits(
        self, tx: Tx, asked: Asked, span: tuple[datetime, datetime], *, read: ReadsVisits
    ) -> Visits:
        from_at, until_at = span
        visits = await read(
            tx,
            asked.lot.lot_id,
            from_at=from_at,
            until_at=until_at,
            limit=self._visits_max + 1,
            through=asked.through,
        )
        if len(visits.group) > self._visits_max:
            raise HistoryTooLarge("The span holds too many visits; ask for a shorter one.")
        return visits

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one of a few turns: a month of a large lot is some work."""
        if self._waiting >= WAITING_MAX:
            raise HistoryBusy("Too many questions about the past wait.")
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1

    def _lot(self, code: str) -> Lot:
        lot = self._directory().lot(LotCode(code))
        if lot is None:
            raise _unknown(code)
        return lot


def _in_order(anchors: list[Anchor]) -> list[Anchor]:
    return sorted(anchors, key=_second_of)


def _second_of(anchor: Anchor) -> int:
    return anchor.at_s


def _key(snapshot: Snapshot) -> past_store.SnapshotKey:
    return (snapshot.lot_id, snapshot.device_id, snapshot.snapshot_id)


def _outcome(*, same: bool, new: bool) -> Outcome:
    if not same:
        return Outcome.CONFLICT
    return Outcome.ACCEPTED if new else Outcome.DUPLICATE


def _unknown(code: str) -> LotUnknown:
    return LotUnknown(f"No lot {code[:LOT_CODE_MAX]}.", lot=code[:LOT_CODE_MAX])


def _instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
