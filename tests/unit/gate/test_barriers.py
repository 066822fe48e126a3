"""What a device may say of its barriers, and what it is told is wrong."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from onepark.contexts.gate.barrier_store import KeptLift, Move
from onepark.contexts.gate.barriers import Lifted, check, moves_of, result_of
from onepark.contexts.gate.model import BarrierResult
from onepark.contexts.registry.model import Device
from onepark.kernel.types import DeviceId, LaneCode, LotId, OperatorId
from tests.builders import EIGHT, minutes

DEVICE = Device(DeviceId("out"), LotId(42), OperatorId(7), frozenset({LaneCode("X1")}), ())
NOW = EIGHT + minutes(60)
RIGHT = timedelta(0)


def told(**changes: Any) -> Raw:
    values = {
        "lane": "X1",
        "raised_at": EIGHT.isoformat(),
        "by": "hand",
        "lowered_at": (EIGHT + minutes(9)).isoformat(),
    }
    return Raw(msgspec.json.encode(values | changes))


def lifted(**changes: Any) -> Lifted:
    one = check(told(**changes), DEVICE, ahead=RIGHT, now=NOW)
    assert isinstance(one, Lifted)
    return one


def test_a_barrier_that_was_lowered_moved_twice():
    one = lifted()
    assert moves_of(one) == [
        Move("X1", EIGHT, "raised", "hand", EIGHT, EIGHT),
        Move("X1", EIGHT, "lowered", None, EIGHT + minutes(9), EIGHT + minutes(9)),
    ]
    assert len(moves_of(lifted(lowered_at=None))) == 1, "it stands open still"


def test_a_clock_that_is_off_moves_both_moments_and_not_what_names_the_lift():
    one = check(told(), DEVICE, ahead=minutes(2), now=NOW)
    assert isinstance(one, Lifted)
    assert (one.raised_at, one.lowered_at) == (EIGHT - minutes(2), EIGHT + minutes(7))
    assert one.key == ("X1", EIGHT)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"lane": "E1"}, "gate.foreign_lane", "lane"),
        ({"lane": ""}, "gate.invalid_field", "lane"),
        ({"lane": 7}, "gate.invalid_field", "lane"),
        ({"by": "wind"}, "gate.invalid_field", "by"),
        ({"raised_at": "2026-11-20T08:00:00"}, "gate.invalid_field", "raised_at"),
        ({"raised_at": "1999-01-01T00:00:00Z"}, "gate.raised_at_out_of_range", "raised_at"),
        ({"raised_at": "0001-01-01T00:00:00+14:00"}, "gate.raised_at_out_of_range", "raised_at"),
        (
            {"raised_at": (NOW + minutes(6)).isoformat(), "lowered_at": None},
            "gate.raised_at_in_future",
            "raised_at",
        ),
        (
            {"lowered_at": (EIGHT - minutes(1)).isoformat()},
            "gate.lowered_at_out_of_range",
            "lowered_at",
        ),
        (
            {"lowered_at": (NOW + minutes(6)).isoformat()},
            "gate.lowered_at_in_future",
            "lowered_at",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(changes, reason, field):
    one = check(told(**changes), DEVICE, ahead=RIGHT, now=NOW)
    assert isinstance(one, BarrierResult)
    assert (one.outcome, one.reason) == ("rejected", reason)
    assert field in str(one.detail)


@pytest.mark.parametrize("raw", [b"null", b"[]", b"7", b'{"lane": "X1"', b'"\xff"'])
def test_what_is_no_barrier_is_refused(raw):
    one = check(Raw(raw), DEVICE, ahead=RIGHT, now=NOW)
    assert isinstance(one, BarrierResult)
    assert one.reason == "gate.invalid_field"


@pytest.mark.parametrize(
    ("kept", "is_new", "outcome"),
    [
        (KeptLift("hand", EIGHT + minutes(9)), True, "accepted"),
        (KeptLift("hand", EIGHT + minutes(9)), False, "duplicate"),
        (KeptLift("fire", EIGHT + minutes(9)), False, "conflict"),
        (KeptLift("hand", EIGHT + minutes(8)), False, "conflict"),
    ],
)
def test_what_was_said_first_of_a_lift_stands(kept, is_new, outcome):
    one = lifted()
    assert result_of(one, kept, new={one.key} if is_new else set()).outcome == outcome


def test_a_raising_that_is_told_again_after_it_was_lowered_is_a_repeat():
    one = lifted(lowered_at=None)
    assert result_of(one, KeptLift("hand", EIGHT + minutes(9)), new=set()).outcome == "duplicate"
