"""When a car left although nobody had opened for it, and what explains it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from onepark.contexts.stays.model import LaneThen, Lift
from onepark.contexts.stays.oddities import Barrier, UnopenedProof
from onepark.contexts.stays.oddity_store import SeenExit
from onepark.contexts.stays.unopened import ExitCase, Other, judge, other_of, owed_at_exit
from onepark.kernel.types import Fen, OrderNo, PlanId, StayId
from tests.builders import EIGHT, LOT, minutes

NINE = EIGHT + minutes(60)
WITHIN = timedelta(seconds=10)
OTHER = StayId(2)


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


def grace_of(plan_id: PlanId | None) -> timedelta:
    return minutes(15)


def an_exit(**changes: Any) -> SeenExit:
    """A car that left at nine owing five yuan, told at once."""
    values: dict[str, Any] = {
        "lot_id": LOT,
        "stay_id": StayId(1),
        "operator_id": 7,
        "plan_id": PlanId(1),
        "lane": "X1",
        "entered_at": EIGHT,
        "exited_at": NINE,
        "order_no": OrderNo("P1"),
        "fee_fen": Fen(500),
        "paid_fen": Fen(0),
        "last_paid_at": None,
        "opened_at": None,
        "device_id": "cam",
        "received_at": NINE + seconds(2),
        "derived": False,
    }
    return SeenExit(**(values | changes))


def a_case(*others: Other, lifts: tuple[Lift, ...] = (), **changes: Any) -> ExitCase:
    """Nobody opened for it."""
    opened_at = changes.pop("let_out_at", None)
    one = an_exit(**changes)
    return ExitCase(one, owed_at_exit(one, grace_of), opened_at, others, lifts)


def kind_of(case: ExitCase) -> str | None:
    found = judge(case, within=WITHIN)
    return None if found is None else found.kind.value


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "unopened_exit"),
        ({"fee_fen": 0}, None),
        ({"paid_fen": 500, "last_paid_at": EIGHT + minutes(30)}, None),
        ({"fee_fen": 900, "paid_fen": 500, "last_paid_at": NINE - minutes(15)}, None),
        ({"fee_fen": 900, "paid_fen": 500, "last_paid_at": NINE - minutes(16)}, "unopened_exit"),
        ({"let_out_at": NINE - minutes(1)}, None),
        ({"derived": True}, None),
        ({"device_id": ":desk"}, None),
        ({"received_at": NINE + minutes(3)}, "unopened_exit"),
        ({"received_at": NINE + minutes(4)}, None),
    ],
    ids=[
        "owing",
        "free",
        "paid",
        "paid in its grace",
        "its grace over",
        "let out",
        "an opened barrier",
        "decided by a person",
        "told at once",
        "its gate was offline",
    ],
)
def test_only_who_owed_something_and_was_not_let_out_left_unopened(changes, kind):
    assert kind_of(a_case(**changes)) == kind


@pytest.mark.parametrize(
    ("other", "behind"),
    [
        (Other(OTHER, NINE - seconds(10), None), 10),
        (Other(OTHER, NINE - seconds(11), None), None),
        (Other(OTHER, NINE + seconds(1), None), None),
        (Other(OTHER, NINE - minutes(2), NINE - seconds(3)), 3),
        (Other(OTHER, NINE - seconds(8), NINE + seconds(4)), 8),
        (Other(OTHER, None, None), None),
    ],
)
def test_who_left_right_behind_another_car_that_was_let_out_tailgated(other, behind):
    found = judge(a_case(other), within=WITHIN)
    assert found is not None
    stay_id = None if behind is None else OTHER
    assert found.proof == UnopenedProof("X1", NINE, Fen(500), stay_id, behind, None)
    assert found.kind == ("unopened_exit" if behind is None else "tailgate")


def test_the_car_right_before_is_the_one_that_was_followed():
    first, last = Other(StayId(3), NINE - seconds(9), None), Other(OTHER, None, NINE - seconds(2))
    found = judge(a_case(first, last), within=WITHIN)
    assert found is not None
    assert (found.proof.other_stay_id, found.proof.seconds_behind) == (OTHER, 2)


@pytest.mark.parametrize(
    ("raised_by", "kind"),
    [
        ("hand", "manual_lift"),
        ("fire", "unopened_exit"),
        ("power", "unopened_exit"),
        ("platform", "tailgate"),
    ],
)
def test_a_barrier_that_stood_open_explains_more_than_a_car_before(raised_by, kind):
    lift = Lift(raised_by, NINE - seconds(5), NINE + seconds(5))
    found = judge(a_case(Other(OTHER, None, NINE - seconds(4)), lifts=(lift,)), within=WITHIN)
    assert found is not None
    assert found.kind == kind
    assert found.proof.barrier == (None if raised_by == "platform" else Barrier(*lift))


def test_a_barrier_raised_by_hand_is_believed_of_a_gate_that_was_offline():
    lift = Lift("hand", NINE - seconds(5), None)
    case = a_case(lifts=(lift,), received_at=NINE + minutes(600))
    assert kind_of(case) == "manual_lift"


@pytest.mark.parametrize(
    ("changes", "commanded_at", "other"),
    [
        ({}, None, Other(OTHER, None, None)),
        ({"paid_fen": 500}, None, Other(OTHER, None, NINE)),
        ({"derived": True}, None, Other(OTHER, None, NINE)),
        ({"opened_at": EIGHT}, None, Other(OTHER, EIGHT, NINE)),
        ({}, NINE - seconds(20), Other(OTHER, NINE - seconds(20), NINE)),
    ],
    ids=["owing", "nothing owed", "opened", "let out by an answer", "let out by a command"],
)
def test_a_car_that_slipped_out_itself_was_followed_by_nobody(changes, commanded_at, other):
    commanded: dict[OrderNo, datetime] = {}
    if commanded_at is not None:
        commanded[OrderNo("P1")] = commanded_at
    seen = an_exit(stay_id=OTHER, **changes)
    assert other_of(seen, LaneThen(commanded, ()), grace_of) == other
