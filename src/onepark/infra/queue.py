"""Work of some length that has a calendar, or that somebody asked for.

Owns: what is due by which calendar, that one worker does it, and that what failed is tried again.
Never: carries a fact or money: what is queued here may be lost, for PostgreSQL says what is due and
it is queued again. Never knows what a job does.

SAQ, over Redis, says which worker does a piece of work, how many are done at once, and starts it
within milliseconds. Whether it is to be done at all is asked of ``jobs.run``: SAQ may start one
twice (a sweep that meets a job between its list and its state), and then the second finds it held.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, NamedTuple

import structlog
from croniter import croniter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from saq.job import Job as QueuedJob
from saq.queue.redis import RedisQueue
from saq.worker import Worker

from onepark.infra import runs
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.metrics import Rows
from onepark.infra.redis import REDIS_DOWN, SOCKET_TIMEOUT_S
from onepark.infra.runs import Run
from onepark.infra.schedule import FAILURES, Job

QUEUE = "{jobs}"  # the braces keep all of its keys in one slot of a cluster
CIVIL = timezone(timedelta(hours=8), "Asia/Shanghai")  # calendars are China's; no summer time
AT_ONCE = 4
SWEEP_EVERY_S = 2.0
SWEEP_AT_ONCE = 200
MEASURE_EVERY_S = 15.0
DEQUEUE_S = 1.0  # as long as a look into the queue waits
STOP_S = 10
MISSED_MAX = 40
MARGIN = timedelta(seconds=30)  # beyond its limit, a run is not held by anybody alive
WAITS = tuple(timedelta(seconds=wait_s) for wait_s in (30, 120, 600, 1_800, 3_600))

DUE_AGE = Rows("job_run_oldest_seconds", "Age of the oldest run that is due.", ("name",))
RUNS_FAILED = Rows("job_runs_failed", "Runs that failed and wait for a person.", ("name",))

log = structlog.get_logger(__name__)
logging.getLogger("saq").setLevel(logging.WARNING)  # what it says of each job, jobs.run knows


class Planned(NamedTuple):
    """A job: ``run`` is given the key of its run, is idempotent, and ends within its limit."""

    name: str
    run: Callable[[str], Awaitable[None]]
    calendar: str | None = None  # five fields of cron, in China's time; None: only when asked for
    catches_up: bool = False  # every moment that was missed is made up for, not the last alone
    tries: int = 1 + len(WAITS)
    limit_s: float = 600.0


def missed(one: Planned, newest_at: datetime | None, now: datetime) -> list[datetime]:
    """Return the moments of a job's calendar after the newest that was planned, up to now."""
    if one.calendar is None:
        return []
    looking_back = croniter(one.calendar, now.astimezone(CIVIL) + timedelta(seconds=1))
    found: list[datetime] = []
    while len(found) < (MISSED_MAX if one.catches_up and newest_at is not None else 1):
        at: datetime = looking_back.get_prev(datetime)
        if newest_at is not None and at <= newest_at:
            break
        found.append(at)
    return found[::-1]


def key_of(at: datetime) -> str:
    """Name a run by the moment of its calendar."""
    return at.astimezone(CIVIL).isoformat(timespec="minutes")


class _Queue(RedisQueue):
    """SAQ's queue, which waits where its worker would ask a server that is away without a pause."""

    async def dequeue(
        self,
        timeout: float = 0.0,  # noqa: ASYNC109  as SAQ calls it
        poll_interval: float = 0.0,
    ) -> QueuedJob | None:
        try:
            return await super().dequeue(timeout, poll_interval)
        except REDIS_DOWN:
            await asyncio.sleep(DEQUEUE_S)
            return None


class _Worker(Worker[Any]):
    """SAQ's worker, in a process that has signals and a way to end of its own."""

    SIGNALS: ClassVar[list[Any]] = []  # type: ignore[misc]  # SAQ has it as a plain attribute
    minding: Sequence["asyncio.Task[None]"] = ()

    async def upkeep(self) -> list["asyncio.Task[None]"]:
        tasks = await super().upkeep()
        self.minding = tasks
        return tasks

    def leave(self) -> None:
        """End when what is in hand has; its own minding would sleep on for a minute."""
        self.event.set()
        for task in self.minding:
            task.cancel()


class Queue:
    """Plans, queues and does the jobs of this platform."""

    def __init__(
        self, db: Database, redis_url: str, planned: Sequence[Planned], *, clock: Clock
    ) -> None:
        self._db, self._clock = db, clock
        self._planned = {one.name: one for one in planned}
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=SOCKET_TIMEOUT_S + DEQUEUE_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self.queue = _Queue(self._redis, name=QUEUE)
        for name in self._planned:
            FAILURES.labels(name)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    # -- what is due ---------------------------------------------------------------------------

    async def sweep(self) -> int:
        """Plan what the calendars say, and queue whatever is due and is not in the queue."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            for one in self._planned.values():
                for at in missed(one, await runs.newest(tx, one.name), now):
                    await runs.plan(tx, Run(one.name, key_of(at)), at)
            waiting = await runs.due(tx, [*self._planned], now, limit=SWEEP_AT_ONCE)
        for run in waiting:
            await self._enqueue(run)
        return 0

    async def _enqueue(self, run: Run) -> None:
        """Queue a run; one that is queued already stays as it is."""
        limit_s = self._planned[run.name].limit_s
        await self.queue.enqueue(
            "perform",
            key=f"{run.name}/{run.key}",
            timeout=int((timedelta(seconds=limit_s) + MARGIN).total_seconds()),
            retries=1,
            ttl=-1,  # what became of it stands in jobs.run
            what=run.name,
            which=run.key,
        )

    async def ask(self, tx: Tx, run: Run, *, by: str) -> bool:
        """Let a run be due with the caller's transaction; False if it is known."""
        return await runs.plan(tx, run, self._clock.now(), asked_by=by)

    # -- doing it ------------------------------------------------------------------------------

    async def work(self, stop: asyncio.Event) -> None:
        """Do what is queued until told to stop; what is in hand then gets a moment to end."""
        worker = _Worker(
            self.queue,
            functions=[("perform", self._perform)],
            concurrency=AT_ONCE,
            dequeue_timeout=DEQUEUE_S,
            timers={"schedule": 60, "abort": 10, "sweep": 30, "worker_info": 10},
            shutdown_grace_period_s=STOP_S,
        )
        working = asyncio.create_task(worker.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        worker.leave()
        await asyncio.gather(working, stopping, return_exceptions=True)

    async def _perform(self, _context: Any, *, what: str, which: str) -> None:
        one = self._planned.get(what)
        if one is not None:  # else a worker of tomorrow queued it, and does it
            await self.perform(one, which)

    async def perform(self, one: Planned, key: str) -> bool:
        """Do a run if it is due and nobody holds it; whether it was done now."""
        run, now = Run(one.name, key), self._clock.now()
        held_until_at = now + timedelta(seconds=one.limit_s) + MARGIN
        async with self._db.transaction() as tx:
            tries = await runs.claim(tx, run, now, held_until_at=held_until_at)
        if tries is None:
            return False
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(one.limit_s):
                await one.run(key)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(run, tries))
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the run is tried again
            await self._fail(one, run, tries, error)
            return False
        async with self._db.transaction() as tx:
            await runs.done(tx, run, tries, self._clock.now())
        log.info("run.done", job=run.name, run=run.key, took_s=round(time.monotonic() - began_s, 3))
        return True

    async def _let_go(self, run: Run, tries: int) -> None:
        async with self._db.transaction() as tx:
            await runs.let_go(tx, run, tries)

    async def _fail(self, one: Planned, run: Run, tries: int, error: Exception) -> None:
        FAILURES.labels(one.name).inc()
        log.error("run.failed", job=run.name, run=run.key, tries=tries, exc_info=error)
        at = self._clock.now()
        again_at = None if tries >= one.tries else at + WAITS[min(tries, len(WAITS)) - 1]
        async with self._db.transaction() as tx:
            await runs.failed(
                tx, run, tries, trouble=type(error).__name__, at=at, again_at=again_at
            )

    # -- what is told --------------------------------------------------------------------------

    async def measure(self) -> int:
        """Show anew what is late and what has failed."""
        async with self._db.connection() as tx:
            levels = await runs.levels(tx, self._clock.now())
        known: dict[tuple[str, ...], float] = {(name,): 0.0 for name in self._planned}
        DUE_AGE.replace(known | {(one.name,): max(one.oldest_s, 0.0) for one in levels})
        RUNS_FAILED.replace(known | {(one.name,): float(one.failed) for one in levels})
        return 0

    def jobs(self) -> list[Job]:
        """Return the planning and queueing as recurring work."""
        return [
            Job("queue.sweep", SWEEP_EVERY_S, self.sweep),
            Job("queue.measure", MEASURE_EVERY_S, self.measure),
        ]
