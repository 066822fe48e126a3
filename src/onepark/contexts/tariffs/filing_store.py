"""SQL of filing: drafts, their steps, and the versions that staff may see.

Owns: every statement on tariffs.draft, and those on tariffs.plan that only filing needs.
Never: decides.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.json import Decoder, Encoder

from onepark.contexts.tariffs.checking import Finding
from onepark.contexts.tariffs.filing import DraftLine, DraftRow, DraftState, NewDraft, VersionLine
from onepark.contexts.tariffs.model import PlanRow
from onepark.infra.db import Record, Tx
from onepark.kernel.staff import Principal
from onepark.kernel.types import OperatorId, PlanId

_FINDINGS = Decoder(tuple[Finding, ...])
_ENCODER = Encoder()

ADD_DRAFT = """
    INSERT INTO tariffs.draft (
        operator_id, plan_key, name, body, author_id, author, drafted_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'draft')
    RETURNING draft_id, operator_id, plan_key, name, body, author_id, author, drafted_at, state,
        checker, checked_at, findings, publisher, published_at, plan_id, withdrawer, withdrawn_at
"""

FIND_DRAFT = """
    SELECT draft_id, operator_id, plan_key, name, body, author_id, author, drafted_at, state,
        checker, checked_at, findings, publisher, published_at, plan_id, withdrawer, withdrawn_at
    FROM tariffs.draft WHERE draft_id = $1
"""

LOCK_DRAFT = """
    SELECT draft_id, operator_id, plan_key, name, body, author_id, author, drafted_at, state,
        checker, checked_at, findings, publisher, published_at, plan_id, withdrawer, withdrawn_at
    FROM tariffs.draft WHERE draft_id = $1
    FOR NO KEY UPDATE
"""

PAGE_OF_DRAFTS = """
    SELECT draft_id, operator_id, plan_key, name, state, author, drafted_at, plan_id
    FROM tariffs.draft
    WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR draft_id < $2)
    ORDER BY draft_id DESC LIMIT $3
"""

SAVE_CHECK = """
    UPDATE tariffs.draft SET state = $2, findings = $3, checker = $4, checked_at = $5
    WHERE draft_id = $1
"""

SAVE_PUBLICATION = """
    UPDATE tariffs.draft
    SET state = 'published', plan_id = $2, publisher_id = $3, publisher = $4, published_at = $5
    WHERE draft_id = $1
"""

SAVE_WITHDRAWAL = """
    UPDATE tariffs.draft SET state = 'withdrawn', withdrawer = $2, withdrawn_at = $3
    WHERE draft_id = $1
"""

WITHDRAW_VERSION = "UPDATE tariffs.plan SET withdrawn_at = $2 WHERE plan_id = $1"

# The version that ended where the withdrawn one would have begun goes on for as long as that one.
REOPEN_FORMER = """
    UPDATE tariffs.plan AS former SET valid_until_at = gone.valid_until_at
    FROM tariffs.plan AS gone
    WHERE gone.plan_id = $1 AND former.withdrawn_at IS NULL
      AND former.operator_id = gone.operator_id AND former.plan_key = gone.plan_key
      AND former.valid_until_at = gone.valid_from_at
"""

LOTS_LEFT_BARE = """
    SELECT count(*) FROM tariffs.lot_plan
    JOIN tariffs.plan AS gone USING (operator_id, plan_key)
    WHERE gone.plan_id = $1
      AND (lot_plan.valid_until_at IS NULL OR lot_plan.valid_until_at > gone.valid_from_at)
      AND NOT EXISTS (
          SELECT FROM tariffs.plan AS other
          WHERE other.operator_id = gone.operator_id AND other.plan_key = gone.plan_key
            AND other.withdrawn_at IS NULL
            AND tstzrange(other.valid_from_at, other.valid_until_at)
                @> greatest(gone.valid_from_at, lot_plan.valid_from_at))
"""

FIND_VERSION = """
    SELECT plan_id, operator_id, plan_key, version, name, body, valid_from_at, valid_until_at,
        published_at, withdrawn_at
    FROM tariffs.plan WHERE plan_id = $1
"""

VERSION_AT = """
    SELECT plan_id, operator_id, plan_key, version, name, body, valid_from_at, valid_until_at,
        published_at, withdrawn_at
    FROM tariffs.plan
    WHERE operator_id = $1 AND plan_key = $2 AND withdrawn_at IS NULL
      AND valid_from_at <= $3 AND (valid_until_at IS NULL OR $3 < valid_until_at)
"""

PAGE_OF_VERSIONS = """
    SELECT plan_id, operator_id, plan_key, version, name, valid_from_at, valid_until_at,
        published_at, withdrawn_at
    FROM tariffs.plan
    WHERE ($1::text IS NULL OR plan_key = $1) AND ($2::bigint IS NULL OR plan_id < $2)
    ORDER BY plan_id DESC LIMIT $3
"""


async def add_draft(
    tx: Tx, new: NewDraft, operator_id: OperatorId, *, body: str, by: Principal, at: datetime
) -> DraftRow:
    """Keep a new draft."""
    row = await tx.fetchrow(
        ADD_DRAFT, operator_id, new.plan_key, new.name, body, by.account_id, by.login, at
    )
    assert row is not None, "an insert without a condition returns its row"
    return _draft(row)


async def find_draft(tx: Tx, draft_id: int) -> DraftRow | None:
    """Return a draft that the scope may see."""
    row = await tx.fetchrow(FIND_DRAFT, draft_id)
    return None if row is None else _draft(row)


async def lock_draft(tx: Tx, draft_id: int) -> DraftRow | None:
    """Return a draft that nobody else changes until the end of the transaction."""
    row = await tx.fetchrow(LOCK_DRAFT, draft_id)
    return None if row is None else _draft(row)


async def page_of_drafts(
    tx: Tx, *, state: DraftState | None, before: int | None, limit: int
) -> list[DraftLine]:
    """Return the next drafts, newest first."""
    rows = await tx.fetch(PAGE_OF_DRAFTS, state, before, limit)
    return [DraftLine(**dict(row) | {"state": DraftState(row["state"])}) for row in rows]


async def save_check(
    tx: Tx,
    draft_id: int,
    findings: Sequence[Finding],
    *,
    state: DraftState,
    by: Principal,
    at: datetime,
) -> None:
    """Keep what a check found."""
    text = _ENCODER.encode(findings).decode()
    await tx.execute(SAVE_CHECK, draft_id, state, text, by.login, at)


async def save_publication(
    tx: Tx, draft_id: int, plan_id: PlanId, *, by: Principal, at: datetime
) -> None:
    """Note which version a draft became, and by whom."""
    await tx.execute(SAVE_PUBLICATION, draft_id, plan_id, by.account_id, by.login, at)


async def save_withdrawal(tx: Tx, draft_id: int, *, by: Principal, at: datetime) -> None:
    """Close a draft."""
    await tx.execute(SAVE_WITHDRAWAL, draft_id, by.login, at)


async def withdraw_version(tx: Tx, plan_id: PlanId, *, at: datetime) -> None:
    """Take a version back that has not begun; the one before it goes on."""
    await tx.execute(WITHDRAW_VERSION, plan_id, at)
    await tx.execute(REOPEN_FORMER, plan_id)


async def lots_left_bare(tx: Tx, plan_id: PlanId) -> int:
    """Return how many lots would charge by nothing now that a version is withdrawn."""
    count: int = await tx.fetchval(LOTS_LEFT_BARE, plan_id)
    return count


async def find_version(tx: Tx, plan_id: PlanId) -> PlanRow | None:
    """Return a version that the scope may see."""
    row = await tx.fetchrow(FIND_VERSION, plan_id)
    return None if row is None else PlanRow(**dict(row))


async def version_at(
    tx: Tx, operator_id: OperatorId, plan_key: str, at: datetime
) -> PlanRow | None:
    """Return the version of a plan that is in force at a moment."""
    row = await tx.fetchrow(VERSION_AT, operator_id, plan_key, at)
    return None if row is None else PlanRow(**dict(row))


async def page_of_versions(
    tx: Tx, *, plan_key: str | None, before: int | None, limit: int
) -> list[VersionLine]:
    """Return the next versions, newest first."""
    rows = await tx.fetch(PAGE_OF_VERSIONS, plan_key, before, limit)
    return [VersionLine(**dict(row)) for row in rows]


def _draft(row: Record) -> DraftRow:
    told = dict(row)
    told["state"] = DraftState(told["state"])
    told["findings"] = None if told["findings"] is None else _FINDINGS.decode(told["findings"])
    return DraftRow(**told)
