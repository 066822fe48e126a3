"""Nouns of staff accounts.

Owns: what an account is and what a login gives.
Never: holds a password longer than one request.
"""

from datetime import datetime
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from onepark.kernel.staff import StaffRole
from onepark.kernel.types import OperatorId

Login: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{2,63}$(?!\n)",
        description="登录名 Login name: lower-case letters, digits, `.`, `_`, `-`",
        examples=["li.ming"],
    ),
]
PersonName: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{1,64}$(?!\n)", examples=["李明"])
]


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody types to log in."""

    login: Login
    password: Annotated[str, Meta(min_length=1, max_length=128)]

    def __repr__(self) -> str:
        return f"Credentials(login={self.login!r})"


class Session(Struct, frozen=True):
    """A login: send the token as ``Authorization: Bearer <token>``."""

    token: str
    expires_at: datetime


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be; ``operator_id`` only and always for the two roles of an operator."""

    login: Login
    password: Annotated[str, Meta(min_length=12, max_length=128)]
    name: PersonName
    role: StaffRole
    operator_id: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None

    def __repr__(self) -> str:
        return f"NewAccount(login={self.login!r}, role={self.role!r})"


class Account(Struct, frozen=True):
    """A person with an account, as shown to other people."""

    account_id: int
    login: str
    name: str
    role: StaffRole
    operator_id: OperatorId | None
