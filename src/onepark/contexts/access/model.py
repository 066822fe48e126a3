"""Nouns of staff accounts.

Owns: what an account is and what a login gives.
Never: holds a password longer than one request.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from onepark.kernel.staff import StaffRole
from onepark.kernel.types import OperatorId

NUMBER_MAX = 2**63 - 1

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


NewPassword: TypeAlias = Annotated[str, Meta(min_length=12, max_length=128)]
GivenPassword: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Code: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{6}|[0-9]{1,2}(-[a-z2-7]{4}){4})$(?!\n)",
        description="动态验证码或恢复码 A code of the authenticator, or one of the recovery codes",
        examples=["492039"],
    ),
]
RefreshToken: TypeAlias = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,17}\.[A-Za-z0-9_-]{43}$(?!\n)", max_length=64)
]


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody types to log in; ``code`` may also be given later."""

    login: Login
    password: GivenPassword
    code: Code | None = None

    def __repr__(self) -> str:
        return f"Credentials(login={self.login!r})"


class SecondFactor(StrEnum):
    """How a session stands to the second factor."""

    NOT_REQUIRED = "not_required"  # the role needs none, and there is none
    NOT_ENROLLED = "not_enrolled"  # the role needs an authenticator first
    NEEDED = "needed"  # a code opens what it guards
    GIVEN = "given"


class Session(Struct, frozen=True):
    """A login: send the token as ``Authorization: Bearer <token>``.

    ``refresh_token`` buys the next token, once; it is null where the one from before still holds.
    """

    token: str
    expires_at: datetime
    second_factor: SecondFactor
    refresh_token: str | None = None
    session_ends_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Session(expires_at={self.expires_at!r})"


class Refresh(Struct, frozen=True, forbid_unknown_fields=True):
    """What buys a session its next token."""

    refresh_token: RefreshToken

    def __repr__(self) -> str:
        return "Refresh()"


class StepUp(Struct, frozen=True, forbid_unknown_fields=True):
    """A code for the session that there is."""

    code: Code

    def __repr__(self) -> str:
        return "StepUp()"


class PasswordGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """The password once more: a borrowed token is not enough."""

    password: GivenPassword

    def __repr__(self) -> str:
        return "PasswordGiven()"


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password, old and new."""

    password: GivenPassword
    new_password: NewPassword

    def __repr__(self) -> str:
        return "PasswordChange()"


class PasswordReset(Struct, frozen=True, forbid_unknown_fields=True):
    """A password that an administrator gives."""

    new_password: NewPassword

    def __repr__(self) -> str:
        return "PasswordReset()"


class Enrolment(Struct, frozen=True):
    """The secret for an authenticator, shown once; ``uri`` is what its camera reads."""

    secret: str  # base32
    uri: str
    confirm_until: datetime

    def __repr__(self) -> str:
        return "Enrolment()"


class Confirmed(Struct, frozen=True):
    """An authenticator that holds from now on; the codes are shown once and used once."""

    recovery_codes: tuple[str, ...]
    session: Session

    def __repr__(self) -> str:
        return "Confirmed()"


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be; ``operator_id`` only and always for the roles of an operator."""

    login: Login
    password: NewPassword
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


class AccountView(Struct, frozen=True):
    """An account with what its administrator must know of it."""

    account_id: int
    login: str
    name: str
    role: StaffRole
    operator_id: OperatorId | None
    created_at: datetime
    disabled_at: datetime | None
    second_factor: bool  # whether an authenticator is confirmed


class AccountPage(Struct, frozen=True):
    """Some accounts, oldest first; ``next_after`` asks for more, null is the end."""

    accounts: tuple[AccountView, ...]
    next_after: int | None


class LoginFound(Struct, frozen=True):
    """What is known of whoever types a login; never leaves the context."""

    account: Account
    password_hash: str
    token_version: int
    disabled: bool
    enrolled: bool
    known_here: bool  # the account has logged in from this address before

    def __repr__(self) -> str:
        return f"LoginFound(login={self.account.login!r})"


class OpenSession(Struct, frozen=True):
    """A session that holds, with whom it is of; never leaves the context."""

    session_id: int
    account: Account
    enrolled: bool
    ends_at: datetime
    second_factor_at: datetime | None
    refresh_hash: bytes
    spent_hash: bytes | None

    def __repr__(self) -> str:
        return f"OpenSession(session_id={self.session_id})"


class Factor(Struct, frozen=True):
    """The authenticator of an account; never leaves the context."""

    sealed: bytes | None
    last_step: int
    wrong_codes: int
    last_wrong_at: datetime | None
    pending_sealed: bytes | None
    pending_at: datetime | None


class AuditEntry(Struct, frozen=True):
    """One line of the trail: who changed what, and when."""

    audit_id: int
    changed_at: datetime
    actor: str  # a login, or the name of a program
    action: str
    subject: str
    operator_id: OperatorId | None  # whose rows were changed; null: the city's
    before: Any
    after: Any


class AuditPage(Struct, frozen=True):
    """Some lines, newest first; ``next_before`` asks for older ones, null is the end."""

    entries: tuple[AuditEntry, ...]
    next_before: int | None


Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Word: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{0,200}$(?!\n)", examples=["li.ming"])
]


class AuditQuery(Struct, frozen=True):
    """Which lines of the trail; what is not given lets every line pass."""

    actor: Annotated[Word, Meta(description="操作人登录名 Who did it")] = ""
    action: Annotated[
        str,
        Meta(
            pattern=r"^([a-z_]+\.[a-z_]*){0,1}$(?!\n)",
            max_length=100,
            description="动作，或以点结尾的范围 An action, or a context with its point",
            examples=["access."],
        ),
    ] = ""
    subject: Annotated[Word, Meta(description="对象 To what", examples=["account li.ming"])] = ""
    operator_id: Annotated[
        Annotated[int, Meta(ge=1, le=2**53 - 1)] | None, Meta(description="经营单位 Whose rows")
    ] = None
    since: Annotated[Instant | None, Meta(description="自 From this moment on")] = None
    until: Annotated[Instant | None, Meta(description="至（不含） Before this moment")] = None
    before: Annotated[
        int,
        Meta(
            ge=1,
            le=NUMBER_MAX,
            description="上一页的 next_before The next_before of the page before",
        ),
    ] = NUMBER_MAX
    limit: Annotated[int, Meta(ge=1, le=100, description="每页条数 How many a page")] = 50
