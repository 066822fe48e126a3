"""Zones of a lot out of the real database: with those in no zone they are the lot, always."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from msgspec import UNSET

from onepark.contexts.registry.model import Direction, Lane, Lot, Zone
from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.stays.service import Stays
from onepark.contexts.vacancies.errors import HistoryTooLarge, LotUnknown, QueryInvalid
from onepark.contexts.vacancies.model import (
    DayStatistics,
    HistoryMoment,
    HistoryQuery,
    HistorySpan,
    Snapshot,
    StatisticsQuery,
)
from onepark.contexts.vacancies.past import PastOfLots
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LaneCode, OperatorId, Pool
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans

NOW = EIGHT + timedelta(hours=12)
CITY = Principal(1, "city", StaffRole.CITY_SUPERVISOR, None)
LEADS = {"E1": "A", "E2": "B", "E3": "B", "E4": None}
ZONES = (Zone("A", "甲区", 30), Zone("B", "乙区", 70), Zone("C", "丙区", 5))
POOLS = (Pool.SHORT_STAY, Pool.CONTRACT)
numbers = count(1)


@pytest.fixture
def lot() -> Lot:
    """A lot of this test's own: a zone by one lane, one by two, one by none, and a lane to none."""
    return a_city_lot(next(numbers), zones=ZONES, pools=dict.fromkeys(POOLS, 50))


@pytest.fixture
def past_of(service_db, staff_db, lot) -> Any:
    lanes = [
        Lane(lane_of(lot, name), lot.lot_id, Direction.BOTH, confirms_exit=True, zone=zone)
        for name, zone in LEADS.items()
    ]
    archive, clock = Archive([lot], lanes), HandClock(NOW)

    def made(**changes: Any) -> PastOfLots:
        return PastOfLots(service_db, staff_db, directory_source=archive, clock=clock, **changes)

    return made


@pytest.fixture
def past(past_of) -> PastOfLots:
    made: PastOfLots = past_of()
    return made


@pytest.fixture(scope="module")
async def stays(batch_db, service_db) -> Stays:
    return Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock(NOW))


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def lane_of(lot: Lot, name: str) -> LaneCode:
    return LaneCode(f"{lot.code}-{name}")


def came(lot: Lot, at: datetime, *, by: str, plate: str = "苏B00001", **changes: Any) -> Passage:
    return a_passage(
        Kind.ENTRY, at, lot_id=lot.lot_id, lane=lane_of(lot, by), plate=plate, **changes
    )


def went(lot: Lot, at: datetime, plate: str = "苏B00001", **changes: Any) -> Passage:
    exit_lane = lane_of(lot, "E1")  # also the way in of another zone: an exit does not tell
    return a_passage(Kind.EXIT, at, lot_id=lot.lot_id, lane=exit_lane, plate=plate, **changes)


def a_day(lot: Lot, seed: int) -> list[list[Passage]]:
    """Batches of a day at gates that miss cars, name an unknown lane and send late."""
    chance = random.Random(seed)
    coming: list[tuple[datetime, Passage]] = []
    for car in range(40):
        plate, at = f"苏B{car:05}", EIGHT + minutes(chance.uniform(0, 200))
        for _ in range(chance.randint(1, 3)):
            left_at = at + minutes(chance.choice([1, 30, 90]) * chance.random())
            carried = chance.choice([None, None, at])
            pair = (
                came(lot, at, by=chance.choice([*LEADS, "E9"]), plate=plate),
                went(lot, left_at, plate, entered_at=carried),
            )
            for passage in pair:
                if chance.random() > 0.12:
                    late = minutes(chance.choice([0, 0, 0, 45, 240]))
                    coming.append((passage.seen_at + late, passage))
            at = left_at + minutes(chance.uniform(3, 60))
    told = [passage for _, passage in sorted(coming, key=lambda pair: pair[0])]
    return [told[at : at + 25] for at in range(0, len(told), 25)]


# Some cars have a contract, so that a zone holds more than one pool.
SPREAD = "UPDATE stays.stay SET pool = 'contract' WHERE lot_id = $1 AND stay_id % 3 = 0"
VISITS = """
    SELECT
        right(entry_lane, 2) AS lane, pool, date_trunc('second', entered_at) AS entered_at,
        date_trunc('second', left_at) AS left_at, state, charged
    FROM stays.pub_visit WHERE lot_id = $1
"""


async def a_full_day(stays: Stays, owner: Any, lot: Lot, seed: int) -> list[Any]:
    """Let a day happen and return its visits as rows, for sums by hand."""
    for batch in a_day(lot, seed):
        await stays.take(batch)
    await owner.execute(SPREAD, lot.lot_id)
    rows: list[Any] = await owner.fetch(VISITS, lot.lot_id)
    assert {row["pool"] for row in rows} == set(POOLS)
    assert {None, "E1", "E2", "E3", "E4", "E9"} <= {row["lane"] for row in rows}
    return rows


def held(rows: list[Any], at: datetime) -> Counter[tuple[str | None, str]]:
    """Count by zone and pool who is inside."""
    return Counter(
        (LEADS.get(row["lane"]), row["pool"])
        for row in rows
        if row["entered_at"] <= at and (row["left_at"] is None or at < row["left_at"])
    )


async def moment(past: PastOfLots, lot: Lot, at: datetime, **asked: Any) -> Any:
    told = await past.history(lot.code, HistoryQuery(at=at, **asked))
    assert isinstance(told, HistoryMoment)
    return told


async def span(past: PastOfLots, lot: Lot, **asked: Any) -> HistorySpan:
    told = await past.history(lot.code, HistoryQuery(from_at=EIGHT, step_s=1_800, **asked))
    assert isinstance(told, HistorySpan)
    return told


@pytest.mark.parametrize("seed", range(4))
async def test_zones_and_those_in_none_add_up_to_the_lot_at_every_moment(
    past, stays, owner, lot, seed
):
    rows = await a_full_day(stays, owner, lot, seed)
    for minute in range(0, 720, 61):
        at = EIGHT + minutes(minute)
        told, inside = await moment(past, lot, at), held(rows, at)
        assert list(told.zones) == ["A", "B", "C"]
        for pool in POOLS:
            zoned = {zone: of.pools[pool] for zone, of in told.zones.items()}
            assert zoned == {zone: inside[zone, pool] for zone in "ABC"}, at
            assert told.pools[pool].raw == sum(zoned.values()) + inside[None, pool]
        for zone, of in told.zones.items():
            assert of.raw == sum(of.pools.values())
            alone = await moment(past, lot, at, zone=zone)
            assert {pool: one.raw for pool, one in alone.pools.items()} == of.pools
            assert (alone.whole.capacity, alone.whole.raw, alone.whole.free) == (
                *(of.capacity, of.raw, of.free),
            )


@pytest.mark.parametrize("seed", [5, 6])
async def test_every_step_of_a_zone_equals_a_count_by_hand(past, stays, owner, lot, seed):
    rows = await a_full_day(stays, owner, lot, seed)
    for zone in "ABC":
        shown = await span(past, lot, zone=zone)
        assert shown.zone == next(one for one in ZONES if one.zone == zone)
        for step in (shown.steps[1], shown.steps[5]):
            seconds = [step.begins_at + timedelta(seconds=n) for n in range(1_800)]
            counts = [held(rows, at) for at in seconds]
            for pool in POOLS:
                levels = [inside[zone, pool] for inside in counts]
                raw = step.pools[pool].raw
                assert (raw.first, raw.last) == (levels[0], levels[-1])
                assert (raw.min, raw.max) == (min(levels), max(levels))
            assert step.whole is not UNSET
            together = [sum(inside[zone, pool] for pool in POOLS) for inside in counts]
            assert (step.whole.raw.min, step.whole.raw.max) == (min(together), max(together))
            assert step.whole.raw.mean == round(sum(together) / 1_800, 3)


async def test_the_flows_of_zones_and_of_those_in_none_add_up_to_the_lots_day(
    past, stays, owner, lot
):
    rows = await a_full_day(stays, owner, lot, 7)
    sums = ("entries", "exits", "orders", "charged_orders")
    lost = [row for row in rows if LEADS.get(row["lane"]) is None]
    days = {zone: await a_days_statistics(past, lot, zone=zone) for zone in (None, *"ABC")}
    whole_lot = days.pop(None)
    for pool in POOLS:
        in_none = [row for row in lost if row["pool"] == pool]
        by_hand = {
            "entries": len(in_none),
            "exits": sum(row["left_at"] is not None for row in in_none),
            "orders": sum(row["state"] == "closed" for row in in_none),
            "charged_orders": sum(bool(row["charged"]) for row in in_none),
        }
        for name in sums:
            zoned = sum(getattr(day.pools[pool], name) for day in days.values())
            assert zoned + by_hand[name] == getattr(whole_lot.pools[pool], name), name
    for day in days.values():
        for name in sums:
            assert getattr(day.whole, name) == sum(getattr(day.pools[p], name) for p in POOLS)


async def a_days_statistics(past: PastOfLots, lot: Lot, **asked: Any) -> Any:
    told = await past.statistics(lot.code, StatisticsQuery(EIGHT.date(), **asked), by=CITY)
    [day] = told.days
    assert isinstance(day, DayStatistics)
    return day


async def test_a_zones_day_is_measured_by_the_zones_own_capacity(past, stays, lot):
    other = came(lot, EIGHT, by="E2", plate="苏B00002")
    await stays.take([came(lot, EIGHT, by="E1"), went(lot, EIGHT + minutes(90)), other])
    day = await a_days_statistics(past, lot, zone="A")
    assert (day.whole.capacity, day.whole.orders, day.whole.peak) == (30, 1, 1)
    assert day.whole.turnover == round(1 / 30, 4)
    seconds = 20 * 3_600 + 1  # until now, the present second included
    assert day.whole.utilisation == round(5_400 / (30 * seconds), 4)
    pool = day.pools[Pool.SHORT_STAY]
    assert (pool.capacity, pool.turnover, pool.utilisation) == (None, None, None)
    assert pool.mean_stay_s == 5_400


async def test_a_car_that_leaves_by_another_zones_lane_was_in_the_zone_that_it_entered(
    past, stays, lot
):
    await stays.take([came(lot, EIGHT, by="E3"), went(lot, EIGHT + minutes(60))])
    told = await moment(past, lot, EIGHT + minutes(30))
    assert {zone: of.raw for zone, of in told.zones.items()} == {"A": 0, "B": 1, "C": 0}
    gone = await moment(past, lot, EIGHT + minutes(60))
    assert {of.raw for of in gone.zones.values()} == {0}


async def test_a_full_zone_has_no_free_bay_left_and_never_fewer(past, stays, lot):
    cars = [came(lot, EIGHT, by="E1", plate=f"苏C{n:05}") for n in range(31)]
    await stays.take(cars)
    zone = (await moment(past, lot, NOW)).zones["A"]
    assert (zone.capacity, zone.raw, zone.free) == (30, 31, 0)


async def test_a_lots_snapshot_calibrates_the_lot_and_no_zone(past, stays, lot):
    await stays.take([came(lot, EIGHT, by="E1")])
    at = EIGHT + minutes(5)
    counted = {Pool.SHORT_STAY: 9}
    await past.keep_snapshots([Snapshot(lot.lot_id, 7, "cam", "s", at, at, b"", counted)])
    told = await moment(past, lot, NOW)
    assert (told.pools[Pool.SHORT_STAY].calibrated, told.zones["A"].raw) == (9, 1)
    alone = await moment(past, lot, NOW, zone="A")
    assert (alone.whole.raw, alone.whole.calibrated, alone.whole.drift) == (1, None, None)


@pytest.mark.parametrize("zone", ["D", "a", "AA"])
async def test_a_zone_that_the_lot_does_not_have_is_refused_by_name(past, lot, zone):
    for question in (
        past.history(lot.code, HistoryQuery(at=EIGHT, zone=zone)),
        past.history(lot.code, HistoryQuery(from_at=EIGHT, zone=zone)),
        past.statistics(lot.code, StatisticsQuery(EIGHT.date(), zone=zone), by=CITY),
    ):
        with pytest.raises(QueryInvalid) as refusal:
            await question
        assert refusal.value.facts == {"field": "zone"}


async def test_an_operator_asks_for_zones_of_its_own_lots_alone(past, stays, lot):
    await stays.take([came(lot, EIGHT, by="E1")])
    asked = StatisticsQuery(EIGHT.date(), zone="A")
    own = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, lot.operator_id)
    [day] = (await past.statistics(lot.code, asked, by=own)).days
    assert day.whole.entries == 1
    foreign = Principal(3, "other", StaffRole.OPERATOR_ADMIN, OperatorId(8))
    with pytest.raises(LotUnknown):
        await past.statistics(lot.code, asked, by=foreign)


async def test_only_the_visits_of_the_zone_count_against_the_most_that_is_looked_at(
    past_of, stays, lot
):
    ways = ["E1", "E1", "E2", "E2", "E2"]
    await stays.take([came(lot, EIGHT, by=way, plate=f"苏D{n:05}") for n, way in enumerate(ways)])
    small = past_of(visits_max=2)
    assert (await moment(small, lot, NOW, zone="A")).whole.raw == 2
    for asked in ({"zone": "B"}, {}):
        with pytest.raises(HistoryTooLarge):
            await moment(small, lot, NOW, **asked)
