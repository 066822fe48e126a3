"""One number for the whole content of a database, whatever the order of its rows.

Owns: what goes into it: every row of every table that is not the server's own.
Never: writes, takes a lock that writers feel, or leaves a row out that its login may not see.

Each row becomes 128 bits of the SHA-256 of its text, and a table the sum of its rows, so that
neither their order nor the partition that holds them matters. Sequences are left out: after a
crash they are ahead by a little.
"""

import hashlib
from collections.abc import Collection
from typing import NamedTuple

import asyncpg

# The text of a value must not depend on who asks. Without row_security, a login that may not see
# every row would get another hash; with it off, such a login gets an error.
ALIKE = """
    SET LOCAL timezone = 'UTC';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL row_security = off;
    SET LOCAL search_path = pg_catalog;
"""

# A partition is reached through the table that it belongs to.
STATEMENTS = """
    SELECT n.nspname || '.' || c.relname AS name, format(
        $statement$
            SELECT count(*) AS row_count,
                coalesce(sum(high), 0) AS high, coalesce(sum(low), 0) AS low
            FROM (
                SELECT ('x' || encode(substr(digest, 1, 8), 'hex'))::bit(64)::bigint AS high,
                    ('x' || encode(substr(digest, 9, 8), 'hex'))::bit(64)::bigint AS low
                FROM (
                    SELECT sha256(convert_to(hashed_row::text, 'UTF8')) AS digest
                    FROM %I.%I AS hashed_row OFFSET 0) AS hashed) AS parts
        $statement$, n.nspname, c.relname) AS statement
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
    ORDER BY name
"""


class TableHash(NamedTuple):
    """What one table comes to."""

    name: str
    rows: int
    digest: str


class StateHash(NamedTuple):
    """What a database comes to; two that hold the same rows have one digest."""

    digest: str
    tables: tuple[TableHash, ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


async def state_hash_at(url: str, *, but: Collection[str] = ()) -> StateHash:
    """Hash one moment of a database; ``but`` names tables, with their schema, to leave out."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await state_hash(connection, but=but)
    finally:
        await connection.close()


async def state_hash(
    tx: "asyncpg.Connection[asyncpg.Record]", *, but: Collection[str] = ()
) -> StateHash:
    """Hash what a transaction sees."""
    await tx.execute(ALIKE)
    tables = [
        await _table_hash(tx, name, statement)
        for name, statement in await tx.fetch(STATEMENTS)
        if name not in but
    ]
    whole = "\n".join(f"{name} {digest}" for name, _, digest in tables)
    return StateHash(hashlib.sha256(whole.encode()).hexdigest(), tuple(tables))


async def _table_hash(
    tx: "asyncpg.Connection[asyncpg.Record]", name: str, statement: str
) -> TableHash:
    row = await tx.fetchrow(statement)
    assert row is not None, "an aggregate has one row"
    sums = f"{row['row_count']} {row['high']} {row['low']}"
    return TableHash(name, row["row_count"], hashlib.sha256(sums.encode()).hexdigest())
