"""What staff see of an odd stay: why, whose it is, and until when."""

from datetime import datetime
from typing import Any

import pytest

from onepark.contexts.stays.oddities import (
    FoundView,
    Oddity,
    OddStay,
    Owner,
    TwoLotsProof,
    UnopenedProof,
    view_of,
)
from onepark.kernel.types import Fen, LotCode, StayId
from tests.builders import EIGHT, minutes

NINE, DAY = EIGHT + minutes(60), minutes(24 * 60)
LOT = (LotCode("320281001101"), "人民路停车场")
TWO = TwoLotsProof(1, EIGHT, NINE)


def found(oddity: Oddity, owner: Owner, due_at: datetime) -> FoundView:
    proof = TWO if owner == Owner.CITY else UnopenedProof("X1", NINE, Fen(500))
    return FoundView(oddity, owner, NINE, due_at, proof)


CITYS = found(Oddity.PLATE_IN_TWO_LOTS, Owner.CITY, NINE + minutes(90))
OPERATORS = found(Oddity.UNOPENED_EXIT, Owner.OPERATOR, NINE + minutes(30))


def a_stay(**changes: Any) -> OddStay:
    """A stay from eight to nine."""
    values: dict[str, Any] = {
        "stay_id": StayId(1),
        "operator_id": 7,
        "plate": "苏B12345",
        "plate_color": "blue",
        "state": "closed",
        "marks": [],
        "entered_at": EIGHT,
        "exited_at": NINE,
        "found": (),
    }
    return OddStay(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "oddities", "owner", "due_at"),
    [
        ({"marks": ["clock_suspect"]}, ["clock_suspect"], "operator", NINE + DAY),
        ({"state": "exit_missing"}, ["exit_missing"], "operator", NINE + DAY),
        ({"found": (OPERATORS,)}, ["unopened_exit"], "operator", OPERATORS.due_at),
        ({"found": (CITYS,)}, ["plate_in_two_lots"], "city", CITYS.due_at),
        (
            {"found": (CITYS, OPERATORS)},
            ["plate_in_two_lots", "unopened_exit"],
            "operator",
            OPERATORS.due_at,
        ),
        (
            {"marks": ["plate_suspect"], "found": (CITYS,)},
            ["plate_suspect", "plate_in_two_lots"],
            "operator",
            CITYS.due_at,
        ),
    ],
)
def test_the_first_of_its_clocks_counts_and_the_operator_looks_unless_all_is_the_citys(
    changes, oddities, owner, due_at
):
    view = view_of(a_stay(**changes), LOT, no_plate_after=DAY)
    assert (list(view.oddities), view.owner, view.due_at) == (oddities, owner, due_at)


@pytest.mark.parametrize(
    ("changes", "oddities", "due_at"),
    [
        ({}, ["no_plate"], EIGHT + DAY + DAY),
        ({"state": "exit_missing"}, ["exit_missing", "no_plate"], EIGHT + DAY),
    ],
)
def test_a_car_without_a_plate_is_odd_only_once_it_has_been_inside_for_long(
    changes, oddities, due_at
):
    ticket = {"plate": "", "marks": ["plate_suspect"], "state": "open", "exited_at": None}
    view = view_of(a_stay(**(ticket | changes)), LOT, no_plate_after=DAY)
    assert (list(view.oddities), view.due_at) == (oddities, due_at)


def test_a_plate_is_shown_masked():
    assert view_of(a_stay(), LOT, no_plate_after=DAY).plate != "苏B12345"
