"""What a database is told once after it was restored.

Owns: the new incarnation of its counts, and who must be gone before it is written.
Never: restores anything.

Counts in Redis carry the incarnation that they were counted in. After a restore the old one must
not be believed any more, since what is newer in it was undone.
"""

import asyncpg

from onepark.infra.db import Role

# Of a session, its database and its name are shown to every login.
PROCESSES = """
    SELECT application_name AS name, count(*) AS sessions FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ANY ($1)
    GROUP BY application_name ORDER BY application_name
"""

# Beyond what it was, beyond what Redis holds, and beyond what another restore, of which neither
# knows, wrote by the same clock.
NEW_INCARNATION = """
    UPDATE stays.incarnation
    SET number = greatest(
            number + 1, $1::bigint + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
        began_at = clock_timestamp()
    RETURNING number
"""

# For the state hash: what a restore changes on purpose.
CHANGED_BY_RESTORE = ("stays.incarnation",)


class NotNow(Exception):
    """The database must not be told yet; the message says why."""


async def begin_incarnation(url: str, *, held: int) -> int:
    """Write an incarnation that outranks all before and ``held``; return it. Twice does no harm."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await _refuse_too_early(connection)
            number: int | None = await connection.fetchval(NEW_INCARNATION, held)
    finally:
        await connection.close()
    if number is None:
        raise NotNow("the database has no incarnation: it is not migrated, or not whole")
    return number


async def _refuse_too_early(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        raise NotNow("the server still recovers, or is a standby: promote it first")
    processes = await connection.fetch(PROCESSES, [role.value for role in Role])
    if processes:
        told = ", ".join(f"{one['name']} ({one['sessions']})" for one in processes)
        raise NotNow(f"OnePark is connected: {told}; stop every process of it first")
