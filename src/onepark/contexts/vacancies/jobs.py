"""What keeps the board, Redis and PostgreSQL in agreement.

Owns: sending counts and calibrations to Redis, following what other processes send, and healing
what got lost.
Never: raises out of its loops, or holds more than the newest report of a lot.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import structlog
from asyncpg import InterfaceError, PostgresError
from redis.asyncio import Redis

from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies import store
from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.model import Source, Version
from onepark.contexts.vacancies.rules import Calibration, LotCounts, is_newer, version_of
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
NOTHING_SENT = Version(-1, -1)

DATABASE_DOWN = (PostgresError, InterfaceError, OSError)

PUBLISH_FAILED = counter(
    "vacancies_publish_failures", "Lots whose report did not reach Redis; the sweeper heals them."
)
SWEEP_FAILED = counter("vacancies_sweep_failures", "Sweeps that could not read PostgreSQL.")
RELOADS = counter("vacancies_reloads", "Full loads after a start, a lost connection or a flush.")

_log = structlog.get_logger()

Told = TypeVar("Told", Count, Calibration)


class Writer:
    """Sends the newest report of each lot to Redis: whatever waits is the next round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: dict[LotId, LotReport] = {}
        self._wake = asyncio.Event()
        self._sent: dict[tuple[LotId, str], Version] = {}  # by the field that holds it
        self._sent_heard: dict[LotId, datetime] = {}

    def offer(self, reports: Iterable[LotReport]) -> None:
        """Let reports wait for the next round trip, each joined with what waits for its lot."""
        for report in reports:
            before = self._waiting.get(report.lot_id)
            self._waiting[report.lot_id] = _joined(before, report) if before else report
        self._wake.set()

    def offer_unsent(
        self, counts: Iterable[Count], calibrations: Iterable[Calibration] = ()
    ) -> None:
        """Offer those counts and calibrations that Redis is not known to hold."""
        self.offer(
            LotReport(count.lot_id, (count,), count.changed_at)
            for count in counts
            if self._is_unsent(count)
        )
        self.offer(
            LotReport(one.lot_id, calibrations=(one,))
            for one in calibrations
            if self._is_unsent(one)
        )

    def _is_unsent(self, told: Count | Calibration) -> bool:
        sent = self._sent.get((told.lot_id, store.field(told)), NOTHING_SENT)
        return version_of(told) > sent

    def offer_heard(self, lot_id: LotId, at: datetime) -> None:
        """Offer a sign of life, if it is long enough after the one that Redis holds."""
        sent_at = self._sent_heard.get(lot_id)
        if sent_at is None or at - sent_at >= HEARD_STEP:
            self._sent_heard[lot_id] = at
            self.offer([LotReport(lot_id, (), at)])

    def note(self, report: LotReport) -> None:
        """Note that Redis holds this report."""
        for told in report.told:
            self._sent[told.lot_id, store.field(told)] = version_of(told)
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
    """Return both reports of a lot as one, the newest count and calibration of each pool."""
    counts = _newest((*before.counts, *after.counts))
    calibrations = _newest((*before.calibrations, *after.calibrations))
    heard = [at for at in (before.heard_at, after.heard_at) if at is not None]
    return LotReport(after.lot_id, counts, max(heard, default=None), calibrations)


def _newest(told: Iterable[Told]) -> tuple[Told, ...]:
    newest: dict[Pool, Told] = {}
    for one in told:
        if is_newer(one, newest.get(one.pool)):
            newest[one.pool] = one
    return tuple(newest.values())


class Newest(NamedTuple):
    """The last change of a count and of a calibration that the database told of."""

    count_at: datetime | None = None
    calibration_at: datetime | None = None


class Read(NamedTuple):
    """What the database told of."""

    counts: Sequence[Count] = ()
    calibrations: Sequence[Calibration] = ()


def _overlapping(since: datetime | None) -> datetime | None:
    return None if since is None else since - OVERLAP


def _report(lot_id: LotId, lot: LotCounts) -> LotReport:
    counts, calibrations = tuple(lot.counts.values()), tuple(lot.calibrations.values())
    return LotReport(lot_id, counts, lot.heard_at, calibrations)


class Keeper:
    """Reads PostgreSQL and Redis into the board, and puts back into Redis what it lacks."""

    def __init__(self, board: Board, writer: Writer, *, redis: Redis, service_db: Database) -> None:
        self._board = board
        self._writer = writer
        self._redis = redis
        self._db = service_db
        self._newest = Newest()  # of all that was read so far
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
        self._board.apply(one for one in report.counts if self._is_believed(one))
        self._board.calibrate(one for one in report.calibrations if self._is_believed(one))
        if report.heard_at is not None:
            self._board.hear(report.lot_id, report.heard_at)
        self._writer.note(report)

    def _is_believed(self, told: Count | Calibration) -> bool:
        return told.incarnation >= self._incarnation

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
        await self._writer.send([_report(lot_id, lot) for lot_id, lot in lots])
        await store.mark_filled(self._redis)

    async def sweep(self, *, everything: bool = False) -> None:
        """Heal what died between COMMIT and publish; while Redis is down, this feeds the board."""
        read = await self.read_database(everything=everything)
        if self._board.source is Source.DATABASE:
            return
        try:
            if everything or not await store.is_filled(self._redis):
                await self.reload()
        except REDIS_DOWN as error:
            _log.warning("vacancies.sweep", error=type(error).__name__)
        self._writer.offer_unsent(*read)

    async def read_database(self, *, everything: bool = False) -> Read:
        """Take what changed of late, or all, and return it; never raises."""
        since = Newest() if everything else self._newest
        try:
            async with self._db.connection() as tx:
                counts = await store.counts_since(tx, _overlapping(since.count_at))
                calibrations = await store.calibrations_since(
                    tx, _overlapping(since.calibration_at)
                )
        except DATABASE_DOWN as error:
            SWEEP_FAILED.inc()
            _log.warning("vacancies.read_database", error=type(error).__name__)
            return Read()
        self._board.apply(counts)
        self._board.calibrate(calibrations)
        if since.count_at is None:
            self._board.complete()
        self._note(counts, calibrations)
        return Read(counts, calibrations)

    def _note(self, counts: list[Count], calibrations: list[Calibration]) -> None:
        """Note up to when the database was read, and its incarnation."""
        count_at, calibration_at = self._newest
        self._newest = Newest(
            max((one.changed_at for one in counts), default=count_at),
            max((one.changed_at for one in calibrations), default=calibration_at),
        )
        self._incarnation = max(
            [
                self._incarnation,
                *(one.incarnation for one in counts),
                *(one.incarnation for one in calibrations),
            ]
        )

    async def run(self) -> None:
        """Sweep every second and everything once a minute, until cancelled."""
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_S)
            sweeps += 1
            await self.sweep(everything=sweeps % SWEEPS_TO_EVERYTHING == 0)
