"""What we ask of Alipay is signed, and what it answers is believed only when signed."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import PayInstruction, TradeFact, TradeState
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.kernel.types import Fen
from tests.adapters.alipay.minting import a_channel, an_answer
from tests.adapters.support import ScriptedClient, a_key, a_request

NUMBER = "20260501P000001"
CODE = {"code": "10000", "msg": "Success", "out_trade_no": NUMBER, "qr_code": "https://qr/1"}
NOT_THERE = {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_NOT_EXIST"}


def a_trade(**changes):
    trade = {
        "code": "10000",
        "msg": "Success",
        "out_trade_no": NUMBER,
        "trade_no": "2026050122001499160500000001",
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "19.99",
        "send_pay_date": "2026-05-01 11:59:58",
    }
    return {**trade, **changes}


async def query(answer):
    return await a_channel(ScriptedClient(answer)).query(NUMBER)


async def test_an_order_is_placed_in_yuan_and_answered_with_a_code_to_scan():
    client = ScriptedClient(an_answer("precreate", CODE))
    told = await a_channel(client).create(a_request(amount_fen=1999))
    assert told == PayInstruction("qr", "https://qr/1")
    method, url, headers, body = client.asked[0]
    assert (method, url.partition("?")[0]) == ("POST", "https://openapi.alipay.com/gateway.do")
    assert headers["Content-Type"].endswith("charset=utf-8")
    assert json.loads(dict(parse_qsl(body.decode()))["biz_content"]) == {
        "out_trade_no": NUMBER,
        "total_amount": "19.99",
        "subject": "停车费 Parking",
        "seller_id": "2088721003899159",
        "time_expire": "2026-05-01 12:15:00",
    }


async def test_the_signature_covers_every_field_but_itself():
    client = ScriptedClient(an_answer("precreate", CODE))
    await a_channel(client).create(a_request())
    _, url, _, body = client.asked[0]
    fields = dict(parse_qsl(urlsplit(url).query) + parse_qsl(body.decode()))
    signature = base64.b64decode(fields.pop("sign"))
    assert (fields["method"], fields["sign_type"]) == ("alipay.trade.precreate", "RSA2")
    assert fields["timestamp"] == "2026-05-01 12:00:00"
    text = "&".join(f"{key}={fields[key]}" for key in sorted(fields))
    key = a_key("app").public_key()
    key.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())


async def test_a_query_tells_state_amount_and_time_in_our_words():
    assert await query(an_answer("query", a_trade())) == TradeFact(
        out_trade_no=NUMBER,
        state=TradeState.SUCCESS,
        merchant="2088721003899159",
        app="9021000122682882",
        amount_fen=Fen(1999),
        currency="CNY",
        provider_txn="2026050122001499160500000001",
        paid_at=datetime(2026, 5, 1, 3, 59, 58, tzinfo=UTC),
    )


async def test_a_trade_that_nobody_scanned_is_absent():
    assert (await query(an_answer("query", NOT_THERE))).state is TradeState.ABSENT


async def test_the_signature_of_an_answer_covers_its_bytes_as_they_came():
    raw = json.dumps(a_trade(buyer='a"}b{\\/"', more={"deep": [1, {"x": "}"}]}), indent=1)
    assert (await query(an_answer("query", None, raw=raw))).amount_fen == 1999


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {}, json.dumps({"alipay_trade_query_response": a_trade()}).encode()),
        HttpAnswer(200, {}, json.dumps({"alipay_trade_query_response": NOT_THERE}).encode()),
        an_answer("query", a_trade(), name="stranger"),
        an_answer("close", a_trade()),
        an_answer("query", a_trade(out_trade_no="another")),
        an_answer("query", a_trade(trade_status="BRAND_NEW")),
        an_answer("query", a_trade(total_amount="1e-3")),
        an_answer("query", a_trade(send_pay_date="soon")),
        an_answer("query", {"code": "20000", "sub_code": "isp.unknow-error"}),
        an_answer("query", {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}),
        HttpAnswer(200, {}, b"<html>"),
        HttpAnswer(200, {}, b"[" * 50_000),
        HttpAnswer(302, {}, b""),
        HttpAnswer(503, {}, b""),
        PeerUnavailable("time-out"),
    ],
    ids=[
        "unsigned", "unsigned absence", "a stranger's key", "another node", "another trade",
        "unknown state", "amount", "time", "unwell", "unwell inside", "a page", "deep", "redirect",
        "down", "no answer",
    ],
)  # fmt: skip
async def test_an_answer_that_proves_nothing_leaves_the_outcome_open(answer):
    with pytest.raises(ChannelUnavailable):
        await query(answer)


async def test_a_node_that_was_tampered_with_is_not_believed():
    good = an_answer("query", a_trade())
    bent = HttpAnswer(200, {}, good.body.replace(b"19.99", b"99.99"))
    with pytest.raises(ChannelUnavailable):
        await query(bent)


async def test_a_refusal_is_passed_on_with_alipays_code():
    answer = an_answer("precreate", {"code": "40004", "sub_code": "ACQ.TRADE_HAS_SUCCESS"})
    with pytest.raises(ChannelDeclined) as declined:
        await a_channel(ScriptedClient(answer)).create(a_request())
    assert declined.value.facts == {"provider_code": "ACQ.TRADE_HAS_SUCCESS"}


async def test_a_refusal_at_the_door_may_come_unsigned():
    body = b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}'
    with pytest.raises(ChannelDeclined) as declined:
        await a_channel(ScriptedClient(HttpAnswer(200, {}, body))).create(a_request())
    assert declined.value.facts == {"provider_code": "isv.invalid-app-id"}


@pytest.mark.parametrize("node", [{"code": "10000", "msg": "Success"}, NOT_THERE])
async def test_closing_what_cannot_be_paid_any_more_succeeds(node):
    await a_channel(ScriptedClient(an_answer("close", node))).close(NUMBER)


async def test_a_paid_trade_refuses_to_close():
    node = {"code": "40004", "sub_code": "ACQ.TRADE_STATUS_ERROR"}
    with pytest.raises(ChannelDeclined):
        await a_channel(ScriptedClient(an_answer("close", node))).close(NUMBER)
