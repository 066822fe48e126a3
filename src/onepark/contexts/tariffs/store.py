"""SQL of tariffs.

Owns: every statement on the schema tariffs.
Never: decides.
"""

from collections.abc import Sequence
from datetime import datetime

from onepark.contexts.calendar.model import Ruling
from onepark.contexts.tariffs.model import Assignment, Filing, PlanRow
from onepark.infra.db import Tx
from onepark.kernel.types import OperatorId, PlanId

STAND_STILL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

REVISION = """
    SELECT revision.number + calendar.number
    FROM tariffs.revision, calendar.pub_revision AS calendar
"""

RULINGS = "SELECT day, kind, reason, ruled_at FROM calendar.pub_day_ruling"

PLANS = """
    SELECT plan_id, operator_id, plan_key, version, name, body, valid_from_at, valid_until_at,
        published_at, withdrawn_at
    FROM tariffs.plan
"""

ASSIGNMENTS = """
    SELECT lot_id, operator_id, plan_key, valid_from_at, valid_until_at FROM tariffs.lot_plan
"""

CLOSE_VERSIONS = """
    UPDATE tariffs.plan SET valid_until_at = filed.valid_from_at
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[])
        AS filed (operator_id, plan_key, valid_from_at)
    WHERE plan.operator_id = filed.operator_id AND plan.plan_key = filed.plan_key
      AND plan.valid_until_at IS NULL AND plan.valid_from_at < filed.valid_from_at
      AND plan.withdrawn_at IS NULL
"""

FILE_VERSIONS = """
    INSERT INTO tariffs.plan (
        operator_id, plan_key, version, name, body, valid_from_at, published_at)
    SELECT operator_id, plan_key,
           1 + coalesce((SELECT max(version) FROM tariffs.plan AS earlier
                         WHERE earlier.operator_id = filed.operator_id
                           AND earlier.plan_key = filed.plan_key), 0),
           name, body, valid_from_at, $6
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
        AS filed (operator_id, plan_key, valid_from_at, name, body)
    RETURNING operator_id, plan_key, plan_id
"""

CLOSE_ASSIGNMENTS = """
    UPDATE tariffs.lot_plan SET valid_until_at = assigned.valid_from_at
    FROM unnest($1::bigint[], $2::timestamptz[]) AS assigned (lot_id, valid_from_at)
    WHERE lot_plan.lot_id = assigned.lot_id
      AND lot_plan.valid_until_at IS NULL AND lot_plan.valid_from_at < assigned.valid_from_at
"""

ASSIGN = """
    INSERT INTO tariffs.lot_plan (lot_id, operator_id, plan_key, valid_from_at, valid_until_at)
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        AS assigned (lot_id, operator_id, plan_key, valid_from_at, valid_until_at)
    WHERE EXISTS (
        SELECT FROM tariffs.plan
        WHERE plan.operator_id = assigned.operator_id AND plan.plan_key = assigned.plan_key)
    RETURNING lot_id
"""


async def stand_still(tx: Tx) -> None:
    """Let every following statement of the transaction see one moment."""
    await tx.execute(STAND_STILL)


async def revision(tx: Tx) -> int:
    """Return the number that moves with every change."""
    number: int = await tx.fetchval(REVISION)
    return number


async def rulings(tx: Tx) -> list[Ruling]:
    """Return what the city has ruled about single days."""
    return [Ruling(**dict(row)) for row in await tx.fetch(RULINGS)]


async def plans(tx: Tx) -> list[PlanRow]:
    """Return every version of every plan."""
    return [PlanRow(**dict(row)) for row in await tx.fetch(PLANS)]


async def assignments(tx: Tx) -> list[Assignment]:
    """Return which plan every lot charges by, then and now."""
    return [Assignment(**dict(row)) for row in await tx.fetch(ASSIGNMENTS)]


async def close_versions(tx: Tx, filings: Sequence[Filing]) -> None:
    """End the open version of each plan where the new one begins."""
    await tx.execute(
        CLOSE_VERSIONS,
        [filing.operator_id for filing in filings],
        [filing.plan_key for filing in filings],
        [filing.valid_from_at for filing in filings],
    )


async def file_versions(
    tx: Tx, filings: Sequence[Filing], *, at: datetime
) -> dict[tuple[OperatorId, str], PlanId]:
    """Keep new versions; return their numbers by operator and key."""
    rows = await tx.fetch(
        FILE_VERSIONS,
        [filing.operator_id for filing in filings],
        [filing.plan_key for filing in filings],
        [filing.valid_from_at for filing in filings],
        [filing.name for filing in filings],
        [filing.body for filing in filings],
        at,
    )
    return {(row["operator_id"], row["plan_key"]): PlanId(row["plan_id"]) for row in rows}


async def close_assignments(tx: Tx, assigned: Sequence[Assignment]) -> None:
    """End the open assignment of each lot where the new one begins."""
    await tx.execute(
        CLOSE_ASSIGNMENTS,
        [assignment.lot_id for assignment in assigned],
        [assignment.valid_from_at for assignment in assigned],
    )


async def assign(tx: Tx, assigned: Sequence[Assignment]) -> set[int]:
    """Let lots charge by plans that their operators have filed; return the lots that now do."""
    rows = await tx.fetch(
        ASSIGN,
        [assignment.lot_id for assignment in assigned],
        [assignment.operator_id for assignment in assigned],
        [assignment.plan_key for assignment in assigned],
        [assignment.valid_from_at for assignment in assigned],
        [assignment.valid_until_at for assignment in assigned],
    )
    return {row["lot_id"] for row in rows}
