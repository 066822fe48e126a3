"""One person for each role of a demonstration city.

Owns: their logins, passwords and authenticators, the same at every start of one city.
Never: makes a person in a city whose key is not its own.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from argon2 import PasswordHasher

from onepark.app.databases import Databases
from onepark.app.staff import Staff, staff_of
from onepark.contexts.access.accounts import Hand
from onepark.contexts.access.errors import LoginTaken
from onepark.contexts.access.model import NewAccount
from onepark.contexts.access.rules import FACTOR_ROLES, OPERATOR_ROLES
from onepark.infra import totp
from onepark.infra.clock import Clock
from onepark.infra.limits import Limiter
from onepark.infra.settings import SecretKey, Settings, secret_key
from onepark.infra.tokens import Passwords, derive
from onepark.kernel.staff import StaffRole
from onepark.simulator.demo_city import MARK

PASSWORD_CHARS = 24
BEFORE = timedelta(minutes=2)  # so that the code of now is a script's to use
HASHER = PasswordHasher(time_cost=1, memory_cost=8_192)  # of random passwords; hundreds at a start


class StoppedClock:
    """A clock that stands, so that a code does not grow old while recovery codes are hashed."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the moment at which it stopped."""
        return self._at


@dataclass(frozen=True)
class DemoPerson:
    """Somebody who works in a demonstration city."""

    role: StaffRole
    operator_id: int | None
    key: SecretKey

    @property
    def login(self) -> str:
        return self.role.value.replace("_", ".")

    @property
    def password(self) -> str:
        whole = derive(self.key, f"demo password {self.login}")
        return base64.urlsafe_b64encode(whole).decode()[:PASSWORD_CHARS]

    @property
    def secret(self) -> bytes:
        return derive(self.key, f"demo authenticator {self.login}")[: totp.SECRET_BYTES]

    def described(self) -> dict[str, Any]:
        """Return what a script needs to log in as this person."""
        bound = self.role in FACTOR_ROLES
        return {
            "login": self.login,
            "password": self.password,
            "role": self.role.value,
            "operator_id": self.operator_id,
            "totp_secret": totp.shown(self.secret) if bound else None,
        }


async def appoint_demo_staff(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    limiter: Limiter,
    operator_id: int,
    actor: str,
) -> list[dict[str, Any]]:
    """Give an account for every role, those of an operator at one of them; tell how to log in."""
    people = [
        DemoPerson(role, operator_id if role in OPERATOR_ROLES else None, secret_key(settings))
        for role in StaffRole
    ]
    stopped = StoppedClock(clock.now() - BEFORE)
    for person in people:
        staff = staff_of(
            settings,
            stopped,
            databases=databases,
            limiter=limiter,
            passwords=Passwords(HASHER),
            fresh_secret=partial(bytes, person.secret),
        )
        await _appoint(person, staff, stopped, actor=actor)
    return [person.described() for person in people]


async def _appoint(person: DemoPerson, staff: Staff, clock: Clock, *, actor: str) -> None:
    new = NewAccount(
        person.login, person.password, f"{MARK}{person.login}", person.role, person.operator_id
    )
    try:
        account = await staff.accounts.create_account(new, by=Hand(actor))
    except LoginTaken:
        return  # filed at an earlier start
    if person.role in FACTOR_ROLES:
        await staff.factors.offer(account)
        code = totp.code_at(person.secret, totp.step_at(clock.now()))
        await staff.factors.confirm(account, code)
