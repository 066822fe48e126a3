"""Codes of authenticators: RFC 6238 over SHA-1, six digits, half a minute each.

Owns: which steps of time a code may be of, and how a secret is shown to an authenticator.
Never: keeps a secret, or remembers which code was used.
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20  # as long as what HMAC-SHA-1 works with
STEPS_OFF = 1  # a phone's clock may be off by so much


def code_at(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Return the code of one step of time."""
    # The only hash that every authenticator has; HMAC does not rest on what is weak in it.
    return HOTP(secret, digits, SHA1()).generate(step).decode()  # noqa: S303


def step_at(at: datetime) -> int:
    """Return the number of the step in which this moment lies."""
    return int(at.timestamp()) // STEP_S


def step_of(secret: bytes, code: str, at: datetime, *, after: int) -> int | None:
    """Return the step that a code is of: now or next to it, and later than every one used before.

    All of them are compared, so that the time taken tells nothing.
    """
    now = step_at(at)
    steps = range(now - STEPS_OFF, now + STEPS_OFF + 1)
    matching = [s for s in steps if hmac.compare_digest(code_at(secret, s), code)]
    return next((step for step in matching if step > after), None)


def shown(secret: bytes) -> str:
    """Return a secret as people type it."""
    return base64.b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, *, issuer: str, login: str) -> str:
    """Return a secret as the camera of an authenticator reads it."""
    label = quote(f"{issuer}:{login}", safe="")
    query = urlencode({"secret": shown(secret), "issuer": issuer, "digits": DIGITS})
    return f"otpauth://totp/{label}?{query}&period={STEP_S}"
