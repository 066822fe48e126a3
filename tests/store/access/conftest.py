"""One crew of staff over an emptied schema."""

import asyncpg
import pytest

from tests.archive import HandClock
from tests.fakes.staff import Crew, a_crew


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def crew(service_db, staff_db, redis, clock) -> Crew:
    return a_crew(service_db, staff_db, redis, clock=clock)


@pytest.fixture(autouse=True)
async def emptied(database_url: str):
    yield
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE access.account CASCADE")
    await connection.execute("ALTER TABLE access.audit DISABLE TRIGGER audit_append_only")
    await connection.execute("DELETE FROM access.audit")
    await connection.execute("ALTER TABLE access.audit ENABLE TRIGGER audit_append_only")
    await connection.close()


@pytest.fixture
def trail(service_db):
    """What the trail says of an account: actor and action, oldest first."""

    async def read(login: str) -> list[tuple[str, str]]:
        async with service_db.connection() as tx:
            rows = await tx.fetch(
                "SELECT actor, action FROM access.audit WHERE subject = $1 ORDER BY audit_id",
                f"account {login}",
            )
        return [(row["actor"], row["action"].removeprefix("access.")) for row in rows]

    return read
