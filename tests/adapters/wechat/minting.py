"""WeChat Pay messages, minted in the test: right ones, to be bent one at a time.

Owns: what a right notice and a right answer look like.
Never: imports an adapter's way of signing.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from onepark.infra.http_client import HttpAnswer
from onepark.integrations.payments.keys import ProviderKey
from onepark.integrations.payments.wechat import WechatChannel
from onepark.integrations.payments.wechat_wire import MerchantKeys
from tests.adapters.support import NOON, ScriptedClient, StillClock, a_key, signed

API_V3_KEY = b"k" * 31 + b"3"
PUBLIC_KEY_ID = "PUB_KEY_ID_0100000000002026"
CERTIFICATE_SERIAL = "5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC"


def a_channel(client: ScriptedClient | None = None, clock: StillClock | None = None) -> Any:
    """A channel that holds a public key and a certificate's key, and no network by default."""
    ring = {
        PUBLIC_KEY_ID: ProviderKey(a_key("wechat").public_key()),
        CERTIFICATE_SERIAL: ProviderKey(
            a_key("wechat certificate").public_key(), NOON + timedelta(days=30)
        ),
    }
    return WechatChannel(
        client or ScriptedClient(),
        clock or StillClock(),
        base_url="https://api.mch.weixin.qq.com",
        mchid="1900000109",
        appid="wx00000000000000aa",
        held=MerchantKeys("MERCHANTSERIAL", a_key("merchant"), API_V3_KEY, ring),
        answer_serial=PUBLIC_KEY_ID,
    )


def a_trade(**changes: Any) -> dict[str, Any]:
    trade: dict[str, Any] = {
        "appid": "wx00000000000000aa",
        "mchid": "1900000109",
        "out_trade_no": "20260501P000001",
        "transaction_id": "4200000000202605010000000001",
        "trade_state": "SUCCESS",
        "success_time": "2026-05-01T11:59:58+08:00",
        "amount": {"total": 500, "payer_total": 500, "currency": "CNY"},
    }
    return {**trade, **changes}


def a_notice(
    trade: dict[str, Any] | None = None, *, key: bytes = API_V3_KEY, **changes: Any
) -> bytes:
    plain = json.dumps(trade or a_trade(), ensure_ascii=False).encode()
    nonce = "0123456789ab"
    sealed = AESGCM(key).encrypt(nonce.encode(), plain, b"transaction")
    notice = {
        "id": "EV-2026050112000001",
        "create_time": "2026-05-01T12:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }
    return json.dumps({**notice, **changes}, ensure_ascii=False).encode()


def the_headers(
    body: bytes,
    *,
    key: RSAPrivateKey | None = None,
    serial: str = PUBLIC_KEY_ID,
    at: datetime = NOON,
    algorithm: Any = None,
) -> dict[str, str]:
    stamp, nonce = str(int(at.timestamp())), "593BEC0C930BF1AFEB40B4A08C8FB242"
    text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "wechatpay-timestamp": stamp,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature": signed(key or a_key("wechat"), text, algorithm),
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
    }


def an_answer(status: int, content: Any = None, **signing: Any) -> HttpAnswer:
    body = b"" if content is None else json.dumps(content).encode()
    return HttpAnswer(status, the_headers(body, **signing), body)


def a_certificate(key: RSAPrivateKey, serial: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay test")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2031, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
