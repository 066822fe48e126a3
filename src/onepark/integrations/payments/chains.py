"""Certificates that come with a message, and whom we believe them from.

Owns: the walk from such a certificate to one that the configuration pins.
Never: believes a certificate for its name, fetches one, or takes a weak signature on one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509.oid import NameOID

from onepark.integrations.payments.keys import RSA_BITS_MIN, Unproven

STEPS_MAX = 4
DIGESTS = (SHA256, SHA384, SHA512)
PEM_BYTES_MAX = 16_384

_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----[0-9A-Za-z+/=\s]+-----END CERTIFICATE-----\s*")


@dataclass(frozen=True, repr=False)
class Trust:
    """Whom we believe: the pinned certificates, and those that may stand between."""

    pinned: Sequence[x509.Certificate]
    between: Sequence[x509.Certificate]
    name_holds: str  # what the common name of a signer holds


def trusted_key(pem: str, trust: Trust, now: datetime) -> RSAPublicKey:
    """Return the key of a certificate that leads to a pinned one; raise Unproven otherwise."""
    leaf = _read(pem)
    if not any(trust.name_holds in str(name) for name in _names(leaf)):
        raise Unproven("certificate", "The certificate is somebody else's.")
    if not _leads_to_pinned(leaf, trust, now):
        raise Unproven("certificate", "The certificate does not lead to one that we trust.")
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise Unproven("certificate", "The certificate holds no key that we take.")
    return key


def _read(pem: str) -> x509.Certificate:
    if len(pem) > PEM_BYTES_MAX or _PEM.fullmatch(pem) is None:
        raise Unproven("certificate", "The message brings no certificate.")
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unproven("certificate", "The message brings no readable certificate.") from error


def _names(leaf: x509.Certificate) -> list[object]:
    try:
        return [one.value for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError as error:
        raise Unproven("certificate", "The certificate has no readable name.") from error


def _leads_to_pinned(leaf: x509.Certificate, trust: Trust, now: datetime) -> bool:
    """Walk from issuer to issuer, each valid now, until one is pinned byte for byte."""
    here = leaf
    for _ in range(STEPS_MAX):
        if not here.not_valid_before_utc <= now < here.not_valid_after_utc:
            return False
        if here in trust.pinned:
            return True
        above = [one for one in (*trust.pinned, *trust.between) if _has_issued(one, here)]
        if not above:
            return False
        here = above[0]
    return False


def _has_issued(issuer: x509.Certificate, issued: x509.Certificate) -> bool:
    """Say whether an authority signed a certificate, with a digest that cannot be forged."""
    if issuer == issued or not _is_authority(issuer):
        return False
    try:
        if not isinstance(issued.signature_hash_algorithm, DIGESTS):
            return False
        issued.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return basic.value.ca
