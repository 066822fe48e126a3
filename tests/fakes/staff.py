"""Staff over real servers, with hashes that cost nothing and authenticators in the test's hand."""

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from redis.asyncio import Redis

from onepark.app.databases import Databases
from onepark.app.staff import Staff, staff_of
from onepark.contexts.access.accounts import Hand
from onepark.contexts.access.model import (
    Account,
    Credentials,
    NewAccount,
    PasswordGiven,
    Session,
    StepUp,
)
from onepark.infra import totp
from onepark.infra.db import Database
from onepark.infra.limits import Limiter
from onepark.infra.settings import Settings
from onepark.infra.tokens import Passwords
from onepark.kernel.staff import Permission, Principal, StaffRole
from tests.archive import KEY, HandClock

PASSWORD = "correct horse battery"
HOME = "10.0.0.1"
SHELL = Hand("test")
SECRET = b"12345678901234567890"
PER_MINUTE = 8


def settings_of(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "database_url": "",
        "redis_url": "",
        "secret_key": base64.b64encode(KEY.raw).decode(),
        "login_per_minute_max": PER_MINUTE,
        "login_per_hour_max": 12,
        **changes,
    }
    return Settings(**given)


def new(
    login: str = "li.ming", role: str = "city_admin", operator_id: int | None = None
) -> NewAccount:
    return NewAccount(login, PASSWORD, "李明", StaffRole(role), operator_id)


@dataclass
class Crew:
    """Staff, and what people do with it."""

    staff: Staff
    clock: HandClock
    used: dict[str, int] = field(default_factory=dict)  # the step of each login's last code

    def code(self, login: str = "li.ming", *, off: int = 0) -> str:
        """A code that was not used: the clock moves on where need be."""
        step = totp.step_at(self.clock.now()) + off
        while step <= self.used.get(login, 0):
            self.clock.pass_by(timedelta(seconds=totp.STEP_S))
            step = totp.step_at(self.clock.now())
        self.used[login] = step
        return totp.code_at(SECRET, step)

    async def appoint(
        self, login: str = "li.ming", role: str = "city_admin", operator_id: int | None = None
    ) -> Account:
        return await self.staff.accounts.create_account(new(login, role, operator_id), by=SHELL)

    async def log_in(
        self,
        login: str = "li.ming",
        password: str = PASSWORD,
        *,
        code: str | None = None,
        address: str = HOME,
    ) -> Session:
        return await self.staff.access.log_in(Credentials(login, password, code), address=address)

    async def admit(
        self, session: Session, permission: Permission = Permission.READ_SELF
    ) -> Principal:
        return await self.staff.doorkeeper.admit(f"Bearer {session.token}", permission)

    async def principal(self, login: str = "li.ming") -> Principal:
        return await self.admit(await self.log_in(login))

    async def enrolled(self, login: str = "li.ming") -> tuple[Session, tuple[str, ...]]:
        """Bind an authenticator; the session says so."""
        by = await self.principal(login)
        await self.staff.access.enrol(PasswordGiven(PASSWORD), by=by)
        done = await self.staff.access.confirm(StepUp(self.code(login)), by=by)
        return done.session, done.recovery_codes

    async def trusted(self, login: str = "li.ming") -> Principal:
        """A person who has just given a code."""
        return await self.admit((await self.enrolled(login))[0])


def a_crew(
    service_db: Database, staff_db: Database, redis: Redis, *, clock: HandClock, **changes: Any
) -> Crew:
    return Crew(
        staff_of(
            settings_of(**changes),
            clock,
            databases=Databases(service_db, service_db, staff_db),
            limiter=Limiter(redis),
            passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=64)),
            fresh_secret=lambda: SECRET,
        ),
        clock,
    )
