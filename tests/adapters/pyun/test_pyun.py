"""The aggregator P云: its one weak scheme, what it says, and what it is asked."""

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeUnverified,
)
from onepark.contexts.payments.model import (
    Notice,
    NoticeVerdict,
    PayInstruction,
    RefundRequest,
    RefundWord,
    TradeFact,
    TradeState,
)
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.integrations.payments import pyun_wire
from onepark.integrations.payments.pyun import PyunChannel
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, ScriptedClient, a_request, vectors

SECRET = "6409292d66625a2a0912ac345345aaaa"
NUMBER = "20260501P000001"
PAID = TradeFact(
    out_trade_no=NUMBER,
    state=TradeState.SUCCESS,
    merchant="62626601",
    app="op009619634544",
    amount_fen=Fen(500),
    currency="CNY",
    provider_txn="20260501120000000001",
    paid_at=datetime(2026, 5, 1, 3, 59, 58, 500_000, tzinfo=UTC),
)


def a_channel(client=None):
    return PyunChannel(
        client or ScriptedClient(),
        base_url="https://api.4pyun.com",
        app_id="op009619634544",
        merchant="62626601",
        trade_scene="GENERIC",
        app_secret=SECRET,
    )


def the_fields(**changes):
    fields = {
        "app_id": "op009619634544",
        "merchant": "62626601",
        "pay_order": NUMBER,
        "channel": "200201",
        "pay_serial": "20260501120000000001",
        "value": "500",
        "status": "1",
        "trade_time": "1777607998500",
        "pay_mode": "2",
        "pay_mode_desc": "微信",
        "fee": "3",
        "hint": "",
    }
    return {**fields, **changes}


def sign(fields, secret=SECRET):
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name])
    return hashlib.md5(f"{text}&app_secret={secret}".encode()).hexdigest().upper()


def a_notice(fields=None, **changes):
    fields = fields or the_fields(**changes)
    return urlencode({**fields, "sign": sign(fields)}).encode()


def told(body):
    return a_channel().verify_notice({}, body, NOON)


def reason(body):
    with pytest.raises(NoticeUnverified) as refused:
        told(body)
    return refused.value.facts["reason"]


def an_answer(**content):
    return HttpAnswer(200, {}, json.dumps(content, ensure_ascii=False).encode())


def test_the_published_signatures_are_ours_too():
    vector = vectors("pyun")
    assert pyun_wire.sign_body(vector["body"], vector["app_secret"]) == vector["sign"]
    for form in vector["forms"]:
        fields = dict(part.split("=", 1) for part in form["text"].split("&"))
        secret = fields.pop("app_secret")
        assert pyun_wire.sign_form(fields, secret) == form["sign"]


def test_a_paid_trade_is_told_in_our_own_words():
    key = "20260501120000000001:1:1777607998500"
    assert told(a_notice()) == Notice(key, "trade:1", PAID)


@pytest.mark.parametrize(
    ("status", "state"),
    [("1", TradeState.SUCCESS), ("0", TradeState.PENDING), ("-1", TradeState.FAILED)],
)
def test_each_state_that_is_pushed_is_an_event_of_its_own(status, state):
    notice = told(a_notice(status=status))
    assert notice.fact.state is state
    assert notice.event_key.split(":")[1] == status


def test_a_signature_counts_in_either_case_of_letters():
    fields = the_fields()
    assert told(urlencode({**fields, "sign": sign(fields).lower()}).encode()).fact == PAID


@pytest.mark.parametrize("name", sorted(the_fields()))
def test_a_change_of_any_field_is_refused(name):
    fields = the_fields()
    form = {**fields, "sign": sign(fields), name: fields[name] + "1"}
    assert reason(urlencode(form).encode()) == "signature_wrong"


@pytest.mark.parametrize("given", ["", "0" * 32, "签", None])
def test_without_its_signature_there_is_no_notice(given):
    form = the_fields() if given is None else {**the_fields(), "sign": given}
    assert reason(urlencode(form).encode()) == "signature_wrong"


def test_another_secret_is_refused():
    fields = the_fields()
    form = urlencode({**fields, "sign": sign(fields, "nobody's")})
    assert reason(form.encode()) == "signature_wrong"


def test_unknown_fields_are_signed_and_double_ones_refused():
    assert told(a_notice({**the_fields(), "brand_new": "1"})).fact == PAID
    assert reason(a_notice() + b"&brand_new=1") == "signature_wrong"
    assert reason(a_notice() + b"&value=1") == "form"


@pytest.mark.parametrize("amount", ["5.00", "1e2", "-5", "1,000", "", "05"])
def test_an_amount_out_of_form_changes_nothing_even_when_signed(amount):
    assert reason(a_notice(value=amount)) == "amount"


@pytest.mark.parametrize("change", [{"status": "2"}, {"trade_time": "soon"}, {"status": ""}])
def test_a_signed_notice_in_words_that_we_do_not_know_changes_nothing(change):
    assert reason(a_notice(**change)) == "form"


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (NoticeVerdict.STORED, 200, "1001"),
        (NoticeVerdict.REFUSED, 401, "401"),
        (NoticeVerdict.UNAVAILABLE, 503, "500"),
    ],
)
def test_it_is_answered_by_the_code_that_ends_its_repeats(verdict, status, code):
    answer = a_channel().answer(verdict)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)


async def test_an_order_is_a_signed_form_in_fen_and_answered_with_a_link():
    client = ScriptedClient(an_answer(code="1001", pay_url="https://app.4pyun.com/pay?id=1"))
    told_ = await a_channel(client).create(a_request())
    assert told_ == PayInstruction("qr", "https://app.4pyun.com/pay?id=1")
    method, url, _, body = client.asked[0]
    assert (method, urlsplit(url).path) == ("POST", "/gate/1.0/payment/trade/prepare")
    fields = dict(parse_qsl(body.decode()))
    assert fields.pop("sign") == sign(fields)
    assert (fields["value"], fields["expire_time"]) == ("500", "2026-05-01T04:15:00.000Z")
    assert SECRET not in body.decode() + url


@pytest.mark.parametrize(
    ("status", "state"), [(1, "success"), ("1", "success"), (0, "pending"), (-1, "failed")]
)
async def test_a_query_tells_state_and_amount(status, state):
    client = ScriptedClient(
        an_answer(
            code="1001", status=status, pay_order=NUMBER, merchant="62626601", value=500,
            pay_serial="20260501120000000001", trade_time="2026-05-01T03:59:58.500Z",
        )
    )  # fmt: skip
    fact = await a_channel(client).query(NUMBER)
    assert (fact.state, fact.amount_fen) == (TradeState(state), 500)
    if state == "success":
        assert fact == PAID


async def test_a_trade_that_it_does_not_know_is_absent():
    client = ScriptedClient(an_answer(code="500", message="未查询到订单记录"))
    assert (await a_channel(client).query(NUMBER)).state is TradeState.ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(code="1001", status=1, pay_order="another", value=500),
        an_answer(code="1001", status=9, pay_order=NUMBER, value=500),
        an_answer(code="1001", status=1, pay_order=NUMBER, value="5.00"),
        HttpAnswer(200, {}, b"[" * 50_000),
        HttpAnswer(502, {}, b"{}"),
        PeerUnavailable("time-out"),
    ],
    ids=["another trade", "unknown state", "amount", "deep", "down", "no answer"],
)
async def test_an_answer_out_of_form_leaves_the_outcome_open(answer):
    with pytest.raises(ChannelUnavailable):
        await a_channel(ScriptedClient(answer)).query(NUMBER)


async def test_a_refusal_is_passed_on_with_its_code():
    with pytest.raises(ChannelDeclined) as declined:
        await a_channel(ScriptedClient(an_answer(code="1403"))).create(a_request())
    assert declined.value.facts == {"provider_code": "1403"}


async def test_a_refund_signs_its_body_as_it_is_sent():
    paid = an_answer(
        code="1001", status=1, pay_order=NUMBER, merchant="62626601", value=500, pay_serial="S1"
    )
    payload = {"order": "R1", "merchant": "62626601", "value": 200, "process": 1}
    client = ScriptedClient(paid, an_answer(code="1001"), an_answer(code="1001", payload=payload))
    request = RefundRequest("R1", NUMBER, Fen(200), Fen(500), "多收", "https://park.example/back")
    told_ = await a_channel(client).refund(request)
    assert (told_.word, told_.amount_fen) == (RefundWord.SUCCESS, 200)
    _, _, headers, body = client.asked[1]
    assert headers["Authorization"] == pyun_wire.sign_body(body.decode(), SECRET)
    assert json.loads(body)["pay_serial"] == "S1"


async def test_a_refund_that_it_does_not_know_is_absent():
    client = ScriptedClient(an_answer(code="1002"))
    told_ = await a_channel(client).query_refund("R1", out_trade_no=NUMBER)
    assert told_.word is RefundWord.ABSENT
