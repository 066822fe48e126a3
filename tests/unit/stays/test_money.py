"""What an order owes: fee = paid + owed + written off - to be refunded, always."""

from datetime import timedelta

from hypothesis import given
from hypothesis.strategies import booleans, integers, lists

from onepark.contexts.stays import money
from onepark.contexts.stays.model import Order, OrderState, Stay, StayState
from onepark.contexts.tariffs.model import Quote
from onepark.kernel.types import Fen
from tests.builders import EIGHT, a_stay, an_order, minutes

GRACE = timedelta(minutes=15)
AMOUNTS = integers(1, 100_000)


def balanced(order: Order) -> bool:
    assert order.fee_fen is not None
    assert order.owed_fen is not None
    sides = order.paid_fen + order.owed_fen + order.written_off_fen - order.refund_due_fen
    return order.fee_fen == sides


@given(before=lists(AMOUNTS), fee=integers(0, 100_000), after=lists(AMOUNTS), in_time=booleans())
def test_the_books_of_an_order_balance_whatever_is_paid_and_when(before, fee, after, in_time):
    order = an_order()
    for amount in before:
        money.settle(order, a_stay(), amount_fen=Fen(amount), paid_at=EIGHT, grace=GRACE)
    left_at = EIGHT + (minutes(15) if in_time else minutes(16))
    money.close(order, fee_fen=Fen(fee), at=left_at)
    assert balanced(order)
    gone = a_stay(state=StayState.CLOSED, exited_at=left_at)
    for amount in after:
        money.settle(order, gone, amount_fen=Fen(amount), paid_at=left_at, grace=GRACE)
        assert balanced(order)
    assert min(order.owed_fen or 0, order.written_off_fen, order.refund_due_fen) >= 0
    assert order.settled == (order.owed_fen == 0)
    assert (order.state == OrderState.PAID) == order.settled


def test_an_order_of_a_car_inside_is_paid_while_its_grace_lasts_and_partly_paid_after_it():
    order = an_order()
    money.settle(order, a_stay(), amount_fen=Fen(500), paid_at=EIGHT + minutes(60), grace=GRACE)
    quote = Quote(Fen(1000), (), None)
    in_time = money.due_of(order, a_stay(), quote, at=EIGHT + minutes(75))
    too_late = money.due_of(order, a_stay(), quote, at=EIGHT + minutes(76))
    assert (in_time.due_fen, in_time.state) == (0, OrderState.PAID)
    assert (too_late.due_fen, too_late.state) == (500, OrderState.PARTLY_PAID)


def test_the_amount_told_at_the_exit_stands_for_five_minutes():
    order = an_order(quoted_at=EIGHT + minutes(60), quoted_fen=500)
    stay = a_stay()
    assert money.priced_until(order, stay, EIGHT + minutes(65)) == EIGHT + minutes(60)
    assert money.priced_until(order, stay, EIGHT + minutes(66)) == EIGHT + minutes(66)


def test_an_ended_stay_is_priced_to_its_end_for_ever():
    stay = a_stay(state=StayState.CLOSED, exited_at=EIGHT + minutes(30))
    assert money.priced_until(an_order(), stay, EIGHT + minutes(9999)) == EIGHT + minutes(30)


def test_a_payment_and_an_exit_in_its_grace_come_to_the_same_in_either_order():
    def paid(order: Order, stay: Stay) -> None:
        money.settle(order, stay, amount_fen=Fen(500), paid_at=EIGHT + minutes(59), grace=GRACE)

    gone = a_stay(state=StayState.CLOSED, exited_at=EIGHT + minutes(62))
    first, second = an_order(), an_order()
    paid(first, a_stay())
    money.close(first, fee_fen=Fen(1000), at=EIGHT + minutes(62))
    money.close(second, fee_fen=Fen(1000), at=EIGHT + minutes(62))
    paid(second, gone)
    assert first == second
    assert (first.state, first.written_off_fen, first.owed_fen) == (OrderState.PAID, 500, 0)


def test_a_late_notice_of_an_earlier_payment_does_not_shorten_the_grace():
    order = an_order()
    for paid_after in (80, 59):
        paid_at = EIGHT + minutes(paid_after)
        money.settle(order, a_stay(), amount_fen=Fen(500), paid_at=paid_at, grace=GRACE)
    assert order.covered_until_at == EIGHT + minutes(95)


def test_what_was_not_owed_once_is_not_owed_when_the_fee_is_learnt():
    order = an_order(fee_fen=Fen(0), owed_fen=Fen(0))
    money.close_again(order, fee_fen=Fen(500), at=EIGHT)
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (500, 0, 500)


@given(
    lists(integers(0, 5000), min_size=1, max_size=6),
    integers(0, 5000),
)
def test_a_fee_that_is_fixed_again_never_raises_what_is_owed(fees, paid):
    order = an_order(paid_fen=Fen(paid))
    money.close(order, fee_fen=Fen(fees[0]), at=EIGHT)
    for fee in fees[1:]:
        before = order.owed_fen
        money.close_again(order, fee_fen=Fen(fee), at=EIGHT)
        assert order.owed_fen is not None
        assert before is not None
        assert order.owed_fen <= before
        rest = order.owed_fen + order.written_off_fen - order.refund_due_fen
        assert order.fee_fen == fee == paid + rest


def test_an_order_whose_stay_goes_on_is_open_again_with_what_was_paid():
    order = an_order(paid_fen=Fen(500))
    money.close(order, fee_fen=Fen(1500), at=EIGHT)
    money.reopen(order)
    assert (order.fee_fen, order.owed_fen, order.settled) == (None, None, False)
    assert (order.paid_fen, order.state) == (500, OrderState.PAID)


def test_an_order_of_a_stay_that_never_was_gives_back_what_was_paid():
    order = an_order(paid_fen=Fen(500))
    money.close(order, fee_fen=Fen(1500), at=EIGHT)
    money.cancel(order)
    assert (order.fee_fen, order.owed_fen, order.refund_due_fen) == (0, 0, 500)
    nothing = an_order()
    money.cancel(nothing)
    assert (nothing.state, nothing.settled) == (OrderState.VOID, True)


def test_a_stay_that_a_wrong_clock_told_of_owes_nothing_wherever_it_is_asked_for():
    due = money.due_of(
        an_order(),
        a_stay(marks=["clock_suspect"]),
        Quote(Fen(1500), (), None),
        at=EIGHT + minutes(170),
    )
    assert (due.fee_fen, due.due_fen) == (1500, 0)


@given(paid=AMOUNTS, fee=integers(0, 100_000), parts=lists(AMOUNTS))
def test_the_books_of_an_order_balance_whatever_goes_back_and_nobody_is_asked_anew(
    paid, fee, parts
):
    order, gone = an_order(), a_stay(state=StayState.CLOSED, exited_at=EIGHT + minutes(60))
    money.settle(order, a_stay(), amount_fen=Fen(paid), paid_at=EIGHT, grace=GRACE)
    money.close(order, fee_fen=Fen(fee), at=EIGHT + minutes(60))
    owed, due = order.owed_fen, order.refund_due_fen
    back = 0
    for part in parts:
        if back + part <= paid:
            money.give_back(order, gone, amount_fen=Fen(part))
            back += part
            assert balanced(order)
    assert order.paid_fen == paid - back
    assert order.owed_fen == owed
    assert order.refund_due_fen == max(due - back, 0)
    assert order.fee_fen == fee
    assert min(order.paid_fen, order.written_off_fen, order.refund_due_fen) >= 0


def test_a_car_inside_that_got_part_of_its_money_back_may_still_leave_in_its_grace():
    order = an_order()
    money.settle(order, a_stay(), amount_fen=Fen(500), paid_at=EIGHT, grace=GRACE)
    money.give_back(order, a_stay(), amount_fen=Fen(200))
    assert (order.paid_fen, order.covered_until_at) == (300, EIGHT + GRACE)
    money.give_back(order, a_stay(), amount_fen=Fen(300))
    assert (order.paid_fen, order.covered_until_at, order.state) == (0, None, OrderState.OPEN)


def test_a_stay_that_never_was_is_void_once_its_money_is_back():
    order = an_order()
    money.settle(order, a_stay(), amount_fen=Fen(500), paid_at=EIGHT, grace=GRACE)
    money.cancel(order)
    money.give_back(order, a_stay(state=StayState.VOID), amount_fen=Fen(500))
    assert (order.refund_due_fen, order.state) == (0, OrderState.VOID)
