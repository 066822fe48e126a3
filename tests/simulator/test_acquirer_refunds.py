"""UnionPay, P云 and the bank give money back over HTTP, and are asked what became of it."""

from datetime import UTC, datetime

import pytest

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import RefundRequest, RefundWord
from onepark.contexts.payments.numbers import fresh_number
from onepark.kernel.types import Fen
from tests.simulator.conftest import a_request


@pytest.fixture(params=["unionpay", "pyun", "jsbank"])
def channel(request, channels):
    return channels[request.param]


@pytest.fixture
async def paid(channel, listener, tester):
    """A trade of 3.05 yuan that was paid; what is asked back of it ends at once."""
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, refund_delay_s=0)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await listener.hears(1)
    return request


def a_refund(paid, fen=100, **changes):
    values = {
        "refund_no": fresh_number(datetime.now(UTC)),
        "out_trade_no": paid.out_trade_no,
        "amount_fen": Fen(fen),
        "paid_fen": paid.amount_fen,
        "reason": "停车费退款",
        "notify_url": paid.notify_url,
    }
    return RefundRequest(**(values | changes))


async def test_part_of_a_trade_goes_back_and_a_query_tells_so(channel, paid, tester):
    request = a_refund(paid)
    answered = await channel.refund(request)
    assert answered.word in {RefundWord.PROCESSING, RefundWord.SUCCESS}
    told = await channel.query_refund(request.refund_no, out_trade_no=paid.out_trade_no)
    assert (told.word, told.amount_fen) == (RefundWord.SUCCESS, 100)
    assert (told.refund_no, told.merchant) == (request.refund_no, channel.merchant)
    assert abs((datetime.now(UTC) - told.refunded_at).total_seconds()) < 10
    trade = await tester.get(f"trades/{paid.out_trade_no}")
    assert [one["amount_fen"] for one in trade["refunds"]] == [100]


async def test_the_same_number_is_the_same_refund(channel, paid, tester):
    request = a_refund(paid)
    await channel.refund(request)
    await channel.refund(request)
    with pytest.raises(ChannelDeclined):
        await channel.refund(a_refund(paid, 101, refund_no=request.refund_no))
    trade = await tester.get(f"trades/{paid.out_trade_no}")
    assert [one["amount_fen"] for one in trade["refunds"]] == [100]


async def test_more_than_was_paid_is_declined(channel, paid):
    with pytest.raises(ChannelDeclined):
        await channel.refund(a_refund(paid, 306))


async def test_a_refund_that_was_never_asked_for_is_absent(channel, paid):
    never = fresh_number(datetime.now(UTC))
    told = await channel.query_refund(never, out_trade_no=paid.out_trade_no)
    assert told.word is RefundWord.ABSENT


async def test_a_refund_whose_answer_was_lost_is_found_by_its_number(channel, paid, tester):
    number = paid.out_trade_no
    await tester.post("behaviour", out_trade_no=number, refund_delay_s=0, refund_timeout=True)
    request = a_refund(paid)
    with pytest.raises(ChannelUnavailable):
        await channel.refund(request)
    told = await channel.query_refund(request.refund_no, out_trade_no=number)
    assert told.word is RefundWord.SUCCESS
