"""A gate's request is believed for its signature, and only within five minutes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some
from standardwebhooks import Webhook

from onepark.infra.signing import (
    SIGNATURES_MAX,
    Verdict,
    decode_secret,
    encode_secret,
    new_secret,
    sign,
    verify,
)

# The example of the Standard Webhooks specification.
SECRET = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
MESSAGE_ID, STAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = b"another key of the same gate...."


def judged(body: bytes = BODY, secrets: tuple[bytes, ...] = (SECRET,), **changes) -> Verdict:
    said = {
        "message_id": MESSAGE_ID,
        "timestamp": str(STAMP),
        "signature": SIGNATURE,
        "now_s": float(STAMP),
    }
    return verify(body, secrets, **{**said, **changes})


def test_the_specifications_own_example_is_right():
    assert sign(BODY, SECRET, message_id=MESSAGE_ID, timestamp_s=STAMP) == SIGNATURE
    assert judged() is Verdict.RIGHT


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"test": 2432232315}'},
        {"message_id": "msg_another"},
        {"timestamp": str(STAMP + 1)},
        {"secrets": (OTHER,)},
        {"secrets": ()},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": SIGNATURE.replace("v1,", "v2,")},
        {"signature": SIGNATURE.replace("v1,", "")},
        {"signature": SIGNATURE[:-1]},
        {"signature": "v1,Ünïcödé 签名"},
        {"signature": "v1,\udcff"},
        {"message_id": ""},
        {"message_id": "\udcff"},
        {"message_id": "m" * 129},
        {"timestamp": ""},
        {"timestamp": "-1"},
        {"timestamp": "１６１４２６５３３０"},
        {"timestamp": "1614265330.0"},
        {"timestamp": "9" * 13},
        {"timestamp": "now"},
    ],
)
def test_anything_else_than_what_was_signed_is_wrong(changes):
    assert judged(**changes) is Verdict.WRONG


@pytest.mark.parametrize(
    ("late_s", "verdict"),
    [
        (-300, Verdict.RIGHT),
        (300, Verdict.RIGHT),
        (-301, Verdict.STALE),
        (301, Verdict.STALE),
        (10**9, Verdict.STALE),
    ],
)
def test_a_right_signature_outside_five_minutes_is_stale(late_s, verdict):
    assert judged(now_s=STAMP + late_s) is verdict


def test_a_wrong_signature_is_wrong_whatever_its_stamp():
    assert judged(secrets=(OTHER,), now_s=0.0) is Verdict.WRONG


def test_while_keys_overlap_either_is_right():
    assert judged(secrets=(OTHER, SECRET)) is Verdict.RIGHT
    assert judged(secrets=(SECRET, OTHER)) is Verdict.RIGHT


def test_one_right_signature_among_several_is_enough_but_not_behind_a_flood():
    wrong = sign(BODY, OTHER, message_id=MESSAGE_ID, timestamp_s=STAMP)
    assert judged(signature=f"v2,x {wrong} {SIGNATURE}") is Verdict.RIGHT
    flood = " ".join([wrong] * SIGNATURES_MAX)
    assert judged(signature=f"{flood} {SIGNATURE}") is Verdict.WRONG


def test_an_id_with_a_full_stop_is_wrong_because_the_signed_text_would_be_ambiguous():
    signature = sign(b"5.{}", SECRET, message_id="a", timestamp_s=STAMP)
    assert judged(b"5.{}", message_id="a", signature=signature) is Verdict.RIGHT
    assert judged(b"{}", message_id=f"a.{STAMP}", timestamp="5", signature=signature) is (
        Verdict.WRONG
    )


@given(body=some.dictionaries(some.text(max_size=5), some.integers(), max_size=3))
def test_we_sign_as_the_reference_library_does(body):
    data = json.dumps(body)
    at = datetime.fromtimestamp(STAMP, UTC)
    theirs = Webhook(SECRET).sign("msg_1", at, data)
    assert sign(data.encode(), SECRET, message_id="msg_1", timestamp_s=STAMP) == theirs
    assert judged(data.encode(), message_id="msg_1", signature=theirs) is Verdict.RIGHT


def test_an_empty_body_is_signed_too():
    signature = sign(b"", SECRET, message_id="m", timestamp_s=STAMP)
    assert judged(b"", message_id="m", signature=signature) is Verdict.RIGHT


def test_a_secret_survives_being_written_down():
    secret = new_secret()
    assert decode_secret(encode_secret(secret)) == secret
    assert len({new_secret() for _ in range(10)}) == 10


@pytest.mark.parametrize(
    "text",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=",
     encode_secret(b"x" * 65)],
)  # fmt: skip
def test_what_is_no_secret_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="a secret") as refused:
        decode_secret(text)
    assert not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in str(refused.value)
