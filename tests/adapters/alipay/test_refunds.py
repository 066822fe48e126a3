"""Refunds of Alipay: code 10000 is no refund, and a trade's notice may tell of one."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeUnverified,
)
from onepark.contexts.payments.model import (
    RefundFact,
    RefundRequest,
    RefundWord,
    TradeState,
)
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.kernel.types import Fen
from tests.adapters.alipay.minting import a_channel, a_notice, an_answer, the_fields
from tests.adapters.support import NOON, ScriptedClient

NUMBER, REFUND, SELLER = "20260501P000001", "R2026050100001", "2088721003899159"
REQUEST = RefundRequest(REFUND, NUMBER, Fen(199), Fen(500), "停车费退款", "https://park.example/n")
DONE = {"code": "10000", "msg": "Success"}


def moved(**changes: Any) -> dict[str, Any]:
    answer = {"out_trade_no": NUMBER, "trade_no": "2026", "fund_change": "Y", "refund_fee": "1.99"}
    return {**DONE, **answer, **changes}


def found(**changes: Any) -> dict[str, Any]:
    answer = {
        "out_trade_no": NUMBER,
        "out_request_no": REFUND,
        "total_amount": "5.00",
        "refund_amount": "1.99",
        "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": "2026-05-01 12:00:03",
    }
    return {**DONE, **answer, **changes}


async def ask(node: Any) -> RefundFact:
    answer = node if isinstance(node, HttpAnswer | Exception) else an_answer("refund", node)
    fact: RefundFact = await a_channel(ScriptedClient(answer)).refund(REQUEST)
    return fact


async def query(node: Any) -> RefundFact:
    answer = an_answer("fastpay_refund_query", node)
    channel = a_channel(ScriptedClient(answer))
    fact: RefundFact = await channel.query_refund(REFUND, out_trade_no=NUMBER)
    return fact


async def test_a_refund_is_asked_for_in_yuan_under_our_number():
    client = ScriptedClient(an_answer("refund", moved()))
    fact = await a_channel(client).refund(REQUEST)
    assert fact == RefundFact(REFUND, NUMBER, RefundWord.SUCCESS, SELLER, so_far_fen=Fen(199))
    _, url, _, body = client.asked[0]
    assert "method=alipay.trade.refund&" in url
    assert json.loads(dict(parse_qsl(body.decode()))["biz_content"]) == {
        "out_trade_no": NUMBER,
        "out_request_no": REFUND,
        "refund_amount": "1.99",
        "refund_reason": "停车费退款",
    }


@pytest.mark.parametrize("node", [moved(fund_change="N"), moved(fund_change=None)])
async def test_code_10000_alone_is_no_refund(node):
    assert (await ask(node)).word is RefundWord.PROCESSING


async def test_a_query_decides():
    assert await query(found()) == RefundFact(
        REFUND,
        NUMBER,
        RefundWord.SUCCESS,
        SELLER,
        Fen(199),
        Fen(500),
        refunded_at=datetime(2026, 5, 1, 4, 0, 3, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "node",
    [
        DONE,
        found(refund_status=None),
        found(refund_status="REFUND_PROCESSING"),
        {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"},
    ],
    ids=["nothing", "no state", "another state", "no trade"],
)
async def test_a_query_without_a_success_knows_of_no_refund(node):
    assert (await query(node)).word is RefundWord.ABSENT


@pytest.mark.parametrize(
    "node",
    [
        found(out_request_no="another"),
        found(out_trade_no="another"),
        found(refund_amount="1e-3"),
        found(gmt_refund_pay="soon"),
        {"code": "20000", "sub_code": "isp.unknow-error"},
    ],
    ids=["another", "another trade", "amount", "time", "unwell"],
)
async def test_a_query_in_words_that_we_do_not_know_decides_nothing(node):
    with pytest.raises(ChannelUnavailable):
        await query(node)


@pytest.mark.parametrize(
    "node",
    [
        moved(out_trade_no="another"),
        moved(refund_fee="free"),
        {"code": "40004", "sub_code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"},
        {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"},
        {"code": "20000", "sub_code": "isp.unknow-error"},
        HttpAnswer(200, {}, json.dumps({"alipay_trade_refund_response": moved()}).encode()),
        PeerUnavailable("time-out"),
    ],
    ids=["another", "amount", "empty", "fault", "unwell", "unsigned", "no answer"],
)
async def test_an_answer_that_decides_nothing_leaves_the_same_number_to_be_sent_again(node):
    with pytest.raises(ChannelUnavailable):
        await ask(node)


@pytest.mark.parametrize("code", ["ACQ.REASON_TRADE_REFUND_FEE_ERR", "ACQ.TRADE_HAS_FINISHED"])
async def test_a_refusal_is_passed_on_with_alipays_code(code):
    with pytest.raises(ChannelDeclined) as declined:
        await ask({"code": "40004", "sub_code": code})
    assert declined.value.facts == {"provider_code": code}


def told(**fields: str) -> tuple[TradeState, RefundFact | None]:
    notice = a_channel().verify_notice({}, a_notice(the_fields(**fields)), NOON)
    return notice.fact.state, notice.refund


def test_a_payment_tells_of_no_refund():
    assert told() == (TradeState.SUCCESS, None)
    assert told(refund_fee="0.00") == (TradeState.SUCCESS, None)


@pytest.mark.parametrize("state", ["TRADE_SUCCESS", "TRADE_CLOSED"])
def test_a_trade_that_is_told_again_tells_of_its_payment_and_of_what_went_back_so_far(state):
    refunded = {"refund_fee": "1.99", "out_biz_no": REFUND, "gmt_refund": "2026-05-01 12:30:00.123"}
    assert told(trade_status=state, **refunded) == (
        TradeState.SUCCESS,
        RefundFact(
            REFUND,
            NUMBER,
            RefundWord.SUCCESS,
            SELLER,
            paid_fen=Fen(500),
            so_far_fen=Fen(199),
            refunded_at=datetime(2026, 5, 1, 4, 30, tzinfo=UTC),
        ),
    )


def test_a_refund_without_a_number_of_its_own_has_that_of_its_trade():
    _, refund = told(refund_fee="5.00")
    assert refund is not None
    assert refund.refund_no == NUMBER


@pytest.mark.parametrize("fields", [{"refund_fee": "1e-3"}, {"gmt_refund": "soon"}], ids=str)
def test_a_refund_in_words_that_we_do_not_know_changes_nothing(fields):
    body = a_notice(the_fields(**({"refund_fee": "1.00"} | fields)))
    with pytest.raises(NoticeUnverified):
        a_channel().verify_notice({}, body, NOON)
