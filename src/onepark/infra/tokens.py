"""Passwords, staff tokens and secrets at rest.

Owns: which algorithm and which derived key each of them uses, and numbers that nobody guesses.
Never: knows an account, a role or a device.
"""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onepark.infra.clock import Clock
from onepark.infra.settings import SecretKey

TOKEN_LIFE = timedelta(minutes=15)
TOKEN_ALGORITHM = "HS256"  # noqa: S105  a name; pinned: a token never chooses its own
TOKEN_ISSUER = "onepark"  # noqa: S105  a name
TOKEN_CLAIMS = ["sub", "iat", "exp", "iss", "aud"]
TOKEN_CHARS_MAX = 2_048

SEAL_V1 = b"\x01"
NONCE_BYTES = 12

HASHES_AT_ONCE = 2  # 64 MiB each
HASHES_WAITING_MAX = 64


class TokenError(Exception):
    """Not a token of ours, or no longer; the message is for logs."""


class SealError(Exception):
    """Sealed under another key, for another subject, or damaged."""


class HashersBusyError(Exception):
    """More passwords wait to be hashed than is allowed."""


def derive(key: SecretKey, purpose: str) -> bytes:
    """Return the 32-byte key of one purpose; no two purposes share one."""
    return HKDF(SHA256(), 32, salt=None, info=f"onepark {purpose}".encode()).derive(key.raw)


class Passwords:
    """argon2id in threads, never more than a few at once."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0
        self._nobody = _hash_of_nobody(self._hasher)

    async def hash(self, password: str) -> str:
        """Return the salted hash to keep."""
        return await self._run(password, None)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Tell whether the password is right; None, an unknown account, takes the same time."""
        try:
            await self._run(password, password_hash or self._nobody)
        except VerifyMismatchError:
            return False
        return password_hash is not None

    async def _run(self, password: str, password_hash: str | None) -> str:
        if self._waiting >= HASHES_WAITING_MAX:
            raise HashersBusyError
        self._waiting += 1
        try:
            async with self._slots:
                if password_hash is None:
                    return await asyncio.to_thread(self._hasher.hash, password)
                await asyncio.to_thread(self._hasher.verify, password_hash, password)
                return password_hash
        finally:
            self._waiting -= 1


class Tokens:
    """Signed statements about a person, good for a quarter of an hour."""

    def __init__(self, key: SecretKey, clock: Clock, *, audience: str) -> None:
        self._key = derive(key, f"token v1 {audience}")
        self._clock = clock
        self._audience = audience

    def issue(self, subject: str, claims: Mapping[str, object]) -> str:
        """Return a token for ``subject``."""
        now = self._clock.now()
        own = {"sub": subject, "iat": now, "exp": now + TOKEN_LIFE}
        payload = {**claims, **own, "iss": TOKEN_ISSUER, "aud": self._audience}
        return jwt.encode(payload, self._key, algorithm=TOKEN_ALGORITHM)

    def read(self, token: str) -> dict[str, object]:
        """Return the claims of a token that is ours and of now."""
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenError("too long")
        try:
            claims: dict[str, object] = jwt.decode(
                token,
                self._key,
                algorithms=[TOKEN_ALGORITHM],
                audience=self._audience,
                issuer=TOKEN_ISSUER,
                options={"require": TOKEN_CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise TokenError(str(error)) from error
        self._refuse_expired(claims)
        return claims

    def _refuse_expired(self, claims: Mapping[str, object]) -> None:
        """Compare with our own clock, which a test can move."""
        expires_s = claims["exp"]
        if not isinstance(expires_s, int) or self._clock.now().timestamp() >= expires_s:
            raise TokenError("expired")


class Sealer:
    """AES-256-GCM for what must be readable again; a seal opens only for its own subject."""

    def __init__(self, key: SecretKey, purpose: str) -> None:
        self._cipher = AESGCM(derive(key, f"seal v1 {purpose}"))

    def seal(self, plain: bytes, *, subject: str) -> bytes:
        """Return version, nonce, ciphertext and tag."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return SEAL_V1 + nonce + self._cipher.encrypt(nonce, plain, subject.encode())

    def open(self, sealed: bytes, *, subject: str) -> bytes:
        """Return what was sealed for this subject."""
        version, nonce, cipher = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if version != SEAL_V1 or len(nonce) != NONCE_BYTES:
            raise SealError(f"a seal of an unknown version, for {subject}")
        try:
            return self._cipher.decrypt(nonce, cipher, subject.encode())
        except InvalidTag as error:
            raise SealError(f"a seal that does not open, for {subject}") from error


def random_text(size: int) -> str:
    """Return so many random bytes as capital letters and the digits from 2 to 7."""
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=")


def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return a hash that no password has, at the price of a real one."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
