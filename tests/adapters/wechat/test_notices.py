"""A notice of WeChat Pay is believed only when a key that we hold has signed it, now."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.contexts.payments.errors import NoticeStale, NoticeUnverified
from onepark.contexts.payments.model import Notice, NoticeVerdict, TradeFact, TradeState
from onepark.integrations.payments.wechat_wire import PROBE_PREFIX
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, ScriptedClient, a_key
from tests.adapters.wechat.minting import (
    API_V3_KEY,
    CERTIFICATE_SERIAL,
    a_channel,
    a_notice,
    a_trade,
    the_headers,
)

PAID = TradeFact(
    out_trade_no="20260501P000001",
    state=TradeState.SUCCESS,
    merchant="1900000109",
    app="wx00000000000000aa",
    amount_fen=Fen(500),
    currency="CNY",
    provider_txn="4200000000202605010000000001",
    paid_at=datetime(2026, 5, 1, 3, 59, 58, tzinfo=UTC),
)


def refusal(headers, body, now=NOON):
    with pytest.raises(NoticeUnverified) as refused:
        a_channel().verify_notice(headers, body, now)
    return refused.value


def test_a_paid_trade_is_told_in_our_own_words():
    body = a_notice()
    assert a_channel().verify_notice(the_headers(body), body, NOON) == Notice(
        "EV-2026050112000001", "TRANSACTION.SUCCESS", PAID
    )


def test_during_a_change_of_keys_a_notice_under_either_key_is_believed():
    body = a_notice()
    by_certificate = the_headers(body, key=a_key("wechat certificate"), serial=CERTIFICATE_SERIAL)
    assert a_channel().verify_notice(by_certificate, body, NOON).fact == PAID
    assert a_channel().verify_notice(the_headers(body), body, NOON).fact == PAID


def test_a_signature_counts_only_under_the_key_that_the_notice_names():
    body = a_notice()
    crossed = the_headers(body, key=a_key("wechat certificate"))
    assert refusal(crossed, body).facts["reason"] == "signature_wrong"


def test_a_key_ends_with_its_certificate():
    body = a_notice()
    later = NOON + timedelta(days=30)
    headers = the_headers(
        body, key=a_key("wechat certificate"), serial=CERTIFICATE_SERIAL, at=later
    )
    assert refusal(headers, body, later).facts["reason"] == "serial_unknown"


def test_a_notice_without_signature_type_is_taken_for_rsa():
    body = a_notice()
    headers = the_headers(body)
    del headers["wechatpay-signature-type"]
    assert a_channel().verify_notice(headers, body, NOON).fact == PAID


@pytest.mark.parametrize("kind", ["WECHATPAY2-SM2-WITH-SM3", "WECHATPAY2-SHA1-RSA2048", ""])
def test_any_other_signature_type_is_refused_by_name(kind):
    body = a_notice()
    headers = {**the_headers(body), "wechatpay-signature-type": kind}
    assert refusal(headers, body).facts["reason"] == "signature_type"


@pytest.mark.parametrize("name", ["timestamp", "nonce", "serial", "signature"])
@pytest.mark.parametrize("is_empty", [True, False])
def test_a_missing_header_is_a_wrong_signature_and_never_a_skipped_check(name, is_empty):
    body = a_notice()
    headers = the_headers(body)
    headers[f"wechatpay-{name}"] = ""
    if not is_empty:
        del headers[f"wechatpay-{name}"]
    assert refusal(headers, body).facts["reason"] == "header_missing"


@pytest.mark.parametrize("name", ["timestamp", "nonce", "signature"])
def test_a_changed_header_is_refused(name):
    body = a_notice()
    headers = the_headers(body)
    old = headers[f"wechatpay-{name}"]
    headers[f"wechatpay-{name}"] = ("1" if old[0] != "1" else "2") + old[1:]
    assert refusal(headers, body).facts["reason"] == "signature_wrong"


@pytest.mark.parametrize(
    "bend",
    [
        lambda body: body.replace(b"EV-", b"EW-"),
        lambda body: json.dumps(json.loads(body)).encode(),
        lambda body: body + b" ",
        lambda _: b"",
    ],
    ids=["changed", "serialised again", "a space more", "empty"],
)
def test_a_changed_body_is_refused_even_if_it_means_the_same(bend):
    body = a_notice()
    assert refusal(the_headers(body), bend(body)).facts["reason"] == "signature_wrong"


@pytest.mark.parametrize(
    "stamp", ["abc", "-1", "1e9", "１７７７６０８０００", " 1777608000", "9" * 12]
)
def test_a_stamp_that_is_no_number_of_seconds_is_refused_even_when_signed(stamp):
    body = a_notice()
    assert refusal({**the_headers(body), "wechatpay-timestamp": stamp}, body)


@pytest.mark.parametrize("direction", [-1, 1])
def test_the_window_is_open_for_299_seconds_on_both_sides(direction):
    body = a_notice()
    headers = the_headers(body, at=NOON + direction * timedelta(seconds=299))
    assert a_channel().verify_notice(headers, body, NOON).fact == PAID


@pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
def test_a_rightly_signed_notice_outside_the_window_names_the_trade_to_ask_for(seconds):
    body = a_notice()
    headers = the_headers(body, at=NOON + timedelta(seconds=seconds))
    stale = refusal(headers, body)
    assert isinstance(stale, NoticeStale)
    assert stale.out_trade_no == "20260501P000001"


def test_a_wrong_signature_outside_the_window_names_no_trade():
    body = a_notice()
    headers = the_headers(body, key=a_key("stranger"), at=NOON - timedelta(hours=1))
    assert not isinstance(refusal(headers, body), NoticeStale)


@pytest.mark.parametrize("rest", ["", "abc", "A" * 325, "A" * 324 + "=", "\ud800"])
def test_a_probe_of_our_checks_is_refused_whatever_its_length(rest):
    body = a_notice()
    headers = {**the_headers(body), "wechatpay-signature": PROBE_PREFIX + rest}
    assert refusal(headers, body).facts["reason"] == "probe"


@pytest.mark.parametrize(
    "serial", ["PUB_KEY_ID_UNKNOWN", "0", "5dea10ef55877e3cf6c33255c2e7defff7e427ec"]
)
def test_an_unknown_serial_is_refused_without_asking_anybody(serial):
    client = ScriptedClient()
    body = a_notice()
    with pytest.raises(NoticeUnverified) as refused:
        a_channel(client).verify_notice(the_headers(body, serial=serial), body, NOON)
    assert refused.value.facts["reason"] == "serial_unknown"
    assert client.asked == []


def test_a_right_key_with_sha1_is_refused():
    body = a_notice()
    assert refusal(the_headers(body, algorithm=SHA1()), body).facts["reason"] == "signature_wrong"


@pytest.mark.parametrize("signature", ["!", "AAAA", "A", "签名"])
def test_a_signature_that_is_no_signature_is_refused_and_no_error(signature):
    body = a_notice()
    headers = {**the_headers(body), "wechatpay-signature": signature}
    assert refusal(headers, body).facts["reason"] == "signature_wrong"


@pytest.mark.parametrize(
    "event", ["PAYSCORE.USER_PAID", "VEHICLE.ENTRANCE_STATE_CHANGE", "PROFITSHARING", "NEW.WORD"]
)
def test_an_event_that_we_do_not_act_on_is_kept_without_a_fact(event):
    body = a_notice(event_type=event)
    assert a_channel().verify_notice(the_headers(body), body, NOON) == Notice(
        "EV-2026050112000001", event, None
    )


def test_a_notice_sealed_with_another_key_is_refused():
    body = a_notice(key=b"x" * 32)
    assert refusal(the_headers(body), body).facts["reason"] == "seal"


@pytest.mark.parametrize(
    "resource",
    [
        {"algorithm": "AEAD_SM4_GCM", "ciphertext": "AAAA", "nonce": "0123456789ab"},
        {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "?", "nonce": "0123456789ab"},
        {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "", "nonce": "0123456789ab"},
        {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "AAAA", "nonce": ""},
    ],
)
def test_a_seal_out_of_form_is_refused(resource):
    body = a_notice(resource=resource)
    assert refusal(the_headers(body), body).facts["reason"] == "seal"


@pytest.mark.parametrize(
    "trade",
    [
        a_trade(trade_state="BRAND_NEW"),
        a_trade(amount={"total": "500", "currency": "CNY"}),
        a_trade(amount={"total": -500, "currency": "CNY"}),
        a_trade(amount={"total": 500.5, "currency": "CNY"}),
        a_trade(success_time="2026-05-01T11:59:58"),
        {"out_trade_no": "20260501P000001"},
    ],
    ids=["state", "text amount", "negative", "half a fen", "naive time", "no merchant"],
)
def test_a_signed_notice_in_words_that_we_do_not_know_changes_nothing(trade):
    body = a_notice(trade)
    assert refusal(the_headers(body), body).facts["reason"] == "form"


@pytest.mark.parametrize("body", [b"", b"null", b"{", b'{"id":"x"}', b"[" * 5_000])
def test_a_signed_body_that_is_no_notice_is_refused(body):
    assert refusal(the_headers(body), body).facts["reason"] == "form"


def test_associated_data_may_be_absent_or_empty():
    plain = json.dumps(a_trade()).encode()
    sealed = base64.b64encode(AESGCM(API_V3_KEY).encrypt(b"0123456789ab", plain, b"")).decode()
    resource = {"algorithm": "AEAD_AES_256_GCM", "ciphertext": sealed, "nonce": "0123456789ab"}
    for each in (resource, {**resource, "associated_data": ""}):
        body = a_notice(resource=each)
        assert a_channel().verify_notice(the_headers(body), body, NOON).fact == PAID


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        (NoticeVerdict.STORED, 200, "SUCCESS"),
        (NoticeVerdict.REFUSED, 401, "FAIL"),
        (NoticeVerdict.UNAVAILABLE, 503, "FAIL"),
    ],
)
def test_it_is_answered_in_wechats_own_words(verdict, status, code):
    answer = a_channel().answer(verdict)
    assert (answer.status, json.loads(answer.body)["code"]) == (status, code)
