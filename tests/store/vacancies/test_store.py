from datetime import timedelta

import pytest

from onepark.contexts.vacancies import store
from onepark.contexts.vacancies.store import LotReport
from onepark.infra.redis import messages
from onepark.kernel.types import LotId, Pool
from tests.builders import EIGHT
from tests.conftest import run_sql
from tests.fakes.city import a_calibration, a_count

LOT = LotId(1)
BEYOND_A_DOUBLE = 2**53


def a_report(*counts, heard_at=EIGHT):
    return LotReport(LOT, counts, heard_at)


async def held(redis):
    (report,) = await store.load(redis, [LOT])
    return report


async def test_what_was_put_is_what_is_loaded(redis):
    counts = (a_count(41, n=7), a_count(3, pool=Pool.CONTRACT))
    assert await store.put(redis, [a_report(*counts)]) == [True]
    assert await held(redis) == a_report(*counts)


@pytest.mark.parametrize("drift", [0, 7, -12, None])
async def test_drift_is_kept_beside_the_count(redis, drift):
    report = LotReport(LOT, (a_count(41),), EIGHT, (a_calibration(drift, n=3),))
    assert await store.put(redis, [report]) == [True]
    assert await held(redis) == report
    older = LotReport(LOT, calibrations=(a_calibration(99, n=2),))
    assert await store.put(redis, [older, report]) == [False, False]
    later = LotReport(LOT, calibrations=(a_calibration(1, n=0, incarnation=2),))
    assert await store.put(redis, [later]) == [True]
    assert await held(redis) == LotReport(LOT, (a_count(41),), EIGHT, later.calibrations)


async def test_drift_that_changed_is_told(redis):
    told = messages(redis, store.CHANNEL)
    assert await anext(told) is None
    report = LotReport(LOT, calibrations=(a_calibration(-3), a_calibration(4, pool=Pool.CHARGING)))
    await store.put(redis, [report])
    message = await anext(told)
    assert message
    assert store.read_message(message) == report
    await told.aclose()


async def test_the_latest_incarnation_of_counts_and_of_drift_is_found(redis):
    await store.put(redis, [a_report(a_count(41, incarnation=3))])
    assert await store.incarnation_held(redis) == 3
    await store.put(redis, [LotReport(LotId(2), calibrations=(a_calibration(1, incarnation=4),))])
    assert await store.incarnation_held(redis) == 4


async def test_an_older_or_repeated_count_is_refused(redis):
    await store.put(redis, [a_report(a_count(41, n=10))])
    assert await store.put(redis, [a_report(a_count(40, n=9)), a_report(a_count(39, n=10))]) == [
        False,
        False,
    ]
    assert (await held(redis)).counts == (a_count(41, n=10),)


@pytest.mark.parametrize(
    ("known", "newer"),
    [
        ((1, 9), (1, 10)),  # as text "9" is greater than "10"
        ((1, 900), (2, 0)),
        ((9, 900), (10, 1)),
        ((1, BEYOND_A_DOUBLE), (1, BEYOND_A_DOUBLE + 1)),
        ((BEYOND_A_DOUBLE, 5), (BEYOND_A_DOUBLE + 1, 0)),
    ],
)
async def test_a_later_incarnation_wins_and_within_one_the_greater_number(redis, known, newer):
    older_count = a_count(1, incarnation=known[0], n=known[1])
    newer_count = a_count(2, incarnation=newer[0], n=newer[1])
    assert await store.put(redis, [a_report(older_count)]) == [True]
    assert await store.put(redis, [a_report(newer_count)]) == [True]
    assert await store.put(redis, [a_report(older_count)]) == [False]
    assert (await held(redis)).counts == (newer_count,)


async def test_a_sign_of_life_only_ever_moves_forward(redis):
    later = EIGHT + timedelta(seconds=30)
    await store.put(redis, [a_report(heard_at=later)])
    assert await store.put(redis, [a_report(heard_at=EIGHT), a_report(heard_at=None)]) == [
        False,
        False,
    ]
    assert await held(redis) == LotReport(LOT, (), later)


async def test_only_what_changed_is_told_and_told_once(redis):
    told = messages(redis, store.CHANNEL)
    assert await anext(told) is None
    await store.put(redis, [a_report(a_count(1, n=1), a_count(5, pool=Pool.CONTRACT))])
    await store.put(redis, [a_report(a_count(1, n=1))])
    await store.put(redis, [a_report(a_count(2, n=2), a_count(5, pool=Pool.CONTRACT))])
    first, second = await anext(told), await anext(told)
    assert first
    assert second
    assert store.read_message(first) == a_report(a_count(1), a_count(5, pool=Pool.CONTRACT))
    assert store.read_message(second) == a_report(a_count(2, n=2))
    await told.aclose()


async def test_a_redis_that_forgot_the_script_is_taught_it_again(redis):
    await redis.script_flush()
    reports = [LotReport(LotId(n), (a_count(n, lot_id=LotId(n)),)) for n in range(1, 4)]
    assert await store.put(redis, reports) == [True, True, True]
    assert await store.load(redis, [LotId(n) for n in range(1, 4)]) == reports


async def test_a_pool_of_a_later_version_is_left_alone(redis):
    await store.put(redis, [a_report(a_count(41))])
    await redis.hset(store.key(LOT), "hovercraft", "1:1:1:1")
    await redis.hset(store.key(LOT), "drift.hovercraft", "1:1:1:1:1")
    assert (await held(redis)).counts == (a_count(41),)


async def test_every_key_of_a_lot_lies_in_the_slot_of_its_id():
    assert store.key(LotId(320)) == "{lot:320}:vacancy"


async def test_postgresql_tells_what_changed_since(database_url, service_db):
    await run_sql(
        database_url,
        """
        INSERT INTO stays.count (lot_id, pool, operator_id, n, occupied, changed_at) VALUES
            (1, 'short_stay', 7, 3, 41, '2026-11-20 08:00+08'),
            (2, 'contract', 7, 5, 9, '2026-11-20 09:00+08')
        """,
        "UPDATE stays.incarnation SET number = 1",
    )
    async with service_db.connection() as tx:
        everything = await store.counts_since(tx, None)
        late = await store.counts_since(tx, EIGHT + timedelta(minutes=1))
    assert min(everything, key=lambda count: count.lot_id) == a_count(41, n=3)
    assert [(count.lot_id, count.pool) for count in late] == [(2, Pool.CONTRACT)]
