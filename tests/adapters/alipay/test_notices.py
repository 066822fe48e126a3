"""A notice of Alipay is believed only as the strictly read form that Alipay signed."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.hashes import MD5, SHA1

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import Notice, NoticeVerdict, TradeFact, TradeState
from onepark.kernel.types import Fen
from tests.adapters.alipay.minting import a_channel, a_notice, form, the_fields
from tests.adapters.support import NOON, a_key, signed

HEADERS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
PAID = TradeFact(
    out_trade_no="20260501P000001",
    state=TradeState.SUCCESS,
    merchant="2088721003899159",
    app="9021000122682882",
    amount_fen=Fen(500),
    currency="CNY",
    provider_txn="2026050122001499160500000001",
    paid_at=datetime(2026, 5, 1, 3, 59, 58, tzinfo=UTC),
)


def fact(body):
    return a_channel().verify_notice(HEADERS, body, NOON).fact


def reason(body):
    with pytest.raises(NoticeUnverified) as refused:
        a_channel().verify_notice(HEADERS, body, NOON)
    return refused.value.facts["reason"]


def test_a_paid_trade_is_told_in_our_own_words():
    assert a_channel().verify_notice(HEADERS, a_notice(), NOON) == Notice(
        "2026050101222120000000000000000001", "trade_status_sync", PAID
    )


def test_nothing_dates_a_notice_so_an_old_one_still_proves_itself():
    later = NOON + timedelta(days=30)
    assert a_channel().verify_notice(HEADERS, a_notice(), later).fact == PAID


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"trade_status": "TRADE_FINISHED"}, TradeState.SUCCESS),
        ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": ""}, TradeState.PENDING),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, TradeState.CLOSED),
        ({"trade_status": "TRADE_CLOSED", "refund_fee": "5.00"}, TradeState.SUCCESS),
        ({"refund_fee": "1.00", "gmt_refund": "2026-05-01 12:30:00.123"}, TradeState.SUCCESS),
    ],
    ids=["finished", "waiting", "closed unpaid", "refunded whole", "refunded in part"],
)
def test_a_state_is_told_in_our_words_and_a_refunded_trade_was_paid(fields, state):
    assert fact(a_notice(the_fields(**fields))).state is state


@pytest.mark.parametrize(
    "subject",
    ["停车+月卡", "100% 停车", "a%20b", "%", "车🚗位", "a&b=c", "1+1=2%2B", " 空 格 "],
)
def test_a_value_is_decoded_once_and_only_once(subject):
    assert fact(a_notice(the_fields(subject=subject))) == PAID


def test_a_value_that_was_decoded_twice_no_longer_fits():
    subject = "停车+月卡"
    body = a_notice(the_fields(subject=subject))
    assert reason(body.replace(b"%2B", b"+", 1)) == "signature_wrong"


def test_an_empty_field_is_not_signed_and_an_unknown_one_is():
    assert fact(a_notice(the_fields(body="", passback_params=""))) == PAID
    assert fact(a_notice(the_fields(brand_new_field="1"))) == PAID
    assert reason(a_notice() + b"&brand_new_field=1") == "signature_wrong"


def test_a_field_that_was_emptied_is_missed():
    emptied = a_notice().replace(b"total_amount=5.00", b"total_amount=")
    assert reason(emptied) == "signature_wrong"


@pytest.mark.parametrize("charset", ["gbk", "GBK", "gb2312"])
def test_a_notice_in_chinese_charset_is_verified_in_its_own_bytes(charset):
    body = a_notice(the_fields(charset=charset), charset="gbk")
    assert fact(body) == PAID


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "idna", "", "ютф"])
def test_a_charset_that_we_do_not_take_is_refused(charset):
    assert reason(a_notice(the_fields(charset=charset))) == "charset"


def test_a_notice_that_is_not_in_the_charset_it_names_is_refused():
    assert reason(a_notice(the_fields(charset="utf-8"), charset="gbk")) == "charset"


@pytest.mark.parametrize(
    "field", [b"total_amount=1.00", b"sign_type=RSA2", b"sign=x", b"seller_id="]
)
def test_a_field_given_twice_is_refused(field):
    assert reason(a_notice() + b"&" + field) == "form"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"&", b"=", b"a", b"a&b=c", b"a=%", b"a=%4", b"a=%zz", b"=x", b'{"sign":"x"}',
        b"&".join(b"f%d=1" % n for n in range(101)),
    ],
)  # fmt: skip
def test_a_body_that_is_no_form_is_refused(body):
    assert reason(body) == "form"


@pytest.mark.parametrize("scheme", ["RSA", "rsa2", "MD5", "", "RSA2 "])
def test_any_other_scheme_is_refused_by_name(scheme):
    fields = the_fields()
    text = "&".join(f"{key}={fields[key]}" for key in sorted(fields))
    signature = signed(a_key("alipay"), text.encode())
    body = form({**fields, "sign_type": scheme, "sign": signature})
    assert reason(body) == "signature_type"
    assert reason(form({**fields, "sign": signature})) == "signature_type"


@pytest.mark.parametrize("algorithm", [SHA1(), MD5()])
def test_a_weaker_digest_under_the_right_name_is_refused(algorithm):
    assert reason(a_notice(algorithm=algorithm)) == "signature_wrong"


def test_a_strangers_key_is_refused():
    assert reason(a_notice(name="stranger")) == "signature_wrong"


@pytest.mark.parametrize("sign", [None, "", "x", "AAAA", "签名"])
def test_without_a_signature_there_is_no_notice(sign):
    fields = {**the_fields(), "sign_type": "RSA2"}
    body = form(fields if sign is None else {**fields, "sign": sign})
    assert reason(body) == "signature_wrong"


@pytest.mark.parametrize("name", sorted(the_fields()))
def test_a_change_of_any_field_is_refused(name):
    fields = the_fields()
    old = form({name: fields[name]})
    assert reason(a_notice().replace(old, old + b"1", 1)) == "signature_wrong"


@pytest.mark.parametrize(
    "amount", ["1e-3", "1,000.00", "5.001", "-5.00", "+5.00", ".50", "05.00", "NaN", "５.00", "5."]
)
def test_an_amount_out_of_form_changes_nothing_even_when_signed(amount):
    assert reason(a_notice(the_fields(total_amount=amount))) == "amount"


@pytest.mark.parametrize(
    "fields",
    [
        {"notify_id": ""},
        {"notify_type": ""},
        {"out_trade_no": ""},
        {"seller_id": ""},
        {"app_id": ""},
        {"trade_status": "BRAND_NEW"},
        {"gmt_payment": "yesterday"},
    ],
    ids=str,
)
def test_a_signed_notice_in_words_that_we_do_not_know_changes_nothing(fields):
    assert reason(a_notice(the_fields(**fields))) == "form"


def test_a_notice_of_another_kind_is_kept_without_a_fact():
    body = a_notice(the_fields(notify_type="batch_refund_notify"))
    assert a_channel().verify_notice({}, body, NOON).fact is None


@pytest.mark.parametrize(
    ("verdict", "status", "word"),
    [
        (NoticeVerdict.STORED, 200, b"success"),
        (NoticeVerdict.REFUSED, 401, b"fail"),
        (NoticeVerdict.UNAVAILABLE, 503, b"fail"),
    ],
)
def test_it_is_answered_in_alipays_one_word(verdict, status, word):
    answer = a_channel().answer(verdict)
    assert (answer.status, answer.media_type, answer.body) == (status, "text/plain", word)
