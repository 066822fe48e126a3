"""Jiangsu Bank: its weak scheme holds here alone, and none of its notices moves money."""

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeUnverified,
)
from onepark.contexts.payments.model import (
    NoticeVerdict,
    PayInstruction,
    RefundRequest,
    RefundWord,
    TradeFact,
    TradeState,
)
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.integrations.payments import jsbank_wire
from onepark.integrations.payments.forms import read_bare
from onepark.integrations.payments.jsbank import BankKeys, JsbankChannel
from onepark.integrations.payments.keys import Unproven
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, ScriptedClient, StillClock, a_key, a_request, vectors

VECTORS = vectors("jsbank")
PUBLISHED_KEY: Any = x509.load_pem_x509_certificate(VECTORS["certificate"].encode()).public_key()
PARTNER = "6a13eab71c4f4b0aa4757eda6fc59710"
NUMBER = "20260501P000001"
BANK = a_key("bank", 1024)
PAID = TradeFact(
    out_trade_no=NUMBER,
    state=TradeState.SUCCESS,
    merchant=PARTNER,
    app=PARTNER,
    amount_fen=Fen(1999),
    currency="CNY",
    provider_txn="20260501120000729509",
    paid_at=datetime(2026, 5, 1, 3, 59, 58, tzinfo=UTC),
)


def a_channel(client=None, bank_key=None):
    held = BankKeys(a_key("own", 1024), bank_key or BANK.public_key(), "00", {"027404"})
    return JsbankChannel(
        client or ScriptedClient(),
        StillClock(),
        base_url="https://mybank.example:577/eis/merchant/merchantServices.htm",
        partner_id=PARTNER,
        held=held,
    )


def the_fields(**changes):
    fields = {
        "partnerId": PARTNER,
        "orderStatus": "1",
        "totalFee": "19.99",
        "outTradeNo": NUMBER,
        "orderNo": "20260501120000729509",
        "field1": "2",
        "field2": "",
        "field3": "20260501115958|20260501115950800219",
    }
    return {**fields, **changes}


def signed(fields, *, key=BANK, algorithm=None, scheme="RSA"):
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    raw = key.sign(text.encode(), padding.PKCS1v15(), algorithm or SHA1())
    return {**fields, "signType": scheme, "sign": base64.b64encode(raw).decode()}


def a_notice(fields=None, **signing):
    return urlencode(signed(fields or the_fields(), **signing)).encode()


def an_answer(**changes):
    fields = signed({"respCode": "000000", **the_fields(), **changes})
    return HttpAnswer(200, {}, "&".join(f"{k}={v}" for k, v in fields.items()).encode())


def reason(body):
    with pytest.raises(NoticeUnverified) as refused:
        a_channel().verify_notice({}, body, NOON)
    return refused.value.facts["reason"]


def test_a_published_notice_is_verified_with_its_empty_field():
    jsbank_wire.prove(VECTORS["notice"], PUBLISHED_KEY)
    body = urlencode(VECTORS["notice"]).encode()
    notice = a_channel(bank_key=PUBLISHED_KEY).verify_notice({}, body, NOON)
    assert (notice.fact.amount_fen, notice.fact.state) == (2, TradeState.SUCCESS)
    assert notice.fact.paid_at == datetime(2024, 6, 13, 8, 41, 39, tzinfo=UTC)
    assert notice.is_hint


@pytest.mark.parametrize("name", sorted(VECTORS["answers"]))
def test_a_published_answer_is_verified_and_every_change_of_it_is_not(name):
    fields = read_bare(VECTORS["answers"][name].encode())
    jsbank_wire.prove(fields, PUBLISHED_KEY)
    for changed in sorted(set(fields) - {"sign"}):
        with pytest.raises(Unproven):
            jsbank_wire.prove({**fields, changed: fields[changed] + "0"}, PUBLISHED_KEY)


def test_a_published_order_that_was_not_paid_is_pending():
    fields = read_bare(VECTORS["answers"]["query"].encode())
    assert fields["orderStatus"] == "2"


def test_a_notice_is_only_why_the_bank_is_asked():
    notice = a_channel().verify_notice({}, a_notice(), NOON)
    assert notice.is_hint
    assert notice.fact == PAID


def test_an_empty_field_is_signed_here():
    emptied = signed(the_fields())
    del emptied["field2"]
    assert reason(urlencode(emptied).encode()) == "signature_wrong"
    assert reason(a_notice() + b"&field4=") == "signature_wrong"


@pytest.mark.parametrize("name", sorted(the_fields()))
def test_a_change_of_any_field_is_refused(name):
    fields = signed(the_fields())
    fields[name] += "1"
    assert reason(urlencode(fields).encode()) == "signature_wrong"


@pytest.mark.parametrize("algorithm", [MD5(), SHA256()])
def test_any_other_digest_is_refused_a_better_one_too(algorithm):
    assert reason(a_notice(algorithm=algorithm)) == "signature_wrong"


@pytest.mark.parametrize("scheme", ["RSA2", "MD5", "", "rsa"])
def test_any_other_scheme_is_refused_by_name(scheme):
    assert reason(a_notice(scheme=scheme)) == "signature_type"


@pytest.mark.parametrize("amount", ["1e-3", "1,000.00", "0.001", "-1.00", "", "１.00"])
def test_an_amount_out_of_form_hints_at_nothing_even_when_signed(amount):
    assert reason(a_notice(the_fields(totalFee=amount))) == "amount"


@pytest.mark.parametrize("field", [b"totalFee=0.01", b"sign=x", b"field2="])
def test_a_field_given_twice_is_refused(field):
    assert reason(a_notice() + b"&" + field) == "form"


@pytest.mark.parametrize(
    ("verdict", "status", "word"),
    [
        (NoticeVerdict.STORED, 200, b"success"),
        (NoticeVerdict.REFUSED, 401, b"fail"),
        (NoticeVerdict.UNAVAILABLE, 503, b"fail"),
    ],
)
def test_it_is_answered_in_the_banks_one_word(verdict, status, word):
    answer = a_channel().answer(verdict)
    assert (answer.status, answer.body) == (status, word)


async def test_an_order_is_placed_in_yuan_and_signed_with_its_empty_fields():
    client = ScriptedClient(an_answer(payUrl="https://epay.example/login?qrCode=1"))
    told = await a_channel(client).create(a_request(amount_fen=1999))
    assert told == PayInstruction("qr", "https://epay.example/login?qrCode=1")
    fields = read_bare(client.asked[0][3])
    assert (fields["service"], fields["totalFee"], fields["svrCode"]) == ("atPay", "19.99", "")
    jsbank_wire.prove(fields, a_key("own", 1024).public_key())


async def test_a_query_is_what_counts():
    assert await a_channel(ScriptedClient(an_answer())).query(NUMBER) == PAID
    unpaid = an_answer(orderStatus="2", field3="")
    fact = await a_channel(ScriptedClient(unpaid)).query(NUMBER)
    assert (fact.state, fact.paid_at) == (TradeState.PENDING, None)


async def test_a_code_that_was_named_for_it_means_that_the_bank_knows_no_such_order():
    answer = an_answer(respCode="027404")
    assert (await a_channel(ScriptedClient(answer)).query(NUMBER)).state is TradeState.ABSENT
    with pytest.raises(ChannelDeclined):
        await a_channel(ScriptedClient(an_answer(respCode="027405"))).query(NUMBER)


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, {}, b"respCode=000000&orderStatus=1"),
        HttpAnswer(200, {}, an_answer().body.replace(b"19.99", b"99.99")),
        an_answer(outTradeNo="another"),
        an_answer(partnerId="somebody"),
        an_answer(orderStatus="9"),
        an_answer(totalFee="1,000.00"),
        HttpAnswer(200, {}, b"a=1&a=2"),
        HttpAnswer(500, {}, b""),
        PeerUnavailable("time-out"),
    ],
    ids=[
        "unsigned", "changed", "another trade", "another merchant", "unknown state", "amount",
        "double", "down", "no answer",
    ],
)  # fmt: skip
async def test_an_answer_that_proves_nothing_leaves_the_outcome_open(answer):
    with pytest.raises(ChannelUnavailable):
        await a_channel(ScriptedClient(answer)).query(NUMBER)


async def test_a_refund_is_taken_in_first_and_asked_after_as_an_order():
    taken = an_answer(outRefundNo="R1", refundAmt="2.00", refundNo="B1", orderStatus="3")
    client = ScriptedClient(taken)
    request = RefundRequest("R1", NUMBER, Fen(200), Fen(1999), "多收", "https://park.example/b")
    told = await a_channel(client).refund(request)
    assert (told.word, told.amount_fen, told.provider_refund) == (RefundWord.PROCESSING, 200, "B1")
    done = ScriptedClient(an_answer(outTradeNo="R1", totalFee="2.00"))
    told = await a_channel(done).query_refund("R1", out_trade_no=NUMBER)
    assert (told.word, told.amount_fen) == (RefundWord.SUCCESS, 200)
