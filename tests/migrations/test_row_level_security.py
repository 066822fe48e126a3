"""Staff of one operator never see the rows of another, whatever table is made next."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from onepark.app.unowned import UNOWNED
from onepark.infra.row_security import holes

PLANTED = "CREATE TABLE registry.planted (operator_id bigint NOT NULL, secret text)"
PROTECT = "CALL access.protect('registry.planted')"
NAMED = "access.is_city() OR operator_id = access.current_operator_id()"
NOT_FORCED = "registry.planted: row-level security is not forced"
LAX = "registry.planted: its policy lax does not name the operator"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner; what a test makes goes away with it."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def test_no_table_view_function_or_role_lets_staff_see_rows_of_others(connection):
    assert await holes(connection, UNOWNED) == []


def test_every_table_that_is_no_operators_has_a_reason():
    assert all(len(reason.split()) > 3 for reason in UNOWNED.values())


@pytest.mark.parametrize(
    "flaw",
    [
        "SELECT 1",
        "ALTER TABLE registry.planted ENABLE ROW LEVEL SECURITY",
        f"{PROTECT}; ALTER TABLE registry.planted NO FORCE ROW LEVEL SECURITY",
        f"{PROTECT}; ALTER TABLE registry.planted DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_a_planted_table_without_protection_is_found(connection, flaw):
    await connection.execute(f"{PLANTED}; {flaw}")
    assert await holes(connection, UNOWNED) == [NOT_FORCED]


@pytest.mark.parametrize(
    "policy",
    [
        "USING (true)",
        "FOR INSERT WITH CHECK (true)",
        f"USING ({NAMED}) WITH CHECK (true)",
        f"USING ({NAMED} OR secret = 'known')",
        "TO onepark_staff USING (operator_id IS NOT NULL)",
        "FOR SELECT TO onepark_staff USING (operator_id <> access.current_operator_id())",
        f"TO onepark_batch, onepark_staff USING (true) WITH CHECK ({NAMED})",
    ],
)
async def test_a_planted_policy_that_does_not_name_the_operator_is_found(connection, policy):
    await connection.execute(f"{PLANTED}; {PROTECT}")
    await connection.execute(f"CREATE POLICY lax ON registry.planted {policy}")
    assert await holes(connection, UNOWNED) == [LAX]


@pytest.mark.parametrize("policy", [f"USING ({NAMED})", f"FOR INSERT WITH CHECK ({NAMED})"])
async def test_a_protected_table_is_not_found(connection, policy):
    await connection.execute(f"{PLANTED}; {PROTECT}")
    await connection.execute("GRANT SELECT ON registry.planted TO onepark_staff")
    assert await holes(connection, UNOWNED) == []
    await connection.execute(f"CREATE POLICY strict ON registry.planted {policy}")
    assert await holes(connection, UNOWNED) == []


@pytest.mark.parametrize("table", ["access.account", "stays.stay", "payments.attempt"])
async def test_a_table_that_loses_its_protection_is_found(connection, table):
    await connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    assert await holes(connection, UNOWNED) == [f"{table}: row-level security is not forced"]


async def test_a_table_of_nobody_needs_a_reason_and_keeps_staff_away(connection):
    await connection.execute("CREATE SCHEMA planted; CREATE TABLE planted.thing (lot_id bigint)")
    reasoned = {**UNOWNED, "planted.thing": "it is a plant"}
    assert await holes(connection, UNOWNED) == [
        "planted.thing: has no operator_id, and no reason says why"
    ]
    assert await holes(connection, reasoned) == []
    await connection.execute("GRANT SELECT (lot_id) ON planted.thing TO PUBLIC")
    assert await holes(connection, reasoned) == [
        "planted.thing: staff reach it though it is no operator's"
    ]


async def test_a_reason_for_what_is_not_there_or_is_an_operators_is_found(connection):
    odd = {**UNOWNED, "stays.stay": "no reason", "stays.nothing": "no reason"}
    assert await holes(connection, odd) == [
        "stays.nothing: has a reason but is no table",
        "stays.stay: has a reason but also an operator_id",
    ]


async def test_a_part_of_a_table_that_staff_reach_past_its_whole_is_found(connection):
    await connection.execute("GRANT SELECT ON stays.passage_rest TO onepark_staff")
    assert await holes(connection, UNOWNED) == [
        "stays.passage_rest: staff reach a part past the policies of its whole"
    ]


async def test_a_planted_view_and_function_with_their_owners_rights_are_found(connection):
    await connection.execute("CREATE VIEW registry.planted AS SELECT * FROM registry.lot")
    await connection.execute("GRANT SELECT (lot_id) ON registry.planted TO onepark_staff")
    await connection.execute(
        "CREATE FUNCTION registry.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " RETURN (SELECT count(*) FROM registry.lot)"
    )
    assert await holes(connection, UNOWNED) == [
        "registry.peek(): a function that staff call with its owner's rights",
        "registry.planted: a view that staff read with its owner's rights",
    ]


@pytest.mark.parametrize(
    ("gift", "thing"),
    [
        ("ALTER ROLE onepark_staff BYPASSRLS", "onepark_staff"),
        ("GRANT onepark_service TO onepark_staff", "onepark_service"),
        ("ALTER TABLE registry.lot OWNER TO onepark_staff", "registry.lot"),
    ],
)
async def test_staff_that_are_given_more_than_their_rows_are_found(connection, gift, thing):
    await connection.execute(gift)
    found = await holes(connection, UNOWNED)
    assert f"{thing}: gives staff more than its own rows" in found


async def test_the_trail_of_changes_is_only_ever_added_to(connection):
    rights = await connection.fetch(
        "SELECT role, privilege FROM unnest($1::text[]) AS role,"
        " unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege"
        " WHERE has_table_privilege(role, 'access.audit', privilege)",
        ["onepark_batch", "onepark_service", "onepark_staff"],
    )
    assert rights == []
