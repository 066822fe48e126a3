"""The real adapters against the provider simulator: two codes written apart, over HTTP.

Owns: one payment from order to notice in both dialects, and each misbehaviour.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeStale,
    NoticeUnverified,
)
from onepark.contexts.payments.model import Notice, NoticeVerdict, PayKind, TradeState
from onepark.infra.clock import SystemClock
from onepark.integrations.payments.config import open_channels
from onepark.integrations.payments.keys import ChannelMisconfigured
from tests.simulator.conftest import a_request, start, stop


def unpaid(channel):
    """Alipay knows nothing of a code that nobody has scanned."""
    return TradeState.ABSENT if channel.name == "alipay" else TradeState.PENDING


async def test_an_order_is_paid_by_itself_and_told_by_a_notice(channel, listener, tester):
    request = a_request(channel, listener)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, pay=True, delay_s=0.1)
    assert (await channel.create(request)).code_url
    (notice,) = await listener.hears(1)
    assert isinstance(notice, Notice)
    fact = notice.fact
    assert fact is not None
    assert (fact.out_trade_no, fact.state) == (request.out_trade_no, TradeState.SUCCESS)
    assert (fact.amount_fen, fact.currency) == (305, "CNY")
    assert (fact.merchant, fact.app) == (channel.merchant, channel.app)
    assert fact.paid_at is not None
    assert abs(datetime.now(UTC) - fact.paid_at) < timedelta(seconds=10)
    assert await channel.query(request.out_trade_no) == fact


async def test_without_further_words_a_payer_pays_within_two_seconds(channel, listener, tester):
    await tester.reset()
    await channel.create(a_request(channel, listener))
    assert (await listener.hears(1, within_s=3.0))[0].fact.state is TradeState.SUCCESS


async def test_an_order_that_nobody_pays_stays_unpaid(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    assert (await channel.query(request.out_trade_no)).state is unpaid(channel)
    assert (await tester.get(f"trades/{request.out_trade_no}"))["state"] == "waiting"


async def test_a_trade_that_was_never_ordered_is_absent(channel):
    assert (await channel.query("T-never-ordered")).state is TradeState.ABSENT


async def test_the_same_order_again_gets_the_same_code_and_another_amount_is_declined(
    channel, listener, tester
):
    request = a_request(channel, listener)
    told = await channel.create(request)
    assert await channel.create(request) == told
    dearer = a_request(channel, listener, out_trade_no=request.out_trade_no, amount_fen=306)
    with pytest.raises(ChannelDeclined):
        await channel.create(dearer)


async def test_a_closed_order_is_closed_and_closing_again_changes_nothing(
    channels, listener, tester
):
    channel = channels["wechat"]
    request = a_request(channel, listener)
    await channel.create(request)
    await channel.close(request.out_trade_no)
    await channel.close(request.out_trade_no)
    assert (await channel.query(request.out_trade_no)).state is TradeState.CLOSED


async def test_closing_a_code_that_nobody_scanned_leaves_alipay_ignorant(
    channels, listener, tester
):
    channel = channels["alipay"]
    request = a_request(channel, listener)
    await channel.create(request)
    await channel.close(request.out_trade_no)
    assert (await channel.query(request.out_trade_no)).state is TradeState.ABSENT


@pytest.mark.parametrize("name", ["wechat", "alipay"])
async def test_a_paid_order_cannot_be_closed(name, *, channels, listener, tester):
    channel = channels[name]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    with pytest.raises(ChannelDeclined):
        await channel.close(request.out_trade_no)


@pytest.mark.parametrize("name", ["unionpay", "pyun", "jsbank"])
async def test_where_nothing_can_be_closed_a_close_changes_nothing(
    name, *, channels, listener, tester
):
    channel = channels[name]
    request = a_request(channel, listener)
    await channel.create(request)
    await channel.close(request.out_trade_no)
    assert not channel.terms.closes
    assert (await channel.query(request.out_trade_no)).state is TradeState.PENDING


async def test_a_hint_is_told_apart_from_a_fact(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    (notice,) = await listener.hears(1)
    assert notice.is_hint is (channel.name in {"unionpay", "jsbank"})


@pytest.mark.parametrize("kind", list(PayKind)[:3])
async def test_wechats_three_ways_of_paying_are_told_alike(kind, *, channels, listener, tester):
    channel = channels["wechat"]
    payer = {"payer_id": "o-somebody"} if kind is PayKind.JSAPI else {}
    request = a_request(channel, listener, kind=kind, payer_address="198.51.100.7", **payer)
    told = await channel.create(request)
    assert told.kind == kind
    assert (told.jsapi is not None) is (kind is PayKind.JSAPI)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    assert (await listener.hears(1))[0].fact.state is TradeState.SUCCESS


async def test_late_money_comes_after_a_close(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    await channel.close(request.out_trade_no)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await listener.hears(1)
    assert (await channel.query(request.out_trade_no)).state is TradeState.SUCCESS


async def test_an_unpaid_order_closes_at_its_expiry(channels, listener, tester):
    channel = channels["wechat"]
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    request = a_request(channel, listener, expires_at=soon)
    await channel.create(request)
    await asyncio.sleep(2.0)
    assert (await channel.query(request.out_trade_no)).state is TradeState.CLOSED


@pytest.mark.parametrize("name", ["wechat", "alipay", "unionpay", "pyun", "jsbank"])
async def test_a_request_under_another_key_is_refused(
    name, *, folder, client, channels, listener, tester
):
    stranger = json.loads((folder / "payments.json").read_text())
    stranger["wechat"]["merchant_key_file"] = "merchant/alipay_app_key.pem"
    stranger["alipay"]["app_key_file"] = "merchant/wechat_merchant_key.pem"
    stranger["pyun"]["app_secret_file"] = "merchant/wechat_api_v3_key"
    stranger["jsbank"]["merchant_key_file"] = "merchant/wechat_merchant_key.pem"
    unionpay = stranger["unionpay"]
    unionpay["merchant_key_file"] = "provider/unionpay_forger.pem"
    unionpay["merchant_certificate_file"] = "provider/unionpay_forged.crt"
    path = folder / "stranger.json"
    path.write_text(json.dumps(stranger))
    channel = open_channels(path, client, SystemClock(), demo=True)[name]
    request = a_request(channel, listener)
    with pytest.raises(ChannelDeclined) as declined:
        await channel.create(request)
    codes = {"SIGN_ERROR", "isv.invalid-signature", "11", "401", "027005"}
    assert declined.value.facts["provider_code"] in codes
    assert (await channels[name].query(request.out_trade_no)).state is TradeState.ABSENT


async def test_an_unknown_app_is_refused_unsigned(folder, client, listener):
    other = json.loads((folder / "payments.json").read_text())
    other["alipay"]["app_id"] = "9021000000000009"
    path = folder / "other.json"
    path.write_text(json.dumps(other))
    channel = open_channels(path, client, SystemClock(), demo=True)["alipay"]
    with pytest.raises(ChannelDeclined) as declined:
        await channel.create(a_request(channel, listener))
    assert declined.value.facts["provider_code"] == "isv.invalid-app-id"


async def test_a_notice_is_repeated_until_it_is_acknowledged(channel, listener, tester):
    listener.verdicts = [NoticeVerdict.UNAVAILABLE, NoticeVerdict.UNAVAILABLE]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    notices = await listener.hears(3, within_s=10.0)
    assert len({notice.event_key for notice in notices}) == 1
    trade = await tester.get(f"trades/{request.out_trade_no}")
    assert [one["acknowledged"] for one in trade["deliveries"]] == [False, False, True]


async def test_copies_of_an_acknowledged_notice_carry_the_same_event(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, duplicates=2)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    notices = await listener.hears(3)
    assert len({(notice.event_key, notice.fact) for notice in notices}) == 1


async def test_a_notice_is_repeated_on_demand(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await listener.hears(1)
    assert await tester.post(f"trades/{request.out_trade_no}/repeat") == {"acknowledged": True}
    assert len(listener.heard) == 2


async def test_either_wechat_key_signs_notices_and_both_are_believed(channels, listener, tester):
    channel = channels["wechat"]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, duplicates=12)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    notices = await listener.hears(13, within_s=10.0)
    assert all(isinstance(notice, Notice) for notice in notices)


@pytest.mark.parametrize(
    ("misbehaviour", "reasons"),
    [
        ("wrong_serial", {"serial_unknown", "signature_wrong", "certificate"}),
        ("bad_signature", {"signature_wrong"}),
    ],
)
async def test_a_notice_that_proves_nothing_is_refused_until_the_provider_behaves(
    misbehaviour, reasons, *, channel, listener, tester
):
    request = a_request(channel, listener)
    number = request.out_trade_no
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=number, **{misbehaviour: True})
    await tester.post(f"trades/{number}/pay")
    (refused,) = await listener.hears(1)
    assert isinstance(refused, NoticeUnverified)
    assert refused.facts["reason"] in reasons
    await tester.post("behaviour", out_trade_no=number)
    assert isinstance((await listener.hears(2))[1], Notice)


async def test_a_stale_stamp_makes_wechats_notice_a_hint_to_ask(channels, listener, tester):
    channel = channels["wechat"]
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, stale_stamp=True)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    (stale,) = await listener.hears(1)
    assert isinstance(stale, NoticeStale)
    assert stale.out_trade_no == request.out_trade_no
    assert (await channel.query(request.out_trade_no)).state is TradeState.SUCCESS


async def test_a_wrong_amount_is_told_as_it_came_and_a_query_tells_the_right_one(
    channel, listener, tester
):
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, wrong_amount=True)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    (notice,) = await listener.hears(1)
    assert notice.fact.amount_fen == 306
    assert (await channel.query(request.out_trade_no)).amount_fen == 305


async def test_when_notices_are_lost_a_query_still_tells_the_truth(channel, listener, tester):
    request = a_request(channel, listener)
    await channel.create(request)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, lose_notices=True)
    await tester.post(f"trades/{request.out_trade_no}/pay")
    await asyncio.sleep(0.3)
    assert listener.heard == []
    assert (await channel.query(request.out_trade_no)).state is TradeState.SUCCESS


async def test_a_notice_may_come_before_the_order_call_is_answered(channel, listener, tester):
    request = a_request(channel, listener)
    await tester.post("behaviour", out_trade_no=request.out_trade_no, notice_before_answer=True)
    told = await channel.create(request)
    assert listener.heard[0].fact.out_trade_no == request.out_trade_no
    assert told.code_url


async def test_an_order_that_is_not_answered_in_time_exists_all_the_same(channel, listener, tester):
    request = a_request(channel, listener)
    number = request.out_trade_no
    await tester.post("behaviour", out_trade_no=number, answer_timeout=True)
    with pytest.raises(ChannelUnavailable):
        await channel.create(request)
    await tester.post(f"trades/{number}/pay")
    assert (await channel.query(number)).state is TradeState.SUCCESS


async def test_the_books_add_up_to_what_was_paid(channels, listener, tester):
    before = await tester.get("books")
    amounts = {"wechat": 196, "alipay": 1, "unionpay": 1, "pyun": 1, "jsbank": 1}
    for channel, amount_fen in ((channels[name], fen) for name, fen in amounts.items()):
        request = a_request(channel, listener, amount_fen=amount_fen)
        await channel.create(request)
        await tester.post(f"trades/{request.out_trade_no}/pay")
    after = await tester.get("books")
    assert after["paid"] - before["paid"] == 5
    assert after["paid_fen"] - before["paid_fen"] == 200
    paid = [trade for trade in after["trades"] if trade["state"] == "paid"]
    assert after["paid_fen"] == sum(trade["amount_fen"] for trade in paid)


async def test_an_unknown_misbehaviour_is_refused(tester):
    async with tester.session.post(
        f"{tester.base_url}/_simulator/behaviour", json={"explode": True}
    ) as answer:
        assert answer.status == 400


async def test_outside_a_demonstration_the_simulator_is_no_provider(folder, client):
    with pytest.raises(ChannelMisconfigured):
        open_channels(folder / "payments.json", client, SystemClock(), demo=False)


async def test_keys_outlive_a_restart_and_a_held_answer_does_not_hold_the_end(
    tmp_path, client, listener
):
    first = start(tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.rglob("merchant/*")}
    channel = open_channels(tmp_path / "payments.json", client, SystemClock(), demo=True)["wechat"]
    request = a_request(channel, listener)
    base_url = json.loads((tmp_path / "payments.json").read_text())["wechat"]["base_url"]
    change = json.dumps({"answer_timeout": True}).encode()
    json_type = {"Content-Type": "application/json"}
    await client.request("POST", f"{base_url}/_simulator/behaviour", headers=json_type, body=change)
    held = asyncio.ensure_future(channel.create(request))
    await asyncio.sleep(0.3)
    assert await asyncio.to_thread(stop, first) == 0
    await asyncio.gather(held, return_exceptions=True)
    second = await asyncio.to_thread(start, tmp_path)
    try:
        assert {path.name: path.read_bytes() for path in tmp_path.rglob("merchant/*")} == kept
    finally:
        assert await asyncio.to_thread(stop, second) == 0
