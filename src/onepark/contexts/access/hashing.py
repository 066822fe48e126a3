"""Passwords and recovery codes, hashed and compared in their turn.

Owns: the refusal of a crowd at the few threads that hash.
Never: tells why a comparison failed.
"""

from onepark.contexts.access.errors import LoginBusy
from onepark.infra.tokens import HashersBusyError, Passwords


class Hashing:
    """argon2id, with a refusal where too many wait for it."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    async def hash(self, password: str) -> str:
        """Return the salted hash to keep."""
        try:
            return await self._passwords.hash(password)
        except HashersBusyError as error:
            raise LoginBusy("Try again in a moment.") from error

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Tell whether it is right; None, an unknown one, takes the same time."""
        try:
            return await self._passwords.matches(password, password_hash)
        except HashersBusyError as error:
            raise LoginBusy("Try again in a moment.") from error
