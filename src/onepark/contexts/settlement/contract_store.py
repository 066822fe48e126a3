"""The SQL of contracts, parties and tasks.

Owns: every statement on versions, on who takes part in them, and on what waits for a person.
Never: decides; a version goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from onepark.contexts.settlement.model import (
    NewParty,
    NewVersion,
    VersionRow,
    VersionState,
)
from onepark.contexts.settlement.terms import Terms
from onepark.infra.db import Record, Tx
from onepark.kernel.staff import Principal
from onepark.kernel.types import OperatorId

COLUMNS = """
    version_id, operator_id, kind, contract_no, number, title, form, terms, lots, valid_from,
    valid_until, takeover_on, expires_on, state, drafter_id, drafter, drafted_at, approver_id,
    approver, approved_at
"""
BY_ID = f"SELECT {COLUMNS} FROM settlement.version WHERE version_id = ANY($1::bigint[])"  # noqa: S608
HELD = f"""
    SELECT {COLUMNS} FROM settlement.version
    WHERE state = 'approved' AND valid_from <= $2 AND (valid_until IS NULL OR valid_until > $1)
    ORDER BY version_id
"""  # noqa: S608
PAGE = f"""
    SELECT {COLUMNS} FROM settlement.version
    WHERE kind = 'contract' AND version_id < $1 AND ($2::text IS NULL OR state = $2)
        AND ($3::text IS NULL OR contract_no = $3)
    ORDER BY version_id DESC LIMIT $4
"""  # noqa: S608
LOCK = f"SELECT {COLUMNS} FROM settlement.version WHERE version_id = $1 FOR UPDATE"  # noqa: S608
ADD = f"""
    INSERT INTO settlement.version (
        operator_id, kind, contract_no, number, title, form, terms, lots, valid_from, valid_until,
        takeover_on, expires_on, state, drafter_id, drafter, drafted_at)
    SELECT $1, 'contract', $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10,
        'draft', $11, $12, $13
    FROM settlement.version WHERE operator_id = $1 AND contract_no = $2
    RETURNING {COLUMNS}
"""  # noqa: S608


async def versions(tx: Tx, version_ids: Sequence[int]) -> dict[int, VersionRow]:
    """Return versions by their number."""
    rows = await tx.fetch(BY_ID, list(version_ids))
    return {row["version_id"]: _version(row) for row in rows}


async def versions_held(tx: Tx, first: date, last: date) -> dict[int, VersionRow]:
    """Return the approved versions that hold on any of these days."""
    rows = await tx.fetch(HELD, first, last)
    return {row["version_id"]: _version(row) for row in rows}


async def page(
    tx: Tx, *, state: VersionState | None, contract_no: str | None, before: int, limit: int
) -> list[VersionRow]:
    """Return the next versions of contracts, newest first."""
    return [_version(row) for row in await tx.fetch(PAGE, before, state, contract_no, limit)]


async def lock(tx: Tx, version_id: int) -> VersionRow | None:
    """Return a version that nobody else changes meanwhile."""
    row = await tx.fetchrow(LOCK, version_id)
    return None if row is None else _version(row)


async def add(
    tx: Tx,
    new: NewVersion,
    operator_id: OperatorId,
    *,
    lots: Sequence[int],
    by: Principal,
    at: datetime,
) -> VersionRow:
    """Keep a draft as the next version of its contract."""
    row = await tx.fetchrow(
        ADD,
        *(operator_id, new.contract_no, new.title, new.form),
        msgspec.json.encode(new.terms).decode(),
        *(list(lots), new.valid_from, new.valid_until, new.takeover_on, new.expires_on),
        *(by.account_id, by.login, at),
    )
    assert row is not None, "RETURNING answers"
    return _version(row)


def _version(row: Record) -> VersionRow:
    said = dict(row)
    terms = msgspec.json.decode(said.pop("terms"), type=Terms)
    return msgspec.convert({**said, "terms": terms}, VersionRow)


# -- approving ---------------------------------------------------------------------------------

# No day begins between this look and the end of the transaction.
HOLD_DAYS = "LOCK TABLE settlement.day IN SHARE MODE"
LAST_DAY = "SELECT max(day) FROM settlement.day"
END_EARLIER = """
    UPDATE settlement.version SET valid_until = $3
    WHERE operator_id = $1 AND contract_no = $2 AND state = 'approved' AND valid_from < $3
        AND (valid_until IS NULL OR valid_until > $3)
    RETURNING version_id
"""
END_LOTS = """
    UPDATE settlement.version_lot SET valid = daterange(lower(valid), $2)
    WHERE version_id = ANY($1::bigint[])
"""
APPROVE = """
    UPDATE settlement.version
    SET state = 'approved', approver_id = $2, approver = $3, approved_at = $4
    WHERE version_id = $1
"""
HOLD_LOTS = """
    INSERT INTO settlement.version_lot (version_id, lot_id, operator_id, valid)
    SELECT version_id, lot_id, operator_id, daterange(valid_from, valid_until)
    FROM settlement.version CROSS JOIN LATERAL unnest(lots) AS lot_id
    WHERE version_id = $1
"""
NAME_PARTIES = """
    INSERT INTO settlement.version_party (version_id, position, operator_id, party)
    SELECT $1, position, $2, party FROM unnest($3::text[]) WITH ORDINALITY AS one (party, position)
"""
WITHDRAW = "UPDATE settlement.version SET state = 'withdrawn' WHERE version_id = $1"


async def last_cleared_day(tx: Tx) -> date | None:
    """Return the newest day of clearing, closed or not; none begins until this transaction ends."""
    await tx.execute(HOLD_DAYS)
    found: date | None = await tx.fetchval(LAST_DAY)
    return found


async def approve(tx: Tx, version: VersionRow, *, by: Principal, at: datetime) -> None:
    """Put a version in force; the one before it ends where this begins."""
    ended = await tx.fetch(
        END_EARLIER, version.operator_id, version.contract_no, version.valid_from
    )
    await tx.execute(END_LOTS, [row[0] for row in ended], version.valid_from)
    await tx.execute(APPROVE, version.version_id, by.account_id, by.login, at)
    await tx.execute(HOLD_LOTS, version.version_id)
    parties = [share.party for share in version.terms.parties]
    await tx.execute(NAME_PARTIES, version.version_id, version.operator_id, parties)


async def withdraw(tx: Tx, version_id: int) -> None:
    """Drop a draft."""
    await tx.execute(WITHDRAW, version_id)


# -- parties -----------------------------------------------------------------------------------

KEEP_PARTY = """
    INSERT INTO settlement.party
        (operator_id, party, name, holder, account_no, bank_code, registered_by, registered_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (operator_id, party) DO UPDATE SET
        name = excluded.name, holder = excluded.holder, account_no = excluded.account_no,
        bank_code = excluded.bank_code
"""
PARTIES = """
    SELECT party.operator_id, party.party, party.name, party.holder, party.account_no,
        party.bank_code,
        coalesce((
            SELECT -sum(posted.amount_fen) FROM ledger.pub_posting AS posted
            WHERE posted.operator_id = party.operator_id AND posted.owner = party.party
                AND posted.account IN ('party_payable', 'treasury_payable')), 0)::bigint
            AS balance_fen
    FROM settlement.party AS party
    ORDER BY party.operator_id, party.party LIMIT $1
"""
KNOWN_PARTIES = """
    SELECT party FROM settlement.party WHERE operator_id = $1 AND party = ANY($2::text[])
"""


async def keep_party(
    tx: Tx, new: NewParty, operator_id: OperatorId, *, by: str, at: datetime
) -> None:
    """Register a party, or what has changed of it."""
    account = new.account
    where = (
        (None, None, None)
        if account is None
        else (account.holder, account.account_no, account.bank_code)
    )
    await tx.execute(KEEP_PARTY, operator_id, new.party, new.name, *where, by, at)


async def parties(tx: Tx, *, limit: int) -> list[Record]:
    """Return parties with what the books owe them."""
    found: list[Record] = await tx.fetch(PARTIES, limit)
    return found


async def known_parties(tx: Tx, operator_id: OperatorId, names: Sequence[str]) -> set[str]:
    """Return which of these an operator has registered."""
    return {row[0] for row in await tx.fetch(KNOWN_PARTIES, operator_id, list(names))}


# -- tasks -------------------------------------------------------------------------------------

# The newest version of a contract says when it ends.
RAISE_DATES = """
    WITH newest AS (
        SELECT DISTINCT ON (operator_id, contract_no) operator_id, contract_no, takeover_on,
            expires_on
        FROM settlement.version WHERE kind = 'contract' AND state = 'approved'
        ORDER BY operator_id, contract_no, number DESC
    ), added AS (
        INSERT INTO settlement.task (operator_id, kind, subject, due_on, raised_at)
        SELECT operator_id, moment.kind, contract_no, moment.due_on, $1::timestamptz
        FROM newest
        CROSS JOIN LATERAL (VALUES ('takeover', takeover_on), ('expiry', expires_on))
            AS moment (kind, due_on)
        WHERE moment.due_on <= $2
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM added
"""
RAISE_LOTS = """
    WITH added AS (
        INSERT INTO settlement.task (operator_id, kind, subject, due_on, raised_at)
        SELECT DISTINCT total.operator_id, 'lot_without_contract', lot.code, '2000-01-01'::date,
            $1::timestamptz
        FROM settlement.day_total AS total
        JOIN settlement.version AS version ON version.version_id = total.version_id
        JOIN registry.pub_lot AS lot ON lot.lot_id = total.lot_id
        WHERE total.day >= $2 AND version.kind = 'operator_whole'
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM added
"""
# A party that owes, and that no closed day gave anything for so long.
RAISE_CLAIMS = """
    WITH owing AS (
        SELECT posted.operator_id, posted.owner AS party, sum(posted.amount_fen)::bigint AS owed_fen
        FROM settlement.party AS party
        JOIN ledger.pub_posting AS posted
            ON posted.operator_id = party.operator_id AND posted.account = 'party_payable'
            AND posted.owner = party.party
        GROUP BY posted.operator_id, posted.owner
        HAVING sum(posted.amount_fen) > 0
    ), added AS (
        INSERT INTO settlement.task (operator_id, kind, subject, due_on, amount_fen, raised_at)
        SELECT operator_id, 'claim', party, $3::date, owed_fen, $1::timestamptz
        FROM owing
        WHERE NOT EXISTS (
            SELECT FROM settlement.day_share AS share
            WHERE share.operator_id = owing.operator_id AND share.party = owing.party
                AND share.day >= $2 AND share.amount_fen > 0)
            AND NOT EXISTS (
                SELECT FROM settlement.task AS raised
                WHERE raised.operator_id = owing.operator_id AND raised.kind = 'claim'
                    AND raised.subject = owing.party AND raised.done_at IS NULL)
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM added
"""
TASKS = """
    SELECT task_id, operator_id, kind, subject, due_on, amount_fen, raised_at FROM settlement.task
    WHERE done_at IS NULL ORDER BY due_on, task_id LIMIT $1
"""
FIND_TASK = "SELECT operator_id FROM settlement.task WHERE task_id = $1"
END_TASK = """
    UPDATE settlement.task SET done_at = $2, done_by = $3, reason = $4
    WHERE task_id = $1 AND done_at IS NULL
    RETURNING operator_id
"""


async def raise_tasks(tx: Tx, at: datetime, *, ends_by: date, idle_since: date, due: date) -> int:
    """Note contracts that end, lots without one, and debts that nothing sets off."""
    dates: int = await tx.fetchval(RAISE_DATES, at, ends_by)
    lots: int = await tx.fetchval(RAISE_LOTS, at, idle_since)
    claims: int = await tx.fetchval(RAISE_CLAIMS, at, idle_since, due)
    return dates + lots + claims


async def tasks(tx: Tx, *, limit: int) -> list[Record]:
    """Return what is not done."""
    found: list[Record] = await tx.fetch(TASKS, limit)
    return found


async def is_task(tx: Tx, task_id: int) -> bool:
    """Tell whether this transaction may see a task."""
    return await tx.fetchval(FIND_TASK, task_id) is not None


async def end_task(
    tx: Tx, task_id: int, *, reason: str, by: str, at: datetime
) -> OperatorId | None:
    """Note that something was done; None if it was before."""
    found: OperatorId | None = await tx.fetchval(END_TASK, task_id, at, by, reason)
    return found
