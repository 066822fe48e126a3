"""Jiangsu Bank's e融支付 on the wire: RSA over SHA-1, with a short key.

Owns: this bank's scheme, which is weak; it is pinned here and taken by no other adapter.
Never: drops an empty value: the bank signs them.
"""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1

from onepark.integrations.payments import forms
from onepark.integrations.payments.keys import Unproven

BITS_MIN = 1024  # what the bank's own key has
SCHEME = "RSA"
_UNSIGNED = ("sign", "signType")


def text(fields: Mapping[str, str]) -> bytes:
    """Return what a signature covers: every field but those that tell of it, empty ones too."""
    return forms.joined(fields, but=_UNSIGNED, empty=True).encode()


def signed(fields: Mapping[str, str], key: RSAPrivateKey) -> dict[str, str]:
    """Return the fields with their signature."""
    raw = key.sign(text(fields), PKCS1v15(), SHA1())  # noqa: S303  the bank takes no other
    return {**fields, "sign": base64.b64encode(raw).decode(), "signType": SCHEME}


def prove(fields: Mapping[str, str], key: RSAPublicKey) -> None:
    """Raise Unproven unless the bank has signed exactly these fields."""
    if fields.get("signType") != SCHEME:
        raise Unproven("signature_type", "The message is not signed in the bank's scheme.")
    try:
        raw = base64.b64decode(fields.get("sign", ""), validate=True)
        key.verify(raw, text(fields), PKCS1v15(), SHA1())  # noqa: S303  as above
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Unproven("signature_wrong", "The signature does not fit the message.") from error
