"""Logging in, and giving accounts.

Owns: who a token stands for, and the trail of every change by staff.
Never: tells a wrong login from a wrong password, by word or by time.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from onepark.contexts.access import store
from onepark.contexts.access.errors import (
    LoginBusy,
    LoginFailed,
    LoginRequired,
    LoginTaken,
    NotAllowed,
    RoleMisplaced,
    TooManyLogins,
)
from onepark.contexts.access.model import Account, Credentials, NewAccount, Session
from onepark.contexts.access.rules import allows, fits, may_appoint
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.infra.limits import Limit, Limiter
from onepark.infra.tokens import TOKEN_LIFE, HashersBusyError, Passwords, TokenError, Tokens
from onepark.kernel.staff import Change, Permission, Principal
from onepark.kernel.types import OperatorId

TOKEN_AUDIENCE = "onepark-staff"  # noqa: S105  a name
NO_ACCOUNT_YET = 0


class Audit:
    """The trail of changes, for every context that has staff endpoints."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None:
        """Write what this transaction changed."""
        await store.append_changes(tx, changes, at=at)


class Doorkeeper:
    """Says who a request comes from; asks nobody but the token."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def admit(self, authorization: str, permission: Permission) -> Principal:
        """Return the person behind an Authorization header who has the permission."""
        principal = self._identify(authorization)
        if not allows(principal.role, permission):
            raise NotAllowed(f"{principal.role} may not {permission}.")
        return principal

    def _identify(self, authorization: str) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise LoginRequired("No bearer token was sent.")
        try:
            claims = self._tokens.read(token.strip())
            said = {**claims, "account_id": claims["sub"]}
            return msgspec.convert(said, Principal, strict=False)
        except (TokenError, msgspec.ValidationError) as error:
            raise LoginRequired("This token is not valid, or no longer.") from error


class Access:
    """The use cases of accounts."""

    def __init__(
        self,
        *,
        service_db: Database,
        staff_db: Database,
        passwords: Passwords,
        tokens: Tokens,
        limiter: Limiter,
        clock: Clock,
        logins_per_minute: int,
    ) -> None:
        self._service_db = service_db
        self._staff_db = staff_db
        self._passwords = passwords
        self._tokens = tokens
        self._limiter = limiter
        self._clock = clock
        # Without Redis the few hashing threads are the limit: staff must get in just then.
        self._limits = {
            name: Limit(f"login-{name}", logins_per_minute, open_when_down=True)
            for name in ("address", "account")
        }

    async def log_in(self, credentials: Credentials, *, address: str) -> Session:
        """Give a token for a right password."""
        await self._count_try("address", address)
        await self._count_try("account", credentials.login)
        async with self._service_db.connection() as tx:
            found = await store.find_login(tx, credentials.login)
        right = await self._matches(credentials.password, found[1] if found else None)
        if found is None or not right:
            raise LoginFailed("Nobody has this login and this password.")
        return self._session_of(found[0])

    async def me(self, by: Principal) -> Account:
        """Return the account behind a token, as long as there is one."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            account = await store.find_account(tx, by.account_id)
        if account is None:
            raise LoginRequired("This account is gone.")
        return account

    async def create_account(self, new: NewAccount, *, by: Principal) -> Account:
        """Let a person give an account to another one, in the rows that this person may write."""
        operator_id = OperatorId(new.operator_id) if new.operator_id else None
        if not may_appoint(by, new.role, operator_id):
            raise NotAllowed(f"{by.role} may not give the role {new.role} there.")
        return await self._add(new, actor=by.login, scope=StaffScope.of(by.operator_id))

    async def appoint(self, new: NewAccount, *, actor: str) -> Account:
        """Give an account from the command line: how the first person gets in."""
        return await self._add(new, actor=actor, scope=None)

    async def _add(self, new: NewAccount, *, actor: str, scope: StaffScope | None) -> Account:
        wanted = Account(
            account_id=NO_ACCOUNT_YET,
            login=new.login,
            name=new.name,
            role=new.role,
            operator_id=OperatorId(new.operator_id) if new.operator_id else None,
        )
        if not fits(wanted.role, wanted.operator_id):
            raise RoleMisplaced(f"{new.role} with operator_id {new.operator_id}.")
        password_hash = await self._hash(new.password)
        at = self._clock.now()
        async with (self._staff_db if scope else self._service_db).transaction(scope) as tx:
            account = await store.add_account(tx, wanted, password_hash=password_hash, at=at)
            if account is None:
                raise LoginTaken(f"{new.login} is taken.")
            await store.append_changes(tx, [_appointed(account, actor)], at=at)
        return account

    def _session_of(self, account: Account) -> Session:
        claims = {
            "login": account.login,
            "role": account.role.value,
            "operator_id": account.operator_id,
        }
        expires_at = self._clock.now() + TOKEN_LIFE
        return Session(self._tokens.issue(str(account.account_id), claims), expires_at)

    async def _count_try(self, name: str, identity: str) -> None:
        wait_s = await self._limiter.wait_s(self._limits[name], identity)
        if wait_s:
            raise TooManyLogins(f"Wait {wait_s} s.", retry_after_s=wait_s)

    async def _matches(self, password: str, password_hash: str | None) -> bool:
        try:
            return await self._passwords.matches(password, password_hash)
        except HashersBusyError as error:
            raise LoginBusy("Try again in a moment.") from error

    async def _hash(self, password: str) -> str:
        try:
            return await self._passwords.hash(password)
        except HashersBusyError as error:
            raise LoginBusy("Try again in a moment.") from error


def _appointed(account: Account, actor: str) -> Change:
    return Change(
        actor=actor,
        action="access.account_created",
        subject=f"account {account.login}",
        operator_id=account.operator_id,
        after=account,
    )
