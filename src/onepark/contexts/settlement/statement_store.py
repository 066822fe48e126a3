"""The SQL of statements.

Owns: what was cleared as statements need it, the same anew from the books, and what was kept.
Never: adds up what a rule splits.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from onepark.contexts.settlement.cycles import DaySum, Statement, text_of
from onepark.contexts.settlement.model import CycleLine, LineKind, StatementKey
from onepark.contexts.settlement.rules import Amounts, Sums
from onepark.contexts.settlement.terms import Cycle
from onepark.infra.db import Record, Tx, columns_of

LONG_S = 3_600.0  # over the whole past
FETCHED_AT_ONCE = 5_000

SUMS = """
    SELECT version_id, day, original_day, sum(facts)::bigint AS facts,
        sum(gross_fen)::bigint AS gross_fen, sum(fee_fen)::bigint AS fee_fen,
        sum(coupon_fen)::bigint AS coupon_fen,
        (SELECT array_agg(part ORDER BY position) FROM (
            SELECT position, sum(amount_fen)::bigint AS part
            FROM settlement.day_total AS one
            CROSS JOIN LATERAL unnest(one.amounts_fen) WITH ORDINALITY AS a (amount_fen, position)
            WHERE one.day = total.day AND one.version_id = total.version_id
                AND one.original_day = total.original_day
            GROUP BY position) AS parts) AS amounts_fen
    FROM settlement.day_total AS total
    WHERE day BETWEEN $1 AND $2 AND version_id = ANY($3::bigint[])
    GROUP BY version_id, day, original_day
    ORDER BY day, version_id, original_day
"""
LINES = """
    SELECT day, version_id, kind, operator_id, amounts_fen FROM settlement.cycle_line
    WHERE day BETWEEN $1 AND $2 AND version_id = ANY($3::bigint[])
    ORDER BY day, version_id, kind
"""


async def sums(tx: Tx, first: date, last: date, version_ids: Sequence[int]) -> list[DaySum]:
    """Return what these days came to as it was cleared, all lots together."""
    rows = await tx.fetch(SUMS, first, last, list(version_ids))
    return [
        DaySum(
            version_id=row["version_id"],
            day=row["day"],
            original_day=row["original_day"],
            facts=row["facts"],
            sums=Sums(row["gross_fen"], row["fee_fen"], row["coupon_fen"]),
            amounts=tuple(row["amounts_fen"]),
        )
        for row in rows
    ]


async def lines(tx: Tx, first: date, last: date, version_ids: Sequence[int]) -> list[CycleLine]:
    """Return what these days moved between parties."""
    rows = await tx.fetch(LINES, first, last, list(version_ids))
    return [_cycle_line(row) for row in rows]


def _cycle_line(row: Record) -> CycleLine:
    day, version_id, kind, operator_id, amounts = tuple(row)
    return CycleLine(day, version_id, LineKind(kind), operator_id, tuple(amounts))


VERSIONS_WITH_SUMS = """
    SELECT version_id FROM settlement.day_total WHERE day BETWEEN $1 AND $2
    UNION
    SELECT version_id FROM settlement.cycle_line WHERE day BETWEEN $1 AND $2
"""
KEEP = """
    INSERT INTO settlement.statement (
        operator_id, party, cycle, first_day, last_day, total_fen, body, digest, made_at)
    SELECT *, sha256(convert_to(body, 'UTF8')), $8
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::date[], $5::date[], $6::bigint[],
        $7::text[]) AS one (operator_id, party, cycle, first_day, last_day, total_fen, body)
"""


async def versions_with_sums(tx: Tx, first: date, last: date) -> list[int]:
    """Return which versions moved anything on these days."""
    return [row[0] for row in await tx.fetch(VERSIONS_WITH_SUMS, first, last)]


async def keep(tx: Tx, made: Sequence[Statement], *, at: datetime) -> None:
    """Keep statements for ever."""
    rows = [
        (
            *(one.operator_id, one.party, one.cycle, one.first_day, one.last_day, one.total_fen),
            text_of(one),
        )
        for one in made
    ]
    await tx.execute(KEEP, *columns_of(rows, width=7), at)


# -- anew from the books -----------------------------------------------------------------------

# What each fact moved is read from the books; the days and versions it was cleared under are the
# only thing taken from clearing. Facts that were shared alike come as one row.
ANEW = """
    WITH fact AS (
        SELECT cleared.journal_id, cleared.version_id, cleared.day, cleared.unit,
            posted.clearing_day AS original_day, moved.*
        FROM settlement.clearing AS cleared
        JOIN ledger.pub_journal AS posted ON posted.journal_id = cleared.journal_id
        JOIN (
            SELECT journal_id,
                coalesce(-sum(amount_fen) FILTER (WHERE account = 'parking_revenue'), 0) AS gross,
                coalesce(sum(amount_fen) FILTER (WHERE account = 'provider_fee'), 0) AS fee,
                coalesce(sum(amount_fen) FILTER (WHERE account = 'coupons'), 0) AS coupon
            FROM ledger.pub_posting
            WHERE account IN ('parking_revenue', 'provider_fee', 'coupons')
            GROUP BY journal_id
        ) AS moved (moved_id, gross, fee, coupon) ON moved_id = cleared.journal_id
        JOIN settlement.day AS day ON day.day = cleared.day AND day.closed_at IS NOT NULL
    ), turn AS (
        SELECT version_id, day, original_day, gross, fee, coupon,
            sum(gross) OVER before AS gross_before, sum(fee) OVER before AS fee_before,
            sum(coupon) OVER before AS coupon_before
        FROM fact
        WINDOW before AS (
            PARTITION BY unit ORDER BY day, journal_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT version_id, day, original_day,
        coalesce(gross_before, 0)::bigint, coalesce(fee_before, 0)::bigint,
        coalesce(coupon_before, 0)::bigint, gross::bigint, fee::bigint, coupon::bigint, count(*)
    FROM turn
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ORDER BY version_id, day, original_day
"""
# What clearing wrote down, to be compared with it: by line and by total.
WRITTEN = """
    SELECT 'lines' AS kept, version_id, day, original_day,
        array_agg(amount_fen ORDER BY position) AS amounts_fen
    FROM (
        SELECT cleared.version_id, cleared.day, cleared.original_day, position,
            sum(amount_fen)::bigint AS amount_fen
        FROM settlement.clearing AS cleared
        JOIN settlement.day AS day ON day.day = cleared.day AND day.closed_at IS NOT NULL
        CROSS JOIN LATERAL unnest(amounts_fen) WITH ORDINALITY AS one (amount_fen, position)
        GROUP BY 1, 2, 3, 4) AS line
    GROUP BY version_id, day, original_day
    UNION ALL
    SELECT 'totals', version_id, day, original_day, array_agg(amount_fen ORDER BY position)
    FROM (
        SELECT version_id, day, original_day, position, sum(amount_fen)::bigint AS amount_fen
        FROM settlement.day_total
        CROSS JOIN LATERAL unnest(amounts_fen) WITH ORDINALITY AS one (amount_fen, position)
        GROUP BY 1, 2, 3, 4) AS total
    GROUP BY version_id, day, original_day
"""
CLOSED_DAYS = "SELECT day FROM settlement.day WHERE closed_at IS NOT NULL ORDER BY day"
KEPT = """
    SELECT operator_id, party, cycle, first_day, body FROM settlement.statement
    ORDER BY operator_id, party, cycle, first_day
"""
POSTED = """
    SELECT posting.operator_id, posting.owner, -sum(posting.amount_fen)::bigint
    FROM ledger.pub_posting AS posting
    JOIN ledger.pub_journal AS journal ON journal.journal_id = posting.journal_id
    WHERE posting.account IN ('party_payable', 'treasury_payable')
        AND journal.kind IN ('clearing', 'clearing_adjusted', 'treasury')
    GROUP BY posting.operator_id, posting.owner
    ORDER BY posting.operator_id, posting.owner
"""


ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


async def one_moment(tx: Tx) -> None:
    """Let a transaction see one moment, and write nothing; its first statement."""
    await tx.execute(ONE_MOMENT)


class Alike(NamedTuple):
    """Facts of one day that were shared alike, and how many."""

    version_id: int
    day: date
    original_day: date
    before: Sums
    moved: Sums
    facts: int


async def anew(tx: Tx) -> AsyncIterator[Alike]:
    """Yield all facts of closed days as the books tell them."""
    async for row in tx.cursor(ANEW, prefetch=FETCHED_AT_ONCE, timeout=LONG_S):
        said = tuple(row)
        version_id, day, original_day, *moved, facts = said
        yield Alike(version_id, day, original_day, Sums(*moved[:3]), Sums(*moved[3:]), facts)


async def closed_days(tx: Tx) -> list[date]:
    """Return the days that are closed, the oldest first."""
    return [row[0] for row in await tx.fetch(CLOSED_DAYS)]


async def kept(tx: Tx) -> AsyncIterator[tuple[StatementKey, str]]:
    """Yield every statement as it was kept."""
    async for row in tx.cursor(KEPT, prefetch=FETCHED_AT_ONCE, timeout=LONG_S):
        operator_id, party, cycle, first_day, body = tuple(row)
        yield StatementKey(operator_id, party, Cycle(cycle), first_day), body


async def posted(tx: Tx) -> dict[tuple[int, str], int]:
    """Return what clearing gave every party by the books."""
    rows = map(tuple, await tx.fetch(POSTED, timeout=LONG_S))
    return {(operator_id, party): fen for operator_id, party, fen in rows if fen}


async def written(tx: Tx) -> dict[tuple[str, int, date, date], Amounts]:
    """Return what clearing wrote down of every version and day, by lines and by totals."""
    rows = map(tuple, await tx.fetch(WRITTEN, timeout=LONG_S))
    return {tuple(key): tuple(amounts) for *key, amounts in rows}


# -- showing -----------------------------------------------------------------------------------

PAGE = """
    SELECT operator_id, party, cycle, first_day, last_day, total_fen,
        encode(digest, 'hex') AS digest
    FROM settlement.statement
    WHERE ($1::bigint IS NULL OR operator_id = $1) AND ($2::text IS NULL OR party = $2)
        AND first_day <= $3
    ORDER BY first_day DESC, operator_id, party, cycle LIMIT $4
"""
FIND = """
    SELECT body FROM settlement.statement
    WHERE (operator_id, party, cycle, first_day) = ($1, $2, $3, $4)
"""
DETAILS = """
    SELECT line.journal_id, line.day, line.original_day, version.contract_no,
        version.number AS version, coalesce(lot.code, '') AS lot, line.unit AS "order",
        journal.kind, journal.occurred_at, line.gross_fen, line.fee_fen, line.coupon_fen,
        line.amount_fen AS share_fen
    FROM settlement.clearing_line AS line
    JOIN settlement.version AS version ON version.version_id = line.version_id
    JOIN ledger.pub_journal AS journal ON journal.journal_id = line.journal_id
    LEFT JOIN registry.pub_lot AS lot ON lot.lot_id = line.lot_id
    WHERE line.operator_id = $1 AND line.party = $2 AND line.day BETWEEN $3 AND $4
        AND version.terms::jsonb ->> 'cycle' = $5 AND (line.day, line.journal_id) > ($6, $7)
    ORDER BY line.day, line.journal_id LIMIT $8
"""


async def page(
    tx: Tx, *, operator_id: int | None, party: str | None, until: date, limit: int
) -> list[Record]:
    """Return statements, the newest first."""
    found: list[Record] = await tx.fetch(PAGE, operator_id, party, until, limit)
    return found


async def find(tx: Tx, key: StatementKey) -> str | None:
    """Return a statement as it was kept."""
    found: str | None = await tx.fetchval(FIND, *key)
    return found


async def details(
    tx: Tx, key: StatementKey, last_day: date, *, after: tuple[date, int], limit: int
) -> list[Record]:
    """Return the next lines behind a statement, by day and journal."""
    found: list[Record] = await tx.fetch(
        DETAILS, key.operator_id, key.party, key.first_day, last_day, key.cycle, *after, limit
    )
    return found
