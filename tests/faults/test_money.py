"""The controls of the invariants of money: the broken must be caught, the sound must pass."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.money import MONEY, Money, Order, Settled, Taken
from tests.faults.traffic import Car

CAME = datetime(2026, 9, 1, 8, tzinfo=UTC)
CARS = [
    Car("JY01", "A", CAME, CAME + timedelta(hours=2), {}, "PA", 800, is_paid=True),
    Car("JY01", "B", CAME, CAME + timedelta(hours=2), {}, "PB", 0, is_paid=False),
    Car("JY01", "C", CAME, CAME + timedelta(hours=2), {}, "PC", 0, is_paid=True),
]
ORDERS = (Order("PA", 800, 0), Order("PB", 600, 0))
SETTLED = (Settled("PA", 1, 800, "a1"), Settled("PB", 1, 600, "b1"))
TAKEN = (
    Taken("a1", "PA", 1, 800, surplus=False),
    Taken("b1", "PB", 1, 600, surplus=False),
)
PROVIDER = {"a1": 800, "b1": 600}


def broken(**other: Any) -> set[str]:
    sound: dict[str, Any] = {
        "orders": ORDERS,
        "settled": SETTLED,
        "taken": TAKEN,
        "waiting": (),
        "provider": PROVIDER,
    }
    money = Money(**sound | other)
    return {name for name, holds in MONEY.items() if holds(CARS, money)}


def test_a_sound_history_passes_although_a_driver_never_heard_that_it_is_paid():
    assert not broken()


def test_an_order_that_calls_itself_paid_is_caught():
    assert broken(orders=(ORDERS[0], Order("PB", 700, 0))) == {"I2"}


def test_books_that_a_stranger_finds_wrong_are_caught():
    assert broken(books=("journal 5 is off by 1 fen",)) == {"I1"}


def test_a_settled_charge_that_no_order_counts_is_caught():
    assert broken(orders=(ORDERS[0], Order("PB", 0, 0))) == {"I2"}


def test_a_payment_that_settled_nothing_is_caught():
    assert broken(settled=SETTLED[:1], orders=ORDERS[:1]) == {"I3"}


def test_a_charge_that_was_settled_by_another_amount_is_caught():
    settled = (SETTLED[0], Settled("PB", 1, 500, "b1"))
    assert broken(settled=settled, orders=(ORDERS[0], Order("PB", 500, 0))) == {"I3"}


def test_a_charge_that_two_attempts_settled_is_caught():
    twice = Taken("b2", "PB", 1, 600, surplus=False)
    found = broken(taken=(*TAKEN, twice), provider=PROVIDER | {"b2": 600})
    assert found == {"I3", "I3b"}


def test_surplus_is_caught():
    surplus = Taken("b2", "PB", 1, 600, surplus=True)
    assert broken(taken=(*TAKEN, surplus), provider=PROVIDER | {"b2": 600}) == {"I3b"}


def test_an_order_that_is_paid_and_owes_is_caught():
    assert broken(orders=(Order("PA", 800, 200), ORDERS[1])) == {"I3b"}


@pytest.mark.parametrize("provider", [{"a1": 800}, {"a1": 800, "b1": 601}, PROVIDER | {"c1": 500}])
def test_a_provider_that_took_something_else_is_caught(provider):
    assert broken(provider=provider) == {"I2p"}


@pytest.mark.parametrize(
    ("back", "there"),
    [({"a1": 300}, {}), ({}, {"a1": 300}), ({"a1": 801}, {"a1": 801}), ({"a1": 300}, {"a1": 600})],
)
def test_money_that_went_back_wrongly_is_caught(back, there):
    assert broken(back=back, provider_back=there) == {"I2r"}


def test_money_that_went_back_rightly_passes():
    assert not broken(back={"a1": 300}, provider_back={"a1": 300})


def test_a_notice_that_still_waits_is_caught():
    assert broken(waiting=[7]) == {"I2p"}


def test_a_driver_who_was_told_too_much_is_caught():
    nothing = {"orders": ORDERS[1:], "settled": SETTLED[1:], "taken": TAKEN[1:]}
    assert broken(**nothing, provider={"b1": 600}) == {"I9p"}
