"""Passes and coupons on the passage path: loaded with the car, in one statement."""

import asyncio

import pytest

from onepark.contexts.stays.model import Kind, Open, OpenReason
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Role, open_database
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan

GIVE = """
    INSERT INTO membership.benefit (
        lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at,
        pool, fleet_id, seats, coupon_kind, coupon_value)
    VALUES ($1, $2, 7, CASE WHEN $7::text IS NULL THEN 'pass' ELSE 'coupon' END,
        CASE WHEN $7 IS NULL THEN 'pass' ELSE 'coupon' END, 1, '月卡', $3, $4,
        least($3, now()), 'contract', $5, CASE WHEN $5::bigint IS NULL THEN NULL ELSE 1 END, $7, $6)
"""
ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT


async def give(owner, lot, plate, *, since=-60, until=600, fleet=None, coupon=(None, None)):
    ends = (EIGHT + minutes(since), EIGHT + minutes(until))
    await owner.execute(GIVE, lot, f"{plate}/blue", *ends, fleet, coupon[1], coupon[0])


async def take(stays, kind, minute, lot, plate):
    passage = a_passage(kind, EIGHT + minutes(minute), lot_id=lot, plate=plate)
    batch = await stays.take([passage])
    return batch.taken[0].answer


async def pools(owner, lot):
    rows = await owner.fetch("SELECT pool, occupied FROM stays.count WHERE lot_id = $1", lot)
    return {row["pool"]: row["occupied"] for row in rows}


@pytest.mark.parametrize("everywhere", [False, True])
async def test_an_exit_under_a_pass_opens_and_the_contract_pool_held_the_car(
    stays, owner, lot, everywhere
):
    plate = f"苏B{everywhere:05}"
    await give(owner, 0 if everywhere else lot, plate)
    await take(stays, ENTRY, 0, lot, plate)
    assert await pools(owner, lot) == {"contract": 1}
    answer = await take(stays, ASK, 90, lot, plate)
    assert isinstance(answer.decision, Open)
    assert (answer.decision.reason, answer.due_fen) == (OpenReason.PASS, 0)
    await take(stays, EXIT, 91, lot, plate)
    assert await pools(owner, lot) == {"contract": 0}
    due = await stays.due(answer.order_no)
    assert (due.fee_fen, [line.rule for line in due.lines]) == (0, ["pass"])


async def test_a_pass_that_is_bought_while_the_car_is_inside_covers_the_rest(stays, owner, lot):
    await take(stays, ENTRY, 0, lot, "苏B20001")
    answer = await take(stays, ASK, 50, lot, "苏B20001")
    assert answer.due_fen == 500
    await give(owner, lot, "苏B20001", since=60)
    assert (await take(stays, ASK, 240, lot, "苏B20001")).due_fen == 500
    [due] = await stays.dues("苏B20001")
    assert due.due_fen == 500


async def test_a_pass_of_another_car_or_lot_covers_nothing(stays, owner, lot):
    await give(owner, lot, "苏B20003")
    await give(owner, lot + 500_000, "苏B20002")
    await take(stays, ENTRY, 0, lot, "苏B20002")
    assert (await take(stays, ASK, 50, lot, "苏B20002")).due_fen == 500


async def test_a_coupon_lowers_what_its_order_owes_at_the_exit_and_by_plate(stays, owner, lot):
    await take(stays, ENTRY, 0, lot, "苏B20004")
    await give(owner, lot, "苏B20004", since=0, until=0, coupon=("amount_fen", 300))
    assert (await take(stays, ASK, 50, lot, "苏B20004")).due_fen == 200
    [due] = await stays.dues("苏B20004")
    assert (due.due_fen, due.lines[-1].rule) == (700, "coupon"), "it is past nine"


async def test_a_fleet_has_its_seats_in_one_batch_and_over_many(stays, owner, lot):
    plates = [f"苏B3000{n}" for n in range(4)]
    for plate in plates:
        await give(owner, lot, plate, fleet=77)
    first = [a_passage(ENTRY, EIGHT, lot_id=lot, plate=plate) for plate in plates[:2]]
    await stays.take(first)
    assert await pools(owner, lot) == {"contract": 1, "short_stay": 1}
    await take(stays, ENTRY, 1, lot, plates[2])
    assert await pools(owner, lot) == {"contract": 1, "short_stay": 2}
    dues = [await take(stays, ASK, 50, lot, plate) for plate in plates[:3]]
    assert sorted(one.due_fen for one in dues) == [0, 500, 500]
    await take(
        stays,
        EXIT,
        55,
        lot,
        next(p for p, one in zip(plates, dues, strict=False) if not one.due_fen),
    )
    await take(stays, ENTRY, 60, lot, plates[3])
    assert (await take(stays, ASK, 90, lot, plates[3])).due_fen == 0


async def test_cars_of_a_fleet_that_come_at_once_share_its_seats(stays, owner, lot):
    plates = [f"苏B4000{n}" for n in range(4)]
    for plate in plates:
        await give(owner, lot, plate, fleet=78)
    await asyncio.gather(*(take(stays, ENTRY, 0, lot, plate) for plate in plates))
    assert await pools(owner, lot) == {"contract": 1, "short_stay": 3}


async def test_no_batch_reads_all_benefits_however_few_there_are(
    database_url, service_db, owner, lot
):
    batch_db = await open_database(database_url, Role.BATCH, connections=1)
    clock = HandClock(EIGHT + minutes(61))
    own = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
    await give(owner, lot, "苏B50000", fleet=79)
    whole = """
        SELECT sum(seq_scan) FROM pg_stat_user_tables
        WHERE (schemaname, relname) IN (('membership', 'benefit'), ('stays', 'stay'))
    """
    before = await owner.fetchval(whole)
    for n in range(20):
        await take(own, ENTRY, n, lot, f"苏B5000{n % 3}")
        await take(own, EXIT, n + 0.5, lot, f"苏B5000{n % 3}")
    await batch_db.close()
    await asyncio.sleep(0.5)
    await owner.execute("SELECT pg_stat_clear_snapshot()")
    assert await owner.fetchval(whole) == before
