"""WeChat Pay API v3 on the wire: signatures and sealed resources.

Owns: the texts that are signed, the window, which key a signature is tried with, and AES-256-GCM.
Never: re-serialises a body, tries a second key, or asks the network for one.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from onepark.integrations.payments import keys
from onepark.integrations.payments.keys import KeyRing, Unproven

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
WINDOW_S = 300  # at this distance a stamp is already stale
API_V3_KEY_BYTES = 32
SEAL = "AEAD_AES_256_GCM"
NONCE_BYTES = range(8, 129)  # what AES-GCM takes; WeChat sends 12

_STAMP = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True, repr=False)
class MerchantKeys:
    """What we sign and unseal with, and whom we believe."""

    merchant_serial: str
    merchant_key: RSAPrivateKey
    api_v3_key: bytes
    ring: KeyRing


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that its signature covers; ``target`` is path and query."""

    method: str
    target: str
    body: bytes


class Resource(Struct, frozen=True):
    """The sealed part of a notice."""

    ciphertext: str
    nonce: str
    algorithm: str
    associated_data: str | None = None


def authorization(
    held: MerchantKeys, request: SignedRequest, *, mchid: str, nonce: str, at: datetime
) -> str:
    """Return the Authorization header of one request."""
    stamp = str(int(at.timestamp()))
    lines = (request.method, request.target, stamp, nonce)
    text = "".join(f"{line}\n" for line in lines).encode() + request.body + b"\n"
    fields = {
        "mchid": mchid,
        "nonce_str": nonce,
        "timestamp": stamp,
        "serial_no": held.merchant_serial,
        "signature": keys.sign(held.merchant_key, text),
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def signed_at(headers: Mapping[str, str], body: bytes, *, ring: KeyRing, now: datetime) -> datetime:
    """Return the stamp of a message that its signature proves; raise Unproven otherwise."""
    if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise Unproven("signature_type", "The signature is of a type that we do not take.")
    stamp, nonce, serial, signature = (
        _header(headers, f"wechatpay-{name}")
        for name in ("timestamp", "nonce", "serial", "signature")
    )
    if signature.startswith(PROBE_PREFIX):
        raise Unproven("probe", "The signature is a probe that must fail.")
    key = ring.get(serial)
    if key is None or not key.serves(now):
        raise Unproven("serial_unknown", "The signature names a key that we do not hold.")
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    if _STAMP.fullmatch(stamp) is None or not keys.proves(key.public, signature, text):
        raise Unproven("signature_wrong", "The signature does not fit the message.")
    return datetime.fromtimestamp(int(stamp), UTC)


def is_fresh(stamp_at: datetime, now: datetime) -> bool:
    """Say whether a proven stamp lies inside the window; its edge is outside."""
    return abs((now - stamp_at).total_seconds()) < WINDOW_S


def unseal(resource: Resource, api_v3_key: bytes) -> bytes:
    """Return the plain text of a notice's resource; raise Unproven if the seal is broken."""
    nonce = resource.nonce.encode()
    if resource.algorithm != SEAL or len(nonce) not in NONCE_BYTES:
        raise Unproven("seal", "The resource is sealed in a way that we do not take.")
    try:
        return AESGCM(api_v3_key).decrypt(
            nonce,
            base64.b64decode(resource.ciphertext, validate=True),
            (resource.associated_data or "").encode(),
        )
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise Unproven("seal", "The resource cannot be unsealed.") from error


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise Unproven("header_missing", f"The header {name} is missing.")
    return value
