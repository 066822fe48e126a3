"""The SQL of the books.

Owns: adding journals, reading them back, what accounts come to, chains and anchors.
Never: decides, or changes a row that is there.
"""

from collections.abc import Collection, Sequence
from datetime import date

from onepark.contexts.ledger.model import (
    Account,
    AccountKind,
    Anchor,
    Balance,
    Head,
    Journal,
    JournalKind,
    KeptJournal,
    Posting,
    Seal,
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


JOURNALS = """
    SELECT j.*, p.accounts, p.owners, p.amounts
    FROM ledger.journal AS j
    CROSS JOIN LATERAL (
        SELECT array_agg(account ORDER BY line) AS accounts,
            array_agg(owner ORDER BY line) AS owners,
            array_agg(amount_fen ORDER BY line) AS amounts
        FROM ledger.posting WHERE journal_id = j.journal_id) AS p
"""

JOURNALS_OF_KEYS = f"{JOURNALS} WHERE j.business_key = ANY($1::text[])"


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


OPERATORS_WAITING = """
    SELECT operator_id FROM ledger.unsealed
    GROUP BY operator_id ORDER BY min(posted_at), operator_id LIMIT $1
"""

# Two workers must not go on from the same link; the second finds nothing to do.
LOCK_CHAIN = "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger.seal', $1))"

HEAD = """
    SELECT operator_id, sequence, digest FROM ledger.seal
    WHERE operator_id = $1 ORDER BY sequence DESC LIMIT 1
"""

# The numbers first, as an array: whatever the planner believes of a table that is mostly empty, the
# journals are read by their keys.
UNSEALED = f"""
    {JOURNALS}
    WHERE j.journal_id = ANY (ARRAY(
        SELECT journal_id FROM ledger.unsealed
        WHERE operator_id = $1 ORDER BY journal_id LIMIT $2))
    ORDER BY j.journal_id
"""  # noqa: S608

ADD_SEALS = """
    WITH sealed AS (
        INSERT INTO ledger.seal (operator_id, sequence, journal_id, previous, digest, sealed_at)
        SELECT $1, sequence, journal_id, previous, digest, clock_timestamp()
        FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
            AS link (sequence, journal_id, previous, digest)
        RETURNING journal_id
    )
    DELETE FROM ledger.unsealed USING sealed
    WHERE unsealed.operator_id = $1 AND unsealed.journal_id = sealed.journal_id
"""

OLDEST_UNSEALED = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(posted_at)), 0)::float8
    FROM ledger.unsealed
"""


async def operators_waiting(tx: Tx, *, limit: int) -> list[OperatorId]:
    """Return whose journals wait for their seals, the longest wait first."""
    return [row["operator_id"] for row in await tx.fetch(OPERATORS_WAITING, limit)]


async def lock_chain(tx: Tx, operator_id: OperatorId) -> bool:
    """Take an operator's chain for this transaction; False while somebody else has it."""
    taken: bool = await tx.fetchval(LOCK_CHAIN, operator_id)
    return taken


async def head(tx: Tx, operator_id: OperatorId) -> Head | None:
    """Return where an operator's chain ends, if it has begun."""
    row = await tx.fetchrow(HEAD, operator_id)
    return None if row is None else Head(*row)


async def unsealed(tx: Tx, operator_id: OperatorId, *, limit: int) -> list[KeptJournal]:
    """Return committed journals without a seal, by number."""
    return [kept_journal(row) for row in await tx.fetch(UNSEALED, operator_id, limit)]


async def add_seals(tx: Tx, operator_id: OperatorId, seals: Sequence[Seal]) -> None:
    """Add links to an operator's chain; their journals wait no more."""
    rows = [(one.sequence, one.journal_id, one.previous, one.digest) for one in seals]
    await tx.execute(ADD_SEALS, operator_id, *columns_of(rows, width=4))


async def oldest_unsealed_s(tx: Tx) -> float:
    """Return how long the oldest journal has waited for its seal, in seconds."""
    age_s: float = await tx.fetchval(OLDEST_UNSEALED)
    return age_s


# One step of the index an operator, however long the chains are.
HEADS = """
    WITH RECURSIVE chain AS (
        (SELECT operator_id FROM ledger.seal ORDER BY operator_id LIMIT 1)
        UNION ALL
        SELECT (SELECT operator_id FROM ledger.seal
                WHERE operator_id > chain.operator_id ORDER BY operator_id LIMIT 1)
        FROM chain WHERE chain.operator_id IS NOT NULL
    )
    SELECT head.* FROM chain CROSS JOIN LATERAL (
        SELECT operator_id, sequence, digest FROM ledger.seal
        WHERE operator_id = chain.operator_id ORDER BY sequence DESC LIMIT 1) AS head
"""

ANCHOR_COLUMNS = "anchor_day, anchored_at, heads, previous, digest"

LAST_ANCHOR = f"SELECT {ANCHOR_COLUMNS} FROM ledger.anchor ORDER BY anchor_day DESC LIMIT 1"  # noqa: S608

ANCHOR_OF = f"SELECT {ANCHOR_COLUMNS} FROM ledger.anchor WHERE anchor_day = $1"  # noqa: S608

ADD_ANCHOR = """
    INSERT INTO ledger.anchor (anchor_day, anchored_at, heads, previous, digest)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING
    RETURNING true
"""


async def heads(tx: Tx) -> list[Head]:
    """Return where every chain ends."""
    return [Head(*row) for row in await tx.fetch(HEADS)]


async def last_anchor(tx: Tx) -> Anchor | None:
    """Return the newest anchor."""
    row = await tx.fetchrow(LAST_ANCHOR)
    return None if row is None else Anchor(*row)


async def anchor_of(tx: Tx, day: date) -> Anchor | None:
    """Return the anchor of a day."""
    row = await tx.fetchrow(ANCHOR_OF, day)
    return None if row is None else Anchor(*row)


async def add_anchor(tx: Tx, made: Anchor) -> bool:
    """Keep an anchor; False if its day has one, or another one follows the same."""
    kept: bool | None = await tx.fetchval(
        ADD_ANCHOR, made.anchor_day, made.anchored_at, made.heads, made.previous, made.digest
    )
    return bool(kept)


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
