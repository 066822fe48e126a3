"""Key files of the simulator.

Owns: making one that is missing, and writing each whole or not at all.
Never: replaces one that is there, or lets others than its owner read it.
"""

import os
import secrets
import string
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RSA_BITS = 2048


def private_key(path: Path, *, bits: int = RSA_BITS) -> RSAPrivateKey:
    """Return the key of a file, made at the first start."""
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        write_file(
            path,
            made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey), f"{path} holds a key of ours"
    return key


def secret_text(path: Path, characters: int) -> str:
    """Return the secret of a file, made at the first start."""
    if not path.exists():
        alphabet = string.ascii_letters + string.digits
        made = "".join(secrets.choice(alphabet) for _ in range(characters))
        write_file(path, made.encode())
    return path.read_text()


def write_file(path: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner only."""
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.replace(path)
