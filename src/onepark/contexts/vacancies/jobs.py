"""What keeps the board, Redis and PostgreSQL in agreement.

Owns: sending counts to Redis, following what other processes send, and healing what got lost.
Never: raises out of its loops, or holds more than the newest report of a lot.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from datetime import datetime, timedelta

import structlog
from asyncpg import InterfaceError, PostgresError
from redis.asyncio import Redis

from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies import store
from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.model import Source, Version
from onepark.contexts.vacancies.rules import is_newer, version_of
from onepark.contexts.vacancies.store import LotReport
from onepark.infra.db import Database
from onepark.infra.metrics import counter
from onepark.infra.redis import REDIS_DOWN, messages
from onepark.kernel.types import LotId, Pool

LOTS_IN_ONE_TRIP = 512
HEARD_STEP = timedelta(seconds=15)  # a sign of life is sent on only after so long
AFTER_FAILURE_S = 0.25
SWEEP_S = 1.0
SWEEPS_TO_EVERYTHING = 60
OVERLAP = timedelta(seconds=10)  # a transaction may commit so long after it began

DATABASE_DOWN = (PostgresError, InterfaceError, OSError)

PUBLISH_FAILED = counter(
    "vacancies_publish_failures", "Lots whose report did not reach Redis; the sweeper heals them."
)
SWEEP_FAILED = counter("vacancies_sweep_failures", "Sweeps that could not read PostgreSQL.")
RELOADS = counter("vacancies_reloads", "Full loads after a start, a lost connection or a flush.")

_log = structlog.get_logger()


class Writer:
    """Sends the newest report of each lot to Redis: whatever waits is the next round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: dict[LotId, LotReport] = {}
        self._wake = asyncio.Event()
        self._sent: dict[tuple[LotId, Pool], Version] = {}
        self._sent_heard: dict[LotId, datetime] = {}

    def offer(self, reports: Iterable[LotReport]) -> None:
        """Let reports wait for the next round trip, each joined with what waits for its lot."""
        for report in reports:
            before = self._waiting.get(report.lot_id)
            self._waiting[report.lot_id] = _joined(before, report) if before else report
        self._wake.set()

    def offer_unsent(self, counts: Iterable[Count]) -> None:
        """Offer those counts that Redis is not known to hold."""
        self.offer(
            LotReport(count.lot_id, (count,), count.changed_at)
            for count in counts
            if version_of(count) > self._sent.get((count.lot_id, count.pool), Version(-1, -1))
        )

    def offer_heard(self, lot_id: LotId, at: datetime) -> None:
        """Offer a sign of life, if it is long enough after the one that Redis holds."""
        sent_at = self._sent_heard.get(lot_id)
        if sent_at is None or at - sent_at >= HEARD_STEP:
            self._sent_heard[lot_id] = at
            self.offer([LotReport(lot_id, (), at)])

    def note(self, report: LotReport) -> None:
        """Note that Redis holds this report."""
        for count in report.counts:
            self._sent[count.lot_id, count.pool] = version_of(count)
        if report.heard_at is not None:
            self._sent_heard[report.lot_id] = report.heard_at

    def forget(self) -> None:
        """Note that nothing is known of what Redis holds."""
        self._sent.clear()
        self._sent_heard.clear()

    async def send(self, reports: list[LotReport]) -> None:
        """Send reports now, in bounded round trips."""
        for start in range(0, len(reports), LOTS_IN_ONE_TRIP):
            trip = reports[start : start + LOTS_IN_ONE_TRIP]
            await store.put(self._redis, trip)
            for report in trip:
                self.note(report)

    async def run(self) -> None:
        """Send what waits until cancelled; what cannot be sent is dropped, counted and healed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            reports, self._waiting = list(self._waiting.values()), {}
            try:
                await self.send(reports)
            except REDIS_DOWN:
                PUBLISH_FAILED.inc(len(reports))
                self._unsay(reports)
                await asyncio.sleep(AFTER_FAILURE_S)

    def _unsay(self, reports: Iterable[LotReport]) -> None:
        for report in reports:
            self._sent_heard.pop(report.lot_id, None)


def _joined(before: LotReport, after: LotReport) -> LotReport:
    """Return both reports of a lot as one, the newest count of each pool."""
    newest = {count.pool: count for count in before.counts}
    for count in after.counts:
        if is_newer(count, newest.get(count.pool)):
            newest[count.pool] = count
    heard = [at for at in (before.heard_at, after.heard_at) if at is not None]
    return LotReport(after.lot_id, tuple(newest.values()), max(heard, default=None))


class Keeper:
    """Reads PostgreSQL and Redis into the board, and puts back into Redis what it lacks."""

    def __init__(self, board: Board, writer: Writer, *, redis: Redis, service_db: Database) -> None:
        self._board = board
        self._writer = writer
        self._redis = redis
        self._db = service_db
        self._newest_at: datetime | None = None  # of all counts read so far
        self._incarnation = 0  # of the database; what was counted in an earlier one was undone

    async def follow(self) -> None:
        """Follow Redis until cancelled; each new connection begins with a full load."""
        while True:
            try:
                async with aclosing(messages(self._redis, store.CHANNEL)) as told:
                    async for message in told:
                        await self._hear(message)
            except REDIS_DOWN as error:
                self._turn_to(Source.DATABASE, type(error).__name__)
                await asyncio.sleep(AFTER_FAILURE_S)

    async def _hear(self, message: bytes | None) -> None:
        if message is None:
            await self.reload()
            self._turn_to(Source.LIVE, "following")
            return
        try:
            self._take(store.read_message(message))
        except ValueError:
            _log.warning("vacancies.message_unreadable", size=len(message))

    def _turn_to(self, source: Source, reason: str) -> None:
        if self._board.source is not source:
            _log.info("vacancies.source", source=source.value, reason=reason)
        self._board.turn_to(source)

    def _take(self, report: LotReport) -> None:
        self._board.apply(one for one in report.counts if one.incarnation >= self._incarnation)
        if report.heard_at is not None:
            self._board.hear(report.lot_id, report.heard_at)
        self._writer.note(report)

    async def reload(self) -> None:
        """Bring the board and Redis to the newest of both and of PostgreSQL."""
        RELOADS.inc()
        self._writer.forget()
        await self.read_database(everything=True)
        for report in await store.load(self._redis, self._board.lot_ids()):
            self._take(report)
        await self._fill()

    async def _fill(self) -> None:
        """Put everything that the board knows into Redis, and mark it as filled."""
        lots = ((lot_id, self._board.counts_of(lot_id)) for lot_id in self._board.lot_ids())
        await self._writer.send(
            [LotReport(lot_id, tuple(lot.counts.values()), lot.heard_at) for lot_id, lot in lots]
        )
        await store.mark_filled(self._redis)

    async def sweep(self, *, everything: bool = False) -> None:
        """Heal what died between COMMIT and publish; while Redis is down, this feeds the board."""
        counts = await self.read_database(everything=everything)
        if self._board.source is Source.DATABASE:
            return
        try:
            if everything or not await store.is_filled(self._redis):
                await self.reload()
        except REDIS_DOWN as error:
            _log.warning("vacancies.sweep", error=type(error).__name__)
        self._writer.offer_unsent(counts)

    async def read_database(self, *, everything: bool = False) -> list[Count]:
        """Take the counts that changed of late, or all, and return them; never raises."""
        since = None if everything or self._newest_at is None else self._newest_at - OVERLAP
        try:
            async with self._db.connection() as tx:
                counts = await store.counts_since(tx, since)
        except DATABASE_DOWN as error:
            SWEEP_FAILED.inc()
            _log.warning("vacancies.read_database", error=type(error).__name__)
            return []
        self._board.apply(counts)
        if since is None:
            self._board.complete()
        self._newest_at = max((count.changed_at for count in counts), default=self._newest_at)
        self._incarnation = max([self._incarnation, *(count.incarnation for count in counts)])
        return counts

    async def run(self) -> None:
        """Sweep every second and everything once a minute, until cancelled."""
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_S)
            sweeps += 1
            await self.sweep(everything=sweeps % SWEEPS_TO_EVERYTHING == 0)
