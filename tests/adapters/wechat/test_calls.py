"""What we ask of WeChat Pay is signed, and what it answers is believed only when signed."""

import base64
import json
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import PayInstruction, TradeState
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from tests.adapters.support import NOON, ScriptedClient, a_key, a_request
from tests.adapters.wechat.minting import PUBLIC_KEY_ID, a_channel, a_trade, an_answer

NUMBER = "20260501P000001"
CODE = {"code_url": "weixin://wxpay/bizpayurl?pr=abc"}
NOT_THERE = {"code": "ORDER_NOT_EXIST", "message": "订单不存在"}


async def test_an_order_is_placed_in_fen_and_answered_with_a_code_to_scan():
    client = ScriptedClient(an_answer(200, CODE))
    assert await a_channel(client).create(a_request()) == PayInstruction("qr", CODE["code_url"])
    method, url, headers, body = client.asked[0]
    assert (method, url) == ("POST", "https://api.mch.weixin.qq.com/v3/pay/transactions/native")
    assert headers["Wechatpay-Serial"] == PUBLIC_KEY_ID
    assert json.loads(body) == {
        "appid": "wx00000000000000aa",
        "mchid": "1900000109",
        "description": "停车费 Parking",
        "out_trade_no": NUMBER,
        "time_expire": "2026-05-01T12:15:00+08:00",
        "notify_url": "https://park.example/v1/payments/notices/any",
        "amount": {"total": 500, "currency": "CNY"},
    }


async def test_the_signature_covers_method_path_query_stamp_nonce_and_body():
    client = ScriptedClient(an_answer(200, a_trade()))
    await a_channel(client).query(NUMBER)
    _, url, headers, _ = client.asked[0]
    scheme, _, rest = headers["Authorization"].partition(" ")
    given = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    assert (scheme, given["mchid"]) == ("WECHATPAY2-SHA256-RSA2048", "1900000109")
    assert given["serial_no"] == "MERCHANTSERIAL"
    target = f"/v3/pay/transactions/out-trade-no/{NUMBER}?mchid=1900000109"
    assert url.endswith(target)
    text = f"GET\n{target}\n{int(NOON.timestamp())}\n{given['nonce_str']}\n\n"
    a_key("merchant").public_key().verify(
        base64.b64decode(given["signature"]),
        text.encode(),
        padding.PKCS1v15(),
        SHA256(),
    )


async def test_a_long_description_is_cut_between_characters():
    client = ScriptedClient(an_answer(200, CODE))
    await a_channel(client).create(a_request(description="停" * 100))
    assert json.loads(client.asked[0][3])["description"] == "停" * 42


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESS", TradeState.SUCCESS),
        ("REFUND", TradeState.SUCCESS),
        ("NOTPAY", TradeState.PENDING),
        ("USERPAYING", TradeState.PENDING),
        ("CLOSED", TradeState.CLOSED),
        ("REVOKED", TradeState.CLOSED),
        ("PAYERROR", TradeState.FAILED),
    ],
)
async def test_a_query_tells_the_state_in_our_words(word, state):
    client = ScriptedClient(an_answer(200, a_trade(trade_state=word)))
    assert (await a_channel(client).query(NUMBER)).state is state


async def test_a_trade_that_wechat_does_not_know_is_absent():
    client = ScriptedClient(an_answer(404, NOT_THERE))
    assert (await a_channel(client).query(NUMBER)).state is TradeState.ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {}, json.dumps(a_trade()).encode()),
        HttpAnswer(404, {}, json.dumps(NOT_THERE).encode()),
        an_answer(200, a_trade(), key=a_key("stranger")),
        an_answer(200, a_trade(), serial="PUB_KEY_ID_UNKNOWN"),
        an_answer(200, a_trade(), at=NOON - timedelta(seconds=300)),
        an_answer(200, a_trade(out_trade_no="another")),
        an_answer(200, a_trade(trade_state="BRAND_NEW")),
        an_answer(200, ["no trade"]),
        an_answer(302, {}),
        HttpAnswer(401, {}, b"<html>"),
        HttpAnswer(429, {}, b"{}"),
        HttpAnswer(502, {}, b"Bad Gateway"),
        PeerUnavailable("time-out"),
    ],
    ids=[
        "unsigned", "unsigned absence", "a stranger's key", "unknown serial", "stale",
        "another trade", "unknown state", "no trade", "redirect", "a page", "busy",
        "gateway down", "no answer",
    ],
)  # fmt: skip
async def test_an_answer_that_proves_nothing_leaves_the_outcome_open(answer):
    with pytest.raises(ChannelUnavailable):
        await a_channel(ScriptedClient(answer)).query(NUMBER)


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(400, {"code": "INVALID_REQUEST", "message": "请求重入参数不一致"}),
        HttpAnswer(401, {}, b'{"code":"SIGN_ERROR","message":"x"}'),
    ],
)
async def test_a_refusal_is_passed_on_with_wechats_code(answer):
    with pytest.raises(ChannelDeclined) as declined:
        await a_channel(ScriptedClient(answer)).create(a_request())
    assert declined.value.facts["provider_code"] in {"INVALID_REQUEST", "SIGN_ERROR"}


@pytest.mark.parametrize(
    "answer",
    [an_answer(204), an_answer(404, NOT_THERE), an_answer(400, {"code": "ORDER_CLOSED"})],
    ids=["closed", "unknown there", "closed before"],
)
async def test_closing_what_cannot_be_paid_any_more_succeeds(answer):
    client = ScriptedClient(answer)
    await a_channel(client).close(NUMBER)
    assert client.asked[0][1].endswith(f"/{NUMBER}/close")
    assert json.loads(client.asked[0][3]) == {"mchid": "1900000109"}


async def test_a_paid_trade_refuses_to_close():
    client = ScriptedClient(an_answer(400, {"code": "ORDERPAID", "message": "已支付"}))
    with pytest.raises(ChannelDeclined):
        await a_channel(client).close(NUMBER)
