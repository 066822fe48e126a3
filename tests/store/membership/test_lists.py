"""White lists and fleets."""

from typing import Any

import pytest

from onepark.contexts.membership.errors import (
    CarInFleet,
    CarNotInFleet,
    EntryUnknown,
    FleetUnknown,
    LotUnknown,
    TermInvalid,
)
from onepark.contexts.membership.lists import CarAsked, EntryAsked, FleetAsked
from onepark.contexts.stays.model import Kind
from onepark.kernel.types import LotId, PlateColor
from tests.builders import a_passage, minutes
from tests.store.membership.conftest import CITY, OURS, THEIRS

CODE, BLUE = "000000000001", PlateColor.BLUE


async def due(town, plate, lot=1):
    """What a car owes that comes in a minute and asks to leave an hour later."""
    at = town.clock.now() + minutes(1)
    came = a_passage(lot_id=LotId(lot), plate=plate, at=at)
    ask = a_passage(Kind.EXIT_REQUEST, at + minutes(60), lot_id=LotId(lot), plate=plate)
    [_, answer] = (await town.stays.take([came, ask])).taken
    return answer.answer.due_fen


def entry(town, plate, **changes):
    values: dict[str, Any] = {
        "plate": plate,
        "plate_color": BLUE,
        "until_at": town.clock.now() + minutes(10_000),
        "reason": "消防车辆",
        "lots": (CODE,),
    }
    return EntryAsked(**(values | changes))


async def test_a_car_on_a_white_list_parks_free_until_it_is_taken_off(town, owner, plate):
    made = await town.lists.let_in(entry(town, plate), by=OURS)
    assert (made.entry.approved_by, await due(town, plate)) == ("li.ming", 0)
    with pytest.raises(EntryUnknown):
        await town.lists.end_entry(made.entry.entry_id, by=THEIRS)
    ended = await town.lists.end_entry(made.entry.entry_id, by=OURS)
    assert ended.entry.ended_by == "li.ming"
    with pytest.raises(EntryUnknown):
        await town.lists.end_entry(made.entry.entry_id, by=OURS)
    town.clock.go(minutes(200))
    assert await due(town, plate) > 0
    noted = await owner.fetch(
        "SELECT action FROM access.audit WHERE subject = $1 ORDER BY audit_id",
        f"white list {made.entry.entry_id}",
    )
    assert [row["action"] for row in noted] == ["membership.let_in", "membership.entry_ended"]


async def test_only_the_city_lets_a_car_into_every_lot(town, plate):
    with pytest.raises(LotUnknown):
        await town.lists.let_in(entry(town, plate, lots=()), by=OURS)
    await town.lists.let_in(entry(town, plate, lots=(), operator_id=7), by=CITY)
    assert await due(town, plate, lot=3) == 0


async def test_no_time_that_has_passed_is_covered(town, plate):
    early = town.clock.now() - minutes(600)
    made = await town.lists.let_in(entry(town, plate, from_at=early), by=OURS)
    assert made.entry.from_at == town.clock.now()
    with pytest.raises(TermInvalid):
        await town.lists.let_in(entry(town, plate, until_at=early), by=OURS)


async def test_a_fleet_has_cars_that_share_its_seats(town, plate):
    asked = FleetAsked("公交公司", (CODE,), 1, town.clock.now() + minutes(10_000))
    fleet = (await town.lists.open_fleet(asked, by=OURS)).fleet
    cars = [CarAsked(text, BLUE) for text in (plate, f"苏C{plate[2:]}")]
    for car in cars:
        view = await town.lists.add_car(fleet.fleet_id, car, by=OURS)
    assert [one.plate for one in view.cars] == [car.plate for car in cars]
    assert [await due(town, car.plate) for car in cars] == [0, 500]
    with pytest.raises(CarInFleet):
        await town.lists.add_car(fleet.fleet_id, cars[0], by=OURS)
    with pytest.raises(FleetUnknown):
        await town.lists.add_car(fleet.fleet_id, cars[0], by=THEIRS)
    view = await town.lists.remove_car(fleet.fleet_id, cars[0], by=OURS)
    assert [one.plate for one in view.cars] == [cars[1].plate]
    with pytest.raises(CarNotInFleet):
        await town.lists.remove_car(fleet.fleet_id, cars[0], by=OURS)
