"""What counts as a snapshot of a lot, and what it says."""

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Raw

from onepark.contexts.gate import rules
from onepark.contexts.gate.model import Rejection, SnapshotResult
from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import Outcome
from onepark.contexts.vacancies.model import Snapshot
from onepark.kernel.types import DeviceId, OperatorId, Pool
from tests.builders import EIGHT
from tests.fakes.city import a_city_lot

LOT = a_city_lot(pools={Pool.SHORT_STAY: 100, Pool.CHARGING: 6})
DEVICE = Device(DeviceId("cam"), LOT.lot_id, OperatorId(7), frozenset(), ())


def given(**changes: Any) -> Raw:
    """What the lot holds at eight, as JSON."""
    body: dict[str, Any] = {
        "snapshot_id": "s1",
        "lot": LOT.code,
        "taken_at": EIGHT.isoformat(),
        "pools": {"short_stay": {"free": 41}, "charging": {"occupied": 6}},
    }
    kept = {name: value for name, value in (body | changes).items() if value != "absent"}
    return Raw(json.dumps(kept).encode())


def checked(raw: Raw, ahead: timedelta = timedelta(0)) -> Snapshot | Rejection:
    return rules.check_snapshot(raw, rules.Sender(DEVICE, LOT.code, ahead), lot=LOT, now=EIGHT)


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(minutes=-20)])
def test_a_snapshot_by_a_wrong_clock_is_moved_to_when_it_was(ahead):
    """As passages are: otherwise the passages between the two would be counted twice, or never."""
    shown_at = EIGHT + ahead
    snapshot = checked(given(taken_at=shown_at.isoformat()), ahead)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.taken_at, snapshot.shown_at) == (EIGHT, shown_at)
    right = checked(given(taken_at=shown_at.isoformat()), timedelta(hours=1))
    assert isinstance(right, Snapshot)
    assert right.fingerprint == snapshot.fingerprint, "it is the same snapshot, however corrected"


def test_a_moment_that_no_calendar_holds_is_refused_however_it_is_moved():
    rejection = checked(given(taken_at="0001-01-01T00:00:00Z"), timedelta(hours=1))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == "gate.taken_at_out_of_range"


def test_free_bays_and_cars_inside_say_the_same_thing():
    snapshot = checked(given())
    assert isinstance(snapshot, Snapshot)
    assert snapshot.occupied == {Pool.SHORT_STAY: 59, Pool.CHARGING: 6}
    assert (snapshot.lot_id, snapshot.operator_id, snapshot.device_id) == (1, 7, "cam")
    assert (snapshot.taken_at, snapshot.received_at) == (EIGHT, EIGHT)


def test_a_lot_may_hold_more_cars_than_it_has_bays():
    snapshot = checked(given(pools={"charging": {"occupied": 8}}))
    assert isinstance(snapshot, Snapshot)
    assert snapshot.occupied == {Pool.CHARGING: 8}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lot": "320281001102"}, "gate.foreign_lot"),
        ({"snapshot_id": "s\u00001"}, "gate.control_character"),
        ({"snapshot_id": ""}, "gate.invalid_field"),
        ({"snapshot_id": "absent"}, "gate.invalid_field"),
        ({"taken_at": "2026-11-20T08:00:00"}, "gate.invalid_field"),
        ({"taken_at": "1999-12-31T23:59:59Z"}, "gate.taken_at_out_of_range"),
        ({"taken_at": "9999-12-31T23:59:59Z"}, "gate.taken_at_out_of_range"),
        ({"taken_at": (EIGHT + timedelta(minutes=6)).isoformat()}, "gate.taken_at_in_future"),
        ({"pools": {}}, "gate.invalid_field"),
        ({"pools": {"roof": {"free": 1}}}, "gate.invalid_field"),
        ({"pools": {"disabled": {"free": 1}}}, "gate.foreign_pool"),
        ({"pools": {"short_stay": {}}}, "gate.invalid_field"),
        ({"pools": {"short_stay": {"free": 1, "occupied": 99}}}, "gate.invalid_field"),
        ({"pools": {"short_stay": {"free": 101}}}, "gate.over_capacity"),
        ({"pools": {"short_stay": {"free": -1}}}, "gate.invalid_field"),
        ({"pools": {"short_stay": {"occupied": 100_001}}}, "gate.invalid_field"),
        ({"pools": {"short_stay": {"occupied": 1.5}}}, "gate.invalid_field"),
        ({"pools": [["short_stay", 1]]}, "gate.invalid_field"),
    ],
)
def test_what_is_no_snapshot_is_rejected_with_a_reason(changes, reason):
    rejection = checked(given(**changes))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason
    assert rejection.detail


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"taken_at": "2026-11-20T00:00:00Z"}, True),
        ({"pools": {"charging": {"occupied": 6}, "short_stay": {"free": 41}}}, True),
        ({"pools": {"short_stay": {"free": 40}, "charging": {"occupied": 6}}}, False),
        ({"pools": {"short_stay": {"free": 41}}}, False),
        ({"taken_at": "2026-11-20T00:00:01Z"}, False),
    ],
)
def test_two_bodies_are_one_snapshot_if_they_say_the_same(changes, same):
    first, second = checked(given()), checked(given(**changes))
    assert isinstance(first, Snapshot)
    assert isinstance(second, Snapshot)
    assert (first.fingerprint == second.fingerprint) is same


def test_a_reused_id_is_a_conflict_with_a_reason():
    snapshot = checked(given())
    result = rules.result_of_snapshot(snapshot, iter([Outcome.CONFLICT]))
    assert result == SnapshotResult("s1", Outcome.CONFLICT, "gate.snapshot_id_reused")
