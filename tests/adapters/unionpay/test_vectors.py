"""What UnionPay's test system once signed: ours verifies it, at the time that it was signed."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from cryptography import x509

from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import TradeState
from onepark.integrations.payments import unionpay_wire
from onepark.integrations.payments.chains import Trust
from onepark.integrations.payments.keys import Unproven
from tests.adapters.support import vectors
from tests.adapters.unionpay.minting import a_channel, the_root

VECTORS = vectors("unionpay")
THEN = datetime(2022, 9, 8, 6, 0, tzinfo=UTC)
LATER = datetime(2025, 8, 1, tzinfo=UTC)  # a day after its certificate ended
OWN = x509.load_pem_x509_certificate(VECTORS["notice"]["signPubKeyCert"].encode())


@pytest.mark.parametrize("name", ["notice", "answer"])
def test_a_published_message_is_verified_and_every_change_of_it_is_not(name):
    trust = Trust((OWN,), (), unionpay_wire.UNIONPAY_CN)
    fields = VECTORS[name]
    unionpay_wire.prove(fields, trust, THEN)
    for changed in sorted(set(fields) - {"signature"}):
        with pytest.raises(Unproven):
            unionpay_wire.prove({**fields, changed: fields[changed] + "0"}, trust, THEN)


def test_a_published_notice_is_told_in_our_words():
    channel = a_channel(pinned=(OWN,))
    body = urlencode(VECTORS["notice"]).encode()
    fact = channel.verify_notice({}, body, THEN).fact
    assert (fact.out_trade_no, fact.state) == ("yansongda20220908132206", TradeState.SUCCESS)
    assert (fact.amount_fen, fact.currency) == (1, "CNY")
    assert fact.paid_at == datetime(2022, 9, 8, 5, 22, 6, tzinfo=UTC)


@pytest.mark.parametrize(("pinned", "now"), [(OWN, LATER), (the_root(), THEN)])
def test_it_proves_nothing_after_its_certificate_or_under_another_root(pinned, now):
    body = urlencode(VECTORS["notice"]).encode()
    with pytest.raises(NoticeUnverified) as refused:
        a_channel(pinned=(pinned,)).verify_notice({}, body, now)
    assert refused.value.facts["reason"] == "certificate"
