"""Redis is emptied, stopped, restarted and late: what is shown stays right."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies import store
from onepark.contexts.vacancies.model import Source
from onepark.contexts.vacancies.service import Vacancies
from onepark.infra.clock import SystemClock
from onepark.infra.embedded import Child, start_valkey
from onepark.infra.redis import open_redis
from onepark.infra.settings import Settings
from onepark.kernel.types import LotId, Pool
from tests.conftest import run_sql
from tests.fakes.city import Archive, a_calibration, a_city_lot, a_count, until

SETTINGS = Settings(database_url="", redis_url="", secret_key="")
CODE, OTHER_CODE = "320281001101", "320281001102"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Child]:
    """A Valkey of this test's own, to be stopped and started at will."""
    child = start_valkey(tmp_path)
    yield child
    child.stop()


@pytest.fixture
async def own_redis(valkey: Child) -> AsyncIterator[Redis]:
    client = open_redis(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
async def counted(database_url: str) -> str:
    """Lot 1 holds ten cars, says PostgreSQL."""
    await run_sql(
        database_url,
        "TRUNCATE stays.count, vacancies.calibration",
        "UPDATE stays.incarnation SET number = 1",
        "INSERT INTO stays.count VALUES (1, 'short_stay', 7, 5, 10, now() - interval '1 hour')",
    )
    return database_url


def a_city(redis: Redis, service_db) -> Vacancies:
    return Vacancies(
        redis,
        service_db,
        directory_source=Archive([a_city_lot(1), a_city_lot(2)]),
        clock=SystemClock(),
        settings=SETTINGS,
    )


@pytest.fixture
async def vacancies(own_redis, service_db, counted) -> AsyncIterator[Vacancies]:
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    yield city
    await city.stop()


def free(city: Vacancies) -> int | None:
    return city.vacancy(CODE).free


async def held(redis: Redis) -> tuple[tuple[int, int], ...]:
    (report,) = await store.load(redis, [LotId(1)])
    return tuple((count.n, count.occupied) for count in report.counts)


async def drive(database_url: str, n: int, occupied: int) -> None:
    """Commit a count and publish nothing, as a process that died in between."""
    await run_sql(
        database_url,
        f"UPDATE stays.count SET n = {n}, occupied = {occupied}, changed_at = now()",
    )


async def test_an_empty_redis_is_filled_from_postgresql_at_the_start(vacancies, own_redis):
    assert free(vacancies) == 90
    assert await held(own_redis) == ((5, 10),)
    assert await store.is_filled(own_redis)


async def test_a_published_count_is_shown_at_once_and_to_other_processes(
    vacancies, own_redis, service_db
):
    other = a_city(own_redis, service_db)
    await other.start()
    await until(lambda: other.source is Source.LIVE)
    count = a_count(11, n=6, changed_at=SystemClock().now())
    await vacancies.publish([count])
    assert free(vacancies) == 89
    await until(lambda: free(other) == 89, within_s=0.5)
    await vacancies.publish([a_count(4, n=3)])
    assert free(vacancies) == 89
    await other.stop()


async def test_a_sign_of_life_reaches_other_processes(vacancies, own_redis, service_db):
    other = a_city(own_redis, service_db)
    await other.start()
    await until(lambda: other.source is Source.LIVE)
    assert other.vacancy(CODE).quality == "lost" or other.vacancy(CODE).quality == "late"
    await vacancies.heard([LotId(1)], SystemClock().now())
    await until(lambda: other.vacancy(CODE).quality == "live")
    await other.stop()


async def test_redis_newer_than_postgresql_is_believed(own_redis, service_db, counted):
    await store.put(own_redis, [store.LotReport(LotId(1), (a_count(30, n=9),))])
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert free(city) == 70
    await city.stop()


async def test_a_restored_postgresql_outranks_an_older_redis(own_redis, service_db, counted):
    await store.put(own_redis, [store.LotReport(LotId(1), (a_count(30, n=900),))])
    await run_sql(counted, "UPDATE stays.incarnation SET number = 2")
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert free(city) == 90
    assert await held(own_redis) == ((5, 10),)
    await city.stop()


async def test_what_was_first_counted_after_the_moment_of_a_restore_is_not_believed(
    own_redis, service_db, counted
):
    other_lot = Count(LotId(2), Pool.SHORT_STAY, 1, 9, 30, SystemClock().now())
    await store.put(own_redis, [store.LotReport(LotId(2), (other_lot,))])
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert city.vacancy(OTHER_CODE).free == 70, "the control: nothing was restored"
    await city.stop()
    await run_sql(counted, "UPDATE stays.incarnation SET number = 2")
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert city.vacancy(OTHER_CODE).free == 100
    await city.stop()


async def test_what_died_between_commit_and_publish_is_healed(vacancies, own_redis, counted):
    await drive(counted, 6, 11)
    await until(lambda: free(vacancies) == 89, within_s=4)
    await until_held(own_redis, (6, 11))


async def test_a_flush_is_healed_within_seconds_and_nobody_sees_a_wrong_zero(vacancies, own_redis):
    await own_redis.flushall()
    assert (free(vacancies), vacancies.source) == (90, Source.LIVE)
    await until_held(own_redis, (5, 10))
    assert free(vacancies) == 90


async def until_drift(redis: Redis, version_and_drift: tuple[int, int | None]) -> None:
    async with asyncio.timeout(5):
        while await held_drift(redis) != (version_and_drift,):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def held_drift(redis: Redis) -> tuple[tuple[int, int | None], ...]:
    (report,) = await store.load(redis, [LotId(1)])
    return tuple((one.n, one.drift) for one in report.calibrations)


async def compare(database_url: str, n: int, drift: int) -> None:
    """Commit that the lot holds more, or less, than was counted."""
    await run_sql(
        database_url,
        "INSERT INTO vacancies.calibration AS kept"
        " (lot_id, pool, operator_id, told, due_at, n, drift, snapshot_at)"
        f" VALUES (1, 'short_stay', 7, 1, 'infinity', {n}, {drift}, now())"
        " ON CONFLICT (lot_id, pool) DO UPDATE SET n = excluded.n, drift = excluded.drift,"
        " changed_at = now()",
    )


async def test_drift_is_shown_in_every_process_and_put_into_redis(
    vacancies, own_redis, service_db, counted
):
    other = a_city(own_redis, service_db)
    await other.start()
    await compare(counted, 1, 5)
    await until(lambda: free(vacancies) == free(other) == 85, within_s=4)
    await until_drift(own_redis, (1, 5))
    await other.stop()


async def test_drift_comes_over_redis_alone_too(vacancies, own_redis):
    report = store.LotReport(LotId(1), calibrations=(a_calibration(5),))
    await store.put(own_redis, [report])
    await until(lambda: free(vacancies) == 85, within_s=0.5)


async def test_a_flush_loses_no_drift(vacancies, own_redis, counted):
    await compare(counted, 1, 5)
    await until(lambda: free(vacancies) == 85, within_s=4)
    await own_redis.flushall()
    await until_held(own_redis, (5, 10))
    await until_drift(own_redis, (1, 5))
    assert free(vacancies) == 85


async def test_drift_of_a_restored_postgresql_outranks_that_of_an_older_redis(
    own_redis, service_db, counted
):
    told = (a_calibration(40, n=900), a_calibration(9, n=3, pool=Pool.CONTRACT))
    await store.put(own_redis, [store.LotReport(LotId(1), calibrations=told)])
    await compare(counted, 1, 5)
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert free(city) == 50, "the control: nothing was restored"
    await city.stop()
    await run_sql(counted, "UPDATE stays.incarnation SET number = 2")
    city = a_city(own_redis, service_db)
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    assert free(city) == 85
    assert set(city.board.counts_of(LotId(1)).calibrations) == {Pool.SHORT_STAY}
    await city.stop()


async def test_without_redis_drift_is_read_from_postgresql(vacancies, valkey, counted):
    await compare(counted, 1, 5)
    await until(lambda: free(vacancies) == 85, within_s=4)
    valkey.stop()
    await until(lambda: vacancies.source is Source.DATABASE)
    assert free(vacancies) == 85
    await compare(counted, 2, -5)
    await until(lambda: free(vacancies) == 95, within_s=4)
    valkey.start()
    await until(lambda: vacancies.source is Source.LIVE)
    assert free(vacancies) == 95


async def test_without_redis_postgresql_is_shown_and_marked(vacancies, valkey, counted):
    valkey.stop()
    await until(lambda: vacancies.source is Source.DATABASE)
    assert vacancies.vacancy(CODE).source is Source.DATABASE
    await vacancies.publish([a_count(12, n=7)])
    assert free(vacancies) == 88
    await drive(counted, 8, 13)
    await until(lambda: free(vacancies) == 87, within_s=4)
    valkey.start()
    await until(lambda: vacancies.source is Source.LIVE)
    assert free(vacancies) == 87


async def test_a_redis_that_comes_back_empty_is_filled(vacancies, valkey, own_redis):
    valkey.stop()
    await until(lambda: vacancies.source is Source.DATABASE)
    valkey.start()
    await until(lambda: vacancies.source is Source.LIVE)
    assert await held(own_redis) == ((5, 10),)


async def test_a_redis_that_hangs_is_noticed(vacancies, valkey):
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        await until(lambda: vacancies.source is Source.DATABASE)
        assert free(vacancies) == 90
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    await until(lambda: vacancies.source is Source.LIVE)


async def test_a_city_starts_without_redis(own_redis, valkey, service_db, counted):
    valkey.stop()
    city = a_city(own_redis, service_db)
    await city.start()
    assert (free(city), city.source) == (90, Source.DATABASE)
    await city.stop()


async def test_nonsense_on_the_channel_is_passed_over(vacancies, own_redis):
    for nonsense in (b"", b"x|y", b"1|2|short_stay=1", b"|||"):
        await own_redis.publish(store.CHANNEL, nonsense)
    await vacancies.publish([a_count(11, n=6)])
    await until_held(own_redis, (6, 11))
    assert vacancies.source is Source.LIVE


async def until_held(redis: Redis, version_and_count: tuple[int, int]) -> None:
    async with asyncio.timeout(5):
        while await held(redis) != (version_and_count,):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
