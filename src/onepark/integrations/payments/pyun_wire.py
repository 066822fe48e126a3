"""The aggregator P云 (4PY) on the wire: MD5 over a text that ends with a shared secret.

Owns: what is signed of a form, and of a JSON body.
Never: serves another channel; MD5 is this provider's choice and proves nothing elsewhere.
"""

import hashlib
import hmac
from collections.abc import Mapping

from onepark.integrations.payments import forms
from onepark.integrations.payments.keys import Unproven


def sign_form(fields: Mapping[str, str], secret: str) -> str:
    """Sign the non-empty fields of a form, in the order of their names."""
    return _md5(forms.joined(fields, but=("sign",), empty=False), secret)


def sign_body(body: str, secret: str) -> str:
    """Sign a JSON body as it is sent; the signature travels in the header Authorization."""
    return _md5(body, secret)


def prove(fields: Mapping[str, str], secret: str) -> None:
    """Raise Unproven unless a form bears the signature of its fields, in either case of letters."""
    given = fields.get("sign", "").upper().encode()
    if not hmac.compare_digest(given, sign_form(fields, secret).encode()):
        raise Unproven("signature_wrong", "The signature does not fit the notice.")


def _md5(text: str, secret: str) -> str:
    signed = f"{text}&app_secret={secret}".encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()
