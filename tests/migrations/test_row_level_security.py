"""Staff of one operator never see the rows of another, whatever table is made next."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

# A table is safe when staff may not touch it at all, or when row-level security is forced on it
# and no policy lets staff through without a look at the row.
UNPROTECTED_TABLES = """
    SELECT relation.oid::regclass::text
    FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname !~ '^(pg_|information_schema$)'
      AND (has_table_privilege('onepark_staff', relation.oid,
              'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
           OR has_any_column_privilege('onepark_staff', relation.oid,
              'SELECT, INSERT, UPDATE, REFERENCES'))
      AND NOT (
          relrowsecurity AND relforcerowsecurity
          AND EXISTS (SELECT FROM pg_policy WHERE polrelid = relation.oid)
          AND NOT EXISTS (
              SELECT FROM pg_policy
              WHERE polrelid = relation.oid AND polpermissive
                AND polroles && ARRAY[0, 'onepark_staff'::regrole::oid]
                AND (coalesce(pg_get_expr(polqual, polrelid), 'true') = 'true'
                     AND polcmd <> 'a'
                     OR pg_get_expr(polwithcheck, polrelid) = 'true')))
    ORDER BY 1
"""

# A view acts with its owner's rights, and a function may: both would walk past every policy.
LEAKING_VIEWS = """
    SELECT relation.oid::regclass::text
    FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('v', 'm') AND nspname !~ '^(pg_|information_schema$)'
      AND has_table_privilege('onepark_staff', relation.oid, 'SELECT')
      AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false)
    ORDER BY 1
"""

LEAKING_FUNCTIONS = """
    SELECT pg_proc.oid::regprocedure::text
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE prosecdef AND nspname !~ '^(pg_|information_schema$)'
      AND has_function_privilege('onepark_staff', pg_proc.oid, 'EXECUTE')
    ORDER BY 1
"""

PROTECT = "CALL access.protect('registry.planted')"

OF_AN_OPERATOR = """
    SELECT attrelid::regclass::text FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE attname = 'operator_id' AND relkind IN ('r', 'p') AND NOT relispartition
      AND nspname !~ '^(pg_|information_schema$)' AND NOT (relrowsecurity AND relforcerowsecurity)
    ORDER BY 1
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner; what a test makes goes away with it."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def names(connection: asyncpg.Connection, question: str) -> list[str]:
    return [row[0] for row in await connection.fetch(question)]


async def test_staff_reach_no_unprotected_table(connection):
    assert await names(connection, UNPROTECTED_TABLES) == []


async def test_staff_reach_no_view_or_function_with_its_owners_rights(connection):
    assert await names(connection, LEAKING_VIEWS) == []
    assert await names(connection, LEAKING_FUNCTIONS) == []


async def test_every_table_of_an_operator_has_row_level_security(connection):
    assert await names(connection, OF_AN_OPERATOR) == []


@pytest.mark.parametrize(
    "flaw",
    [
        "SELECT 1",
        "ALTER TABLE registry.planted ENABLE ROW LEVEL SECURITY",
        f"{PROTECT}; ALTER TABLE registry.planted NO FORCE ROW LEVEL SECURITY",
        f"{PROTECT}; CREATE POLICY everybody ON registry.planted USING (true)",
        f"{PROTECT}; CREATE POLICY anything ON registry.planted FOR INSERT WITH CHECK (true)",
    ],
)
async def test_a_planted_table_without_protection_is_found(connection, flaw):
    await connection.execute("CREATE TABLE registry.planted (operator_id bigint NOT NULL)")
    assert await names(connection, UNPROTECTED_TABLES) == []
    await connection.execute("GRANT SELECT ON registry.planted TO onepark_staff")
    await connection.execute(flaw)
    assert await names(connection, UNPROTECTED_TABLES) == ["registry.planted"]


async def test_a_planted_column_grant_is_found(connection):
    await connection.execute("CREATE TABLE registry.planted (operator_id bigint, secret text)")
    await connection.execute("GRANT SELECT (secret) ON registry.planted TO onepark_staff")
    assert await names(connection, UNPROTECTED_TABLES) == ["registry.planted"]
    assert await names(connection, OF_AN_OPERATOR) == ["registry.planted"]


async def test_a_protected_table_is_not_found(connection):
    await connection.execute("CREATE TABLE registry.planted (operator_id bigint NOT NULL)")
    await connection.execute(PROTECT)
    await connection.execute("GRANT SELECT ON registry.planted TO onepark_staff")
    assert await names(connection, UNPROTECTED_TABLES) == []


async def test_a_planted_view_and_function_with_their_owners_rights_are_found(connection):
    await connection.execute("CREATE VIEW registry.planted AS SELECT * FROM registry.lot")
    await connection.execute("GRANT SELECT ON registry.planted TO onepark_staff")
    await connection.execute(
        "CREATE FUNCTION registry.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " RETURN (SELECT count(*) FROM registry.lot)"
    )
    assert await names(connection, LEAKING_VIEWS) == ["registry.planted"]
    assert await names(connection, LEAKING_FUNCTIONS) == ["registry.peek()"]
