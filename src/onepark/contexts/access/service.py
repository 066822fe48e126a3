"""Logging in, staying in, and showing a second factor.

Owns: who a token stands for, how long a session holds, and the trail of every change by staff.
Never: tells a wrong login from a wrong password, by word or by time.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from hmac import compare_digest

from onepark.contexts.access import session_store, store
from onepark.contexts.access.errors import (
    LoginFailed,
    LoginRequired,
    PasswordWeak,
    SecondFactorNeeded,
)
from onepark.contexts.access.hashing import Hashing
from onepark.contexts.access.model import (
    Account,
    Confirmed,
    Credentials,
    Enrolment,
    LoginFound,
    OpenSession,
    PasswordChange,
    PasswordGiven,
    Refresh,
    Session,
    StepUp,
)
from onepark.contexts.access.pace import LoginPace
from onepark.contexts.access.rules import (
    OTP,
    PASSWORD,
    has_fresh_factor,
    is_weak,
    network_of,
    standing_of,
)
from onepark.contexts.access.second_factors import SecondFactors, change_of
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.infra.tokens import TOKEN_LIFE, Tokens
from onepark.kernel.staff import Change, Principal

TOKEN_AUDIENCE = "onepark-staff"  # noqa: S105  a name
REFRESH_BYTES = 32
SESSIONS_MAX = 10  # of one account at one time
KNOWN_FOR = timedelta(days=30)  # so long an address is one's own after a login there


class Audit:
    """The trail of changes, for every context that has staff endpoints."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None:
        """Write what this transaction changed."""
        await store.append_changes(tx, changes, at=at)


class Sessions:
    """Which logins hold, for who keeps the door."""

    def __init__(self, service_db: Database) -> None:
        self._db = service_db

    async def is_live(self, session_id: int, account_id: int, *, at: datetime) -> bool:
        """Tell whether the session is of this account, and neither of them has ended."""
        async with self._db.connection() as tx:
            return await session_store.is_live(tx, session_id, account_id, at=at)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What sessions are made of: tokens, how long they hold, the key that hides addresses."""

    tokens: Tokens
    session: timedelta
    fresh_factor: timedelta
    address_key: bytes


class Access:
    """The use cases of one's own account."""

    def __init__(
        self,
        *,
        service_db: Database,
        staff_db: Database,
        hashing: Hashing,
        factors: SecondFactors,
        pace: LoginPace,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self._service_db, self._staff_db = service_db, staff_db
        self._hashing, self._factors, self._pace = hashing, factors, pace
        self._clock, self._terms = clock, terms

    async def log_in(self, credentials: Credentials, *, address: str) -> Session:
        """Give a token for a right password; a code beside it opens what touches money."""
        network = network_of(address)
        await self._pace.count_address(network)
        found = await self._find(credentials.login, network)
        known = found is not None and found.known_here
        await self._pace.count_account(credentials.login, network, known=known)
        there = found is not None and not found.disabled
        password_hash = found.password_hash if found is not None and there else None
        right = await self._hashing.matches(credentials.password, password_hash)
        if found is None or not right:
            raise LoginFailed("Nobody has this login and this password.")
        given_at = None
        if credentials.code is not None:
            given_at = await self._factors.check(found.account, credentials.code)
        return await self._begin(found, network, second_factor_at=given_at)

    async def refresh(self, shown: Refresh, *, address: str) -> Session:
        """Give the next token, and the next refresh token, for the last one.

        One that was spent before is somewhere it should not be: its session ends.
        """
        await self._pace.count_refresh(network_of(address))
        at, secret = self._clock.now(), secrets.token_urlsafe(REFRESH_BYTES)
        number, _, given = shown.refresh_token.partition(".")
        async with self._service_db.transaction() as tx:
            found = await session_store.lock_live(tx, int(number), at=at)
            right = found is not None and compare_digest(found.refresh_hash, _hashed(given))
            if found is not None and right:
                await session_store.renew(tx, found.session_id, refresh_hash=_hashed(secret))
            elif found is not None and found.spent_hash == _hashed(given):
                await session_store.end(tx, found.session_id, at=at)
                change = change_of(found.account, "refresh_token_copied", actor="onepark")
                await store.append_changes(tx, [change], at=at)
        if found is None or not right:
            raise LoginRequired("This refresh token is not valid, or no longer.")
        return self._shown(found, refresh_token=f"{found.session_id}.{secret}")

    async def log_out(self, *, by: Principal) -> None:
        """End the session of the token."""
        async with self._service_db.transaction() as tx:
            await session_store.end(tx, by.session_id, at=self._clock.now())

    async def step_up(self, given: StepUp, *, by: Principal) -> Session:
        """Take a code for the session that there is."""
        at = await self._factors.check(await self.me(by), given.code)
        return await self._stepped(by, at)

    async def enrol(self, given: PasswordGiven, *, by: Principal) -> Enrolment:
        """Show a secret for an authenticator to the person who has the password.

        Where an authenticator holds already, only who has it may put another in its place.
        """
        found = await self._known_again(given.password, by)
        fresh = has_fresh_factor(by, self._clock.now(), fresh_for=self._terms.fresh_factor)
        if found.enrolled and not fresh:
            raise SecondFactorNeeded("Give a code of the authenticator that holds.")
        return await self._factors.offer(found.account)

    async def confirm(self, given: StepUp, *, by: Principal) -> Confirmed:
        """Let the authenticator hold that gave this code; it opens the session as well."""
        codes = await self._factors.confirm(await self.me(by), given.code)
        return Confirmed(codes, await self._stepped(by, self._clock.now()))

    async def change_password(
        self, change: PasswordChange, *, by: Principal, address: str
    ) -> Session:
        """Take a new password from who has the old one; every session ends but a new one."""
        found = await self._known_again(change.password, by)
        if is_weak(change.new_password, by.login):
            raise PasswordWeak("It holds the login, or too few different letters.")
        password_hash = await self._hashing.hash(change.new_password)
        at = self._clock.now()
        async with self._service_db.transaction() as tx:
            account_id = found.account.account_id
            await store.set_password(tx, account_id, password_hash=password_hash, at=at)
            line = change_of(found.account, "password_changed", actor=by.login)
            await store.append_changes(tx, [line], at=at)
        network = network_of(address)
        again = await self._find(by.login, network)
        if again is None:
            raise LoginRequired("This account is gone.")
        return await self._begin(again, network, second_factor_at=by.second_factor_at)

    async def me(self, by: Principal) -> Account:
        """Return the account behind a token, as long as there is one."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            account = await store.find_account(tx, by.account_id)
        if account is None:
            raise LoginRequired("This account is gone.")
        return account

    async def _find(self, login: str, network: str) -> LoginFound | None:
        since = self._clock.now() - KNOWN_FOR
        async with self._service_db.connection() as tx:
            return await session_store.find_login(
                tx, login, address_hash=self._address_hash(network), since=since
            )

    async def _known_again(self, password: str, by: Principal) -> LoginFound:
        """Return the account of a person who is logged in and gives the password once more."""
        place = f"session {by.session_id}"
        await self._pace.count_account(by.login, place, known=True)
        found = await self._find(by.login, place)
        right = await self._hashing.matches(password, found.password_hash if found else None)
        if found is None or not right:
            raise LoginFailed("This is not the password.")
        return found

    async def _begin(
        self, found: LoginFound, network: str, *, second_factor_at: datetime | None
    ) -> Session:
        at, secret = self._clock.now(), secrets.token_urlsafe(REFRESH_BYTES)
        ends_at, account_id = at + self._terms.session, found.account.account_id
        async with self._service_db.transaction() as tx:
            session_id = await session_store.begin(
                tx,
                found,
                address_hash=self._address_hash(network),
                started_at=at,
                ends_at=ends_at,
                second_factor_at=second_factor_at,
                refresh_hash=_hashed(secret),
            )
            await session_store.end_all_but_newest(tx, account_id, SESSIONS_MAX, at=at)
            await session_store.forget_old(tx, account_id, before=at - KNOWN_FOR)
        if session_id is None:
            raise LoginFailed("The account has changed meanwhile.")
        begun = OpenSession(
            session_id, found.account, found.enrolled, ends_at, second_factor_at, b"", None
        )
        return self._shown(begun, refresh_token=f"{session_id}.{secret}")

    async def _stepped(self, by: Principal, at: datetime) -> Session:
        async with self._service_db.transaction() as tx:
            found = await session_store.lock_live(tx, by.session_id, at=at)
            if found is not None:
                await session_store.note_second_factor(tx, by.session_id, at=at)
        if found is None:
            raise LoginRequired("This session has ended.")
        return self._shown(found, refresh_token=None, second_factor_at=at)

    def _shown(
        self,
        session: OpenSession,
        *,
        refresh_token: str | None,
        second_factor_at: datetime | None = None,
    ) -> Session:
        account, given_at = session.account, second_factor_at or session.second_factor_at
        claims = {
            "login": account.login,
            "role": account.role.value,
            "operator_id": account.operator_id,
            "sid": session.session_id,
            "amr": [PASSWORD] if given_at is None else [PASSWORD, OTP],
            "second_factor_at": None if given_at is None else given_at.timestamp(),
        }
        return Session(
            token=self._terms.tokens.issue(str(account.account_id), claims),
            expires_at=self._clock.now() + TOKEN_LIFE,
            second_factor=standing_of(
                account.role, enrolled=session.enrolled, given=given_at is not None
            ),
            refresh_token=refresh_token,
            session_ends_at=session.ends_at,
        )

    def _address_hash(self, network: str) -> bytes:
        return blake2b(network.encode(), key=self._terms.address_key, digest_size=16).digest()


def _hashed(refresh_secret: str) -> bytes:
    return sha256(refresh_secret.encode()).digest()
