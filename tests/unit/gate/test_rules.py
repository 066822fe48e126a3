"""What counts as a passage, who may send it, and when a lane is opened."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from onepark.contexts.gate import rules
from onepark.contexts.gate.model import Rejection
from onepark.contexts.registry.model import Device, DeviceSecret, Direction, Lane
from onepark.contexts.stays.events import OrderPaid
from onepark.contexts.stays.model import Passage
from onepark.kernel.types import DeviceId, LaneCode, LotId, OperatorId, OrderNo, StayId
from tests.builders import EIGHT, minutes

LOT_CODE = "320281001101"
KEY, OLD_KEY = b"k" * 32, b"o" * 32
LANE = Lane(LaneCode("320281001101-E1"), LotId(42), Direction.ENTRY, confirms_exit=True)
DEVICE = Device(
    DeviceId("cam"),
    LotId(42),
    OperatorId(7),
    frozenset({LANE.lane}),
    (DeviceSecret(KEY, None), DeviceSecret(OLD_KEY, EIGHT + timedelta(hours=24))),
)
SENDER = rules.Sender(DEVICE, LOT_CODE)


def given(**changes: Any) -> Raw:
    """A blue car that goes in at eight, as JSON."""
    body: dict[str, Any] = {
        "passage_id": "p1",
        "lot": LOT_CODE,
        "lane": LANE.lane,
        "kind": "entry",
        "plate": "苏B12345",
        "plate_color": "blue",
        "vehicle": "small",
        "seen_at": EIGHT.isoformat(),
    }
    kept = {name: value for name, value in (body | changes).items() if value != "absent"}
    return Raw(json.dumps(kept).encode())


def checked(raw: Raw, now: datetime = EIGHT) -> Passage | Rejection:
    return rules.check(raw, SENDER, lane_of={LANE.lane: LANE}.get, now=now)


def test_a_passage_knows_the_zone_that_its_lane_leads_into():
    into = replace(LANE, zone="B2")
    passage = rules.check(given(), SENDER, lane_of={LANE.lane: into}.get, now=EIGHT)
    assert isinstance(passage, Passage)
    assert passage.zone == "B2"


def test_a_passage_knows_its_lot_car_and_lane():
    passage = checked(given(plate="苏b·12345"))
    assert isinstance(passage, Passage)
    assert (passage.lot_id, passage.car_key) == (42, "苏B12345/blue")
    assert (passage.plate_raw, passage.plate, passage.plate_suspect) == (
        "苏b·12345",
        "苏B12345",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lot": "320281001102"}, "gate.foreign_lot"),
        ({"lane": "320281001102-E1"}, "gate.foreign_lane"),
        ({"plate": "苏B\u000012345"}, "gate.control_character"),
        ({"plate": "苏" * 17}, "gate.plate_too_long"),
        ({"seen_at": "2026-11-20T08:00:00"}, "gate.invalid_field"),
        ({"seen_at": "9999-12-31T23:59:59Z"}, "gate.seen_at_out_of_range"),
        ({"seen_at": "1999-12-31T23:59:59Z"}, "gate.seen_at_out_of_range"),
        ({"seen_at": (EIGHT + minutes(5.1)).isoformat()}, "gate.seen_at_in_future"),
        ({"seen_at": 1763596800}, "gate.invalid_field"),
        ({"kind": "vanish"}, "gate.invalid_field"),
        ({"plate_color": "pink"}, "gate.invalid_field"),
        ({"vehicle": "tank"}, "gate.invalid_field"),
        ({"passage_id": ""}, "gate.invalid_field"),
        ({"passage_id": "absent"}, "gate.invalid_field"),
        ({"passage_id": "p" * 65}, "gate.invalid_field"),
        ({"seq": -1}, "gate.invalid_field"),
        ({"seq": 2**63}, "gate.invalid_field"),
        ({"entered_at": (EIGHT + minutes(1)).isoformat()}, "gate.entered_at_out_of_range"),
        ({"image_url": "u" * 501}, "gate.invalid_field"),
    ],
)
def test_what_is_no_passage_is_rejected_with_the_field_named(changes, reason):
    rejection = checked(given(**changes))
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason
    named = next(iter(changes))
    assert named in rejection.detail or reason == "gate.control_character"


@pytest.mark.parametrize(
    "raw", [b"17", b'"x"', b"null", b"[]", b"{", b'{"passage_id": "\xff"}', b"[" * 9_000]
)
def test_what_is_not_even_an_object_is_rejected_too(raw):
    assert isinstance(checked(Raw(raw)), Rejection)


def test_a_passage_may_be_days_old_or_up_to_five_minutes_ahead():
    assert isinstance(checked(given(), EIGHT + timedelta(days=9)), Passage)
    assert isinstance(checked(given(), EIGHT - minutes(5)), Passage)


def test_a_plate_of_nonsense_is_a_real_car_and_only_marked():
    passage = checked(given(plate="X?"))
    assert isinstance(passage, Passage)
    assert passage.plate_suspect


def test_a_car_without_a_plate_goes_by_its_ticket_or_stands_alone():
    ticket, unread = checked(given(plate="", ticket="T7")), checked(given(plate=""))
    assert isinstance(ticket, Passage)
    assert isinstance(unread, Passage)
    assert (ticket.car_key, unread.car_key) == ("ticket:T7", "unread:cam:p1")


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"image_url": "https://example/1.jpg"}, True),
        ({"confidence": 0.5}, True),
        ({"seen_at": "2026-11-20T00:00:00Z"}, True),
        ({"plate": "苏B12346"}, False),
        ({"seq": 9}, False),
        ({"seen_at": (EIGHT + timedelta(seconds=1)).isoformat()}, False),
    ],
)
def test_the_fingerprint_covers_the_passage_and_not_its_picture(changes, same):
    one, other = checked(given()), checked(given(**changes))
    assert isinstance(one, Passage)
    assert isinstance(other, Passage)
    assert (one.fingerprint == other.fingerprint) is same


def paid(**changes: Any) -> OrderPaid:
    values: dict[str, Any] = {
        "lot_id": LotId(42),
        "stay_id": StayId(1),
        "order_no": OrderNo("P"),
        "still_inside": True,
        "plate": "苏B12345",
        "car_key": "苏B12345/blue",
        "covered_until_at": None,
        "asked_lane": "L",
        "asked_device_id": "cam",
        "asked_passage_id": "p1",
        "asked_at": EIGHT,
    }
    return OrderPaid(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({}, True),
        ({"asked_at": EIGHT - minutes(3)}, True),
        ({"asked_at": EIGHT - minutes(3.1)}, False),
        ({"asked_at": None}, False),
        ({"still_inside": False}, False),
    ],
)
def test_no_lane_opens_for_a_car_that_is_not_there(changes, opens):
    assert rules.may_open(paid(**changes), EIGHT) is opens
