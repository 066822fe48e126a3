"""Refunds of WeChat Pay: what is asked, what is answered, and what a sealed notice tells."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    NoticeStale,
    NoticeUnverified,
)
from onepark.contexts.payments.model import RefundFact, RefundRequest, RefundWord
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, ScriptedClient
from tests.adapters.wechat.minting import API_V3_KEY, a_channel, an_answer, the_headers

NUMBER, REFUND = "20260501P000001", "R2026050100001"
REQUEST = RefundRequest(REFUND, NUMBER, Fen(200), Fen(500), "停车费退款", "https://park.example/n")
NOT_THERE = {"code": "RESOURCE_NOT_EXISTS", "message": "退款单不存在"}


def a_refund(**changes: Any) -> dict[str, Any]:
    refund = {
        "refund_id": "50300000202605010000000001",
        "out_refund_no": REFUND,
        "transaction_id": "4200000000202605010000000001",
        "out_trade_no": NUMBER,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": "2026-05-01T12:00:00+08:00",
        "status": "PROCESSING",
        "amount": {"total": 500, "refund": 200, "payer_total": 500, "payer_refund": 200},
    }
    return {**refund, **changes}


def a_notice(event: str = "REFUND.SUCCESS", **changes: Any) -> bytes:
    plain = a_refund(mchid="1900000109", refund_status=event.partition(".")[2]) | changes
    del plain["status"]
    sealed = AESGCM(API_V3_KEY).encrypt(b"0123456789ab", json.dumps(plain).encode(), b"refund")
    notice = {
        "id": "EV-2026050112000009",
        "create_time": "2026-05-01T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "退款成功",
        "resource": {
            "original_type": "refund",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "refund",
            "nonce": "0123456789ab",
        },
    }
    return json.dumps(notice).encode()


def a_fact(word: RefundWord, **changes: Any) -> RefundFact:
    values: dict[str, Any] = {
        "refund_no": REFUND,
        "out_trade_no": NUMBER,
        "word": word,
        "merchant": "1900000109",
        "amount_fen": Fen(200),
        "paid_fen": Fen(500),
        "provider_refund": "50300000202605010000000001",
    }
    return RefundFact(**(values | changes))


async def ask(answer: HttpAnswer | Exception) -> RefundFact:
    fact: RefundFact = await a_channel(ScriptedClient(answer)).refund(REQUEST)
    return fact


async def test_a_refund_is_asked_for_in_fen_under_our_number():
    client = ScriptedClient(an_answer(200, a_refund()))
    assert await a_channel(client).refund(REQUEST) == a_fact(RefundWord.PROCESSING)
    method, url, _, body = client.asked[0]
    assert (method, url) == ("POST", "https://api.mch.weixin.qq.com/v3/refund/domestic/refunds")
    assert json.loads(body) == {
        "out_trade_no": NUMBER,
        "out_refund_no": REFUND,
        "reason": "停车费退款",
        "notify_url": "https://park.example/n",
        "amount": {"refund": 200, "total": 500, "currency": "CNY"},
    }


@pytest.mark.parametrize("word", RefundWord)
async def test_every_word_of_a_refund_has_one_of_ours(word):
    if word is RefundWord.ABSENT:
        answer = an_answer(404, NOT_THERE)
        channel = a_channel(ScriptedClient(answer))
        said = await channel.query_refund(REFUND, out_trade_no=NUMBER)
        assert (said.word, said.refund_no, said.out_trade_no) == (word, REFUND, NUMBER)
        return
    channel = a_channel(ScriptedClient(an_answer(200, a_refund(status=word.upper()))))
    assert (await channel.query_refund(REFUND, out_trade_no=NUMBER)) == a_fact(word)


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(200, a_refund(out_refund_no="another")),
        an_answer(200, a_refund(status="BRAND_NEW")),
        an_answer(200, {"code": "SUCCESS"}),
        an_answer(500, {"code": "SYSTEM_ERROR"}),
        an_answer(429, {"code": "FREQUENCY_LIMITED"}),
        an_answer(403, {"code": "NOT_ENOUGH", "message": "余额不足"}),
        HttpAnswer(200, {}, json.dumps(a_refund(status="SUCCESS")).encode()),
        PeerUnavailable("time-out"),
    ],
    ids=["another", "new word", "no refund", "fault", "busy", "empty", "unsigned", "no answer"],
)
async def test_an_answer_that_decides_nothing_leaves_the_same_number_to_be_sent_again(answer):
    with pytest.raises(ChannelUnavailable):
        await ask(answer)


async def test_an_empty_account_is_told_by_name():
    with pytest.raises(ChannelUnavailable) as empty:
        await ask(an_answer(403, {"code": "NOT_ENOUGH"}))
    assert empty.value.facts == {"provider_code": "NOT_ENOUGH"}


@pytest.mark.parametrize("code", ["INVALID_REQUEST", "USER_ACCOUNT_ABNORMAL", "PARAM_ERROR"])
async def test_a_refusal_is_passed_on_with_wechats_code(code):
    with pytest.raises(ChannelDeclined) as declined:
        await ask(an_answer(400, {"code": code}))
    assert declined.value.facts == {"provider_code": code}


@pytest.mark.parametrize("word", [RefundWord.SUCCESS, RefundWord.ABNORMAL, RefundWord.CLOSED])
def test_a_sealed_notice_tells_of_a_refund_and_of_no_payment(word):
    body = a_notice(f"REFUND.{word.upper()}")
    notice = a_channel().verify_notice(the_headers(body), body, NOON)
    assert (notice.event_key, notice.fact) == ("EV-2026050112000009", None)
    assert notice.refund == a_fact(word)


def test_a_refund_of_another_merchant_is_told_as_such():
    body = a_notice(mchid="1900000110")
    assert a_channel().verify_notice(the_headers(body), body, NOON).refund.merchant == "1900000110"


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_status": "BRAND_NEW"},
        {"out_refund_no": None},
        {"amount": {"total": 500, "refund": -1}},
        {"success_time": "yesterday"},
    ],
    ids=str,
)
def test_a_refund_in_words_that_we_do_not_know_changes_nothing(changes):
    body = a_notice(**changes)
    with pytest.raises(NoticeUnverified) as refused:
        a_channel().verify_notice(the_headers(body), body, NOON)
    assert refused.value.facts["reason"] == "form"


def test_a_stale_notice_of_a_refund_names_its_trade():
    body = a_notice()
    later = NOON.replace(minute=10)
    with pytest.raises(NoticeStale) as stale:
        a_channel().verify_notice(the_headers(body), body, later)
    assert stale.value.out_trade_no == NUMBER
