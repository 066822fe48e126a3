"""What is live follows what lots say of themselves, and is what the past tells of the present."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.stays.service import Stays
from onepark.contexts.vacancies import calibration_store, past_store, store
from onepark.contexts.vacancies.board import Board
from onepark.contexts.vacancies.calibrator import CALIBRATED_AT_ONCE, OLD, STILL, Calibrator
from onepark.contexts.vacancies.model import (
    HistoryMoment,
    HistoryQuery,
    PoolVacancy,
    Snapshot,
    Trust,
)
from onepark.contexts.vacancies.past import PastOfLots
from onepark.contexts.vacancies.rules import due_after
from onepark.kernel.types import LotId, Pool
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.fakes.days import a_day, a_snapshot
from tests.fakes.plans import NoPlans

ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
NOON = EIGHT + timedelta(hours=4)
EVERY = timedelta(seconds=10)
POOLS = {Pool.SHORT_STAY: 100, Pool.CHARGING: 20}
numbers = count(1)
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def lot() -> LotId:
    """A lot of this test's own."""
    return LotId(next(numbers))


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class City:
    """The lots, what they say, and what citizens see of them."""

    def __init__(self, databases: Any, clock: HandClock) -> None:
        batch_db, self.db, staff_db = databases
        archive = Archive([a_city_lot(number, pools=POOLS) for number in range(1, 99)])
        self.clock = clock
        self.board = Board(archive, Trust(180, 1800))
        self.stays = Stays(batch_db, self.db, plans=NoPlans(), clock=clock)
        self.past = PastOfLots(self.db, staff_db, directory_source=archive, clock=clock)
        self.calibrator = Calibrator(self.db, clock=clock, every=EVERY)

    async def say(self, *snapshots: Snapshot) -> None:
        await self.past.keep_snapshots(snapshots)

    async def rest(self) -> None:
        """Let time pass until everything was looked at again."""
        self.clock.go(OLD)
        await self.settle()

    async def settle(self) -> None:
        """Do what is due now."""
        while await self.calibrator.calibrate():
            pass

    async def live(self, lot: LotId, pool: Pool = Pool.SHORT_STAY) -> PoolVacancy:
        async with self.db.connection() as tx:
            self.board.apply(await store.counts_since(tx, None))
            self.board.calibrate(await store.calibrations_since(tx, None))
        self.board.complete()
        return self.board.vacancy(a_city_lot(lot, pools=POOLS), self.clock.now()).pools[pool]

    async def told_of_now(self, lot: LotId, pool: Pool = Pool.SHORT_STAY) -> PoolVacancy:
        """What the past says of the present, in the words of the present."""
        asked = HistoryQuery(at=self.clock.now())
        told = await self.past.history(f"3202810011{lot:02}", asked)
        assert isinstance(told, HistoryMoment)
        one = told.pools[pool]
        best = one.raw if one.calibrated is None else one.calibrated
        assert one.capacity is not None
        return PoolVacancy(one.capacity, best, one.free, one.raw, one.drift, one.snapshot_at)


@pytest.fixture
def city(batch_db, service_db, staff_db, clock) -> City:
    return City((batch_db, service_db, staff_db), clock)


def entry(lot: LotId, at: datetime, **changes: Any) -> Passage:
    plate = changes.pop("plate", f"苏B{next(numbers):05}")
    return a_passage(ENTRY, at, lot_id=lot, plate=plate, **changes)


def brief(shown: PoolVacancy) -> tuple[int | None, int | None, int | None, int | None]:
    return shown.occupied, shown.free, shown.raw, shown.drift


async def test_without_a_snapshot_the_raw_count_is_shown(city, lot):
    await city.stays.take([entry(lot, EIGHT)])
    await city.rest()
    assert await city.live(lot) == PoolVacancy(100, 1, 99, 1)


async def test_a_snapshot_and_what_came_after_it_are_shown(city, lot):
    gone = a_passage(EXIT, EIGHT + minutes(50), lot_id=lot, plate="苏B99999")
    await city.stays.take([entry(lot, EIGHT), entry(lot, EIGHT, plate="苏B99999")])
    await city.say(a_snapshot(lot, EIGHT + minutes(30), 12))
    await city.stays.take([entry(lot, EIGHT + minutes(40)), gone])
    await city.settle()
    taken_at = EIGHT + minutes(30)
    assert await city.live(lot) == PoolVacancy(100, 12, 88, 2, 10, taken_at)


@pytest.mark.parametrize("sooner", [0, 1])
async def test_the_second_of_a_snapshot_is_in_it_and_the_next_one_is_not(city, lot, sooner):
    second, last = timedelta(seconds=1), timedelta(microseconds=999_999)
    at = NOON - minutes(1)
    there = [entry(lot, EIGHT, plate=f"苏A{n:05}") for n in range(2)]
    going = [
        a_passage(EXIT, at + when, lot_id=lot, plate=one.plate)
        for one, when in zip(there, (last, second), strict=True)
    ]
    coming = [entry(lot, at + last), entry(lot, at + second)]
    await city.say(a_snapshot(lot, at + sooner * last, 20))
    await city.stays.take([*there, *going, *coming])
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 2, 18)
    await city.stays.take([entry(lot, at + second)])
    city.clock.go(EVERY)
    await city.settle()
    assert brief(await city.live(lot)) == (21, 79, 3, 18)
    assert await city.live(lot) == await city.told_of_now(lot)


async def test_a_snapshot_of_a_lot_that_nobody_counted_is_shown(city, lot):
    await city.say(a_snapshot(lot, EIGHT, 37))
    await city.settle()
    assert brief(await city.live(lot)) == (37, 63, 0, 37)


async def test_pools_of_one_snapshot_are_calibrated_apart(city, lot):
    both = {Pool.SHORT_STAY: 30, Pool.CHARGING: 4}
    await city.say(replace(a_snapshot(lot, EIGHT, 0), occupied=both))
    await city.say(a_snapshot(lot, EIGHT + minutes(5), 31))
    await city.settle()
    assert brief(await city.live(lot)) == (31, 69, 0, 31)
    assert brief(await city.live(lot, Pool.CHARGING)) == (4, 16, 0, 4)


@pytest.mark.parametrize("seed", range(10))
async def test_in_any_order_what_is_live_is_what_the_past_tells_of_now(city, lot, seed):
    chance = random.Random(seed)
    city.clock.go(timedelta(hours=14))  # what is yet to come is no part of now
    things: list[Any] = a_day(lot, seed)
    for _ in range(chance.randint(1, 12)):
        at = EIGHT + timedelta(seconds=chance.randint(-600, 64_000))
        heard_at = at + minutes(chance.choice([0, 0, 1, 200]))
        things.append(
            a_snapshot(
                lot,
                at,
                chance.randint(0, 140),
                received_at=heard_at,
                device_id=chance.choice(["cam", "other"]),
                pool=chance.choice([Pool.SHORT_STAY, Pool.SHORT_STAY, Pool.CHARGING]),
            )
        )
    chance.shuffle(things)
    for thing in things:
        if isinstance(thing, Snapshot):
            await city.say(thing)
        else:
            await city.stays.take(thing)
        if chance.random() < 0.3:
            await city.settle()
        if chance.random() < 0.3:
            await city.rest()
            assert await city.live(lot) == await city.told_of_now(lot)
    await city.rest()
    for pool in POOLS:
        assert await city.live(lot, pool) == await city.told_of_now(lot, pool)


async def test_a_late_passage_from_before_a_snapshot_changes_raw_and_drift_alone(city, lot):
    await city.say(a_snapshot(lot, NOON - minutes(1), 20))
    await city.settle()
    await city.stays.take([entry(lot, NOON - minutes(30))])
    city.clock.go(EVERY)
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 1, 19)


async def test_an_entry_that_explains_a_known_exit_moves_no_count_and_is_seen_all_the_same(
    city, lot
):
    came = entry(lot, NOON - minutes(30), plate="苏B77777")
    await city.say(a_snapshot(lot, NOON - minutes(10), 20))
    await city.stays.take([a_passage(EXIT, NOON - minutes(5), lot_id=lot, plate="苏B77777")])
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 0, 20)
    await city.stays.take([came])
    city.clock.go(STILL)
    await city.settle()
    assert brief(await city.live(lot)) == (19, 81, 0, 19)
    assert await city.live(lot) == await city.told_of_now(lot)


async def test_a_car_that_was_given_up_after_a_snapshot_was_inside_at_it(city, lot):
    came, again = NOON - minutes(90), NOON - minutes(30)
    await city.stays.take([entry(lot, came, plate="苏B88888")])
    await city.say(a_snapshot(lot, NOON - minutes(60), 9))
    await city.stays.take([entry(lot, again, plate="苏B88888")])
    await city.stays.take([entry(lot, NOON - minutes(20), plate="苏B88888")])
    await city.settle()
    assert brief(await city.live(lot)) == (9, 91, 1, 8)
    assert await city.live(lot) == await city.told_of_now(lot)


async def test_the_later_of_two_devices_counts_and_an_earlier_one_changes_nothing(city, lot):
    await city.say(a_snapshot(lot, NOON - minutes(2), 20, device_id="a"))
    await city.settle()
    await city.say(a_snapshot(lot, NOON - minutes(3), 50, device_id="b"))
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 0, 20)
    await city.say(a_snapshot(lot, NOON - minutes(1), 50, device_id="b"))
    await city.settle()
    assert brief(await city.live(lot)) == (50, 50, 0, 50)


async def test_a_snapshot_from_ahead_counts_when_its_second_has_come(city, lot):
    ahead = a_snapshot(lot, NOON + minutes(3), 44, received_at=NOON)
    await city.say(a_snapshot(lot, NOON, 20), ahead)
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 0, 20)
    city.clock.go(minutes(3))
    await city.settle()
    assert brief(await city.live(lot)) == (44, 56, 0, 44)


async def test_a_snapshot_tells_nothing_after_31_days(city, lot):
    await city.stays.take([entry(lot, EIGHT)])
    await city.say(a_snapshot(lot, EIGHT + minutes(30), 12))
    await city.settle()
    city.clock.go(EIGHT + minutes(30) + timedelta(days=31) - NOON)
    await city.settle()
    assert brief(await city.live(lot)) == (12, 88, 1, 11)
    city.clock.go(timedelta(seconds=1))
    await city.settle()
    assert await city.live(lot) == PoolVacancy(100, 1, 99, 1)


@pytest.mark.parametrize(("occupied", "free"), [(10_000, 0), (201, 0), (0, 100)])
async def test_nonsense_of_one_lot_leaves_the_next_one_alone(city, lot, occupied, free):
    neighbour = LotId(next(numbers))
    await city.say(a_snapshot(lot, NOON, occupied), a_snapshot(neighbour, NOON, 30))
    await city.stays.take([entry(lot, NOON - minutes(5))])
    await city.settle()
    assert (await city.live(lot)).free == free
    assert brief(await city.live(neighbour)) == (30, 70, 0, 30)


async def versions(owner: Any, lot: LotId) -> tuple[int, Any]:
    row = await owner.fetchrow(
        "SELECT n, calibrated_at FROM vacancies.calibration WHERE lot_id = $1", lot
    )
    return row[0], row[1]


async def test_looking_again_is_rare_and_what_stays_the_same_is_not_told_again(city, owner, lot):
    await city.say(a_snapshot(lot, NOON, 20))
    await city.settle()
    first = await versions(owner, lot)
    await city.stays.take([entry(lot, NOON + timedelta(seconds=1))])
    city.clock.go(EVERY - timedelta(seconds=1))
    assert await city.calibrator.calibrate() == 0
    city.clock.go(timedelta(seconds=1))
    await city.settle()
    again = await versions(owner, lot)
    assert again[0] == first[0], "nothing else is shown, so the version stays"
    assert again[1] > first[1]


async def test_an_old_snapshot_is_looked_at_every_ten_minutes_whatever_moves(city, owner, lot):
    await city.say(a_snapshot(lot, NOON - timedelta(hours=2), 20))
    await city.settle()
    looked_at = (await versions(owner, lot))[1]
    await city.stays.take([entry(lot, NOON)])
    city.clock.go(OLD - timedelta(seconds=1))
    await city.settle()
    assert (await versions(owner, lot))[1] == looked_at
    city.clock.go(timedelta(seconds=1))
    await city.settle()
    assert (await versions(owner, lot))[1] > looked_at


async def test_a_device_that_tells_of_long_ago_makes_nobody_look_each_time(city, owner, lot):
    await city.say(a_snapshot(lot, NOON - timedelta(days=3), 20))
    await city.settle()
    assert brief(await city.live(lot)) == (20, 80, 0, 20)
    looked_at = (await versions(owner, lot))[1]
    city.clock.go(timedelta(seconds=1))
    await city.say(a_snapshot(lot, NOON - timedelta(days=2), 30))
    await city.say(a_snapshot(lot, NOON - timedelta(days=4), 40))
    await city.settle()
    assert (await versions(owner, lot))[1] == looked_at
    await city.rest()
    assert brief(await city.live(lot)) == (30, 70, 0, 30)
    await city.say(a_snapshot(lot, NOON, 50))
    await city.settle()
    assert brief(await city.live(lot)) == (50, 50, 0, 50), "one that is fresh does not wait"


async def test_what_happened_is_read_by_its_indexes_and_never_the_whole_history(owner):
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    # In a table of this size the planner likes any index that begins with the lot.
    await owner.execute("DROP INDEX stays.stay_of_car")
    await owner.execute("ALTER TABLE stays.stay DROP CONSTRAINT stay_key CASCADE")
    asked = (NOON, NOON, *[NOON] * 5, 10, timedelta(days=31))
    plan = await owner.fetch(f"EXPLAIN {calibration_store.CALIBRATE}", *asked)
    await transaction.rollback()
    lines = [row[0].strip() for row in plan]
    used = " ".join(line for line in lines if "Scan" in line)
    for index in ("stay_by_entry", "stay_by_exit", "stay_unseen_exit", "snapshot_by_time"):
        assert index in used
    assert not [line for line in lines if "Index Cond" in line and "entered_at < (" in line]


async def test_one_look_is_bounded(city, owner):
    await owner.execute(
        "INSERT INTO vacancies.calibration (lot_id, pool, operator_id, told, due_at)"
        " SELECT 1000 + n, 'short_stay', 7, 1, now() - interval '1 year'"
        f" FROM generate_series(1, {CALIBRATED_AT_ONCE + 1}) AS n"
    )
    assert await city.calibrator.calibrate() == CALIBRATED_AT_ONCE
    await city.settle()
    await owner.execute("DELETE FROM vacancies.calibration WHERE lot_id > 1000")


async def test_a_snapshot_that_comes_while_a_lot_is_compared_is_not_passed_over(city, owner, lot):
    await city.say(a_snapshot(lot, NOON - minutes(2), 20))
    later = a_snapshot(lot, NOON - minutes(1), 33)
    async with city.db.transaction() as tx:
        await past_store.keep_snapshots(tx, [later])
        await calibration_store.note(tx, due_after([later]), city.clock.now())
        comparing = asyncio.create_task(city.calibrator.calibrate())
        async with asyncio.timeout(5):
            while not await owner.fetchval(WAITING):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert await comparing == 0, "what it saw is no longer so"
    await city.settle()
    assert brief(await city.live(lot)) == (33, 67, 0, 33)


async def test_two_workers_at_once_come_to_the_same(city, lot):
    for n in range(20):
        await city.stays.take([entry(lot, NOON - minutes(30 - n))])
        await city.say(a_snapshot(lot, NOON - minutes(30 - n), n))
        await asyncio.gather(*(city.calibrator.calibrate() for _ in range(3)))
    await city.settle()
    assert brief(await city.live(lot)) == (19, 81, 20, -1)


async def test_how_far_counts_are_off_is_told_without_sign(city, owner, lot):
    await owner.execute("UPDATE vacancies.calibration SET drift = NULL, snapshot_at = NULL")
    await city.stays.take([entry(lot, EIGHT), entry(lot, EIGHT)])
    await city.say(a_snapshot(lot, NOON, 0), a_snapshot(LotId(next(numbers)), NOON, 5))
    await city.settle()
    async with city.db.connection() as tx:
        assert await calibration_store.drifts(tx) == {Pool.SHORT_STAY: 7}
