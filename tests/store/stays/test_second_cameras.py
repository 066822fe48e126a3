"""What a second camera at the exit makes of a car that the first one misread."""

import pytest

from onepark.contexts.stays.model import Hold, HoldReason, Kind, Nothing
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans

EXIT = Kind.EXIT
NINE = EIGHT + minutes(60)
TRUE, READ = "苏B31585", "苏B3158S"


@pytest.fixture(scope="module")
def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock())


async def states(owner, lot: LotId) -> dict[str, str]:
    rows = await owner.fetch("SELECT plate, state FROM stays.stay WHERE lot_id = $1", lot)
    return {row["plate"]: row["state"] for row in rows}


@pytest.mark.parametrize("whole", [True, False])
async def test_a_car_that_two_cameras_misread_alike_left_once_and_nobody_else_did(
    stays, owner, lot, whole
):
    """After the first of them the true car is no rival any more: another might be taken for it."""
    unlike = "苏B97541"
    for plate in (TRUE, unlike):
        await stays.take([a_passage(lot_id=lot, plate=plate)])
    first = a_passage(EXIT, NINE, lot_id=lot, plate=READ, device_id="out-1")
    second = a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=READ, device_id="out-2")
    batches = [[first, second]] if whole else [[first], [second]]
    told = [taken.answer for batch in batches for taken in (await stays.take(batch)).taken]
    assert [answer.decision for answer in told] == [Nothing(), Nothing()]
    assert told[0].stay_id == told[1].stay_id
    assert await states(owner, lot) == {TRUE: "closed", unlike: "open"}
    kept = await owner.fetch(
        "SELECT state FROM stays.passage WHERE lot_id = $1 AND kind = 'exit' ORDER BY seen_at", lot
    )
    assert [row["state"] for row in kept] == ["misread_exit", "duplicate_exit"]
    assert await owner.fetchval("SELECT count(*) FROM stays.task WHERE lot_id = $1", lot) == 0


async def test_a_car_that_one_camera_misread_and_the_other_read_left_once(stays, owner, lot):
    await stays.take([a_passage(lot_id=lot, plate=TRUE)])
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=READ)])
    own = a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=TRUE)
    [taken] = (await stays.take([own])).taken
    assert taken.answer.decision == Nothing()
    assert await states(owner, lot) == {TRUE: "closed"}


async def test_a_car_that_one_camera_read_and_the_other_misread_is_nobody_else(stays, owner, lot):
    """Without its plate among the rivals the next one like it would be taken for the exit."""
    like = "苏B3158B"
    for plate in (TRUE, like):
        await stays.take([a_passage(lot_id=lot, plate=plate)])
    [own] = (await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=TRUE)])).taken
    second = a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=READ, device_id="out-2")
    [taken] = (await stays.take([second])).taken
    assert (await states(owner, lot))[like] == "open"
    assert isinstance(taken.answer.decision, Nothing | Hold)
    assert own.answer.stay_id is not None


async def test_long_after_the_exit_a_like_reading_is_no_second_look(stays, owner, lot):
    await stays.take([a_passage(lot_id=lot, plate=TRUE)])
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=TRUE)])
    late = a_passage(EXIT, NINE + minutes(2.1), lot_id=lot, plate=READ)
    [taken] = (await stays.take([late])).taken
    assert taken.answer.decision == Hold(HoldReason.ENTRY_MISSING)
