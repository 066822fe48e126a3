"""What Alipay itself has signed: our canonical texts agree with it."""

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import TradeState
from onepark.integrations.payments import alipay_wire
from tests.adapters.alipay.minting import a_channel, form
from tests.adapters.support import NOON, vectors

VECTORS = vectors("alipay")
SANDBOX = VECTORS["sandbox"]


def public_key(b64):
    return serialization.load_der_public_key(base64.b64decode(b64))


def sandbox_key():
    der = base64.b64decode(SANDBOX["certificate"])
    return x509.load_der_x509_certificate(der).public_key()


def test_a_notice_that_alipay_sent_in_2019_verifies_and_reads():
    vector = VECTORS["trade_notice"]
    channel = a_channel(alipay_key=public_key(vector["key"]))
    notice = channel.verify_notice({}, form(vector["genuine"]), NOON)
    assert notice.event_key == "2019081500222155624068450559358070"
    assert notice.fact is not None
    assert (notice.fact.state, notice.fact.amount_fen) == (TradeState.SUCCESS, 10)
    assert notice.fact.paid_at == datetime(2019, 8, 15, 7, 56, 24, tzinfo=UTC)
    assert notice.fact.merchant == "2088531891668739"


def test_a_notice_that_alipay_did_not_sign_is_refused():
    vector = VECTORS["trade_notice"]
    channel = a_channel(alipay_key=public_key(vector["key"]))
    with pytest.raises(NoticeUnverified):
        channel.verify_notice({}, form(vector["forged"]), NOON)


def test_a_sandbox_notice_with_a_plus_in_its_subject_verifies():
    channel = a_channel(alipay_key=sandbox_key())
    notice = channel.verify_notice({}, form(SANDBOX["notice_with_plus"]), NOON)
    assert notice.fact is not None
    assert (notice.fact.out_trade_no, notice.fact.amount_fen) == ("1703147160", 1)


def test_that_plus_turned_into_a_space_no_longer_verifies():
    channel = a_channel(alipay_key=sandbox_key())
    fields = SANDBOX["notice_with_plus"]
    twice = {**fields, "subject": fields["subject"].replace("+", " ")}
    with pytest.raises(NoticeUnverified):
        channel.verify_notice({}, form(twice), NOON)


def test_a_page_return_is_signed_by_the_same_text():
    fields = alipay_wire.proven_notice(form(SANDBOX["page_return"]), sandbox_key())
    assert fields["total_amount"] == "0.01"
