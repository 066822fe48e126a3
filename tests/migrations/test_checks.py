"""Every migration says what it refuses, and is right about it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from onepark.infra.migrations import directory
from tests.migrations.checks import Proof, checks, outcome, proofs

PROVEN_WHOLLY = [
    *("access", "registry", "tariffs", "stays", "payments", "gate", "vacancies"),
    *("ledger", "settlement", "reconciliation", "invoices", "webhooks", "jobs"),
]

# Uniqueness that only lets a foreign key name two columns follows from its primary key.
TO_BE_PROVED = """
    SELECT 'CONSTRAINT ' || conrelid::regclass || '.' || conname
    FROM pg_constraint
    WHERE connamespace = ANY($1::text[]::regnamespace[]) AND contype IN ('c', 'u', 'f', 'x')
      AND conrelid <> 0 AND conparentid = 0
      AND NOT (contype = 'u' AND EXISTS (
          SELECT FROM pg_constraint AS key
          WHERE key.contype = 'f' AND key.conindid = pg_constraint.conindid))
    UNION ALL
    SELECT 'INDEX ' || indexrelid::regclass
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = ANY($1::text[]::regnamespace[]) AND indisunique
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
    UNION ALL
    SELECT 'TRIGGER ' || tgrelid::regclass || '.' || tgname
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = ANY($1::text[]::regnamespace[]) AND NOT tgisinternal
"""


@pytest.fixture(scope="module")
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def named(proof: Proof) -> str:
    return f"{proof.kind} {proof.thing}"


@pytest.mark.parametrize("proof", proofs(), ids=named)
async def test_the_database_refuses_and_without_the_rule_it_would_not(connection, proof):
    assert await outcome(connection, proof, dropped=False) == ""
    assert await outcome(connection, proof, dropped=True) != "", "it is not this that refuses"


def test_every_migration_that_makes_a_table_proves_something():
    proven = {file.stem for file in checks().glob("*.sql")}
    assert [
        file.name
        for file in sorted(directory().glob("*.sql"))
        if "CREATE TABLE" in file.read_text() and file.name.split("_")[0] not in proven
    ] == []


async def test_nothing_in_these_schemas_goes_unproved(connection):
    wanted = {row[0] for row in await connection.fetch(TO_BE_PROVED, PROVEN_WHOLLY)}
    assert sorted(wanted - {named(proof) for proof in proofs()}) == []
    assert wanted, "the catalogue was read"


async def test_a_proof_of_nothing_is_found_out(connection):
    idle = Proof("CONSTRAINT", "registry.lot.lot_code_form", "", "DO $$ BEGIN NULL; END $$")
    assert await outcome(connection, idle, dropped=True) == ""
