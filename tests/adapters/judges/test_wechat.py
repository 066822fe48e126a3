"""WeChat Pay's signatures and seals: ours before another author's code, and his before ours."""

import base64
import json
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.integrations.payments import wechat_wire as wire
from onepark.integrations.payments.keys import Unproven
from onepark.integrations.payments.wechat_wire import MerchantKeys, Resource, SignedRequest
from onepark.simulator.providers.keys import PUBLIC_KEY_ID
from onepark.simulator.providers.trades import Behaviour, Provider
from onepark.simulator.providers.wechat import WechatWords
from tests.adapters.judges.messages import (
    NUMBER,
    a_paid_trade,
    our_reason,
    serialised_again,
    the_fact,
    this_second,
)
from tests.adapters.support import (
    NOON,
    ScriptedClient,
    a_key,
    a_request,
    private_pem,
    public_pem,
    signed,
)
from tests.adapters.wechat import minting

ORDERS = "/v3/pay/transactions"
BODIES = ["", "{}", '{"description":"停车费+月卡 100% a&b=c 🚗"}', '{"a": "\\/", "b":""}\n']
TARGETS = [f"{ORDERS}/native", f"{ORDERS}/out-trade-no/A%7CB?mchid=1900000109&x=a%2Bb+c"]
PLAINS = ["{}", "message", '{"attach":"停车费+月卡 🚗","empty":""}', "0" * 70_000]
FIELD = re.compile(r'(\w+)="([^"]*)"')


def fields_of(header):
    """A header's scheme and fields; the order of the fields is free."""
    scheme, _, rest = header.partition(" ")
    return scheme, dict(FIELD.findall(rest))


def our_header(method, target, body):
    held = MerchantKeys("MERCHANTSERIAL", a_key("merchant"), minting.API_V3_KEY, {})
    request = SignedRequest(method, target, body.encode())
    return wire.authorization(held, request, mchid="1900000109", nonce="593BEC0C930BF1AF", at=NOON)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_is_signed_to_the_same_header(judge, method, target, body):
    theirs = judge.ask(
        "wechat.authorization",
        private_key=private_pem(a_key("merchant")).decode(),
        mchid="1900000109",
        serial="MERCHANTSERIAL",
        nonce="593BEC0C930BF1AF",
        stamp=str(int(NOON.timestamp())),
        method=method,
        target=target,
        body=body,
    )
    assert fields_of(our_header(method, target, body)) == fields_of(theirs)


async def test_the_requests_of_our_adapter_are_believed_and_bent_ones_are_not(judge):
    client = ScriptedClient(*[ConnectionError()] * 3)
    channel = minting.a_channel(client)
    for call in (channel.create(a_request()), channel.query(NUMBER), channel.close(NUMBER)):
        with pytest.raises(ConnectionError):
            await call
    for method, url, headers, body in client.asked:
        shown = {
            "key": public_pem(a_key("merchant").public_key()).decode(),
            "authorization": headers["Authorization"],
            "method": method,
            "target": url.removeprefix("https://api.mch.weixin.qq.com"),
            "body": body.decode(),
        }
        assert judge.believes("wechat.request", **shown)
        for change in (
            {"method": "PUT"},
            {"target": f"{shown['target']}?"},
            {"body": f"{shown['body']} "},
            {"key": public_pem(a_key("stranger").public_key()).decode()},
        ):
            assert not judge.believes("wechat.request", **{**shown, **change})


def a_told_trade(providers):
    """A notice as the simulator writes it, and the moment it was written."""
    now = this_second()
    trade = a_paid_trade(Provider.WECHAT, now)
    parcel = WechatWords(providers.keys).parcel(trade, Behaviour(), now)
    return trade, dict(parcel.headers), parcel.body.decode(), now


@pytest.mark.parametrize("by_certificate", [False, True])
def test_a_notice_of_the_simulator_is_believed_and_opened_by_both(judge, providers, by_certificate):
    draws = (a_told_trade(providers) for _ in range(100))  # the simulator draws one of two keys
    trade, headers, body, now = next(
        drawn
        for drawn in draws
        if (drawn[1]["Wechatpay-Serial"] != PUBLIC_KEY_ID) is by_certificate
    )
    assert judge.ask("wechat.message", keys=providers.wechat_ring, headers=headers, body=body)
    channel = providers.channel("wechat")
    lower = {name.lower(): value for name, value in headers.items()}
    ours = channel.verify_notice(lower, body.encode(), now).fact
    assert ours == the_fact(channel, trade)
    sealed = json.loads(body)["resource"]
    theirs = judge.ask(
        "wechat.unseal",
        ciphertext=sealed["ciphertext"],
        nonce=sealed["nonce"],
        associated_data=sealed["associated_data"],
        key=providers.keys.api_v3_key,
    )
    assert json.loads(theirs)["out_trade_no"] == ours.out_trade_no


def flipped(text):
    """Another signature of the same form."""
    return ("A" if text[40] != "A" else "B").join((text[:40], text[41:]))


WRONG = ("HEADER_SIGNATURE_DIGEST", "signature_wrong")
LACKING = ("HEADERS_INCOMPLATE", "header_missing")  # the judge's own spelling
BENT_HEADERS = {
    "stamp": (lambda old: {"timestamp": str(int(old["timestamp"]) - 1)}, WRONG),
    "nonce": (lambda old: {"nonce": old["nonce"][::-1]}, WRONG),
    "signature": (lambda old: {"signature": flipped(old["signature"])}, WRONG),
    "probe": (
        lambda _: {"signature": "WECHATPAY/SIGNTEST/" + "A" * 325},
        ("HEADER_SIGNATURE_DIGEST", "probe"),
    ),
    "unknown serial": (
        lambda _: {"serial": "PUB_KEY_ID_0000000000000000000000000000"},
        ("HEADER_PLATFORM_SERIAL", "serial_unknown"),
    ),
    "no stamp": (lambda _: {"timestamp": ""}, LACKING),
    "no nonce": (lambda _: {"nonce": ""}, LACKING),
    "no signature": (lambda _: {"signature": ""}, LACKING),
    "no serial": (lambda _: {"serial": ""}, LACKING),
}
BENT_BODIES = {
    "a byte changed": lambda body: body.replace("EV-", "EW-"),
    "serialised again": serialised_again,
    "a space more": lambda body: f"{body} ",
    "a byte order mark": lambda body: f"\ufeff{body}",
    "a line break more": lambda body: f"{body}\n",
    "empty": lambda _: "",
}


@pytest.mark.parametrize(("bend", "reasons"), BENT_HEADERS.values(), ids=BENT_HEADERS.keys())
def test_a_bent_header_is_refused_by_both(judge, providers, bend, reasons):
    _, headers, body, now = a_told_trade(providers)
    lower = {name.lower().removeprefix("wechatpay-"): text for name, text in headers.items()}
    bent = {f"wechatpay-{name}": text for name, text in {**lower, **bend(lower)}.items() if text}
    theirs = judge.reason("wechat.message", keys=providers.wechat_ring, headers=bent, body=body)
    ours = our_reason(providers.channel("wechat"), bent, body, now)
    assert (theirs.removeprefix("Error: EV3_RES_"), ours) == reasons


@pytest.mark.parametrize("bend", BENT_BODIES.values(), ids=BENT_BODIES.keys())
def test_a_bent_body_is_refused_by_both_even_if_it_means_the_same(judge, providers, bend):
    _, headers, body, now = a_told_trade(providers)
    bent = bend(body)
    ring = providers.wechat_ring
    assert not judge.believes("wechat.message", keys=ring, headers=headers, body=bent)
    assert our_reason(providers.channel("wechat"), headers, bent, now) == "signature_wrong"


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_stamp_outside_the_window_is_refused_by_both(judge, providers, seconds):
    now = this_second()
    body = minting.a_notice(key=providers.keys.api_v3_key.encode()).decode()
    headers = minting.the_headers(
        body.encode(),
        key=providers.keys.wechat_plain,
        serial=PUBLIC_KEY_ID,
        at=now + timedelta(seconds=seconds),
    )
    reason = judge.reason("wechat.message", keys=providers.wechat_ring, headers=headers, body=body)
    assert reason == "Error: EV3_RES_HEADER_TIMESTAMP_OFFSET"
    assert our_reason(providers.channel("wechat"), headers, body, now) == "stale"


@pytest.mark.parametrize(("key", "algorithm"), [("stranger", None), ("wechat", SHA1())])
def test_another_key_and_a_weaker_digest_are_refused_by_both(judge, key, algorithm):
    now, body = this_second(), minting.a_notice()
    headers = minting.the_headers(body, key=a_key(key), at=now, algorithm=algorithm)
    shown = {
        "keys": {minting.PUBLIC_KEY_ID: public_pem(a_key("wechat").public_key()).decode()},
        "body": body.decode(),
    }
    right = minting.the_headers(body, at=now)
    assert judge.ask("wechat.message", headers=right, **shown)
    assert not judge.believes("wechat.message", headers=headers, **shown)
    channel = minting.a_channel()
    assert our_reason(channel, right, body.decode(), now) == ""
    assert our_reason(channel, headers, body.decode(), now) == "signature_wrong"


def a_notice_of_theirs(judge, trade, *, key="wechat"):
    """A notice that the judge sealed and signed."""
    now, plain = this_second(), json.dumps(trade, ensure_ascii=False)
    sealed = {"key": minting.API_V3_KEY.decode(), "nonce": "0123456789ab", "associated_data": ""}
    resource = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": judge.ask("wechat.seal", plain=plain, **sealed),
        "nonce": sealed["nonce"],
    }
    body = minting.a_notice(resource=resource).decode()
    headers = {
        "wechatpay-timestamp": str(int(now.timestamp())),
        "wechatpay-nonce": "593BEC0C930BF1AF",
        "wechatpay-serial": minting.PUBLIC_KEY_ID,
    }
    headers["wechatpay-signature"] = judge.ask(
        "wechat.signature",
        private_key=private_pem(a_key(key)).decode(),
        stamp=headers["wechatpay-timestamp"],
        nonce=headers["wechatpay-nonce"],
        body=body,
    )
    return headers, body, now


def test_a_notice_that_the_judge_sealed_and_signed_is_believed_and_bent_it_is_not(judge):
    trade = minting.a_trade(attach="停车费+月卡 🚗", empty="")
    headers, body, now = a_notice_of_theirs(judge, trade)
    notice = minting.a_channel().verify_notice(headers, body.encode(), now)
    assert (notice.fact.out_trade_no, notice.fact.amount_fen) == (NUMBER, 500)
    for bent in (serialised_again(body), f"{body} ", body.replace("SUCCESS", "SUCCESs")):
        assert our_reason(minting.a_channel(), headers, bent, now) == "signature_wrong"


def test_a_notice_that_the_judge_signed_with_a_strangers_key_is_refused(judge):
    headers, body, now = a_notice_of_theirs(judge, minting.a_trade(), key="stranger")
    assert our_reason(minting.a_channel(), headers, body, now) == "signature_wrong"


@pytest.mark.parametrize("associated_data", ["", "transaction", "停车"])
@pytest.mark.parametrize("plain", PLAINS, ids=["empty", "short", "Chinese", "long"])
def test_what_the_judge_seals_opens_here_and_no_bent_seal_opens_anywhere(
    judge, plain, associated_data
):
    given = {"nonce": "uluk4a9R25RW", "associated_data": associated_data}
    key = minting.API_V3_KEY.decode()
    sealed = judge.ask("wechat.seal", plain=plain, key=key, **given)
    given |= {"ciphertext": sealed}
    assert unsealed(given, key) == plain
    assert judge.ask("wechat.unseal", key=key, **given) == plain
    raw = bytearray(base64.b64decode(sealed))
    raw[0] ^= 1
    for change in (
        {"ciphertext": base64.b64encode(bytes(raw)).decode()},
        {"ciphertext": base64.b64encode(bytes(raw[:-1])).decode()},
        {"nonce": "uluk4a9R25RX"},
        {"associated_data": f"{associated_data} "},
        {"key": key[::-1]},
    ):
        bent = {"key": key, **given, **change}
        assert not judge.believes("wechat.unseal", **bent)
        with pytest.raises(Unproven):
            unsealed(bent, bent["key"])


def unsealed(given, key):
    fields = {name: given[name] for name in ("ciphertext", "nonce", "associated_data")}
    return wire.unseal(Resource(algorithm=wire.SEAL, **fields), key.encode()).decode()


def test_a_signature_with_strange_characters_in_it_is_refused_here_only(judge):
    """Node reads base64 loosely, so the judge believes what is no base64 at all; we are strict."""
    now, body = this_second(), minting.a_notice()
    headers = minting.the_headers(body, at=now)
    noisy = {**headers, "wechatpay-signature": f"!{headers['wechatpay-signature']}"}
    keys = {minting.PUBLIC_KEY_ID: public_pem(a_key("wechat").public_key()).decode()}
    assert judge.ask("wechat.message", keys=keys, headers=noisy, body=body.decode())
    assert our_reason(minting.a_channel(), noisy, body.decode(), now) == "signature_wrong"


@pytest.mark.parametrize("body", BODIES)
def test_a_text_is_signed_to_the_same_signature(judge, body):
    key = a_key("wechat")
    theirs = judge.ask("rsa.sign", private_key=private_pem(key).decode(), text=body)
    assert signed(key, body.encode()) == theirs
