"""What exits teach that found their car by themselves."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from onepark.contexts.stays.lessons import School
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.plates import PlateModels
from tests.builders import EIGHT, a_passage, minutes

CAMERA = "cam-of-lessons"


class Known:
    """The devices of the city: one kind of camera."""

    def device(self, device_id):
        return SimpleNamespace(camera_model=CAMERA)


@pytest.fixture
def school(service_db, clock):
    return School(PlateModels(service_db, clock), cameras=Known)


def car(lot, kind, plate, at, **changes):
    """A passage that was received as soon as it was seen."""
    passage = a_passage(kind, at, lot_id=lot, plate=plate, **changes)
    return replace(passage, received_at=at)


async def readings(owner, lot_id):
    rows = await owner.fetch(
        "SELECT camera_model, observed, actual FROM stays.reading WHERE lot_id = $1", lot_id
    )
    return [tuple(row) for row in rows]


TRUE, READ = "苏B31585", "苏B3158S"  # 5 and S look alike
NINE = EIGHT + minutes(60)


async def test_an_exit_that_found_its_car_teaches_once_however_often_it_was_read(
    stays, school, owner, lot
):
    await stays.take([car(lot, Kind.ENTRY, TRUE, EIGHT)])
    await stays.take([car(lot, Kind.EXIT_REQUEST, READ, NINE)])
    await school.gather()
    await stays.take([car(lot, Kind.EXIT, READ, NINE + minutes(1))])
    await school.gather()
    assert await readings(owner, lot) == [(CAMERA, READ, TRUE)]


async def test_an_exit_that_was_read_right_teaches_nothing(stays, school, owner, lot):
    await stays.take([car(lot, Kind.ENTRY, TRUE, EIGHT)])
    await stays.take([car(lot, Kind.EXIT, TRUE, NINE)])
    await school.gather()
    assert await readings(owner, lot) == []


async def test_a_stay_that_was_misread_itself_teaches_nothing(stays, school, owner, lot):
    await stays.take([car(lot, Kind.ENTRY, TRUE[:-1], EIGHT)])
    await stays.take([car(lot, Kind.EXIT, TRUE, NINE)])
    state = await owner.fetchval(
        "SELECT state FROM stays.passage WHERE lot_id = $1 AND kind = 'exit'", lot
    )
    await school.gather()
    assert (state, await readings(owner, lot)) == ("misread_exit", [])


async def test_more_than_a_page_is_gathered_page_by_page(stays, school, owner, lot, monkeypatch):
    monkeypatch.setattr("onepark.contexts.stays.lessons.GATHERED_MAX", 2)
    plates = ["苏B31585", "苏E70426", "浙A9M5X1", "沪C0D357", "京F66H05"]
    await stays.take([car(lot, Kind.ENTRY, one, EIGHT) for one in plates])
    for place, one in enumerate(plates):
        await stays.take([car(lot, Kind.EXIT, one[:-1], NINE + timedelta(seconds=place))])
    for _ in plates:
        await school.gather()
    assert {actual for _, _, actual in await readings(owner, lot)} == set(plates)


async def test_what_was_read_long_before_the_start_is_left_alone(
    stays, service_db, owner, lot, clock
):
    await stays.take([car(lot, Kind.ENTRY, TRUE, EIGHT)])
    await stays.take([car(lot, Kind.EXIT, READ, NINE)])
    clock.go(minutes(70))
    await School(PlateModels(service_db, clock), cameras=Known).gather()
    assert await readings(owner, lot) == []
