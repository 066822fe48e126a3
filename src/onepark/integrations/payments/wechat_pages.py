"""WeChat Pay's three ways to hand an order to its payer.

Owns: where each is placed, what it must know of the payer, and the signature of a page's call.
Never: mixes up the texts: a page signs ``prepay_id=…``, an app of its own the bare number.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from msgspec import Struct

from onepark.contexts.payments.errors import ChannelUnavailable
from onepark.contexts.payments.model import JsapiCall, PayInstruction, PayKind, PayRequest
from onepark.integrations.payments import keys

PLACE = {
    PayKind.QR: "/v3/pay/transactions/native",
    PayKind.REDIRECT: "/v3/pay/transactions/h5",
    PayKind.JSAPI: "/v3/pay/transactions/jsapi",
}
NOWHERE = "0.0.0.0"  # noqa: S104  what WeChat is told of a payer whose address nobody knows


class Placed(Struct, frozen=True):
    """The answer to an order; each way has one of these."""

    code_url: str = ""
    h5_url: str = ""
    prepay_id: str = ""


def of_payer(request: PayRequest) -> Mapping[str, object]:
    """Return what an order says of its payer: a page his address, a call in the app his openid."""
    if request.kind == PayKind.REDIRECT:
        address = request.payer_address or NOWHERE
        return {"scene_info": {"payer_client_ip": address, "h5_info": {"type": "Wap"}}}
    if request.kind == PayKind.JSAPI:
        return {"payer": {"openid": request.payer_id}}
    return {}


def handed(
    kind: PayKind, placed: Placed, *, appid: str, key: RSAPrivateKey, at: datetime
) -> PayInstruction:
    """Return what the payer does next."""
    if kind == PayKind.JSAPI and placed.prepay_id:
        return PayInstruction(kind, jsapi=_call(placed.prepay_id, appid, key, at))
    url = placed.h5_url if kind == PayKind.REDIRECT else placed.code_url
    if not url:
        raise ChannelUnavailable("WeChat Pay placed an order and handed nothing out.")
    return PayInstruction(kind, url)


def _call(prepay_id: str, appid: str, key: RSAPrivateKey, at: datetime) -> JsapiCall:
    stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
    package = f"prepay_id={prepay_id}"
    text = "".join(f"{line}\n" for line in (appid, stamp, nonce, package))
    return JsapiCall(appid, stamp, nonce, package, "RSA", keys.sign(key, text.encode()))
