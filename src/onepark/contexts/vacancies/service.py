"""Live vacancies.

Owns: the use cases of citizens and of whoever reports counts.
Never: makes its caller wait for Redis, or fails because Redis or PostgreSQL does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import structlog
from redis.asyncio import Redis

from onepark.contexts.registry.model import Lot
from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.errors import LotUnknown
from onepark.contexts.vacancies.jobs import Keeper, Writer
from onepark.contexts.vacancies.model import (
    STREAM_LOTS_MAX,
    NearbyQuery,
    Quality,
    Source,
    StreamQuery,
    Trust,
    Vacancy,
)
from onepark.contexts.vacancies.ports import DirectorySource
from onepark.contexts.vacancies.rules import codes_of
from onepark.contexts.vacancies.stream import Hub, Listener
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.metrics import gauge
from onepark.infra.schedule import end
from onepark.infra.settings import Settings
from onepark.kernel.types import LotCode, LotId

TELL_S = 0.2
AGE_EVERY = 5  # ticks
AFTER_BUG_S = 1.0
LOT_CODE_MAX = 32  # of an unknown code, so much is repeated to the client

LISTENERS = gauge("vacancies_listeners", "Clients that follow the stream of vacancies.")
LIVE = gauge("vacancies_live", "1 while live counts are followed, 0 while PostgreSQL stands in.")
LOTS = gauge("vacancies_lots", "Lots by how far their counts may be trusted.", ("quality",))

_log = structlog.get_logger()


class Vacancies:
    """The live state of every lot, and those who listen to it."""

    def __init__(
        self,
        redis: Redis,
        service_db: Database,
        *,
        directory_source: DirectorySource,
        clock: Clock,
        settings: Settings,
    ) -> None:
        trust = Trust(settings.vacancy_late_s, settings.vacancy_lost_s)
        self._clock = clock
        self.board = Board(directory_source, trust)
        self.hub = Hub(settings.stream_subscribers_max)
        self._writer = Writer(redis)
        self.keeper = Keeper(self.board, self._writer, redis=redis, service_db=service_db)
        self._tasks: list[asyncio.Task[None]] = []

    # --- life

    async def start(self) -> None:
        """Read PostgreSQL, then follow Redis, heal and tell listeners until stopped."""
        await self.keeper.read_database(everything=True)
        loops = (self._writer.run, self.keeper.follow, self.keeper.run, self._tell)
        self._tasks = [asyncio.create_task(_kept_running(loop)) for loop in loops]

    async def stop(self) -> None:
        """End every stream and every loop."""
        self.end_streams()
        await end(self._tasks)
        self._tasks = []

    def end_streams(self) -> None:
        """Let every stream end after what it is writing, and take no new one."""
        self.hub.end()

    async def _tell(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TELL_S)
            tick += 1
            if tick % AGE_EVERY == 0:
                self.board.age(self._clock.now())
                LISTENERS.set(len(self.hub))
                LIVE.set(self.board.source is Source.LIVE)
                lots = self.board.qualities()
                for quality in Quality:
                    LOTS.labels(quality.value).set(lots[quality])
            self.hub.tell(self.board.take_changed())

    # --- what is reported

    async def publish(self, counts: Sequence[Count]) -> None:
        """Show counts that were committed, here at once and elsewhere within milliseconds.

        It waits for nothing: what does not reach Redis is counted, and healed by the sweeper.
        """
        taken = self.board.apply(counts)
        if taken:
            self._writer.offer_unsent(taken)

    async def heard(self, lot_ids: Iterable[LotId], at: datetime) -> None:
        """Note that these lots gave a sign of life: a passage, a heartbeat or a snapshot."""
        for lot_id in lot_ids:
            if self.board.hear(lot_id, at):
                self._writer.offer_heard(lot_id, at)

    # --- what is asked

    @property
    def source(self) -> Source:
        """Say where answers come from now."""
        return self.board.source

    def vacancy(self, code: str) -> Vacancy:
        """Return what a citizen is told of one lot."""
        return self.board.vacancy(self._lot(code), self._clock.now())

    def vacancy_json(self, code: str) -> bytes:
        """Return the same as JSON that is made once a second."""
        return self.board.vacancy_json(self._lot(code), self._clock.now())

    def nearest_json(self, query: NearbyQuery) -> bytes:
        """Return the lots near a position as JSON, nearest first."""
        return self.board.nearest_json(query, self._clock.now())

    # --- the stream

    def listen(self, query: StreamQuery) -> Listener:
        """Return a stream of events: a snapshot, then what changes."""
        wanted = self._wanted(query)
        return self.hub.join(wanted, first=self._snapshot(wanted), encode=self._changes)

    def _snapshot(self, wanted: frozenset[LotId] | None) -> bytes:
        lots = self.board.lots_of(self.board.lot_ids() if wanted is None else sorted(wanted))
        at = self._clock.now()
        shown = b",".join(self.board.vacancy_json(lot, at) for lot in lots)
        source = self.board.source.encode()
        return b'event: snapshot\ndata: {"vacancies":[%b],"source":"%b"}\n\n' % (shown, source)

    def _changes(self, lot_ids: Iterable[LotId]) -> bytes:
        at = self._clock.now()
        return b"".join(
            b"event: vacancy\ndata: %b\n\n" % self.board.vacancy_json(lot, at)
            for lot in self.board.lots_of(lot_ids)
        )

    def _wanted(self, query: StreamQuery) -> frozenset[LotId] | None:
        if query.lots is not None:
            return frozenset(self._lot(code).lot_id for code in codes_of(query.lots))
        if query.lat is None or query.lon is None:
            return None
        area = NearbyQuery(query.lat, query.lon, query.radius_m, STREAM_LOTS_MAX)
        return frozenset(near.lot.lot_id for near in self.board.nearest(area))

    def _lot(self, code: str) -> Lot:
        lot = self.board.find(LotCode(code))
        if lot is None:
            raise LotUnknown(f"No lot {code[:LOT_CODE_MAX]}.", lot=code[:LOT_CODE_MAX])
        return lot


async def _kept_running(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop for as long as the process lives: a bug in one round must not stop the next."""
    while True:
        try:
            await loop()
        except Exception:  # noqa: BLE001  whatever it was, it is logged
            _log.exception("vacancies.loop_failed", loop=loop.__qualname__)
            await asyncio.sleep(AFTER_BUG_S)
