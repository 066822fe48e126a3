"""Messages to the app and trade notices are told apart by their address, and never mixed up."""

import pytest

from onepark.contexts.payments.errors import ChannelDeclined, NoticeUnverified
from onepark.contexts.payments.model import Notice
from onepark.integrations.payments.alipay_messages import AlipayMessages
from tests.adapters.alipay.minting import a_channel, a_notice, form, the_fields
from tests.adapters.support import NOON, a_key, a_request, signed

FIELDS = the_fields(notify_type="servicemarket_order_notify", sign_type="RSA2", body="")


def messages(name="alipay messages"):
    return AlipayMessages(
        app_id="9021000122682882", seller_id="2088", message_key=a_key(name).public_key()
    )


def a_message(fields=FIELDS, name="alipay messages"):
    """Signed over every field that is not empty, its own scheme too."""
    text = "&".join(f"{key}={fields[key]}" for key in sorted(fields) if fields[key])
    return form({**fields, "sign": signed(a_key(name), text.encode())})


def reason(channel, body):
    with pytest.raises(NoticeUnverified) as refused:
        channel.verify_notice({}, body, NOON)
    return refused.value.facts["reason"]


def test_a_message_is_kept_and_moves_nothing():
    notice = messages().verify_notice({}, a_message(), NOON)
    assert notice == Notice(FIELDS["notify_id"], "servicemarket_order_notify", None)


def test_the_rule_of_the_one_is_refused_at_the_address_of_the_other_even_under_one_key():
    message, trade = a_message(name="alipay"), a_notice()
    assert reason(a_channel(), message) == "signature_wrong"
    assert reason(messages("alipay"), trade) == "signature_wrong"
    assert messages("alipay").verify_notice({}, message, NOON).fact is None
    assert a_channel().verify_notice({}, trade, NOON).fact is not None


@pytest.mark.parametrize("scheme", ["RSA", "MD5", ""])
def test_a_message_of_another_scheme_is_refused_by_name(scheme):
    assert reason(messages(), a_message({**FIELDS, "sign_type": scheme})) == "signature_type"


@pytest.mark.parametrize("change", [{"app_id": "another"}, {"notify_id": ""}, {"notify_type": ""}])
def test_a_message_to_another_app_or_without_a_name_is_refused(change):
    assert reason(messages(), a_message({**FIELDS, **change})) == "form"


async def test_nobody_pays_at_the_address_of_messages():
    assert messages().terms.kinds == ()
    with pytest.raises(ChannelDeclined):
        await messages().create(a_request())
