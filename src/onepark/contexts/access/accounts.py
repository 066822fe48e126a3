"""Giving accounts, and taking them away.

Owns: what an administrator does to accounts of others, each with a line in the trail.
Never: shows a password or a secret, or lets anybody do it to themselves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onepark.contexts.access import factor_store, store
from onepark.contexts.access.errors import (
    AccountUnknown,
    LoginTaken,
    NotAllowed,
    OwnAccount,
    PasswordWeak,
    RoleMisplaced,
    SecondFactorNeeded,
)
from onepark.contexts.access.hashing import Hashing
from onepark.contexts.access.model import (
    Account,
    AccountPage,
    AccountView,
    AuditPage,
    AuditQuery,
    NewAccount,
    PasswordReset,
)
from onepark.contexts.access.rules import (
    FACTOR_ROLES,
    fits,
    has_fresh_factor,
    is_weak,
    may_appoint,
)
from onepark.contexts.access.second_factors import change_of
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Change, Principal, StaffRole
from onepark.kernel.types import OperatorId

NO_ACCOUNT_YET = 0


@dataclass(frozen=True)
class Hand:
    """Whoever does something to an account: a person, or with None a command of the platform."""

    name: str
    person: Principal | None = None

    @classmethod
    def of(cls, by: Principal) -> "Hand":
        """Return the hand of a person."""
        return cls(by.login, by)

    @property
    def scope(self) -> StaffScope | None:
        """Return whose rows the hand reaches; None for the platform's own."""
        return StaffScope.of(self.person.operator_id) if self.person else None


class Accounts:
    """The use cases of accounts of others, of an administrator or of the command line."""

    def __init__(
        self,
        *,
        service_db: Database,
        staff_db: Database,
        hashing: Hashing,
        clock: Clock,
        fresh_for: timedelta,
    ) -> None:
        self._service_db, self._staff_db = service_db, staff_db
        self._hashing, self._clock, self._fresh_for = hashing, clock, fresh_for

    async def create_account(self, new: NewAccount, *, by: Hand) -> Account:
        """Let a person give an account to another one, in the rows that this person may write."""
        wanted = Account(
            account_id=NO_ACCOUNT_YET,
            login=new.login,
            name=new.name,
            role=new.role,
            operator_id=OperatorId(new.operator_id) if new.operator_id else None,
        )
        self._check_reach(wanted.role, wanted.operator_id, by)
        if not fits(wanted.role, wanted.operator_id):
            raise RoleMisplaced(f"{new.role} with operator_id {new.operator_id}.")
        password_hash = await self._hashed(new.password, new.login)
        at = self._clock.now()
        async with self._database(by).transaction(by.scope) as tx:
            account = await store.add_account(tx, wanted, password_hash=password_hash, at=at)
            if account is None:
                raise LoginTaken(f"{new.login} is taken.")
            await store.append_changes(tx, [_appointed(account, by.name)], at=at)
        return account

    async def page(self, *, after: int, limit: int, by: Hand) -> AccountPage:
        """List the accounts that the hand reaches."""
        async with self._database(by).transaction(by.scope) as tx:
            found = await store.view_accounts(tx, after=after, limit=limit + 1)
        more = len(found) > limit
        shown = tuple(found[:limit])
        return AccountPage(shown, shown[-1].account_id if more else None)

    async def disable(self, login: str, *, by: Hand) -> AccountView:
        """Shut an account; its sessions end. Once more changes nothing."""
        return await self._set_disabled(login, by=by, disable=True)

    async def enable(self, login: str, *, by: Hand) -> AccountView:
        """Open an account again; once more changes nothing."""
        return await self._set_disabled(login, by=by, disable=False)

    async def set_password(self, login: str, reset: PasswordReset, *, by: Hand) -> AccountView:
        """Give a new password to somebody who has lost the old one; the sessions end."""
        password_hash = await self._hashed(reset.new_password, login)
        at = self._clock.now()
        async with self._database(by).transaction(by.scope) as tx:
            found = await self._find(tx, login, by)
            await store.set_password(tx, found.account_id, password_hash=password_hash, at=at)
            await self._note(tx, found, "password_reset", by=by, at=at)
            return await self._view(tx, login)

    async def reset_second_factor(self, login: str, *, by: Hand) -> AccountView:
        """Take a lost authenticator away; the sessions end. Without one nothing changes."""
        at = self._clock.now()
        async with self._database(by).transaction(by.scope) as tx:
            found = await self._find(tx, login, by)
            if await factor_store.remove(tx, found.account_id):
                await store.end_sessions(tx, found.account_id)
                await self._note(tx, found, "second_factor_reset", by=by, at=at)
            return await self._view(tx, login)

    async def _set_disabled(self, login: str, *, by: Hand, disable: bool) -> AccountView:
        at = self._clock.now()
        async with self._database(by).transaction(by.scope) as tx:
            found = await self._find(tx, login, by)
            if (found.disabled_at is not None) == disable:
                return found
            await store.set_disabled(tx, found.account_id, disabled_at=at if disable else None)
            action = "account_disabled" if disable else "account_enabled"
            await self._note(tx, found, action, by=by, at=at)
            return await self._view(tx, login)

    async def _find(self, tx: Tx, login: str, by: Hand) -> AccountView:
        """Return an account that the hand may change."""
        found = await self._view(tx, login)
        if by.person is not None and by.person.account_id == found.account_id:
            raise OwnAccount(f"{login} is your own login.")
        self._check_reach(found.role, found.operator_id, by)
        return found

    async def _view(self, tx: Tx, login: str) -> AccountView:
        found = await store.view_accounts(tx, after=NO_ACCOUNT_YET, limit=1, login=login)
        if not found:
            raise AccountUnknown(f"No account {login}.")
        return found[0]

    def _check_reach(self, role: StaffRole, operator_id: OperatorId | None, by: Hand) -> None:
        """Refuse who may not give this role; one that codes guard is given with a code."""
        person = by.person
        if person is None:
            return
        if not may_appoint(person, role, operator_id):
            raise NotAllowed(f"{person.role} has no say over the role {role} there.")
        fresh = has_fresh_factor(person, self._clock.now(), fresh_for=self._fresh_for)
        if role in FACTOR_ROLES and not fresh:
            raise SecondFactorNeeded(f"{role} is given with a code.")

    async def _hashed(self, password: str, login: str) -> str:
        if is_weak(password, login):
            raise PasswordWeak("It holds the login, or too few different letters.")
        return await self._hashing.hash(password)

    async def _note(
        self, tx: Tx, found: AccountView, action: str, *, by: Hand, at: datetime
    ) -> None:
        account = Account(found.account_id, found.login, found.name, found.role, found.operator_id)
        await store.append_changes(tx, [change_of(account, action, actor=by.name)], at=at)

    def _database(self, by: Hand) -> Database:
        return self._staff_db if by.person is not None else self._service_db


class Trail:
    """The audit trail, for those who read it."""

    def __init__(self, staff_db: Database) -> None:
        self._db = staff_db

    async def page(self, wanted: AuditQuery, *, by: Principal) -> AuditPage:
        """Return lines about the rows that the person may see, newest first."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.trail(tx, wanted)
        shown = tuple(found[: wanted.limit])
        return AuditPage(shown, shown[-1].audit_id if len(found) > wanted.limit else None)


def _appointed(account: Account, actor: str) -> Change:
    return Change(
        actor=actor,
        action="access.account_created",
        subject=f"account {account.login}",
        operator_id=account.operator_id,
        after=account,
    )
