"""Standard Webhooks signatures of devices and of our own messages.

Owns: what is signed, how a secret is written as text, and when a stamp is stale.
Never: decodes a body, looks a device up, or reads the clock.

The ``standardwebhooks`` package reads its own clock, parses the body and builds an object per
secret; this is the hot path of every gate, so it stays with two calls into OpenSSL and serves as
the oracle of the tests instead.
"""

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Iterable
from enum import Enum

WINDOW_S = 300
SECRET_PREFIX = "whsec_"  # noqa: S105  the form of a secret, not one
SECRET_BYTES = 32
SECRET_BYTES_MIN = 24  # the bounds of the Standard Webhooks specification
SECRET_BYTES_MAX = 64
MESSAGE_ID_MAX = 128
TIMESTAMP_DIGITS_MAX = 12
SIGNATURES_MAX = 8  # in one header


class Verdict(Enum):
    """What a signature proves."""

    RIGHT = "right"
    STALE = "stale"  # made with the key, but outside the window: replayed, or a wrong clock
    WRONG = "wrong"


def new_secret() -> bytes:
    """Return a fresh key."""
    return randomness.token_bytes(SECRET_BYTES)


def encode_secret(secret: bytes) -> str:
    """Write a key as people and devices exchange it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def decode_secret(text: str) -> bytes:
    """Read ``whsec_…``; ValueError says what is wrong without repeating the key."""
    if not text.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret starts with {SECRET_PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a secret is base64 after {SECRET_PREFIX}") from error
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        raise ValueError(f"a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
    return secret


def sign(body: bytes, secret: bytes, *, message_id: str, timestamp_s: int) -> str:
    """Return the value of ``webhook-signature`` for one key."""
    return (b"v1," + _mac(secret, b"%b.%d.%b" % (message_id.encode(), timestamp_s, body))).decode()


def verify(
    body: bytes,
    secrets: Iterable[bytes],
    *,
    message_id: str,
    timestamp: str,
    signature: str,
    now_s: float,
) -> Verdict:
    """Judge one request by its three headers, as received; an absent one is an empty string.

    Any of ``secrets`` may have made any of the ``v1`` signatures. The comparison takes the same
    time whatever differs, and the window is looked at only behind a right signature.
    """
    if not _is_plausible(message_id, timestamp):
        return Verdict.WRONG
    content = f"{message_id}.{timestamp}.".encode("utf-8", "surrogateescape") + body
    claimed = [
        part[3:].encode("utf-8", "surrogateescape")
        for part in signature.split(" ", SIGNATURES_MAX)[:SIGNATURES_MAX]
        if part.startswith("v1,")
    ]
    for secret in secrets:
        expected = _mac(secret, content)
        for candidate in claimed:
            if hmac.compare_digest(expected, candidate):
                return Verdict.RIGHT if abs(now_s - int(timestamp)) <= WINDOW_S else Verdict.STALE
    return Verdict.WRONG


def _is_plausible(message_id: str, timestamp: str) -> bool:
    """Refuse what the signed text could not tell apart, such as an id with a full stop."""
    return (
        0 < len(message_id) <= MESSAGE_ID_MAX
        and "." not in message_id
        and len(timestamp) <= TIMESTAMP_DIGITS_MAX
        and timestamp.isascii()
        and timestamp.isdigit()
    )


def _mac(secret: bytes, content: bytes) -> bytes:
    return binascii.b2a_base64(hmac.digest(secret, content, "sha256"), newline=False)
