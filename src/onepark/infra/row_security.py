"""What in a database would let staff of one operator see rows of another.

Owns: the questions to the catalogue, in every schema, and how a hole is told.
Never: changes anything, or knows why a table belongs to no operator: that is given.
"""

from collections.abc import Mapping
from typing import Any, Protocol

# The one look at a row that a policy of staff may be: as pg_get_expr() writes it.
NAMES_THE_OPERATOR = "(access.is_city() OR (operator_id = access.current_operator_id()))"

SCHEMAS = "nspname !~ '^(pg_|information_schema$)'"

TABLES = f"""
    SELECT relation.oid::regclass::text AS thing, relispartition AS part,
        relrowsecurity AND relforcerowsecurity AS secured,
        EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation.oid
            AND attname = 'operator_id' AND NOT attisdropped) AS owned,
        has_table_privilege('onepark_staff', relation.oid,
            'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        OR has_any_column_privilege('onepark_staff', relation.oid,
            'SELECT, INSERT, UPDATE, REFERENCES') AS reached
    FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'f') AND {SCHEMAS}
"""  # noqa: S608  both halves stand here

# Every permissive policy lets rows through: those of the platform's own two roles may let all
# through, any other must look at the row, when it is read and when it is written.
LAX_POLICIES = """
    SELECT polrelid::regclass::text AS thing, polname AS policy
    FROM pg_policy
    WHERE polpermissive
      AND NOT polroles <@ ARRAY['onepark_batch'::regrole, 'onepark_service'::regrole]::oid[]
      AND (polcmd <> 'a' AND coalesce(pg_get_expr(polqual, polrelid), '') <> $1
        OR polcmd = 'a' AND coalesce(pg_get_expr(polwithcheck, polrelid), '') <> $1
        OR polcmd IN ('*', 'w') AND coalesce(pg_get_expr(polwithcheck, polrelid), $1) <> $1)
"""

# A view acts with its owner's rights, and a function may: both would walk past every policy.
LEAKING_VIEWS = f"""
    SELECT relation.oid::regclass::text AS thing
    FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('v', 'm') AND {SCHEMAS}
      AND (has_table_privilege('onepark_staff', relation.oid, 'SELECT')
        OR has_any_column_privilege('onepark_staff', relation.oid, 'SELECT'))
      AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false)
"""  # noqa: S608  as above

LEAKING_FUNCTIONS = f"""
    SELECT pg_proc.oid::regprocedure::text AS thing
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE prosecdef AND {SCHEMAS}
      AND has_function_privilege('onepark_staff', pg_proc.oid, 'EXECUTE')
"""  # noqa: S608  as above

STRONG_STAFF = """
    SELECT rolname AS thing FROM pg_roles
    WHERE rolname = 'onepark_staff' AND (rolsuper OR rolbypassrls)
    UNION ALL
    SELECT rolname FROM pg_roles
    WHERE rolname <> 'onepark_staff' AND pg_has_role('onepark_staff', oid, 'MEMBER')
    UNION ALL
    SELECT relation.oid::regclass::text
    FROM pg_class AS relation WHERE relowner = 'onepark_staff'::regrole
"""


class Catalogue(Protocol):
    """A connection, as far as questions need one."""

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """Return the rows of an answer."""
        ...


async def holes(connection: Catalogue, unowned: Mapping[str, str]) -> list[str]:
    """Return every hole in words; ``unowned`` says which tables are no operator's, and why.

    A table is safe when it has an operator_id, row-level security forced on it and only policies
    that look at that column; or when it is no operator's and staff cannot touch it.
    """
    tables = {row["thing"]: row for row in await connection.fetch(TABLES)}
    found = [hole for table in tables.values() for hole in _of_table(table, unowned)]
    found += [f"{thing}: has a reason but is no table" for thing in unowned.keys() - tables.keys()]
    for row in await connection.fetch(LAX_POLICIES, NAMES_THE_OPERATOR):
        found.append(f"{row['thing']}: its policy {row['policy']} does not name the operator")
    for question, flaw in (
        (LEAKING_VIEWS, "a view that staff read with its owner's rights"),
        (LEAKING_FUNCTIONS, "a function that staff call with its owner's rights"),
        (STRONG_STAFF, "gives staff more than its own rows"),
    ):
        found += [f"{row['thing']}: {flaw}" for row in await connection.fetch(question)]
    return sorted(found)


def _of_table(table: Any, unowned: Mapping[str, str]) -> list[str]:
    name, listed = table["thing"], table["thing"] in unowned
    if table["part"]:  # it is reached through its whole, by whose policies
        reached = table["reached"] and not table["secured"]
        return [f"{name}: staff reach a part past the policies of its whole"] if reached else []
    if table["owned"]:
        found = [] if table["secured"] else [f"{name}: row-level security is not forced"]
        return found + ([f"{name}: has a reason but also an operator_id"] if listed else [])
    if not listed:
        return [f"{name}: has no operator_id, and no reason says why"]
    return [f"{name}: staff reach it though it is no operator's"] if table["reached"] else []
