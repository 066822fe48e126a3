"""UnionPay 5.1.0 on the wire: what is signed, and by whom.

Owns: the text of a message, its two digests, and the certificate that travels in it.
Never: takes another version or method, or a key for its own word.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from onepark.integrations.payments import forms, keys
from onepark.integrations.payments.chains import Trust, trusted_key
from onepark.integrations.payments.keys import Unproven

VERSION = "5.1.0"
BY_CERTIFICATE = "01"  # RSA over SHA-256, the key in a certificate
ENCODING = "utf-8"
UNIONPAY_CN = "中国银联股份有限公司"


def digest(fields: Mapping[str, str]) -> bytes:
    """Return what RSA signs: the lower-case hex of the SHA-256 of the joined fields."""
    text = forms.joined(fields, but=("signature",), empty=False)
    return hashlib.sha256(text.encode()).hexdigest().encode()


def signed(fields: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """Return the fields with their signature."""
    return {**fields, "signature": keys.sign(key, digest(fields))}


def prove(fields: Mapping[str, str], trust: Trust, now: datetime) -> None:
    """Raise Unproven unless UnionPay has signed exactly these fields."""
    how = (fields.get("version"), fields.get("signMethod"))
    if how != (VERSION, BY_CERTIFICATE):
        raise Unproven("signature_type", "The message is not signed as 5.1.0 is, by certificate.")
    if fields.get("encoding", "").lower() != ENCODING:
        raise Unproven("charset", "The message is in a charset that we do not take.")
    key = trusted_key(fields.get("signPubKeyCert", ""), trust, now)
    if not keys.proves(key, fields.get("signature", ""), digest(fields)):
        raise Unproven("signature_wrong", "The signature does not fit the message.")
