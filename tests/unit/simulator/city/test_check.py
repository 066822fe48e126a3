"""The final comparison agrees with what agrees, and names every difference."""

import pytest

from onepark.simulator.city.books import Books
from onepark.simulator.city.check import (
    check_counts,
    check_nothing_lost,
    check_orders,
    check_providers,
    check_repeats,
)
from onepark.simulator.city.wire import Answer, Decision, OrderStanding, Payment, Trade

ONE = Payment("t1", "P1", "wechat", 300)
TWO = Payment("t2", "P2", "alipay", 500)
LATER = Payment("t3", "P2", "alipay", 100)


def an_answer(**changes):
    answer = {"passage_id": "a", "outcome": "accepted", "decision": Decision("pay"), "due_fen": 5}
    return Answer(**{**answer, **changes})


def test_counts_that_moved_by_our_cars_alone_agree():
    check = check_counts({"a": 5, "b": 0}, {"a": 7, "b": 0}, moved={"a": 2})
    assert check.differences == []
    assert "2 lots, 5 cars inside before, 7 now" in str(check)


@pytest.mark.parametrize("after", [{"a": 8}, {"a": 6}, {}])
def test_a_count_that_moved_otherwise_is_named(after):
    [difference] = check_counts({"a": 5}, after, moved={"a": 2}).differences
    assert difference.startswith("lot a: 5 at the start")


def test_a_count_of_a_lot_that_we_never_touched_may_not_move():
    assert check_counts({"a": 5}, {"a": 6}, moved={}).differences


def test_an_order_holds_the_money_of_all_its_payments():
    orders = {"P1": OrderStanding("P1", "paid", 300), "P2": OrderStanding("P2", "paid", 600)}
    assert check_orders([ONE, TWO, LATER], orders).differences == []


@pytest.mark.parametrize(
    "order",
    [
        OrderStanding("P1", "open", 300),
        OrderStanding("P1", "paid", 299),
        OrderStanding("P1", "paid", 600),
        OrderStanding("P1", "partly_paid", 300),
        None,
    ],
)
def test_an_order_that_does_not_show_our_payment_is_named(order):
    [difference] = check_orders([ONE], {"P1": order} if order else {}).differences
    assert difference.startswith("order P1: ")


def test_a_car_that_is_still_inside_may_owe_more_than_it_paid():
    order = OrderStanding("P1", "partly_paid", 300, inside=True)
    assert check_orders([ONE], {"P1": order}).differences == []


def test_providers_hold_one_trade_a_payment_beside_what_they_knew_before():
    trades = [Trade("t0", 900, "paid"), Trade("t1", 300, "paid"), Trade("t9", 1, "waiting")]
    assert check_providers([ONE], trades, known={"t0"}).differences == []


@pytest.mark.parametrize(
    "trades",
    [
        [],
        [Trade("t1", 300, "waiting")],
        [Trade("t1", 301, "paid")],
        [Trade("t1", 300, "paid"), Trade("t1", 300, "paid")],
        [Trade("t1", 300, "paid"), Trade("t2", 500, "paid")],
    ],
)
def test_a_trade_that_is_missing_wrong_twice_or_nobodys_is_named(trades):
    assert len(check_providers([ONE], trades, known=set()).differences) == 1


def test_a_repeat_with_its_first_answer_is_right():
    books = Books()
    books.repeated(an_answer(), an_answer(outcome="duplicate"))
    assert check_repeats(books.repeats, books.repeats_wrong).differences == []


@pytest.mark.parametrize(
    "again",
    [
        an_answer(),
        an_answer(outcome="duplicate", due_fen=6),
        an_answer(outcome="duplicate", decision=Decision("open")),
        an_answer(outcome="conflict"),
    ],
)
def test_a_repeat_that_was_taken_anew_or_answered_otherwise_is_named(again):
    books = Books()
    books.repeated(an_answer(), again)
    assert len(check_repeats(books.repeats, books.repeats_wrong).differences) == 1


def test_conflicts_and_rejections_and_unfinished_cars_are_losses():
    errors = {"conflict:stays.passage_id_reused": 1, "no_answer": 7, "rejected:gate.x": 2}
    assert len(check_nothing_lost(unfinished=0, errors=errors).differences) == 2
    assert len(check_nothing_lost(unfinished=3, errors={}).differences) == 1
    assert check_nothing_lost(unfinished=0, errors={"no_answer": 7}).differences == []


def test_many_differences_are_shown_in_part_and_counted():
    before = {str(n): 0 for n in range(50)}
    check = check_counts(before, dict.fromkeys(before, 1), moved={})
    assert str(check).startswith("FAILED counts")
    assert str(check).endswith("… and 30 more")
