"""The keys of UnionPay, P云 and Jiangsu Bank in the simulator.

Owns: a root of its own with UnionPay's certificate under it, one that leads nowhere, the bank's
short keys, and a shared secret; and their part of payments.json.
Never: replaces a key that is there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from onepark.simulator.providers.key_files import private_key, secret_text, write_file

UNIONPAY_MER_ID = "777290058110048"
UNIONPAY_NAME = "041@8310000000083040@中国银联股份有限公司@00016495"
PYUN_APP_ID = "op00000000simulated"
PYUN_MERCHANT = "62626601"
JSBANK_PARTNER_ID = "00000000000000000000000000simbank"
JSBANK_ABSENT = "027404"
BANK_BITS = 1024
DAYS = 3650
SECRET_CHARS = 32


@dataclass(frozen=True, repr=False)
class AcquirerKeys:
    """What the provider's side works with."""

    unionpay: RSAPrivateKey
    unionpay_certificate: str
    forger: RSAPrivateKey
    forged_certificate: str  # with UnionPay's name, signed by itself
    unionpay_merchant: RSAPublicKey
    merchant_certificate_no: str
    pyun_secret: str
    bank: RSAPrivateKey
    bank_merchant: RSAPublicKey


def load_or_make(provider: Path, merchant: Path) -> AcquirerKeys:
    """Return the keys under these two folders, making those that are missing."""
    root = private_key(provider / "unionpay_root.pem")
    unionpay = private_key(provider / "unionpay.pem")
    forger = private_key(provider / "unionpay_forger.pem")
    own = private_key(merchant / "unionpay_merchant_key.pem")
    bank = private_key(provider / "jsbank.pem", bits=BANK_BITS)
    bank_own = private_key(merchant / "jsbank_merchant_key.pem", bits=BANK_BITS)
    top = _certificate(merchant / "unionpay_root.crt", "Simulated root", root, (root, None))
    signer = (root, top)
    leaf = _certificate(provider / "unionpay.crt", UNIONPAY_NAME, unionpay, signer)
    forged = _certificate(provider / "unionpay_forged.crt", UNIONPAY_NAME, forger, (forger, None))
    named = _certificate(merchant / "unionpay_merchant.crt", "Simulated merchant", own, signer)
    _certificate(merchant / "jsbank.crt", "Simulated bank", bank, (bank, None))
    return AcquirerKeys(
        unionpay=unionpay,
        unionpay_certificate=_pem(leaf),
        forger=forger,
        forged_certificate=_pem(forged),
        unionpay_merchant=own.public_key(),
        merchant_certificate_no=str(named.serial_number),
        pyun_secret=secret_text(merchant / "pyun_app_secret", SECRET_CHARS),
        bank=bank,
        bank_merchant=bank_own.public_key(),
    )


def payments(base_url: str) -> dict[str, object]:
    """Return what a merchant needs to open these channels."""
    return {
        "unionpay": {
            "base_url": base_url,
            "mer_id": UNIONPAY_MER_ID,
            "merchant_certificate_file": "merchant/unionpay_merchant.crt",
            "merchant_key_file": "merchant/unionpay_merchant_key.pem",
            "pinned_files": ["merchant/unionpay_root.crt"],
        },
        "pyun": {
            "base_url": base_url,
            "app_id": PYUN_APP_ID,
            "merchant": PYUN_MERCHANT,
            "app_secret_file": "merchant/pyun_app_secret",
        },
        "jsbank": {
            "base_url": f"{base_url}/eis/merchant/merchantServices.htm",
            "partner_id": JSBANK_PARTNER_ID,
            "public_key_code": "00",
            "merchant_key_file": "merchant/jsbank_merchant_key.pem",
            "bank_certificate_file": "merchant/jsbank.crt",
            "absent_codes": [JSBANK_ABSENT],
        },
    }


def _certificate(
    path: Path,
    name: str,
    key: RSAPrivateKey,
    signer: tuple[RSAPrivateKey, x509.Certificate | None],
) -> x509.Certificate:
    """Return the key's certificate, made at the first start; without an issuer it is its own."""
    if not path.exists():
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer[1] is None else signer[1].subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=DAYS))
            .add_extension(
                x509.BasicConstraints(ca=signer[1] is None, path_length=None), critical=True
            )
            .sign(signer[0], SHA256())
        )
        write_file(path, made.public_bytes(serialization.Encoding.PEM))
    return x509.load_pem_x509_certificate(path.read_bytes())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode().strip()
