"""Work with a calendar is done once by whoever comes, whatever becomes of Valkey."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from onepark.infra import runs
from onepark.infra.db import Database
from onepark.infra.metrics import REGISTRY
from onepark.infra.queue import CIVIL, MISSED_MAX, WAITS, Planned, Queue, key_of, missed
from onepark.infra.runs import Run
from tests.builders import EIGHT
from tests.fakes.city import until
from tests.fakes.clock import HandClock

NIGHTLY = "40 3 * * *"
NIGHT = datetime(2026, 5, 2, 3, 40, tzinfo=CIVIL)
HOUR = timedelta(hours=1)


class Diary:
    """What was done, and how often."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.error: Exception | None = None
        self.takes_s = 0.0

    async def run(self, key: str) -> None:
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        self.done[key] += 1


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NIGHT + HOUR)


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
async def emptied(service_db: Database, redis: Redis) -> None:
    async with service_db.transaction() as tx:
        await tx.execute("DELETE FROM jobs.run")


def a_queue(
    service_db: Database, servers: tuple[str, str], clock: HandClock, diary: Diary, **changes: Any
) -> Queue:
    job = Planned("test.nightly", diary.run, NIGHTLY, **changes)
    return Queue(service_db, servers[1], [job], clock=clock)


@pytest.fixture
async def queue(service_db, servers, clock, diary, emptied) -> AsyncIterator[Queue]:
    queue = a_queue(service_db, servers, clock, diary)
    yield queue
    await queue.close()


async def state_of(service_db: Database, key: str) -> str:
    async with service_db.connection() as tx:
        found: str = await tx.fetchval("SELECT state FROM jobs.run WHERE run_key = $1", key)
        return found


class Working:
    """Workers that run while the block does."""

    def __init__(self, *queues: Queue) -> None:
        self._queues, self._stop = queues, asyncio.Event()

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(queue.work(self._stop)) for queue in self._queues]

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)


# -- calendars ------------------------------------------------------------------------------------


def nightly(**changes: Any) -> Planned:
    return Planned("test.nightly", Diary().run, NIGHTLY, **changes)


def test_a_job_is_due_at_its_moment_in_chinas_time_and_not_before():
    newest_at = NIGHT - timedelta(days=1)
    assert missed(nightly(), newest_at, NIGHT - timedelta(seconds=1)) == []
    assert missed(nightly(), newest_at, NIGHT) == [NIGHT]
    assert missed(nightly(), newest_at, NIGHT.astimezone(UTC) + HOUR) == [NIGHT]
    assert missed(nightly(), NIGHT, NIGHT + HOUR) == []
    assert key_of(NIGHT) == "2026-05-02T03:40+08:00"


def test_of_what_was_missed_the_last_is_made_up_for_or_all_if_the_job_says_so():
    nights = [NIGHT - timedelta(days=3 - day) for day in range(4)]
    assert missed(nightly(), nights[0], NIGHT + HOUR) == [NIGHT]
    assert missed(nightly(catches_up=True), nights[0], NIGHT + HOUR) == nights[1:]
    assert len(missed(nightly(catches_up=True), EIGHT - timedelta(days=999), NIGHT)) == MISSED_MAX


def test_a_job_that_was_never_planned_is_due_once():
    assert missed(nightly(), None, NIGHT + HOUR) == [NIGHT]
    assert missed(nightly(catches_up=True), None, NIGHT + HOUR) == [NIGHT]
    assert missed(Planned("test.asked", Diary().run), None, NIGHT) == []


# -- doing ----------------------------------------------------------------------------------------


async def test_what_is_due_is_done_once_by_whoever_of_several_workers_comes(
    service_db, servers, clock, diary, queue
):
    other = a_queue(service_db, servers, clock, diary)
    diary.takes_s = 0.2
    async with Working(queue, other):
        for _ in range(5):
            await asyncio.gather(queue.sweep(), other.sweep())
            await asyncio.sleep(0.05)
        await until(lambda: diary.done)
    await other.close()
    assert diary.done == {key_of(NIGHT): 1}
    assert await state_of(service_db, key_of(NIGHT)) == "done"
    clock.go(timedelta(days=1))
    async with Working(queue):
        await queue.sweep()
        await until(lambda: len(diary.done) == 2)
    assert set(diary.done.values()) == {1}


async def test_a_run_that_the_queue_starts_twice_is_done_once(service_db, clock, diary, queue):
    await queue.sweep()
    diary.takes_s = 0.1
    [job] = queue._planned.values()
    done = await asyncio.gather(*(queue.perform(job, key_of(NIGHT)) for _ in range(8)))
    assert done.count(True) == 1
    assert diary.done == {key_of(NIGHT): 1}


async def test_an_emptied_valkey_loses_nothing(service_db, clock, diary, queue, redis):
    await queue.sweep()
    assert await queue.queue.count("queued") == 1
    await redis.flushall()
    assert await queue.queue.count("queued") == 0
    await queue.sweep()
    assert await queue.queue.count("queued") == 1
    async with Working(queue):
        await until(lambda: diary.done)
    assert diary.done == {key_of(NIGHT): 1}


async def test_a_run_is_in_the_queue_once_however_often_it_is_swept(queue):
    for _ in range(3):
        await queue.sweep()
    assert await queue.queue.count("incomplete") == 1


async def test_a_worker_without_a_valkey_waits_and_ends_when_it_is_told(
    service_db, clock, diary, emptied
):
    away = Queue(service_db, "redis://127.0.0.1:9/0", [nightly()], clock=clock)
    began_s = time.monotonic()
    async with Working(away):
        with pytest.raises(RedisError, match="refused"):
            await away.sweep()
        await asyncio.sleep(0.3)
    assert time.monotonic() - began_s < 5
    await away.close()
    assert await state_of(service_db, key_of(NIGHT)) == "due", "it is planned all the same"


async def test_a_run_that_fails_is_tried_again_later_and_is_a_persons_in_the_end(
    service_db, clock, diary, queue
):
    diary.error = ValueError("苏B12345")
    [job] = queue._planned.values()
    await queue.sweep()
    for wait in WAITS:
        assert not await queue.perform(job, key_of(NIGHT))
        clock.go(wait - timedelta(seconds=1))
        async with service_db.connection() as tx:
            assert await runs.due(tx, [job.name], clock.now(), limit=9) == []
        clock.go(timedelta(seconds=1))
    assert not await queue.perform(job, key_of(NIGHT))
    assert await state_of(service_db, key_of(NIGHT)) == "failed"
    await queue.measure()
    labels = {"name": "test.nightly"}
    assert REGISTRY.get_sample_value("parking_job_runs_failed", labels) == 1
    async with service_db.transaction() as tx:
        [failed] = await runs.past(tx, ["failed"], limit=9)
        assert (failed.trouble, failed.tries) == ("ValueError", len(WAITS) + 1)
        assert await runs.again(tx, Run(*failed[:2]), clock.now(), asked_by="li")
    diary.error = None
    assert await queue.perform(job, key_of(NIGHT))


async def test_a_run_that_takes_too_long_has_failed(service_db, servers, clock, diary, emptied):
    queue = a_queue(service_db, servers, clock, diary, limit_s=0.05, tries=1)
    diary.takes_s = 30
    await queue.sweep()
    assert not await queue.perform(
        nightly(limit_s=0.05, tries=1)._replace(run=diary.run), key_of(NIGHT)
    )
    assert await state_of(service_db, key_of(NIGHT)) == "failed"
    await queue.close()


async def test_a_run_whose_worker_died_is_free_after_its_limit(service_db, clock, queue, diary):
    await queue.sweep()
    run = Run("test.nightly", key_of(NIGHT))
    async with service_db.transaction() as tx:
        held_until_at = clock.now() + HOUR
        assert await runs.claim(tx, run, clock.now(), held_until_at=held_until_at) == 1
    [job] = queue._planned.values()
    assert not await queue.perform(job, run.key)
    clock.go(HOUR)
    assert await queue.perform(job, run.key)


async def test_a_worker_that_is_told_to_end_gives_back_what_it_cannot_end(
    service_db, clock, queue, diary
):
    await queue.sweep()
    diary.takes_s = 30
    [job] = queue._planned.values()
    doing = asyncio.create_task(queue.perform(job, key_of(NIGHT)))
    await asyncio.sleep(0.2)
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    diary.takes_s = 0
    assert await queue.perform(job, key_of(NIGHT)), "at once, and as if it had not been tried"
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT tries FROM jobs.run") == 1


async def test_what_is_asked_for_is_asked_for_with_the_transaction(service_db, clock, queue, diary):
    run = Run("test.nightly", "asked")

    async def ask_and_fail() -> None:
        async with service_db.transaction() as tx:
            assert await queue.ask(tx, run, by="li")
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await ask_and_fail()
    async with service_db.transaction() as tx:
        assert await queue.ask(tx, run, by="li")
        assert not await queue.ask(tx, run, by="wang")
    async with Working(queue):
        await queue.sweep()
        await until(lambda: diary.done["asked"])


async def test_what_was_done_long_ago_is_forgotten_but_for_the_last(service_db, clock, queue):
    async with service_db.transaction() as tx:
        for day in range(3):
            await runs.plan(tx, Run("test.nightly", str(day)), NIGHT + timedelta(days=day))
        await tx.execute("UPDATE jobs.run SET state = 'done', ended_at = due_at")
        assert await runs.forget(tx, NIGHT + timedelta(days=9)) == 2
        assert list(await runs.last(tx)) == ["test.nightly"]
