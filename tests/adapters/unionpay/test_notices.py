"""A notice of UnionPay hints at money only under a certificate that leads to a pinned one."""

import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import Notice, NoticeVerdict, TradeFact, TradeState
from onepark.kernel.types import Fen
from tests.adapters.support import NOON, a_key, signed
from tests.adapters.unionpay.minting import (
    MER_ID,
    NUMBER,
    a_certificate,
    a_channel,
    a_notice,
    signed_fields,
    the_fields,
    the_root,
)

PAID = TradeFact(
    out_trade_no=NUMBER,
    state=TradeState.SUCCESS,
    merchant=MER_ID,
    app=MER_ID,
    amount_fen=Fen(500),
    currency="CNY",
    provider_txn="782605011200000000001",
    paid_at=datetime(2026, 5, 1, 3, 59, 58, tzinfo=UTC),
)
OLD = {"starts_at": NOON - timedelta(days=9), "ends_at": NOON - timedelta(days=2)}
SOON = {"starts_at": NOON + timedelta(hours=1), "ends_at": NOON + timedelta(days=2)}


def told(body, channel=None, now=NOON):
    return (channel or a_channel()).verify_notice({}, body, now)


def reason(body, channel=None, now=NOON):
    with pytest.raises(NoticeUnverified) as refused:
        told(body, channel, now)
    return refused.value.facts["reason"]


@pytest.mark.parametrize("code", ["00", "A6"])
def test_a_paid_trade_is_hinted_at_in_our_own_words(code):
    notice = told(a_notice(the_fields(respCode=code)))
    key = f"782605011200000000001:{code}"
    assert notice == Notice(key, f"01:{code}", PAID, is_hint=True)


def test_a_trade_that_was_not_paid_is_only_hinted_at_too():
    notice = told(a_notice(the_fields(respCode="51")))
    assert notice.fact.state is TradeState.FAILED
    assert notice.is_hint


def test_a_self_signed_certificate_in_unionpays_name_is_refused():
    forged = a_certificate("forger", by="forger", authority=True)
    body = a_notice(certificate=forged, key=a_key("forger"))
    assert reason(body) == "certificate"


def test_the_same_made_under_the_pinned_root_is_believed():
    honest = a_certificate("forger", by="root")
    assert told(a_notice(certificate=honest, key=a_key("forger"))).fact == PAID


def test_an_authority_in_the_name_of_the_root_is_not_the_root():
    impostor = a_certificate("impostor", name="root", by="impostor", authority=True)
    body = a_notice(certificate=a_certificate("forger", by="impostor"), key=a_key("forger"))
    assert reason(body, a_channel(between=(impostor,))) == "certificate"
    assert told(body, a_channel(pinned=(the_root(), _named_as_issuer("impostor")))).fact == PAID


def _named_as_issuer(of):
    return a_certificate(of, name=of, by=of, authority=True)


def test_a_chain_may_pass_an_authority_between_and_no_other():
    between = a_certificate("between", name="between", by="root", authority=True)
    no_authority = a_certificate("between", name="between", by="root")
    body = a_notice(certificate=a_certificate("unionpay", by="between"))
    assert told(body, a_channel(between=(between,))).fact == PAID
    assert reason(body) == "certificate"
    assert reason(body, a_channel(between=(no_authority,))) == "certificate"


@pytest.mark.parametrize("name", ["中国银联", "Somebody", "中国银联股份有限公", "UnionPay"])
def test_a_certificate_of_somebody_else_under_the_root_is_refused(name):
    assert reason(a_notice(certificate=a_certificate("unionpay", name=name))) == "certificate"


@pytest.mark.parametrize("validity", [OLD, SOON], ids=["ended", "not yet"])
def test_a_certificate_counts_only_while_it_is_valid_by_our_clock(validity):
    certificate = a_certificate("unionpay", **validity)
    body = a_notice(certificate=certificate)
    assert reason(body) == "certificate"
    then = validity["starts_at"] + timedelta(hours=1)
    assert told(body, now=then).fact == PAID


def test_an_authority_that_has_ended_vouches_for_nobody():
    between = a_certificate("between", name="between", by="root", authority=True, **OLD)
    body = a_notice(certificate=a_certificate("unionpay", by="between"))
    assert reason(body, a_channel(between=(between,))) == "certificate"


def test_a_pinned_certificate_itself_is_believed_and_only_that_one():
    pinned = a_certificate("unionpay", by="unionpay")
    channel = a_channel(pinned=(pinned,))
    assert told(a_notice(certificate=pinned), channel).fact == PAID
    again = a_certificate("unionpay", by="unionpay", ends_at=NOON + timedelta(days=3))
    assert reason(a_notice(certificate=again), channel) == "certificate"


@pytest.mark.parametrize(
    "pem", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_without_a_certificate_there_is_no_notice(pem):
    fields = {**signed_fields(the_fields()), "signPubKeyCert": pem}
    assert reason(urlencode(fields).encode()) == "certificate"


@pytest.mark.parametrize("name", sorted(the_fields()))
def test_a_change_of_any_field_is_refused(name):
    fields = signed_fields(the_fields())
    fields[name] += "1"
    how = {"version", "signMethod"}
    assert reason(urlencode(fields).encode()) == (
        "signature_type" if name in how else "charset" if name == "encoding" else "signature_wrong"
    )


def test_an_empty_field_is_not_signed_and_an_unknown_one_is():
    fields = signed_fields(the_fields(brandNew="1"))
    assert told(urlencode(fields).encode()).fact == PAID
    assert told(urlencode({**fields, "empty": ""}).encode()).fact == PAID
    assert reason(urlencode({**fields, "more": "1"}).encode()) == "signature_wrong"


def test_a_field_given_twice_is_refused():
    assert reason(a_notice() + b"&txnAmt=1") == "form"


@pytest.mark.parametrize("text", ["停车+月卡", "100% 停车", "a%20b", "车🚗位", "a&b=c"])
def test_a_value_is_decoded_once_and_only_once(text):
    assert told(a_notice(the_fields(reqReserved=text))).fact == PAID


@pytest.mark.parametrize("how", [{"signMethod": "11"}, {"signMethod": ""}, {"version": "5.0.0"}])
def test_any_other_way_of_signing_is_refused_by_name(how):
    assert reason(a_notice(the_fields(**how))) == "signature_type"


def test_a_weaker_digest_is_refused_in_each_of_its_places():
    assert reason(a_notice(algorithm=SHA1())) == "signature_wrong"
    fields = {**the_fields(), "signPubKeyCert": signed_fields(the_fields())["signPubKeyCert"]}
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name]).encode()
    for bent in (
        text,
        hashlib.sha256(text).digest(),
        hashlib.sha256(text).hexdigest().upper().encode(),
    ):
        form = {**fields, "signature": signed(a_key("unionpay"), bent)}
        assert reason(urlencode(form).encode()) == "signature_wrong"


@pytest.mark.parametrize("charset", ["GBK", "", "utf-16"])
def test_a_charset_that_we_do_not_ask_for_is_refused(charset):
    assert reason(a_notice(the_fields(encoding=charset))) == "charset"


@pytest.mark.parametrize(
    "amount", ["5.00", "1e2", "-500", "+500", "0500", " 500", "５００", "1,000"]
)
def test_an_amount_out_of_form_changes_nothing_even_when_signed(amount):
    assert reason(a_notice(the_fields(txnAmt=amount))) == "amount"


@pytest.mark.parametrize("name", ["orderId", "merId", "queryId", "traceTime", "txnType"])
def test_a_signed_notice_without_a_word_that_we_need_changes_nothing(name):
    fields = the_fields()
    del fields[name]
    assert reason(a_notice(fields)) == "form"


def test_a_payment_in_the_first_minutes_of_a_year_is_dated_to_that_year():
    body = a_notice(the_fields(txnTime="20261231235959", traceTime="0101000003"))
    assert told(body).fact.paid_at == datetime(2026, 12, 31, 16, 0, 3, tzinfo=UTC)


def test_a_notice_of_anything_but_a_purchase_is_kept_without_a_fact():
    assert told(a_notice(the_fields(txnType="04"))).fact is None


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (NoticeVerdict.STORED, 200),
        (NoticeVerdict.REFUSED, 401),
        (NoticeVerdict.UNAVAILABLE, 503),
    ],
)
def test_it_is_answered_by_the_status(verdict, status):
    assert a_channel().answer(verdict).status == status
