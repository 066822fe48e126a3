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


@pytest.mark.parametrize(
    ("whole", "suspect", "second_is"),
    [
        (True, False, "duplicate_exit"),
        (False, True, "duplicate_exit"),
        (False, False, "held"),  # somebody may carry that plate, and have an entry on the way
    ],
)
async def test_a_car_that_two_cameras_misread_alike_left_once_and_nobody_else_did(
    stays, owner, lot, whole, suspect, second_is
):
    """After the first of them the true car must still speak against those like it."""
    await stays.take([a_passage(lot_id=lot, plate=TRUE)])
    first, second = (
        a_passage(
            EXIT,
            NINE + minutes(n),
            lot_id=lot,
            plate=READ,
            device_id=f"out-{n}",
            plate_suspect=suspect,
        )
        for n in range(2)
    )
    for batch in [[first, second]] if whole else [[first], [second]]:
        await stays.take(batch)
    kept = await owner.fetch(
        "SELECT state FROM stays.passage WHERE lot_id = $1 AND kind = 'exit' ORDER BY seen_at", lot
    )
    assert [row["state"] for row in kept] == ["misread_exit", second_is]
    found = await states(owner, lot)
    assert found.pop(TRUE) == "closed"
    assert found == ({READ: "entry_missing"} if second_is == "held" else {})
    verdicts = await owner.fetch("SELECT verdict FROM stays.task WHERE lot_id = $1", lot)
    assert [row["verdict"] for row in verdicts] == (["ambiguous"] if second_is == "held" else [])


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
