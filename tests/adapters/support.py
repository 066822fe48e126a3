"""What the tests of both channels share: keys of their own, a still clock, a client that listens.

Owns: RSA keys made once for the whole run, and the published vectors.
Never: imports an adapter.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm

from onepark.contexts.payments.model import PayRequest
from onepark.infra.http_client import HttpAnswer
from onepark.kernel.types import Fen

NOON = datetime(2026, 5, 1, 4, 0, 0, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors" / "payments"


def vectors(name: str) -> Any:
    return msgspec.json.decode((VECTORS / f"{name}.json").read_bytes())


@cache
def a_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """The key of that name: the same for the whole run."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: RSAPublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signed(key: RSAPrivateKey, text: bytes, algorithm: HashAlgorithm | None = None) -> str:
    raw = key.sign(text, padding.PKCS1v15(), algorithm or SHA256())
    return base64.b64encode(raw).decode()


def a_request(**changes: Any) -> PayRequest:
    """Five yuan for parking, payable for a quarter of an hour."""
    wanted = {
        "out_trade_no": "20260501P000001",
        "amount_fen": Fen(500),
        "description": "停车费 Parking",
        "expires_at": NOON.replace(minute=15),
        "notify_url": "https://park.example/v1/payments/notices/any",
    }
    return PayRequest(**{**wanted, **changes})


class StillClock:
    """A clock that tests move by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


class ScriptedClient:
    """Answers what it was given and remembers what it was asked; asked too often, it fails."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        self.asked.append((method, url, headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
