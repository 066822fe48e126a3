"""Alipay's signatures: ours before Alipay's own kit, and another author's before ours."""

import json
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.contexts.payments.errors import ChannelUnavailable
from onepark.infra.http_client import HttpAnswer
from onepark.integrations.payments import alipay_wire as wire
from onepark.integrations.payments import keys
from onepark.simulator.providers.alipay import AlipayWords
from onepark.simulator.providers.trades import Behaviour, Provider
from tests.adapters.alipay import minting
from tests.adapters.judges.messages import (
    NUMBER,
    a_paid_trade,
    our_reason,
    the_fact,
    this_second,
)
from tests.adapters.support import NOON, ScriptedClient, a_key, a_request, private_pem, public_pem

VALUES = [
    "停车费 Parking",
    "停车+月卡",
    "100% 停车",
    "%",
    "a%20b%2B",
    "a&b=c",
    "=&=",
    " 空 格 ",
    "车🚗位",
    "~*-._'()!",
    '{"amount":"5.00","x":[1]}',
    "line\nbreak\r\n\ttab",
]


def the_public(name):
    return public_pem(a_key(name).public_key()).decode()


def reasons(judge, body, *, key="alipay", ours=None):
    """Why either side refuses a notice: the kit's word, then ours."""
    theirs = judge.reason("alipay.form", key=the_public(key), form=body)
    return theirs, our_reason(ours or minting.a_channel(), {}, body, NOON)


BELIEVED = ("", "")
WRONG = ("Error: the signature does not fit", "signature_wrong")


@pytest.mark.parametrize("value", VALUES)
def test_a_notice_that_we_mint_is_believed_by_both_whatever_is_in_it(judge, value):
    body = minting.a_notice(minting.the_fields(subject=value)).decode()
    assert reasons(judge, body) == BELIEVED


@pytest.mark.parametrize("value", VALUES)
def test_a_notice_that_the_judge_signed_is_believed_by_both_and_read_alike(judge, value):
    signer = private_pem(a_key("alipay")).decode()
    fields = minting.the_fields(out_trade_no=value)
    body = judge.ask("alipay.notice", private_key=signer, fields=fields)
    assert reasons(judge, body) == BELIEVED
    fact = minting.a_channel().verify_notice({}, body.encode(), NOON).fact
    assert fact.out_trade_no == value


@pytest.mark.parametrize("value", VALUES)
def test_a_field_that_is_emptied_or_gone_or_changed_is_missed_by_both(judge, value):
    body = minting.a_notice(minting.the_fields(subject=value)).decode()
    old = f"subject={quote_plus(value)}"
    assert old in body
    for new in ("subject=", "", f"{old}+", f"{old}&subjecu=x"):
        bent = body.replace(old, new, 1).replace("&&", "&")
        assert reasons(judge, bent) == WRONG


BENT = {
    "a digit": (lambda body: body.replace("total_amount=5.00", "total_amount=5.01"), WRONG),
    "a trailing nought": (lambda body: body.replace("=5.00", "=5.0"), WRONG),
    "a plus taken for a space": (lambda body: body.replace("%2B", "+"), WRONG),
    "escaped twice": (lambda body: body.replace("%2B", "%252B"), WRONG),
    "a field more": (lambda body: f"{body}&x=1", WRONG),
    "case of a name": (lambda body: body.replace("subject=", "Subject="), WRONG),
    "a signature bent": (lambda body: body.replace("&sign=", "&sign=AAAA"), WRONG),
    "no signature": (lambda body: body.partition("&sign=")[0], WRONG),
    "other order": (lambda body: "&".join(reversed(body.split("&"))), BELIEVED),
    "other escapes": (lambda body: body.replace("+", "%20").replace("%2B", "%2b"), BELIEVED),
}


@pytest.mark.parametrize(("bend", "verdict"), BENT.values(), ids=BENT.keys())
def test_a_bent_notice_is_judged_alike(judge, bend, verdict):
    body = minting.a_notice(minting.the_fields(subject="停车 1+1")).decode()
    assert bend(body) != body
    assert reasons(judge, bend(body)) == verdict


def test_another_key_and_a_weaker_digest_are_refused_by_both(judge):
    assert reasons(judge, minting.a_notice(name="stranger").decode()) == WRONG
    assert reasons(judge, minting.a_notice(algorithm=SHA1()).decode()) == WRONG
    assert reasons(judge, minting.a_notice().decode(), key="stranger")[0] == WRONG[0]


def a_told_trade(providers):
    now = this_second()
    trade = a_paid_trade(Provider.ALIPAY, now)
    return trade, AlipayWords(providers.keys).parcel(trade, Behaviour(), now).body.decode(), now


def test_a_notice_of_the_simulator_is_believed_by_both_without_its_empty_field(judge, providers):
    trade, body, now = a_told_trade(providers)
    assert "&body=&" in body
    shown = body.replace("&body=&", "&")
    channel = providers.channel("alipay")
    key = providers.text("alipay_public_key.pem")
    assert judge.ask("alipay.form", key=key, form=shown)
    assert channel.verify_notice({}, shown.encode(), now).fact == the_fact(channel, trade)
    assert channel.verify_notice({}, body.encode(), now).fact == the_fact(channel, trade)
    for bent in (shown.replace("=5.00", "=5.01"), shown.replace("%2B", "+")):
        assert not judge.believes("alipay.form", key=key, form=bent)
        assert our_reason(channel, {}, bent, now) == "signature_wrong"


def test_an_empty_field_is_left_out_by_us_and_covered_by_the_node_kit(judge):
    """Alipay's written rule and its Java kit leave empty fields out; its Node kit covers them."""
    body = minting.a_notice(minting.the_fields(body="")).decode()
    assert reasons(judge, body) == (WRONG[0], "")


def test_a_message_that_covers_its_scheme_is_for_another_endpoint(judge):
    """The kit tries both rules of Alipay; our endpoint takes trade notices alone."""
    fields = {**minting.the_fields(), "sign_type": "RSA2"}
    signer = private_pem(a_key("alipay")).decode()
    body = judge.ask("alipay.notice", private_key=signer, fields=fields)
    assert reasons(judge, body) == ("", "signature_wrong")


def test_a_notice_of_the_retired_scheme_is_refused_here_only(judge):
    body = minting.a_notice(algorithm=SHA1()).decode().replace("sign_type=RSA2", "sign_type=RSA")
    assert reasons(judge, body) == ("", "signature_type")


def test_a_field_given_twice_is_refused_here_only(judge):
    """A reader of forms keeps the last; who else reads the body may keep the first."""
    body = f"total_amount=0.01&{minting.a_notice().decode()}"
    assert reasons(judge, body) == ("", "form")


async def our_forms(providers, *values):
    """The requests of our adapter as one form each, as the gateway reads query and body."""
    client = ScriptedClient(*[ConnectionError()] * (len(values) + 2))
    channel = providers.channel("alipay", client)
    calls = [channel.create(a_request(description=value)) for value in values]
    for call in (*calls, channel.query(NUMBER), channel.close("号+ &=%")):
        with pytest.raises(ConnectionError):
            await call
    return [f"{urlsplit(url).query}&{body.decode()}" for _, url, _, body in client.asked]


async def test_the_requests_of_our_adapter_are_believed_and_bent_ones_are_not(judge, providers):
    key = public_pem(providers.keys.alipay_app).decode()
    for form in await our_forms(providers, *VALUES):
        assert judge.ask("alipay.form", key=key, form=form)
        for bent in (
            form.replace("alipay.trade.", "alipay.trads."),
            form.replace("out_trade_no", "out_trade_on"),
            f"{form}+",
            f"{form}&x=1",
        ):
            assert not judge.believes("alipay.form", key=key, form=bent)
        assert not judge.believes("alipay.form", key=the_public("stranger"), form=form)


@pytest.mark.parametrize("value", VALUES)
def test_a_request_of_the_kit_is_signed_to_the_same_signature(judge, value):
    params = {
        "bizContent": {"out_trade_no": NUMBER, "subject": value, "total_amount": "5.00"},
        "notify_url": "https://park.example/v1/payments/notices/alipay",
        "timestamp": "2026-05-01 12:00:00",
        "format": "JSON",
    }
    query = judge.ask(
        "alipay.request",
        private_key=private_pem(a_key("app")).decode(),
        app_id="9021000122682882",
        method="alipay.trade.precreate",
        params=params,
    )
    fields = dict(parse_qsl(query, strict_parsing=True))
    assert json.loads(fields["biz_content"])["subject"] == value
    theirs = fields.pop("sign")
    assert keys.sign(a_key("app"), wire.request_text(fields)) == theirs


NODES = [
    '{"code":"10000","msg":"Success","out_trade_no":"%s","qr_code":"https:\\/\\/qr.alipay.com\\/1"}',
    '{"code":"10000", "out_trade_no":"%s",\n "qr_code":"https://qr/停车?a=1&b={2}+%%"}',
    '{"qr_code":"https://qr/1","code":"10000","out_trade_no":"%s","x":{"y":[{"z":"}"}]},"e":""}',
    '{"code":"10000","out_trade_no":"%s","qr_code":"https://qr/1","n":1.50,"u":"\\u505c"}',
]
NODE = "alipay_trade_precreate_response"


def an_answer(judge, node, *, key="alipay"):
    """An answer whose node the judge signed."""
    signature = judge.ask("rsa.sign", private_key=private_pem(a_key(key)).decode(), text=node)
    return f'{{"{NODE}":{node},"sign":"{signature}"}}'


async def verdicts(judge, body):
    """Whether the kit, and whether our adapter, believes an answer."""
    client = ScriptedClient(HttpAnswer(200, {}, body.encode()))
    theirs = judge.believes("alipay.answer", key=the_public("alipay"), node=NODE, body=body)
    try:
        await minting.a_channel(client).create(a_request())
    except ChannelUnavailable:
        return theirs, False
    return theirs, True


@pytest.mark.parametrize("node", NODES)
async def test_an_answer_is_proven_by_its_raw_node_on_both_sides(judge, node):
    node %= NUMBER
    body = an_answer(judge, node)
    assert await verdicts(judge, body) == (True, True)
    again = json.dumps(json.loads(node), separators=(" ,", " :"))
    for bent in (
        body.replace(node, again),
        body.replace("10000", "10001"),
        body.replace(NUMBER, f"{NUMBER}1"),
        an_answer(judge, node, key="stranger"),
    ):
        assert bent != body
        assert await verdicts(judge, bent) == (False, False)
