"""The demonstration is a whole, plausible city that nobody can take for the real one."""

import json
from collections import Counter
from typing import Any

import pytest

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.importing import read_json
from onepark.contexts.registry.rules import distance_m, refusals
from onepark.simulator.demo_city import SPREAD_MAX_M, TOWNS, bays_of, demo_city


@pytest.fixture(scope="module")
def city() -> dict[str, Any]:
    return demo_city()


def test_one_seed_gives_one_city(city):
    assert demo_city() == city
    assert demo_city(seed=7) != city


def test_it_has_sixteen_towns_three_hundred_lots_and_sixty_thousand_bays(city):
    assert len({lot["town"] for lot in city["lots"]}) == len(TOWNS) == 16
    assert len(city["lots"]) >= 300
    assert bays_of(city) >= 60_000


def test_the_import_takes_all_of_it(city):
    reading = read_json(json.dumps(city).encode())
    assert refusals(reading, Directory(version=0)) == ()
    assert len(reading.lots) == len(city["lots"])


def test_every_name_says_that_it_is_a_demonstration(city):
    for one in [*city["lots"], *city["operators"]]:
        assert one["name"].startswith("演示·")
        assert one["name_en"].startswith("Demo ")


def test_all_five_tariffs_are_in_use_and_roadsides_have_the_roadside_ones(city):
    kinds = Counter((lot["plan_key"], lot["parking_type"]) for lot in city["lots"])
    assert {key for key, _ in kinds} == {
        "t1_core_arterial", "t2_core_side", "t5_hospital", "t7_taicang", "t24_mall"
    }  # fmt: skip
    assert {key for key, kind in kinds if kind == 3} == {"t1_core_arterial", "t2_core_side"}


def test_every_lot_has_an_entry_and_an_exit_with_a_device_of_its_own(city):
    for lot in city["lots"]:
        ways = {lane["lane"]: lane["direction"] for lane in lot["lanes"]}
        bound = {ways[lane] for device in lot["devices"] for lane in device["lanes"]}
        assert bound == {"entry", "exit"}
        assert len(lot["devices"]) == len(lot["lanes"])
        assert all(lane["confirms_exit"] for lane in lot["lanes"])


def test_the_largest_lots_have_two_zones_with_an_entrance_to_each(city):
    zoned = [lot for lot in city["lots"] if "zones" in lot]
    assert len(zoned) >= 30
    assert {id(lot) for lot in zoned} == {
        id(lot) for lot in city["lots"] if sum(lot["pools"].values()) >= 600
    }
    for lot in zoned:
        assert sum(zone["capacity"] for zone in lot["zones"]) == sum(lot["pools"].values())
        leads = {lane["lane"][-2:]: lane.get("zone") for lane in lot["lanes"]}
        assert leads == {"E1": "B1", "E2": "B2", "X1": None, "X2": None}


def test_lots_lie_near_the_seat_of_their_town(city):
    seats = {f"320281{town.street}": town for town in TOWNS}
    for lot in city["lots"]:
        seat = seats[lot["town"]]
        away_m = distance_m(seat.lat, seat.lon, lat_2=lot["lat_wgs84"], lon_2=lot["lon_wgs84"])
        assert away_m < 1.5 * SPREAD_MAX_M


def test_about_six_operators_share_the_city(city):
    assert {lot["operator"] for lot in city["lots"]} == {one["code"] for one in city["operators"]}
    assert len(city["operators"]) == 6
