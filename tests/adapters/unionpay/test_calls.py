"""What we ask of UnionPay is signed, and what it answers is believed only when signed."""

import base64
import hashlib
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import (
    PayInstruction,
    RefundRequest,
    RefundWord,
    TradeState,
)
from onepark.contexts.payments.numbers import fresh_number
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, ScriptedClient, a_key, a_request
from tests.adapters.unionpay.minting import NUMBER, a_channel, an_answer

CODE = {"qrCode": "https://qr.95516.com/00010000/1"}
PAID = {"txnType": "00", "origRespCode": "00"}


def asked(client):
    (_, url, _, body) = client.asked[-1]
    assert url == "https://gateway.95516.com/gateway/api/backTransReq.do"
    return dict(parse_qsl(body.decode(), strict_parsing=True))


async def test_an_order_is_placed_in_fen_at_the_second_that_its_number_tells():
    client = ScriptedClient(an_answer(**CODE))
    told = await a_channel(client).create(a_request(out_trade_no=NUMBER))
    assert told == PayInstruction("qr", CODE["qrCode"])
    fields = asked(client)
    assert (fields["orderId"], fields["txnTime"]) == (NUMBER, "20260501120000")
    assert (fields["txnAmt"], fields["currencyCode"]) == ("500", "156")
    assert fields["payTimeout"] == "20260501121500"
    signature = base64.b64decode(fields.pop("signature"))
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    digest = hashlib.sha256(text.encode()).hexdigest().encode()
    a_key("merchant").public_key().verify(signature, digest, padding.PKCS1v15(), SHA256())


async def test_a_query_names_number_and_second_and_tells_what_became_of_the_trade():
    client = ScriptedClient(an_answer(**PAID))
    fact = await a_channel(client).query(NUMBER)
    assert (fact.state, fact.amount_fen) == (TradeState.SUCCESS, 500)
    fields = asked(client)
    assert (fields["txnType"], fields["orderId"]) == ("00", NUMBER)
    assert fields["txnTime"] == "20260501120000"


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("00", TradeState.SUCCESS),
        ("A6", TradeState.SUCCESS),
        ("03", TradeState.PENDING),
        ("05", TradeState.PENDING),
        ("51", TradeState.FAILED),
    ],
)
async def test_the_code_of_the_trade_is_told_in_our_words(code, state):
    client = ScriptedClient(an_answer(txnType="00", origRespCode=code))
    assert (await a_channel(client).query(NUMBER)).state is state


async def test_a_trade_that_unionpay_does_not_know_is_absent_and_a_strange_number_too():
    client = ScriptedClient(an_answer(respCode="34", txnType="00"))
    assert (await a_channel(client).query(NUMBER)).state is TradeState.ABSENT
    assert (await a_channel(client).query("T-never-ordered")).state is TradeState.ABSENT
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {}, b"respCode=00&origRespCode=00"),
        HttpAnswer(200, {}, an_answer(**PAID).body.replace(b"txnAmt=500", b"txnAmt=900")),
        an_answer(**PAID, orderId=fresh_number(NOON)),
        an_answer(**PAID, txnTime="20260501120001"),
        an_answer(**PAID, merId="somebody"),
        an_answer(**PAID, txnAmt="5.00"),
        an_answer(**PAID, respCode="03"),
        HttpAnswer(200, {}, b"<html>"),
        HttpAnswer(200, {}, b"\xff=1"),
        HttpAnswer(302, {}, b""),
        PeerUnavailable("time-out"),
    ],
    ids=[
        "unsigned", "changed", "another trade", "another second", "another merchant", "amount",
        "undecided", "a page", "no text", "redirect", "no answer",
    ],
)  # fmt: skip
async def test_an_answer_that_proves_nothing_leaves_the_outcome_open(answer):
    with pytest.raises(ChannelUnavailable):
        await a_channel(ScriptedClient(answer)).query(NUMBER)


async def test_a_refusal_is_passed_on_with_its_code():
    client = ScriptedClient(an_answer(respCode="12"))
    with pytest.raises(ChannelDeclined) as declined:
        await a_channel(client).create(a_request(out_trade_no=NUMBER))
    assert declined.value.facts == {"provider_code": "12"}


async def test_closing_asks_nobody():
    client = ScriptedClient()
    await a_channel(client).close(NUMBER)
    assert client.asked == []


async def test_a_refund_names_the_number_that_unionpay_gave_the_payment():
    back = fresh_number(NOON)
    client = ScriptedClient(an_answer(**PAID), an_answer(orderId=back, txnType="04", txnAmt="200"))
    request = RefundRequest(back, NUMBER, Fen(200), Fen(500), "多收", "https://park.example/back")
    told = await a_channel(client).refund(request)
    assert (told.word, told.amount_fen) == (RefundWord.PROCESSING, 200)
    fields = asked(client)
    assert (fields["txnType"], fields["origQryId"]) == ("04", "782605011200000000001")


async def test_a_refund_is_asked_after_as_a_trade_of_its_own():
    back = fresh_number(NOON)
    client = ScriptedClient(an_answer(**PAID, orderId=back, txnAmt="200"))
    told = await a_channel(client).query_refund(back, out_trade_no=NUMBER)
    assert (told.word, told.refund_no, told.amount_fen) == (RefundWord.SUCCESS, back, 200)
