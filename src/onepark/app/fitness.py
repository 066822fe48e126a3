"""Why the platform would rather not start.

Owns: the conditions of a start that settings alone do not show.
Never: mends anything by itself.
"""

import asyncpg

from onepark.infra.db import Role
from onepark.infra.migrations import pending
from onepark.infra.settings import Settings

DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")

SHOW = "SELECT name, setting FROM pg_settings WHERE name = ANY ($1)"
MEMBER = "SELECT pg_has_role(current_user, $1, 'MEMBER')"


class Unfit(Exception):
    """The platform must not serve like this; the message says what to do."""


async def refuse_unfit(settings: Settings) -> None:
    """Raise Unfit for pending migrations, a database that may forget, or a login without roles."""
    try:
        missing = await pending(settings.database_url)
        if missing:
            raise Unfit(f"pending migrations {', '.join(missing)}: run onepark migrate")
        connection = await asyncpg.connect(settings.database_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unfit(f"the database does not answer: {error}") from error
    try:
        await _refuse_forgetful(connection)
        for role in Role:
            if not await connection.fetchval(MEMBER, role.value):
                raise Unfit(f"the database login is no member of {role.value}")
    finally:
        await connection.close()


async def _refuse_forgetful(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for name, setting in await connection.fetch(SHOW, DURABILITY):
        if setting in {"off", "local"}:
            raise Unfit(f"PostgreSQL runs with {name}={setting}: what it confirms may be lost")
