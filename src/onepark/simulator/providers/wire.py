"""A call and its reply, free of any framework.

Owns: the shapes that a desk takes and gives, and what a courier needs of a dialect.
Never: reads a socket.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from onepark.simulator.providers.refunds import Refund
from onepark.simulator.providers.trades import Behaviour, Trade


@dataclass(frozen=True)
class Call:
    """A request as received; ``target`` is path and query, header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


@dataclass(frozen=True)
class Parcel:
    """A notice ready to be sent."""

    headers: Mapping[str, str]
    body: bytes


class Dialect(Protocol):
    """How a provider tells a merchant of a payment or a refund."""

    resend_after_s: tuple[float, ...]

    def parcel(self, trade: Trade, behaviour: Behaviour, now: datetime) -> Parcel: ...

    def refund_parcel(
        self, trade: Trade, refund: Refund, *, behaviour: Behaviour, now: datetime
    ) -> Parcel | None:
        """Return the notice of a refund that has ended; None where nobody is told of it."""
        ...

    def is_acknowledged(self, status: int, body: bytes) -> bool: ...


def rsa_sign(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()


def rsa_fits(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def broken(signature: str) -> str:
    """Return a signature of the same form that fits nothing."""
    raw = bytearray(base64.b64decode(signature))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(bytes(raw)).decode()
