"""The part of the payments file about UnionPay, P云 and Jiangsu Bank.

Owns: the form of each, its start-up tests, and which certificates of it end when.
Never: takes a short key anywhere but from the bank that has one.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from cryptography import x509
from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.infra.http_client import HttpClient
from onepark.integrations.payments import jsbank_wire, keys, unionpay_wire
from onepark.integrations.payments.chains import Trust
from onepark.integrations.payments.jsbank import BankKeys, JsbankChannel
from onepark.integrations.payments.keys import RSA_BITS_MIN, ChannelMisconfigured, ProviderKey
from onepark.integrations.payments.pyun import PyunChannel
from onepark.integrations.payments.unionpay import UnionpayChannel, UnionpayKeys

SECRET_CHARACTERS_MIN = 16

Ends: TypeAlias = dict[tuple[str, str], datetime]  # by channel and what the certificate is of
Files: TypeAlias = Annotated[list[str], Meta(max_length=16)]


class UnionpaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    mer_id: str
    merchant_certificate_file: str
    merchant_key_file: str
    pinned_files: Files  # whom a message's certificate must lead to
    between_files: Files = []  # what may stand between
    base_url: str = "https://gateway.95516.com"


class PyunSettings(Struct, frozen=True, forbid_unknown_fields=True):
    app_id: str
    merchant: str
    app_secret_file: str
    trade_scene: str = "GENERIC"
    base_url: str = "https://api.4pyun.com"


class JsbankSettings(Struct, frozen=True, forbid_unknown_fields=True):
    partner_id: str
    public_key_code: str
    merchant_key_file: str
    bank_certificate_file: str
    absent_codes: list[str] = []  # the bank's codes for an order that it does not know
    base_url: str = "https://mybank.jsbchina.cn:577/eis/merchant/merchantServices.htm"


def open_unionpay(
    given: UnionpaySettings, folder: Path, client: HttpClient, clock: Clock, *, ends: Ends
) -> UnionpayChannel:
    """Open UnionPay with our certificate and those that we believe."""
    key = keys.read_private_key(folder / given.merchant_key_file)
    own = _one(folder / given.merchant_certificate_file)
    own_key = keys.rsa_of(own, folder / given.merchant_certificate_file, bits_min=RSA_BITS_MIN)
    if own_key.public_numbers() != key.public_key().public_numbers():
        raise ChannelMisconfigured(f"{given.merchant_certificate_file} is of another key than ours")
    pinned = keys.read_chain([folder / name for name in given.pinned_files])
    between = keys.read_chain([folder / name for name in given.between_files])
    if not pinned:
        raise ChannelMisconfigured("unionpay.pinned_files names no certificate")
    if own in (*pinned, *between):
        raise ChannelMisconfigured("unionpay.pinned_files holds our own certificate")
    for certificate in (own, *pinned, *between):
        ends["unionpay", f"{certificate.serial_number:X}"] = certificate.not_valid_after_utc
    return UnionpayChannel(
        client,
        clock,
        base_url=given.base_url,
        mer_id=given.mer_id,
        held=UnionpayKeys(
            certificate_no=str(own.serial_number),
            key=key,
            trust=Trust(pinned, between, unionpay_wire.UNIONPAY_CN),
        ),
    )


def open_pyun(given: PyunSettings, folder: Path, client: HttpClient) -> PyunChannel:
    """Open P云 with the secret that we share with it."""
    path = folder / given.app_secret_file
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelMisconfigured(f"{path.name} cannot be read") from error
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ChannelMisconfigured(
            f"{path.name}: a secret has at least {SECRET_CHARACTERS_MIN} characters"
        )
    return PyunChannel(
        client,
        base_url=given.base_url,
        app_id=given.app_id,
        merchant=given.merchant,
        trade_scene=given.trade_scene,
        app_secret=secret,
    )


def open_jsbank(
    given: JsbankSettings, folder: Path, client: HttpClient, clock: Clock, *, ends: Ends
) -> JsbankChannel:
    """Open Jiangsu Bank, the one channel whose keys may be short."""
    bits_min = jsbank_wire.BITS_MIN
    key = keys.read_private_key(folder / given.merchant_key_file, bits_min=bits_min)
    path = folder / given.bank_certificate_file
    certificate = _one(path)
    bank_key = keys.rsa_of(certificate, path, bits_min=bits_min)
    keys.check_not_our_own(ProviderKey(bank_key), key, field="jsbank.bank_certificate_file")
    ends["jsbank", f"{certificate.serial_number:X}"] = certificate.not_valid_after_utc
    return JsbankChannel(
        client,
        clock,
        base_url=given.base_url,
        partner_id=given.partner_id,
        held=BankKeys(key, bank_key, given.public_key_code, frozenset(given.absent_codes)),
    )


def _one(path: Path) -> x509.Certificate:
    found = keys.read_chain([path])
    if len(found) != 1:
        raise ChannelMisconfigured(f"{path.name} holds more than one certificate")
    return found[0]
