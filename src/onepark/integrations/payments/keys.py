"""RSA keys of a channel: read, judged at start-up, used.

Owns: the smallest key we take, the one signature scheme, and the ring of a provider's keys.
Never: fetches a key, falls back to another algorithm, or prints key material.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

RSA_BITS_MIN = 2048


class ChannelMisconfigured(Exception):
    """A channel may not open like this; the message says which file or field and why."""


class Unproven(Exception):
    """A message that proves nothing; ``reason`` is one stable word of why."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class ProviderKey:
    """A key that a provider signs with; a certificate's key ends with the certificate."""

    public: RSAPublicKey
    expires_at: datetime | None = None

    def serves(self, now: datetime) -> bool:
        """Say whether a signature under this key still counts."""
        return self.expires_at is None or now < self.expires_at


KeyRing = Mapping[str, ProviderKey]  # by the provider's own name of the key, an opaque text


def sign(key: RSAPrivateKey, text: bytes) -> str:
    """Sign with RSA PKCS#1 v1.5 over SHA-256; the answer is base64."""
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def proves(key: RSAPublicKey, signature: str, text: bytes) -> bool:
    """Say whether ``signature`` is this key's over exactly these bytes."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def read_private_key(path: Path, *, bits_min: int = RSA_BITS_MIN) -> RSAPrivateKey:
    """Read our own key: PEM, or the bare base64 that Alipay's tool writes."""
    raw = _read(path)
    try:
        key = (
            serialization.load_pem_private_key(raw, None)
            if b"-----BEGIN" in raw
            else serialization.load_der_private_key(base64.b64decode(raw), None)
        )
    except (ValueError, TypeError) as error:
        raise ChannelMisconfigured(f"{path.name} holds no readable private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise ChannelMisconfigured(f"{path.name} holds no RSA private key")
    _check_size(key.key_size, path, bits_min)
    return key


def read_public_key(path: Path) -> ProviderKey:
    """Read a provider's public key: PEM or bare base64; a certificate is another kind."""
    raw = _read(path)
    try:
        key = (
            serialization.load_pem_public_key(raw)
            if b"-----BEGIN" in raw
            else serialization.load_der_public_key(base64.b64decode(raw))
        )
    except ValueError as error:
        raise ChannelMisconfigured(f"{path.name} holds no readable public key") from error
    return ProviderKey(_rsa(key, path))


def read_certificate(path: Path, *, serial: str) -> ProviderKey:
    """Read a provider's certificate and check that it is the one that ``serial`` names."""
    try:
        certificate = x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise ChannelMisconfigured(f"{path.name} holds no readable certificate") from error
    if f"{certificate.serial_number:X}" != serial.upper().lstrip("0"):
        raise ChannelMisconfigured(f"{path.name} is not the certificate {serial}")
    return ProviderKey(_rsa(certificate.public_key(), path), certificate.not_valid_after_utc)


def check_not_our_own(provider: ProviderKey, own: RSAPrivateKey, *, field: str) -> None:
    """Refuse the commonest mistake: our own key loaded where the provider's belongs."""
    if provider.public.public_numbers() == own.public_key().public_numbers():
        raise ChannelMisconfigured(f"{field} is our own key, not the provider's")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ChannelMisconfigured(f"{path.name} cannot be read: {error.strerror}") from error


def read_chain(paths: Sequence[Path]) -> list[x509.Certificate]:
    """Read every certificate of these files."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(_read(path))
        except ValueError as error:
            raise ChannelMisconfigured(f"{path.name} holds no readable certificate") from error
    return found


def rsa_of(certificate: x509.Certificate, path: Path, *, bits_min: int) -> RSAPublicKey:
    """Return the key of a certificate, at least so long."""
    return _rsa(certificate.public_key(), path, bits_min)


def _rsa(key: object, path: Path, bits_min: int = RSA_BITS_MIN) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise ChannelMisconfigured(f"{path.name} holds no RSA key")
    _check_size(key.key_size, path, bits_min)
    return key


def _check_size(bits: int, path: Path, bits_min: int) -> None:
    if bits < bits_min:
        raise ChannelMisconfigured(f"{path.name}: RSA of {bits} bits, at least {bits_min}")
