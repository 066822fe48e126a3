"""The SQL of payouts.

Owns: every statement on payouts and the files they are sent in.
Never: decides which step may follow.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from onepark.contexts.settlement.payout_model import PayoutFileRow, PayoutRow, PayoutState
from onepark.infra.db import Tx
from onepark.kernel.staff import Principal

COLUMNS = """
    payout_no, operator_id, party, amount_fen, state, holder, account_no, bank_code, drafter_id,
    drafted_by, drafted_at, checked_by, checked_at, approved_by, approved_at, file_no, payer_no,
    sent_at, ended_at, reason
"""
LOCK_PARTY = """
    SELECT holder, account_no, bank_code FROM settlement.party
    WHERE operator_id = $1 AND party = $2
    FOR UPDATE
"""
BALANCE = """
    SELECT coalesce(-sum(amount_fen), 0)::bigint FROM ledger.pub_posting
    WHERE operator_id = $1 AND owner = $2 AND account = $3
"""
RESERVED = """
    SELECT coalesce(sum(amount_fen), 0)::bigint FROM settlement.payout
    WHERE operator_id = $1 AND party = $2 AND state IN ('draft', 'checked', 'approved')
"""
ADD = f"""
    INSERT INTO settlement.payout (payout_no, operator_id, party, amount_fen, state, holder,
        account_no, bank_code, drafter_id, drafted_by, drafted_at)
    VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $10)
    RETURNING {COLUMNS}
"""  # noqa: S608
FIND = f"SELECT {COLUMNS} FROM settlement.payout WHERE payout_no = $1"  # noqa: S608
LOCK = f"SELECT {COLUMNS} FROM settlement.payout WHERE payout_no = $1 FOR UPDATE"  # noqa: S608
APPROVED = f"""
    SELECT {COLUMNS} FROM settlement.payout WHERE operator_id = $1 AND state = 'approved'
    ORDER BY payout_no LIMIT $2
    FOR UPDATE
"""  # noqa: S608
PAGE = f"""
    SELECT {COLUMNS} FROM settlement.payout
    WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR party = $2)
    ORDER BY drafted_at DESC, payout_no LIMIT $3
"""  # noqa: S608
CHECK = """
    UPDATE settlement.payout
    SET state = 'checked', checker_id = $2, checked_by = $3, checked_at = $4 WHERE payout_no = $1
"""
APPROVE = """
    UPDATE settlement.payout
    SET state = 'approved', approver_id = $2, approved_by = $3, approved_at = $4
    WHERE payout_no = $1
"""
SEND = """
    UPDATE settlement.payout SET state = 'sent', file_no = $2, payer_no = $3, sent_at = $4
    WHERE payout_no = ANY($1::text[])
"""
END = """
    UPDATE settlement.payout SET state = $2, reason = $3, ended_at = $4 WHERE payout_no = $1
"""
ADD_FILE = """
    INSERT INTO settlement.payout_file
        (file_no, operator_id, driver, media_type, content, digest, made_by, made_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
FIND_FILE = "SELECT file_no, media_type, content FROM settlement.payout_file WHERE file_no = $1"


async def lock_party(tx: Tx, operator_id: int, party: str) -> tuple[str | None, ...] | None:
    """Return the account of a party, whose payouts nobody else drafts meanwhile."""
    row = await tx.fetchrow(LOCK_PARTY, operator_id, party)
    return None if row is None else tuple(row)


async def balance(tx: Tx, operator_id: int, party: str, *, account: str) -> int:
    """Return what the books owe a party."""
    found: int = await tx.fetchval(BALANCE, operator_id, party, account)
    return found


async def reserved(tx: Tx, operator_id: int, party: str) -> int:
    """Return what payouts on their way will take of that."""
    found: int = await tx.fetchval(RESERVED, operator_id, party)
    return found


async def add(tx: Tx, new: PayoutRow) -> PayoutRow:
    """Keep a draft."""
    row = await tx.fetchrow(
        ADD,
        *(new.payout_no, new.operator_id, new.party, new.amount_fen, new.holder, new.account_no),
        *(new.bank_code, new.drafter_id, new.drafted_by, new.drafted_at),
    )
    assert row is not None, "RETURNING answers"
    return _payout(row)


async def find(tx: Tx, payout_no: str) -> PayoutRow | None:
    """Return a payout."""
    row = await tx.fetchrow(FIND, payout_no)
    return None if row is None else _payout(row)


async def lock(tx: Tx, payout_no: str) -> PayoutRow | None:
    """Return a payout that nobody else moves meanwhile."""
    row = await tx.fetchrow(LOCK, payout_no)
    return None if row is None else _payout(row)


async def approved(tx: Tx, operator_id: int, *, limit: int) -> list[PayoutRow]:
    """Return the approved payouts of an operator, locked."""
    return [_payout(row) for row in await tx.fetch(APPROVED, operator_id, limit)]


async def page(
    tx: Tx, *, state: PayoutState | None, party: str | None, limit: int
) -> list[PayoutRow]:
    """Return payouts, the newest first."""
    return [_payout(row) for row in await tx.fetch(PAGE, state, party, limit)]


async def check(tx: Tx, payout_no: str, *, by: Principal, at: datetime) -> None:
    """Note that somebody compared it with the statement."""
    await tx.execute(CHECK, payout_no, by.account_id, by.login, at)


async def approve(tx: Tx, payout_no: str, *, by: Principal, at: datetime) -> None:
    """Note who let it go."""
    await tx.execute(APPROVE, payout_no, by.account_id, by.login, at)


async def send(
    tx: Tx, payout_nos: Sequence[str], *, file_no: str, payer_no: str, at: datetime
) -> None:
    """Note in which file payouts went."""
    await tx.execute(SEND, list(payout_nos), file_no, payer_no, at)


async def end(
    tx: Tx, payout_no: str, state: PayoutState, *, reason: str | None, at: datetime
) -> None:
    """Note how it ended."""
    await tx.execute(END, payout_no, state, reason, at)


async def add_file(
    tx: Tx, file: PayoutFileRow, operator_id: int, *, driver: str, by: str, at: datetime
) -> None:
    """Keep what was handed out."""
    digest = hashlib.sha256(file.content).digest()
    await tx.execute(
        ADD_FILE,
        *(file.file_no, operator_id, driver, file.media_type, file.content, digest, by, at),
    )


async def find_file(tx: Tx, file_no: str) -> PayoutFileRow | None:
    """Return a file as it was handed out."""
    row = await tx.fetchrow(FIND_FILE, file_no)
    return None if row is None else PayoutFileRow(*row)


def _payout(row: object) -> PayoutRow:
    return msgspec.convert(dict(row), PayoutRow)  # type: ignore[call-overload]
