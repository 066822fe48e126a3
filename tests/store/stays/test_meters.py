"""How stays are, as the worker reads it from the database, and what is counted of orders."""

import pytest

from onepark.contexts.stays.meters import StayMeters
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.infra.metrics import REGISTRY
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans

POOL = "short_stay"


def told(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"parking_{name}", labels)
    assert value is not None, f"{name} is shown"
    return value


def orders(state: str) -> float:
    return REGISTRY.get_sample_value("parking_orders_total", {"state": state}) or 0.0


@pytest.fixture
def meters(batch_db, service_db) -> StayMeters:
    return StayMeters(batch_db, service_db)


@pytest.fixture
async def emptied(owner) -> None:
    for table in ("stay_order", "charge", "stay", "car", "count", "outbox", "task", "sequence"):
        await owner.execute(f"TRUNCATE stays.{table} CASCADE")


async def test_cars_inside_are_added_up_over_lots(emptied, stays, meters, lot):
    await stays.take([a_passage(lot_id=lot), a_passage(lot_id=lot + 50_000, plate="苏B22222")])
    await meters.measure()
    assert told("sessions_open", pool=POOL) == 2
    assert told("sessions_open", pool="charging") == 0


async def test_a_count_that_differs_from_the_cars_inside_is_drift(
    emptied, stays, meters, owner, lot
):
    await stays.take([a_passage(lot_id=lot), a_passage(lot_id=lot + 50_000, plate="苏B22222")])
    await meters.measure_drift()
    assert told("occupancy_drift", pool=POOL) == 0
    await owner.execute("UPDATE stays.count SET occupied = 4 WHERE lot_id = $1", lot)
    await owner.execute("UPDATE stays.count SET occupied = -2 WHERE lot_id = $1", lot + 50_000)
    await meters.measure_drift()
    assert told("occupancy_drift", pool=POOL) == 3 + 3, "two errors do not hide each other"


async def test_a_lot_whose_count_is_missing_is_drift(emptied, stays, meters, owner, lot):
    await stays.take([a_passage(lot_id=lot)])
    await owner.execute("DELETE FROM stays.count")
    await meters.measure_drift()
    assert told("occupancy_drift", pool=POOL) == 1


async def test_numbers_that_a_device_left_out_are_missing_until_they_come(
    emptied, stays, meters, lot
):
    for number in (1, 2, 7):
        await stays.take([a_passage(lot_id=lot, plate=f"苏B0000{number}", epoch=2, seq=number)])
    await stays.take([a_passage(lot_id=lot, plate="苏B00000", epoch=1, seq=900)])
    await meters.measure_drift()
    assert told("gate_gap_events") == 4, "an epoch before is not looked at"
    for number in (3, 4, 5, 6):
        await stays.take([a_passage(lot_id=lot, plate=f"苏B0000{number}", epoch=2, seq=number)])
    await meters.measure_drift()
    assert told("gate_gap_events") == 0


async def test_a_held_exit_is_a_case_until_it_is_decided(emptied, stays, meters, owner, lot):
    await meters.measure()
    assert told("session_cases_open", kind="misread_exit") == 0
    await stays.take([a_passage(lot_id=lot, plate="苏B8B808")])
    await stays.take([a_passage(lot_id=lot, plate="苏B88B08")])
    asked = a_passage(Kind.EXIT_REQUEST, EIGHT + minutes(60), lot_id=lot, plate="苏B88808")
    await stays.take([asked])
    waiting = await owner.fetchval("SELECT count(*) FROM stays.task")
    assert waiting == 1
    await meters.measure()
    assert told("session_cases_open", kind="misread_exit") == 1


async def test_an_order_is_counted_when_it_begins_and_when_it_ends_free(batch_db, service_db, lot):
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock())
    begun, free = orders("open"), orders("free")
    await stays.take([a_passage(lot_id=lot)])
    assert (orders("open") - begun, orders("free") - free) == (1, 0)
    await stays.take([a_passage(Kind.EXIT, EIGHT + minutes(5), lot_id=lot)])
    assert (orders("open") - begun, orders("free") - free) == (1, 1)
