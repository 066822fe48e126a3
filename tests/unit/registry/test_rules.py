"""Positions, opening hours, and what a file may not say about a lot."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import Device, Direction, Hours, Lane, Operator, Refused
from onepark.contexts.registry.rules import (
    contradictions,
    distance_m,
    filings_of,
    is_open,
    plan_import,
    positioned,
    refusals,
    to_gcj02,
)
from onepark.contexts.registry.store import lot_of
from onepark.kernel.types import CHINA, RevenueKind
from tests.archive import a_lot, a_reading

MONDAY, SATURDAY, SUNDAY = 2, 7, 8  # of March 2026
EMPTY = Directory(version=1)

WORKDAYS = Hours((1, 2, 3, 4, 5), "07:00", "22:00")
NIGHTS = Hours((6,), "20:00", "06:00")  # the night from Saturday to Sunday
ALL_MONDAY = Hours((1,), "00:00", "24:00")

STORED = {
    "lot_id": 7,
    "code": "320281001201",
    "operator_id": 1,
    "name": "人民路停车场",
    "name_en": "Renmin Road Lot",
    "town": "320281001",
    "address": "人民路1号",
    "lat_wgs84": 31.911,
    "lon_wgs84": 120.263,
    "lat_gcj02": 31.909023,
    "lon_gcj02": 120.267608,
    "parking_type": 2,
    "parking_locate": 1,
    "build_type": 1,
    "attached_type": None,
    "price_form": "market",
    "plan_key": "t7_taicang",
    "opening_hours": '"24h"',
    "pools": '{"short_stay": 90, "disabled": 2}',
    "zones": None,
    "revenue_kind": "commercial",
}


def a_city(entry_zone: str | None = None, **changes: object) -> Directory:
    """A city that has the lot of ``a_lot`` already."""
    lanes = ("320281001201-E1", "320281001201-X1")
    return Directory(
        version=3,
        operators=[Operator(1, "OP-A", "甲停车", "Alpha Parking")],
        lots=[lot_of({**STORED, **changes})],
        lanes=[
            Lane(lanes[0], 7, Direction.ENTRY, confirms_exit=True, zone=entry_zone),
            Lane(lanes[1], 7, Direction.EXIT, confirms_exit=True),
        ],
        devices=[Device(f"{lane}-cam", 7, 1, frozenset({lane}), ()) for lane in lanes],
    )


def reasons(directory: Directory, *lots: dict[str, Any], **more: Any) -> list[tuple[int, str, str]]:
    found = refusals(a_reading(*lots, **more), directory)
    return [(one.row, one.field, one.reason) for one in found]


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [  # as published with several independent converters
        ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
        ((40.0, 116.0), (40.001213650174, 116.006141221789)),
        ((34.829793, 113.647881), (34.8287280094783, 113.65396374215176)),
        ((30.6107779, 121.0917077), (30.608604331756705, 121.09626935575027)),
    ],
)
def test_a_position_is_shifted_as_published_to_a_centimetre(wgs84, gcj02):
    assert distance_m(*to_gcj02(*wgs84), lat_2=gcj02[0], lon_2=gcj02[1]) < 0.01


def test_a_degree_of_latitude_is_111_kilometres():
    assert distance_m(31, 120, lat_2=32, lon_2=120) == pytest.approx(111_195, abs=1)


@pytest.mark.parametrize(
    ("hours", "day", "time", "opened"),
    [
        ("24h", SUNDAY, "03:00", True),
        ((WORKDAYS,), MONDAY, "06:59", False),
        ((WORKDAYS,), MONDAY, "07:00", True),
        ((WORKDAYS,), MONDAY, "21:59", True),
        ((WORKDAYS,), MONDAY, "22:00", False),
        ((WORKDAYS,), SUNDAY, "12:00", False),
        ((NIGHTS,), SATURDAY, "19:59", False),
        ((NIGHTS,), SATURDAY, "20:00", True),
        ((NIGHTS,), SUNDAY, "05:59", True),
        ((NIGHTS,), SUNDAY, "06:00", False),
        ((NIGHTS,), SUNDAY, "20:00", False),
        ((WORKDAYS, NIGHTS), SATURDAY, "23:00", True),
        ((ALL_MONDAY,), MONDAY, "23:59", True),
        ((ALL_MONDAY,), MONDAY + 1, "00:00", False),
    ],
)
def test_a_lot_is_open_in_its_hours_by_the_clock_of_jiangyin(hours, day, time, opened):
    hour, minute = map(int, time.split(":"))
    assert is_open(hours, datetime(2026, 3, day, hour, minute, tzinfo=CHINA)) is opened


def test_a_sound_file_is_not_refused():
    assert reasons(EMPTY, a_lot(), a_lot("320281001202", operator="OP-B")) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"parking_type": 1}, "attached_type"),
        ({"attached_type": "06"}, "attached_type"),
        ({"parking_type": 3}, "parking_locate"),
        ({"parking_locate": 2}, "parking_locate"),
        ({"pools": {"contract": 5}}, "pools"),
        ({"lat_gcj02": 31.911}, "lat_gcj02"),
        ({"lat_gcj02": 31.911, "lon_gcj02": 120.263}, "lat_gcj02"),
        ({"devices": []}, ""),
        ({"zones": [{"zone": "A", "name": "A", "capacity": 1}] * 2}, "zones"),
    ],
)
def test_a_lot_that_contradicts_itself_is_refused(changes, field):
    ((_, lot),) = a_reading(a_lot(**changes)).lots
    assert [name for name, _ in contradictions(lot)] == ([field] if field else [])


def test_a_wgs84_position_under_the_name_of_gcj02_is_found_by_its_distance():
    ((_, lot),) = a_reading(a_lot(lat_gcj02=31.911, lon_gcj02=120.263)).lots
    assert [*contradictions(lot)] == [
        ("lat_gcj02", "lies 487 m from where the WGS-84 position converts to")
    ]


def test_repeats_are_refused_in_the_later_row():
    same_lane = a_lot("320281001202", lanes=[{"lane": "320281001201-E1", "direction": "entry"}])
    same_lane["devices"] = []
    assert reasons(EMPTY, a_lot(), a_lot(), same_lane) == [
        (2, "devices", "320281001201-E1-cam stands in row 1 too"),
        (2, "devices", "320281001201-X1-cam stands in row 1 too"),
        (2, "lanes", "320281001201-E1 stands in row 1 too"),
        (2, "lanes", "320281001201-X1 stands in row 1 too"),
        (2, "lot", "320281001201 stands in row 1 too"),
        (3, "lanes", "320281001201-E1 stands in row 1 too"),
    ]


def test_a_repeat_inside_one_lot_is_refused():
    twice = [{"lane": "L1", "direction": "entry"}] * 2
    assert reasons(EMPTY, a_lot(lanes=twice, devices=[])) == [(1, "lanes", "L1 stands twice")]


def test_two_operators_of_one_code_are_refused():
    operators = [{"code": "OP-A", "name": name, "name_en": "A"} for name in ("甲", "乙")]
    assert reasons(EMPTY, a_lot(), operators=operators) == [(2, "code", "OP-A stands in row 1 too")]


def test_an_operator_may_be_known_to_the_file_or_to_the_city():
    assert reasons(a_city(), a_lot(), operators=[]) == []
    assert reasons(EMPTY, a_lot(), operators=[]) == [(1, "operator", "OP-A is unknown")]


def test_a_lot_does_not_change_its_operator_by_import():
    assert reasons(a_city(), a_lot(operator="OP-B")) == [(1, "operator", "the lot is OP-A's")]


def test_lanes_and_devices_never_move_to_another_lot():
    moved = a_lot() | {"lot": "320281001202"}
    assert reasons(a_city(), moved) == [
        (1, "lanes", "320281001201-E1 belongs to another lot for life"),
        (1, "lanes", "320281001201-X1 belongs to another lot for life"),
        (1, "devices", "320281001201-E1-cam belongs to another lot for life"),
        (1, "devices", "320281001201-X1-cam belongs to another lot for life"),
    ]


def test_a_device_stands_at_lanes_of_its_own_lot():
    lot = a_lot(devices=[{"device": "cam", "lanes": ["elsewhere-E1"]}])
    assert reasons(EMPTY, lot) == [
        (1, "devices", "cam stands at elsewhere-E1, which is no lane of the lot")
    ]


B1 = {"zone": "B1", "name": "地下一层", "capacity": 60}
STORED_B1 = '[{"zone": "B1", "name": "地下一层", "capacity": 60}]'


def a_lane_into(zone: str, direction: str = "entry") -> dict[str, Any]:
    lanes = [{"lane": "320281001201-E1", "direction": direction, "zone": zone}]
    return a_lot(lanes=lanes, devices=[])


def test_a_lane_leads_into_a_zone_of_its_own_lot():
    assert reasons(EMPTY, a_lane_into("B1") | {"zones": [B1]}) == []
    neighbour = a_lot("320281001202", zones=[B1])
    assert reasons(EMPTY, a_lane_into("B1"), neighbour) == [
        (1, "lanes", "320281001201-E1 leads into B1, which is no zone of the lot")
    ]


@pytest.mark.parametrize(("direction", "refused"), [("entry", 0), ("both", 0), ("exit", 1)])
def test_no_car_enters_a_zone_through_an_exit(direction, refused):
    found = reasons(EMPTY, a_lane_into("B1", direction) | {"zones": [B1]})
    assert [field for _, field, _ in found] == ["lanes"] * refused


def test_a_zone_is_not_taken_away_while_a_lane_that_stays_leads_into_it():
    city = a_city("B1", zones=STORED_B1)
    silent = a_lot(lanes=[], devices=[])
    assert reasons(city, silent) == [
        (1, "lanes", "320281001201-E1 leads into B1, which is no zone of the lot")
    ]
    assert reasons(city, silent | {"zones": [B1]}) == []
    assert reasons(city, a_lot()) == [], "the lane is stated anew, without a zone"


def test_another_zone_behind_a_lane_is_a_change_and_the_same_is_none():
    city = a_city("B1", zones=STORED_B1)
    lot = a_lot(zones=[B1])
    (changed,) = plan_import(a_reading(lot, operators=[]), city).lots
    assert [lane.zone for lane in changed.lanes] == [None, None]
    lot["lanes"][0]["zone"] = "B1"
    assert plan_import(a_reading(lot, operators=[]), city).lots == ()


def test_the_rows_that_could_not_be_read_are_refused_beside_the_others():
    found = reasons(EMPTY, a_lot(name=7), a_lot("320281001202", parking_type=1))
    assert [(row, field) for row, field, _ in found] == [(1, "name"), (2, "attached_type")]


def test_the_same_file_again_changes_nothing():
    plan = plan_import(a_reading(a_lot(), operators=[]), a_city())
    assert (plan.lots, plan.operators, plan.new_devices, plan.same_lots) == ((), (), (), 1)


def test_the_order_of_lanes_and_lost_decimals_are_no_change():
    lot = a_lot(lat_wgs84=31.9110000001)
    lot["lanes"].reverse()
    lot["devices"].reverse()
    assert plan_import(a_reading(lot, operators=[]), a_city()).lots == ()


def test_pools_are_the_files_but_lanes_and_devices_that_it_leaves_out_stay():
    lot = a_lot(pools={"short_stay": 80}, lanes=[], devices=[])
    (changed,) = plan_import(a_reading(lot, operators=[]), a_city()).lots
    assert changed.pools == {"short_stay": 80}
    assert [lane.lane for lane in changed.lanes] == ["320281001201-E1", "320281001201-X1"]
    assert len(changed.devices) == 2


def test_only_devices_that_the_city_never_saw_get_a_key():
    lot = a_lot()
    lot["devices"].append({"device": "spare-cam", "lanes": ["320281001201-X1"]})
    plan = plan_import(a_reading(lot, operators=[]), a_city())
    assert plan.new_devices == (("320281001201", "spare-cam"),)


def test_the_archive_can_be_said_in_the_words_of_a_file():
    ((_, lot),) = a_reading(a_lot()).lots
    [filed] = filings_of(a_city()).values()
    assert filed == replace(positioned(lot), revenue_kind=RevenueKind.COMMERCIAL)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "commercial"),
        ({"parking_type": 3, "parking_locate": 2}, "non_tax"),
        ({"parking_type": 3, "parking_locate": 2, "revenue_kind": "commercial"}, "commercial"),
        ({"revenue_kind": "non_tax"}, "non_tax"),
    ],
)
def test_the_fees_of_a_new_lot_are_the_treasurys_by_the_roadside(changes, kind):
    plan = plan_import(a_reading(a_lot(**changes)), EMPTY)
    assert [lot.revenue_kind for lot in plan.lots] == [kind]


def test_a_file_that_says_nothing_of_revenue_leaves_it_as_it_was():
    assert plan_import(a_reading(a_lot()), a_city(revenue_kind="non_tax")).lots == ()
    plan = plan_import(a_reading(a_lot(revenue_kind="non_tax")), a_city())
    assert [lot.revenue_kind for lot in plan.lots] == [RevenueKind.NON_TAX]


def test_a_refusal_names_section_row_field_and_reason():
    assert refusals(a_reading(a_lot(operator="OP-C")), EMPTY) == (
        Refused("lots", 1, "operator", "OP-C is unknown"),
    )
