"""A demonstration city has one person a role, who logs in at every start with what was told."""

import base64

import pytest

from onepark.app.databases import Databases
from onepark.app.demo_staff import appoint_demo_staff
from onepark.contexts.access.model import Credentials, SecondFactor
from onepark.infra import totp
from onepark.infra.limits import Limiter
from onepark.kernel.staff import StaffRole
from tests.fakes.staff import HOME, a_crew, settings_of


@pytest.fixture
def start(service_db, staff_db, redis, clock):
    async def again() -> list[dict[str, str]]:
        return await appoint_demo_staff(
            settings_of(),
            clock,
            databases=Databases(service_db, service_db, staff_db),
            limiter=Limiter(redis),
            operator_id=3,
            actor="test",
        )

    return again


async def test_one_person_a_role_logs_in_with_what_was_told(
    start, service_db, staff_db, redis, clock
):
    told = await start()
    crew = a_crew(service_db, staff_db, redis, clock=clock, login_per_minute_max=100)
    assert [one["role"] for one in told] == [role.value for role in StaffRole]
    for one in told:
        secret = base64.b32decode(one["totp_secret"]) if one["totp_secret"] else None
        code = totp.code_at(secret, totp.step_at(clock.now())) if secret else None
        given = Credentials(one["login"], one["password"], code)
        session = await crew.staff.access.log_in(given, address=HOME)
        assert session.second_factor == (
            SecondFactor.GIVEN if secret else SecondFactor.NOT_REQUIRED
        )
        me = await crew.staff.access.me(await crew.admit(session))
        assert me.operator_id == (3 if one["role"].startswith("operator_") else None)


async def test_a_second_start_tells_the_same_and_makes_nobody(start, service_db):
    first = await start()
    assert await start() == first
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM access.account") == len(StaffRole)
