"""UnionPay messages, minted in the test under a chain of its own: right ones, to be bent.

Owns: what a right notice, a right answer and a right chain look like.
Never: imports an adapter's way of signing.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from onepark.contexts.payments.numbers import fresh_number
from onepark.infra.http_client import HttpAnswer
from onepark.integrations.payments.chains import Trust
from onepark.integrations.payments.unionpay import UnionpayChannel, UnionpayKeys
from tests.adapters.support import NOON, ScriptedClient, StillClock, a_key, signed

NAME = "041@8310000000083040@中国银联股份有限公司@00016495"
NUMBER = fresh_number(NOON)
MER_ID = "777290058167151"


@cache
def a_certificate(
    of: str,
    *,
    name: str = NAME,
    by: str = "root",
    authority: bool = False,
    starts_at: datetime = NOON - timedelta(days=1),
    ends_at: datetime = NOON + timedelta(days=1),
    digest: Any = SHA256,
) -> x509.Certificate:
    """The certificate of the key of that name, signed by the key of another."""
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name if by == of else by))
        .public_key(a_key(of).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts_at)
        .not_valid_after(ends_at)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(a_key(by), digest())
    )


def the_root() -> x509.Certificate:
    ends_at = datetime(2040, 1, 1, tzinfo=UTC)
    starts_at = datetime(2020, 1, 1, tzinfo=UTC)
    return a_certificate(
        "root", name="root", by="root", authority=True, starts_at=starts_at, ends_at=ends_at
    )


def a_channel(
    client: ScriptedClient | None = None,
    *,
    pinned: tuple[x509.Certificate, ...] | None = None,
    between: tuple[x509.Certificate, ...] = (),
    mer_id: str = MER_ID,
) -> Any:
    trust = Trust((the_root(),) if pinned is None else pinned, between, "中国银联股份有限公司")
    return UnionpayChannel(
        client or ScriptedClient(),
        StillClock(),
        base_url="https://gateway.95516.com",
        mer_id=mer_id,
        held=UnionpayKeys("68759663125", a_key("merchant"), trust),
    )


def the_fields(**changes: str) -> dict[str, str]:
    fields = {
        "accessType": "0",
        "bizType": "000000",
        "currencyCode": "156",
        "encoding": "utf-8",
        "merId": MER_ID,
        "orderId": NUMBER,
        "queryId": "782605011200000000001",
        "reqReserved": "",
        "respCode": "00",
        "respMsg": "success",
        "settleAmt": "500",
        "signMethod": "01",
        "traceTime": "0501115958",
        "txnAmt": "500",
        "txnSubType": "07",
        "txnTime": "20260501120000",
        "txnType": "01",
        "version": "5.1.0",
    }
    return {**fields, **changes}


def signed_fields(
    fields: dict[str, str],
    *,
    certificate: x509.Certificate | None = None,
    key: RSAPrivateKey | None = None,
    algorithm: Any = None,
) -> dict[str, str]:
    """Sign the lower-case hex of the digest of what is not empty, with a certificate's key."""
    made = certificate or a_certificate("unionpay")
    pem = made.public_bytes(serialization.Encoding.PEM).decode().replace("\n", "\r\n").strip()
    whole = {**fields, "signPubKeyCert": pem}
    text = "&".join(f"{name}={whole[name]}" for name in sorted(whole) if whole[name])
    digest = hashlib.sha256(text.encode()).hexdigest().encode()
    return {**whole, "signature": signed(key or a_key("unionpay"), digest, algorithm)}


def a_notice(fields: dict[str, str] | None = None, **signing: Any) -> bytes:
    return urlencode(signed_fields(fields or the_fields(), **signing)).encode()


def an_answer(**changes: str) -> HttpAnswer:
    """An answer as UnionPay writes it: its values stand there unescaped."""
    fields = signed_fields(the_fields(**changes))
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return HttpAnswer(200, {}, body.encode())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
