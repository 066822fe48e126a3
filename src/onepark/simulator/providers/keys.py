"""The simulator's keys, and the file that tells a merchant how to reach it.

Owns: DIR/provider (what only a provider holds), DIR/merchant (what a merchant is given) and
DIR/payments.json.
Never: replaces a key that is there, so that a restart changes nothing for the merchant.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from onepark.simulator.providers import acquirer_keys
from onepark.simulator.providers.acquirer_keys import AcquirerKeys
from onepark.simulator.providers.key_files import private_key, secret_text, write_file

PAYMENTS_FILE = "payments.json"
CERTIFICATE_DAYS = 3650
API_V3_KEY_CHARS = 32

MCHID = "1900000109"
WECHAT_APPID = "wx00000000simulated"
MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092024061800000001"
ALIPAY_APP_ID = "9021000000000001"
ALIPAY_SELLER_ID = "2088000000000001"


@dataclass(frozen=True, repr=False)
class Keys:
    """What the provider's side works with."""

    wechat_plain: RSAPrivateKey  # known to the merchant as PUBLIC_KEY_ID
    wechat_certified: RSAPrivateKey  # known to the merchant by its certificate's serial
    certificate_serial: str
    api_v3_key: str
    merchant: RSAPublicKey
    alipay: RSAPrivateKey
    alipay_app: RSAPublicKey
    acquirers: AcquirerKeys


def load_or_make(folder: Path) -> Keys:
    """Return the keys under ``folder``, making those that are missing."""
    provider, merchant = folder / "provider", folder / "merchant"
    for each in (provider, merchant):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    plain = private_key(provider / "wechat_plain.pem")
    certified = private_key(provider / "wechat_certified.pem")
    alipay = private_key(provider / "alipay.pem")
    _publish(plain.public_key(), merchant / "wechat_public_key.pem")
    _publish(alipay.public_key(), merchant / "alipay_public_key.pem")
    return Keys(
        wechat_plain=plain,
        wechat_certified=certified,
        certificate_serial=_certificate(certified, merchant / "wechat_certificate.pem"),
        api_v3_key=secret_text(merchant / "wechat_api_v3_key", API_V3_KEY_CHARS),
        merchant=private_key(merchant / "wechat_merchant_key.pem").public_key(),
        alipay=alipay,
        alipay_app=private_key(merchant / "alipay_app_key.pem").public_key(),
        acquirers=acquirer_keys.load_or_make(provider, merchant),
    )


def write_payments_file(folder: Path, base_url: str, keys: Keys) -> Path:
    """Write what a merchant needs to open every channel, whole or not at all."""
    target = folder / PAYMENTS_FILE
    write_file(target, json.dumps(_payments(base_url, keys), indent=2).encode() + b"\n")
    return target


def _payments(base_url: str, keys: Keys) -> dict[str, object]:
    return {
        "wechat": {
            "base_url": base_url,
            "mchid": MCHID,
            "appid": WECHAT_APPID,
            "merchant_serial": MERCHANT_SERIAL,
            "merchant_key_file": "merchant/wechat_merchant_key.pem",
            "api_v3_key_file": "merchant/wechat_api_v3_key",
            "platform_keys": [
                {
                    "kind": "public_key",
                    "serial": PUBLIC_KEY_ID,
                    "file": "merchant/wechat_public_key.pem",
                },
                {
                    "kind": "certificate",
                    "serial": keys.certificate_serial,
                    "file": "merchant/wechat_certificate.pem",
                },
            ],
            "answer_serial": PUBLIC_KEY_ID,
        },
        "alipay": {
            "base_url": f"{base_url}/gateway.do",
            "app_id": ALIPAY_APP_ID,
            "seller_id": ALIPAY_SELLER_ID,
            "app_key_file": "merchant/alipay_app_key.pem",
            "alipay_public_key_file": "merchant/alipay_public_key.pem",
        },
        **acquirer_keys.payments(base_url),
    }


def _publish(key: RSAPublicKey, path: Path) -> None:
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_file(path, pem)


def _certificate(key: RSAPrivateKey, path: Path) -> str:
    """Return the serial of the key's certificate, made at the first start."""
    if not path.exists():
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated payment provider")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
            .sign(key, SHA256())
        )
        write_file(path, made.public_bytes(serialization.Encoding.PEM))
    return f"{x509.load_pem_x509_certificate(path.read_bytes()).serial_number:X}"
