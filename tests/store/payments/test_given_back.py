"""What goes back by itself, what the books say of it, and what a payer sees."""

import asyncio

import pytest

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import (
    Cause,
    RefundState,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.stays.model import OrderState
from tests.builders import minutes
from tests.store.payments.conftest import City, a_car_inside, key, success, tell
from tests.store.payments.refunding import (
    a_paid_order,
    ask,
    balanced,
    drive,
    leaves,
    now,
    order_of,
)

pytestmark = pytest.mark.usefixtures("nothing_goes_back")


# -- by itself -----------------------------------------------------------------------------------


async def paid_twice(city: City):
    """Two channels took one charge; the later of them is surplus."""
    order_no = await a_car_inside(city)
    first = await city.payments.begin(order_no, "open", key=key())
    second = await city.payments.begin(order_no, "other", key=key())
    assert await tell(city, success(first)) == Verdict.APPLIED
    assert await tell(city, success(second), channel="other") == Verdict.APPLIED
    return order_no, first, second


async def test_two_channels_pay_the_same_stay_and_the_later_is_refunded_by_itself_once(city: City):
    order_no, first, second = await paid_twice(city)
    for _ in range(3):
        await asyncio.gather(*(city.refunds.give_back() for _ in range(3)))
        await drive(city)
    assert city.channel.refunds.went_back_fen(first.attempt_no) == 0
    assert city.other.refunds.went_back_fen(second.attempt_no) == 1000
    assert len(city.other.refunds.books) == 1
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.state) == (1000, OrderState.PAID)


async def test_what_was_left_of_a_surplus_goes_back_by_itself(city: City):
    _, _, second = await paid_twice(city)
    await ask(city, 400, payment_no=second.attempt_no)
    await city.refunds.give_back()
    await city.refunds.give_back()
    await drive(city, times=3)
    assert sorted(one.request.amount_fen for one in city.other.refunds.books.values()) == [400, 600]


async def test_late_success_after_a_local_close_settles_and_a_second_one_goes_back(city: City):
    order_no = await a_car_inside(city)
    closed = await city.payments.begin(order_no, "open", key=key())
    city.clock.go(minutes(11))
    city.channel.facts[closed.attempt_no] = TradeFact(
        closed.attempt_no, TradeState.CLOSED, "m", "a"
    )
    await city.payments.ask_providers()
    other = await city.payments.begin(order_no, "other", key=key())
    assert await tell(city, success(other), channel="other") == Verdict.APPLIED
    assert await tell(city, success(closed)) == Verdict.APPLIED
    await city.refunds.give_back()
    await drive(city, times=2)
    order = await order_of(city, order_no)
    back = city.channel.refunds.went_back_fen(closed.attempt_no)
    assert (order.paid_fen, back) in {(2000, 0), (1000, 1000)}, "counted once or given back"


async def test_a_fee_that_turned_out_lower_is_given_back_by_itself(city: City):
    order_no, attempt = await a_paid_order(city)
    await leaves(city, order_no, after=30)
    order = await order_of(city, order_no)
    assert (order.fee_fen, order.refund_due_fen) == (500, 500)
    for _ in range(3):
        await asyncio.gather(*(city.refunds.give_back() for _ in range(3)))
    [refund] = city.channel.refunds.books or [None]
    assert refund is None, "nobody was asked yet"
    await drive(city, times=2)
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.refund_due_fen, order.written_off_fen) == (500, 0, 0)
    assert (order.state, balanced(order)) == (OrderState.PAID, True)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 500
    assert await city.refunds.give_back() == 0


async def test_what_a_person_asked_for_counts_towards_what_goes_back_by_itself(city: City):
    order_no, attempt = await a_paid_order(city)
    await leaves(city, order_no, after=30)
    await ask(city, 200, order_no=order_no)
    assert await city.refunds.give_back() == 1
    await drive(city, times=3)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 500
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.refund_due_fen, order.written_off_fen) == (500, 0, 0)


async def test_what_goes_back_by_itself_says_why(city: City, owner):
    order_no, _ = await a_paid_order(city)
    await leaves(city, order_no, after=30)
    await city.refunds.give_back()
    [seen] = await city.refunds.of_order(order_no)
    assert (seen.amount_fen, seen.state) == (500, "processing")
    row = await owner.fetchrow("SELECT * FROM payments.refund WHERE order_no = $1", order_no)
    assert (row["cause"], row["asked_by"]) == (Cause.ORDER, "onepark")


# -- the books -------------------------------------------------------------------------------------


async def test_the_books_follow_a_refund_from_its_reserve_to_the_payer(city: City, owner):
    order_no, attempt = await a_paid_order(city)
    [refund] = await ask(city, 300, order_no=order_no)
    question = """
        SELECT journal.kind, posting.account, amount_fen
        FROM ledger.pub_posting AS posting JOIN ledger.pub_journal AS journal USING (journal_id)
        WHERE business_key LIKE $1 ORDER BY journal_id, amount_fen DESC
    """
    await drive(city)
    rows = await owner.fetch(question, f"refund:{refund.refund_no}:%")
    assert [tuple(row) for row in rows] == [
        ("refund_reserved", "parking_revenue", 300),
        ("refund_reserved", "refunds_payable", -300),
        ("refund_paid", "refunds_payable", 300),
        ("refund_paid", "channel_receivable", -300),
    ]
    assert attempt.channel == "open"


async def test_an_order_shows_its_payer_what_went_back(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.silent = 1
    await ask(city, 300, order_no=order_no)
    await drive(city)
    assert [(one.amount_fen, one.state) for one in await city.refunds.of_order(order_no)] == [
        (300, "processing")
    ]
    await drive(city)
    assert [one.state for one in await city.refunds.of_order(order_no)] == ["success"]


@pytest.mark.parametrize("refusal", [ChannelDeclined("no"), ChannelUnavailable("away")])
async def test_one_provider_that_fails_holds_up_no_other(city: City, refusal):
    first, _ = await a_paid_order(city)
    second, _ = await a_paid_order(city, channel="other")
    city.channel.refunds.refusal = refusal
    await ask(city, 300, order_no=first)
    [good] = await ask(city, 300, order_no=second)
    await drive(city)
    assert (await now(city, good)).state == RefundState.SUCCESS
