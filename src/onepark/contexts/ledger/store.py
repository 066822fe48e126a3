"""The SQL of journals and postings.

Owns: adding journals, reading them back, and what accounts come to.
Never: decides, or changes a row that is there.
"""

from collections.abc import Collection, Sequence
from datetime import date

from onepark.contexts.ledger.model import (
    Account,
    AccountKind,
    Balance,
    Journal,
    JournalKind,
    KeptJournal,
    Posting,
)
from onepark.infra.db import Record, Tx, columns_of
from onepark.kernel.types import OperatorId, RevenueKind

ADD_JOURNALS = """
    INSERT INTO ledger.journal
        (operator_id, kind, business_key, occurred_at, clearing_day, revenue_kind, order_no, lot_id,
         about, lines)
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::date[], $6::text[], $7::text[],
        $8::bigint[], $9::text[], $10::smallint[])
    ON CONFLICT (business_key) DO NOTHING
    RETURNING journal_id, business_key
"""


async def add_journals(tx: Tx, journals: Sequence[Journal]) -> dict[str, int]:
    """Add the journals whose keys are new; return their numbers by key."""
    rows = [
        (
            *(one.operator_id, one.kind, one.business_key, one.occurred_at, one.day),
            *(one.revenue_kind, one.order_no, one.lot_id, one.about, len(one.postings)),
        )
        for one in journals
    ]
    added = await tx.fetch(ADD_JOURNALS, *columns_of(rows))
    return {row["business_key"]: row["journal_id"] for row in added}


ADD_POSTINGS = """
    INSERT INTO ledger.posting (journal_id, line, lines, operator_id, account, owner, amount_fen)
    SELECT * FROM unnest(
        $1::bigint[], $2::smallint[], $3::smallint[], $4::bigint[], $5::text[], $6::text[],
        $7::bigint[])
"""


async def add_postings(tx: Tx, journals: Sequence[tuple[int, Journal]]) -> None:
    """Add the postings of journals that were added just now."""
    rows = [
        (
            *(journal_id, line, len(journal.postings), journal.operator_id),
            *(posting.account.kind, posting.account.owner, posting.amount_fen),
        )
        for journal_id, journal in journals
        for line, posting in enumerate(journal.postings, 1)
    ]
    await tx.execute(ADD_POSTINGS, *columns_of(rows))


JOURNALS_OF_KEYS = """
    SELECT j.*, p.accounts, p.owners, p.amounts
    FROM ledger.journal AS j
    CROSS JOIN LATERAL (
        SELECT array_agg(account ORDER BY line) AS accounts,
            array_agg(owner ORDER BY line) AS owners,
            array_agg(amount_fen ORDER BY line) AS amounts
        FROM ledger.posting WHERE journal_id = j.journal_id) AS p
    WHERE j.business_key = ANY($1::text[])
"""


async def journals_of(tx: Tx, business_keys: Collection[str]) -> list[KeptJournal]:
    """Return the journals of these keys."""
    return [kept_journal(row) for row in await tx.fetch(JOURNALS_OF_KEYS, list(business_keys))]


BALANCES = """
    SELECT operator_id, account, owner, sum(amount_fen)::bigint AS balance_fen
    FROM ledger.posting
    WHERE operator_id = $1
    GROUP BY operator_id, account, owner
    ORDER BY account, owner
"""

BALANCES_UNTIL = """
    SELECT p.operator_id, p.account, p.owner, sum(p.amount_fen)::bigint AS balance_fen
    FROM ledger.posting AS p JOIN ledger.journal AS j ON j.journal_id = p.journal_id
    WHERE j.operator_id = $1 AND j.clearing_day <= $2
    GROUP BY p.operator_id, p.account, p.owner
    ORDER BY p.account, p.owner
"""


async def balances(tx: Tx, operator_id: OperatorId) -> list[Balance]:
    """Return what is on every account of an operator."""
    return [_balance(row) for row in await tx.fetch(BALANCES, operator_id)]


async def balances_until(tx: Tx, operator_id: OperatorId, day: date) -> list[Balance]:
    """Return what was on every account of an operator at the end of a clearing day."""
    return [_balance(row) for row in await tx.fetch(BALANCES_UNTIL, operator_id, day)]


def kept_journal(row: Record) -> KeptJournal:
    """Return the journal of a row with its postings as three arrays."""
    lines = zip(row["accounts"] or (), row["owners"] or (), row["amounts"] or (), strict=True)
    journal = Journal(
        kind=JournalKind(row["kind"]),
        business_key=row["business_key"],
        operator_id=row["operator_id"],
        occurred_at=row["occurred_at"],
        revenue_kind=RevenueKind(row["revenue_kind"]),
        postings=tuple(
            Posting(Account(AccountKind(kind), owner), fen) for kind, owner, fen in lines
        ),
        order_no=row["order_no"],
        lot_id=row["lot_id"],
        about=row["about"],
        clearing_day=row["clearing_day"],
    )
    return KeptJournal(row["journal_id"], row["posted_at"], journal)


def _balance(row: Record) -> Balance:
    account = Account(AccountKind(row["account"]), row["owner"])
    return Balance(row["operator_id"], account, row["balance_fen"])
