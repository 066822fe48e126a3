"""Standard Webhooks: what devices sign and we check, before the specification's own package."""

import pytest

from onepark.infra import signing
from onepark.infra.signing import Verdict
from tests.adapters.judges.messages import this_second

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODIES = ["", "{}", '{"plate":"苏B12345","a":"+ &=%"}', '{"a": 1.50, "u": "\\u505c"}\n', "🚗" * 999]


def headers_of(signature, stamp, message_id=ID):
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature,
    }


def verdicts(judge, headers, body, *, secret=SECRET):
    """Why the judge refuses, and what our side says."""
    theirs = judge.reason(
        "webhook.verify", secret=signing.encode_secret(secret), headers=headers, body=body
    )
    ours = signing.verify(
        body.encode(),
        [secret],
        message_id=headers.get("webhook-id", ""),
        timestamp=headers.get("webhook-timestamp", ""),
        signature=headers.get("webhook-signature", ""),
        now_s=this_second().timestamp(),
    )
    return theirs.removeprefix("WebhookVerificationError: "), ours


def a_signed_message(body, *, seconds=0, secret=SECRET):
    stamp = int(this_second().timestamp()) + seconds
    signature = signing.sign(body.encode(), secret, message_id=ID, timestamp_s=stamp)
    return headers_of(signature, stamp)


@pytest.mark.parametrize("size", [24, 32, 64])
@pytest.mark.parametrize("body", BODIES)
def test_both_sign_to_the_same_text_and_believe_each_other(judge, body, size):
    stamp, secret = int(this_second().timestamp()), bytes(range(size))
    asked = {"id": ID, "stamp": stamp, "body": body}
    theirs = judge.ask("webhook.sign", secret=signing.encode_secret(secret), **asked)
    ours = signing.sign(body.encode(), secret, message_id=ID, timestamp_s=stamp)
    assert ours == theirs
    assert verdicts(judge, headers_of(theirs, stamp), body, secret=secret) == ("", Verdict.RIGHT)


NO_MATCH = ("No matching signature found", Verdict.WRONG)
LACKING = ("Missing required headers", Verdict.WRONG)


@pytest.mark.parametrize(
    ("bend", "verdict"),
    [
        (lambda old: {"webhook-id": old["webhook-id"] + "x"}, NO_MATCH),
        (lambda old: {"webhook-timestamp": str(int(old["webhook-timestamp"]) - 1)}, NO_MATCH),
        (lambda old: {"webhook-signature": old["webhook-signature"].swapcase()}, NO_MATCH),
        (lambda old: {"webhook-signature": "v1a" + old["webhook-signature"][2:]}, NO_MATCH),
        (lambda _: {"webhook-signature": "v1,"}, NO_MATCH),
        (lambda _: {"webhook-signature": ""}, LACKING),
        (lambda _: {"webhook-id": ""}, LACKING),
        (lambda _: {"webhook-timestamp": ""}, LACKING),
        (lambda _: {"webhook-timestamp": "now"}, ("Invalid Signature Headers", Verdict.WRONG)),
        (
            lambda old: {"webhook-signature": f"v1,AAAA v2,x {old['webhook-signature']}"},
            ("", Verdict.RIGHT),
        ),
    ],
    ids=[
        *("id", "stamp", "signature", "other version", "cut", "no signature", "no id", "no stamp"),
        *("a word for a stamp", "the right one among others"),
    ],
)
def test_a_bent_header_is_judged_alike(judge, bend, verdict):
    headers = a_signed_message(BODIES[2])
    assert verdicts(judge, {**headers, **bend(headers)}, BODIES[2]) == verdict


@pytest.mark.parametrize("bent", ['{"plate":"苏B12346","a":"+ &=%"}', f"{BODIES[2]} ", "", "{}"])
def test_a_bent_body_is_refused_by_both(judge, bent):
    assert verdicts(judge, a_signed_message(BODIES[2]), bent) == NO_MATCH


def test_the_same_json_in_other_bytes_is_refused_by_both(judge):
    bent = BODIES[2].replace('":', '": ')
    assert verdicts(judge, a_signed_message(BODIES[2]), bent) == NO_MATCH


def test_another_secret_is_refused_by_both(judge):
    headers = a_signed_message(BODIES[1], secret=OTHER_SECRET)
    assert verdicts(judge, headers, BODIES[1]) == NO_MATCH
    assert verdicts(judge, headers, BODIES[1], secret=OTHER_SECRET) == ("", Verdict.RIGHT)


@pytest.mark.parametrize(("seconds", "word"), [(-400, "old"), (400, "new")])
def test_a_stamp_outside_the_window_is_stale_to_both(judge, seconds, word):
    headers = a_signed_message(BODIES[1], seconds=seconds)
    assert verdicts(judge, headers, BODIES[1]) == (f"Message timestamp too {word}", Verdict.STALE)


@pytest.mark.parametrize("seconds", [-240, 240])
def test_a_stamp_inside_the_window_is_right_to_both(judge, seconds):
    headers = a_signed_message(BODIES[1], seconds=seconds)
    assert verdicts(judge, headers, BODIES[1]) == ("", Verdict.RIGHT)


def test_an_id_with_a_full_stop_is_refused_here_only(judge):
    """The text that is signed could not tell such an id from another id and stamp."""
    stamp = int(this_second().timestamp())
    asked = {"id": "msg.1", "stamp": stamp, "body": "{}"}
    theirs = judge.ask("webhook.sign", secret=signing.encode_secret(SECRET), **asked)
    headers = headers_of(theirs, stamp, "msg.1")
    assert verdicts(judge, headers, "{}") == ("", Verdict.WRONG)
