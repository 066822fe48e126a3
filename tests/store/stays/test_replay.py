"""What real past stays would have cost under another plan, read by an operator's own rights."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest

from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.replay import LARGEST, Replay, ReplayReport, Tally
from onepark.contexts.stays.service import Stays
from onepark.contexts.tariffs.model import Plan, PriceRequest
from onepark.contexts.tariffs.rules import plan_of_asker, price
from onepark.infra.db import Database, StaffScope
from onepark.kernel.types import CHINA, LotId, Vehicle
from tests.builders import a_passage
from tests.fakes.clock import HandClock
from tests.fakes.plans import NINE_IN_B2, OnePlan

ROOT = Path(__file__).parents[3]
OLD = (ROOT / "src/onepark/simulator/plans/t7_taicang.json").read_text("utf-8")
HUB = (ROOT / "tests/vectors/tariffs/T4_wuxi_hub.json").read_text("utf-8")
FROM, TO = datetime(2026, 11, 1, tzinfo=CHINA), datetime(2026, 12, 1, tzinfo=CHINA)
SECOND = timedelta(seconds=1)
CITY = StaffScope(None, city=True)
lots = count(3_000)


def a_plan(name: str, **changes: Any) -> Plan:
    body = json.loads((ROOT / f"src/onepark/simulator/plans/{name}.json").read_text("utf-8"))
    return plan_of_asker(body | changes, FROM)


@pytest.fixture
def lot() -> LotId:
    return LotId(next(lots))


@pytest.fixture(scope="module")
async def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(OLD), clock=HandClock())


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def replay(staff_db: Database) -> Replay:
    return Replay(staff_db, chunk_stays=7)


async def parked(stays: Stays, lot: LotId, at: datetime, minutes: float, **changes: Any) -> None:
    """One car's whole visit, as its gates told it."""
    values = {"lot_id": lot, **changes}
    await stays.take([a_passage(Kind.ENTRY, at, **values)])
    await stays.take([a_passage(Kind.EXIT, at + timedelta(minutes=minutes), **values)])


async def a_busy_month(stays: Stays, lot: LotId, *, seed: int) -> None:
    """Cars of every class that come again and again."""
    random = Random(seed)
    for car in range(12):
        at, vehicle = FROM, random.choice(list(Vehicle))
        for _ in range(random.randint(1, 4)):
            at += timedelta(minutes=random.randint(1, 1_500))
            minutes = random.randint(1, 1_500)
            await parked(stays, lot, at, minutes, plate=f"苏B{car:05d}", vehicle=vehicle.value)
            at += timedelta(minutes=minutes)


async def run(replay: Replay, plan: Plan, *lots: LotId, scope: StaffScope = CITY) -> ReplayReport:
    codes = {lot: f"32028100{lot}" for lot in lots}
    return await replay.run(plan, codes, from_at=FROM, to_at=TO, scope=scope)


async def one_by_one(owner, lot: LotId, plan: Plan) -> dict[int, tuple[int, int]]:
    """Fees by stay, the fixed one and the new one: each stay alone, in each car's order."""
    rows = await owner.fetch(
        "SELECT s.*, o.fee_fen FROM stays.stay s JOIN stays.stay_order o USING (lot_id, stay_id)"
        " WHERE s.lot_id = $1 AND s.state = 'closed' ORDER BY s.entered_at",
        lot,
    )
    carries: dict[str, Any] = {}
    fees: dict[int, tuple[int, int]] = {}
    for row in rows:
        span = (row["entered_at"], row["exited_at"], Vehicle(row["vehicle"]))
        [quote] = price([PriceRequest(plan, *span, carries.get(row["car_key"]))])
        carries[row["car_key"]] = quote.carry
        fees[row["stay_id"]] = (row["fee_fen"], quote.amount_fen)
    return fees


@pytest.mark.parametrize("name", ["t1_core_arterial", "t5_hospital", "t24_mall"])
async def test_a_month_comes_to_what_its_stays_come_to_one_by_one(stays, owner, replay, lot, name):
    await a_busy_month(stays, lot, seed=lot)
    plan = a_plan(name)
    fees = await one_by_one(owner, lot, plan)
    report = await run(replay, plan, lot)
    assert report.total == Tally(
        stays=len(fees),
        more=sum(new > old for old, new in fees.values()),
        less=sum(new < old for old, new in fees.values()),
        same=sum(new == old for old, new in fees.values()),
        earned_fen=sum(old for old, _ in fees.values()),
        would_earn_fen=sum(new for _, new in fees.values()),
    )
    assert report.total.stays > 12
    assert sum(tally.stays for tally in report.by_vehicle.values()) == len(fees)
    by_size = sorted(fees, key=lambda key: (-abs(fees[key][1] - fees[key][0]), key))
    wanted = [key for key in by_size if fees[key][0] != fees[key][1]][:LARGEST]
    assert [one.stay_id for one in report.largest] == wanted
    told = [(one.earned_fen, one.would_earn_fen) for one in report.largest]
    assert told == [fees[key] for key in wanted]


async def test_under_the_same_plan_everybody_pays_the_same(stays, replay, lot):
    await a_busy_month(stays, lot, seed=1)
    report = await run(replay, a_plan("t7_taicang"), lot)
    assert report.total.same == report.total.stays > 0
    assert report.total.earned_fen == report.total.would_earn_fen > 0
    assert report.largest == []


async def test_under_the_same_quota_everybody_pays_the_same(
    batch_db, service_db, owner, replay, lot
):
    """Also a car whose third visit was heard of before its second."""
    hub = Stays(batch_db, service_db, plans=OnePlan(HUB), clock=HandClock())
    await a_day_of_short_visits(hub, lot)
    for hours in (1, 3, 2):
        await parked(hub, lot, FROM + timedelta(hours=hours), 20, plate="苏B70000")
    used = await owner.fetch("SELECT free_visits_used FROM stays.stay WHERE lot_id = $1", lot)
    assert {row[0] for row in used} == {0, 1, 2}
    report = await run(replay, plan_of_asker(json.loads(HUB), FROM), lot)
    assert report.total.same == report.total.stays == 18
    assert report.total.earned_fen == report.total.would_earn_fen == 6 * 500


async def test_under_the_same_zones_everybody_pays_the_same(batch_db, service_db, replay, lot):
    taken = Stays(batch_db, service_db, plans=OnePlan(NINE_IN_B2), clock=HandClock())
    for place, zone in enumerate(("B2", "B1", None)):
        await parked(taken, lot, FROM + timedelta(hours=1), 90, plate=f"苏B7000{place}", zone=zone)
    report = await run(replay, plan_of_asker(json.loads(NINE_IN_B2), FROM), lot)
    assert report.total.same == report.total.stays == 3
    assert report.total.earned_fen == 1_800 + 2 * 1_000


async def test_a_quota_that_the_old_plan_had_not_is_counted_from_visit_to_visit(stays, replay, lot):
    """Twenty minutes are free in Taicang whenever one comes, and at the hub twice in 24 hours."""
    await a_day_of_short_visits(stays, lot)
    report = await run(replay, plan_of_asker(json.loads(HUB), FROM), lot)
    assert (report.total.stays, report.total.more) == (15, 5)
    assert (report.total.earned_fen, report.total.would_earn_fen) == (0, 5 * 500)


async def a_day_of_short_visits(stays: Stays, lot: LotId) -> None:
    """Five cars that come three times within two hours."""
    for car in range(5):
        for hour in range(3):
            at = FROM + timedelta(hours=8 + hour, minutes=car)
            await parked(stays, lot, at, 20, plate=f"苏B{car:05d}")


async def test_cars_that_came_in_the_span_count_on_both_sides_of_its_edges(stays, replay, lot):
    for number, at in enumerate((FROM - SECOND, FROM, TO - SECOND, TO)):
        await parked(stays, lot, at, 60, plate=f"苏B1000{number}")
    assert (await run(replay, a_plan("t7_taicang"), lot)).total.stays == 2


async def test_a_car_that_is_still_inside_or_came_unseen_is_left_out(stays, replay, lot):
    await stays.take([a_passage(Kind.ENTRY, FROM, lot_id=lot, plate="苏B20001")])
    await stays.take([a_passage(Kind.EXIT, FROM, lot_id=lot, plate="浙A8K6P3")])
    await parked(stays, lot, FROM, 60, plate="苏B20003")
    assert (await run(replay, a_plan("t7_taicang"), lot)).total.stays == 1


async def test_an_operator_replays_its_own_stays_only(stays, replay, lot):
    other = LotId(next(lots))
    await parked(stays, lot, FROM, 60, operator_id=71)
    await parked(stays, other, FROM, 60, operator_id=72)
    plan = a_plan("t7_taicang")
    assert (await run(replay, plan, lot, other)).total.stays == 2
    assert (await run(replay, plan, lot, other, scope=StaffScope(71))).total.stays == 1
    assert (await run(replay, plan, other, scope=StaffScope(71))).total == Tally()


async def test_a_plate_is_shown_with_its_middle_hidden(stays, replay, lot):
    await parked(stays, lot, FROM + timedelta(hours=8), 67, plate="苏B12345")
    [one] = (await run(replay, a_plan("t7_taicang", caps={"rolling_24h_fen": 100}), lot)).largest
    assert (one.plate_masked, one.lot) == ("苏B****5", f"32028100{lot}")
    assert (one.earned_fen, one.would_earn_fen) == (700, 100)


async def test_a_replay_writes_nothing(stays, owner, replay, lot):
    await a_busy_month(stays, lot, seed=2)
    before = await books(owner, lot)
    await run(replay, a_plan("t24_mall"), lot)
    assert await books(owner, lot) == before


async def books(owner, lot: LotId) -> list[str]:
    """Everything that is kept of a lot's stays, which row was written when included."""
    rows = await owner.fetch(
        "SELECT s.xmin::text || s::text || o.xmin::text || o::text FROM stays.stay s"
        " JOIN stays.stay_order o USING (lot_id, stay_id) WHERE s.lot_id = $1 ORDER BY 1",
        lot,
    )
    return [row[0] for row in rows]
