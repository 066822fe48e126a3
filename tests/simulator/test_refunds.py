"""The real adapters give money back through the provider simulator, over HTTP.

Owns: a refund from its request to its notice in both dialects, and each misbehaviour.
"""

import asyncio
from uuid import uuid4

import pytest

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import (
    NoticeVerdict,
    RefundRequest,
    RefundWord,
    TradeState,
)
from onepark.kernel.types import Fen
from tests.simulator.conftest import a_request


@pytest.fixture(params=["wechat", "alipay"])
def channel(request, channels):
    """The channels that tell of refunds themselves."""
    return channels[request.param]


@pytest.fixture
async def paid(channel, listener, tester):
    """A trade of 3.05 yuan that was paid and told."""
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await listener.hears(1)
    listener.heard.clear()
    return request


def a_refund(paid, fen: int = 100, **changes) -> RefundRequest:
    values = {
        "refund_no": f"R{uuid4().hex[:20]}",
        "out_trade_no": paid.out_trade_no,
        "amount_fen": Fen(fen),
        "paid_fen": paid.amount_fen,
        "reason": "停车费退款+1%",
        "notify_url": paid.notify_url,
    }
    return RefundRequest(**(values | changes))


async def test_part_of_a_trade_goes_back_and_is_told_by_a_notice(channel, listener, paid, tester):
    request = a_refund(paid)
    answered = await channel.refund(request)
    at_once = RefundWord.SUCCESS if channel.name == "alipay" else RefundWord.PROCESSING
    assert answered.word is at_once
    (notice,) = await listener.hears(1)
    told = notice.refund
    assert (told.refund_no, told.out_trade_no) == (request.refund_no, paid.out_trade_no)
    assert (told.word, told.merchant) == (RefundWord.SUCCESS, channel.merchant)
    assert (told.amount_fen or told.so_far_fen, told.paid_fen) == (100, 305)
    assert notice.fact is None or notice.fact.state is TradeState.SUCCESS
    asked = await channel.query_refund(request.refund_no, out_trade_no=paid.out_trade_no)
    assert (asked.word, asked.amount_fen) == (RefundWord.SUCCESS, 100)
    assert (await tester.get("books"))["refunded_fen"] >= 100


async def test_a_refunded_trade_was_paid(channel, listener, paid):
    await channel.refund(a_refund(paid, 305))
    (notice,) = await listener.hears(1)
    assert notice.fact is None or notice.fact.state is TradeState.SUCCESS
    assert (await channel.query(paid.out_trade_no)).state is TradeState.SUCCESS


async def test_a_refund_that_was_never_asked_for_is_absent(channel, paid):
    fact = await channel.query_refund("R-never-asked", out_trade_no=paid.out_trade_no)
    assert fact.word is RefundWord.ABSENT


async def test_the_same_number_is_the_same_refund_and_with_other_content_it_is_declined(
    channel, paid, tester
):
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


async def test_parts_add_up_and_alipay_tells_their_sum(channels, listener, tester):
    channel = channels["alipay"]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await channel.refund(a_refund(request))
    with pytest.raises(ChannelUnavailable):
        await channel.refund(a_refund(request, 50))
    await asyncio.sleep(3)
    await channel.refund(a_refund(request, 50))
    notices = await listener.hears(3)
    assert [one.refund.so_far_fen for one in notices if one.refund] == [100, 150]


async def test_a_refund_that_is_not_answered_in_time_is_booked_and_found_by_its_number(
    channel, paid, tester
):
    await tester.post("behaviour", out_trade_no=paid.out_trade_no, refund_timeout=True)
    request = a_refund(paid)
    with pytest.raises(ChannelUnavailable):
        await channel.refund(request)
    await tester.post("behaviour", out_trade_no=paid.out_trade_no)
    await channel.refund(request)
    fact = await channel.query_refund(request.refund_no, out_trade_no=paid.out_trade_no)
    assert fact.word is RefundWord.SUCCESS
    assert len((await tester.get(f"trades/{paid.out_trade_no}"))["refunds"]) == 1


async def test_a_refund_may_take_its_time(channel, paid, tester):
    await tester.post("behaviour", out_trade_no=paid.out_trade_no, refund_delay_s=60)
    request = a_refund(paid)
    assert (await channel.refund(request)).word is RefundWord.PROCESSING
    url = f"trades/{paid.out_trade_no}/refunds/{request.refund_no}/success"
    await tester.post(url)
    fact = await channel.query_refund(request.refund_no, out_trade_no=paid.out_trade_no)
    assert fact.word is RefundWord.SUCCESS


@pytest.mark.parametrize("end", ["abnormal", "closed"])
async def test_wechat_tells_of_a_refund_that_came_to_nothing(channels, listener, tester, end):
    channel = channels["wechat"]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await listener.hears(1)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, refund_ends=end)
    await channel.refund(a_refund(request))
    notices = await listener.hears(2)
    assert notices[1].refund.word == end


async def test_an_empty_account_is_no_decline(channel, paid, tester):
    await tester.post("behaviour", out_trade_no=paid.out_trade_no, refund_ends="not_enough")
    request = a_refund(paid)
    with pytest.raises(ChannelUnavailable):
        await channel.refund(request)
    await tester.post("behaviour", out_trade_no=paid.out_trade_no)
    await channel.refund(request)


async def test_a_refund_notice_is_repeated_until_it_is_acknowledged(
    channel, listener, paid, tester
):
    listener.verdicts = [NoticeVerdict.UNAVAILABLE, NoticeVerdict.UNAVAILABLE]
    request = a_refund(paid)
    await channel.refund(request)
    notices = await listener.hears(3, within_s=10.0)
    assert len({(one.event_key, one.refund) for one in notices}) == 1
    [told] = (await tester.get(f"trades/{paid.out_trade_no}"))["refunds"]
    assert [one["acknowledged"] for one in told["deliveries"]] == [False, False, True]


async def test_a_refund_of_an_unpaid_trade_is_declined(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    with pytest.raises(ChannelDeclined):
        await channel.refund(a_refund(request))
