"""The SQL of clearing.

Owns: the days, which facts of the books go to which day, and what each gave to whom.
Never: decides how anything is shared.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from onepark.contexts.settlement.model import (
    OPERATOR_PARTY,
    TREASURY_PARTY,
    CycleLine,
    DayRow,
    DayTotal,
    VersionKind,
)
from onepark.contexts.settlement.rules import Amounts, Sums
from onepark.contexts.settlement.terms import Terms
from onepark.infra.db import Record, Tx, columns_of

LONG_S = 600.0  # for statements over a whole day
IN_FLIGHT = timedelta(hours=1)  # longer than any transaction that posts
ASIDE = ("clearing", "clearing_adjusted", "treasury", "coupon_owed")  # kinds that are no facts

OPEN_DAY = """
    SELECT day, journal_from, journal_through, facts, closed_at FROM settlement.day
    WHERE closed_at IS NULL
    FOR UPDATE
"""
LAST_DAY = """
    SELECT day, journal_from, journal_through, facts, closed_at FROM settlement.day
    ORDER BY day DESC LIMIT 1
"""
FIRST_FACT_DAY = "SELECT min(clearing_day) FROM ledger.pub_journal WHERE kind <> ALL($1::text[])"

# The next day looks at journals from before the first that this one leaves over, and from before
# any that may be on its way while this begins.
BEGIN_DAY = """
    INSERT INTO settlement.day (day, began_at, journal_from, journal_through)
    SELECT $1, $2, greatest($3::bigint, least(
        (SELECT min(journal_id) - 1 FROM ledger.pub_journal
         WHERE journal_id > $3 AND clearing_day > $1 AND kind <> ALL($5::text[])),
        coalesce((SELECT journal_id FROM ledger.pub_journal
                  WHERE posted_at < clock_timestamp() - $4::interval
                  ORDER BY journal_id DESC LIMIT 1), 0))), $3
    ON CONFLICT DO NOTHING
"""


async def open_day(tx: Tx) -> DayRow | None:
    """Return the day that is being cleared, locked."""
    row = await tx.fetchrow(OPEN_DAY)
    return None if row is None else DayRow(*row)


async def last_day(tx: Tx) -> DayRow | None:
    """Return the newest day that there is."""
    row = await tx.fetchrow(LAST_DAY)
    return None if row is None else DayRow(*row)


async def first_fact_day(tx: Tx) -> date | None:
    """Return the day of the oldest fact of the books."""
    found: date | None = await tx.fetchval(FIRST_FACT_DAY, list(ASIDE))
    return found


async def begin_day(tx: Tx, day: date, *, journal_from: int, at: datetime) -> None:
    """Open a day, unless somebody has opened one."""
    await tx.execute(BEGIN_DAY, day, at, journal_from, IN_FLIGHT, list(ASIDE))


# -- facts -------------------------------------------------------------------------------------

WORK_TABLE = """
    CREATE TEMP TABLE IF NOT EXISTS settlement_facts (
        journal_id bigint, operator_id bigint, version_id bigint, non_tax boolean, lot_id bigint,
        original_day date, unit text, moves boolean,
        gross_fen bigint, fee_fen bigint, coupon_fen bigint,
        gross_before_fen bigint, fee_before_fen bigint, coupon_before_fen bigint
    ) ON COMMIT DELETE ROWS
"""

# The next journals of the books that no day has, each with the version of its order: that of the
# order's first fact, or the one in force for the lot when it was paid. An order's facts are summed
# up in the order of their journals. Postings and earlier facts are looked up one journal after the
# other, by their keys: whatever the planner believes of the work, it grows with the journals alone.
TAKE_FACTS = """
    INSERT INTO settlement_facts
    WITH journal AS MATERIALIZED (
        SELECT journal_id, operator_id, revenue_kind, lot_id, clearing_day, occurred_at,
            coalesce(order_no, business_key) AS unit
        FROM ledger.pub_journal AS posted
        WHERE journal_id > $1 AND clearing_day <= $2 AND kind <> ALL($4::text[])
            AND NOT EXISTS (
                SELECT FROM settlement.clearing AS cleared
                WHERE cleared.journal_id = posted.journal_id)
        ORDER BY journal_id LIMIT $3
    )
    SELECT journal.journal_id, journal.operator_id,
        coalesce(known.version_id, first_value(held.version_id) OVER in_turn),
        first_value(journal.revenue_kind = 'non_tax') OVER in_turn, journal.lot_id,
        journal.clearing_day, journal.unit,
        moved.lines > 0, moved.gross_fen, moved.fee_fen, moved.coupon_fen,
        coalesce(known.gross_fen, 0) + coalesce(sum(moved.gross_fen) OVER before, 0),
        coalesce(known.fee_fen, 0) + coalesce(sum(moved.fee_fen) OVER before, 0),
        coalesce(known.coupon_fen, 0) + coalesce(sum(moved.coupon_fen) OVER before, 0)
    FROM journal
    CROSS JOIN LATERAL (
        SELECT count(*) AS lines,
            coalesce(-sum(amount_fen) FILTER (WHERE account = 'parking_revenue'), 0) AS gross_fen,
            coalesce(sum(amount_fen) FILTER (WHERE account = 'provider_fee'), 0) AS fee_fen,
            coalesce(sum(amount_fen) FILTER (WHERE account = 'coupons'), 0) AS coupon_fen
        FROM ledger.pub_posting AS posting
        WHERE posting.journal_id = journal.journal_id
            AND account IN ('parking_revenue', 'provider_fee', 'coupons')
    ) AS moved
    LEFT JOIN settlement.version_lot AS held
        ON journal.revenue_kind = 'commercial' AND held.lot_id = journal.lot_id
        AND held.valid @> (journal.occurred_at AT TIME ZONE INTERVAL '8 hours')::date
    LEFT JOIN LATERAL (
        SELECT min(version_id) AS version_id, sum(gross_fen) AS gross_fen,
            sum(fee_fen) AS fee_fen, sum(coupon_fen) AS coupon_fen
        FROM settlement.clearing AS earlier WHERE earlier.unit = journal.unit
    ) AS known ON true
    WINDOW in_turn AS (PARTITION BY journal.unit ORDER BY journal.journal_id),
        before AS (in_turn ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""
TAKEN = "SELECT count(*), max(journal_id), count(*) FILTER (WHERE moves) FROM settlement_facts"


class Taken(NamedTuple):
    """Which journals were looked at, and how many of them are facts."""

    looked_at: int
    journal_through: int | None
    facts: int


async def take_facts(tx: Tx, day: DayRow, *, limit: int) -> Taken:
    """Lay out the next journals that a day has to look at, until the end of this transaction."""
    await tx.execute(WORK_TABLE)
    await tx.execute(TAKE_FACTS, day.journal_through, day.day, limit, list(ASIDE), timeout=LONG_S)
    row = await tx.fetchrow(TAKEN)
    assert row is not None
    return Taken(*row)


WITHOUT_VERSION = """
    SELECT DISTINCT operator_id FROM settlement_facts WHERE version_id IS NULL AND moves
"""
ADD_STANDING_PARTIES = """
    INSERT INTO settlement.party (operator_id, party, name, registered_by, registered_at)
    SELECT operator_id, party, name, 'onepark', $4
    FROM unnest($1::bigint[]) AS operator_id
    CROSS JOIN unnest($2::text[], $3::text[]) AS standing (party, name)
    ON CONFLICT DO NOTHING
"""
ADD_STANDING = """
    WITH added AS (
        INSERT INTO settlement.version (
            operator_id, kind, contract_no, number, title, terms, lots, valid_from, state,
            drafter_id, drafter, drafted_at)
        SELECT operator_id, kind, kind, 1, kind, terms, '{}', '2000-01-01', 'approved', 0,
            'onepark', $5
        FROM unnest($1::bigint[]) AS operator_id
        CROSS JOIN unnest($2::text[], $3::text[], $4::text[]) AS standing (kind, party, terms)
        ON CONFLICT DO NOTHING
        RETURNING version_id, operator_id, kind
    )
    INSERT INTO settlement.version_party (version_id, position, operator_id, party)
    SELECT version_id, 1, operator_id, standing.party
    FROM added JOIN unnest($2::text[], $3::text[]) AS standing (kind, party) USING (kind)
"""
FILL_STANDING = """
    UPDATE settlement_facts AS fact SET version_id = version.version_id
    FROM settlement.version AS version
    WHERE fact.version_id IS NULL AND version.operator_id = fact.operator_id
        AND version.kind = CASE WHEN non_tax THEN 'treasury_whole' ELSE 'operator_whole' END
"""


async def fill_standing(tx: Tx, terms: Mapping[VersionKind, Terms], *, at: datetime) -> None:
    """Give facts of no contract to the versions that stand from the beginning."""
    operators = [row[0] for row in await tx.fetch(WITHOUT_VERSION)]
    if not operators:
        return
    kinds = list(terms)
    parties = [terms[kind].parties[0].party for kind in kinds]
    names = [NAMES[party] for party in parties]
    texts = [msgspec.json.encode(terms[kind]).decode() for kind in kinds]
    await tx.execute(ADD_STANDING_PARTIES, operators, parties, names, at)
    await tx.execute(ADD_STANDING, operators, kinds, parties, texts, at)
    await tx.execute(FILL_STANDING)


NAMES = {OPERATOR_PARTY: "经营单位 Operator", TREASURY_PARTY: "国库 Treasury"}

CASES = """
    SELECT DISTINCT version_id, gross_before_fen, fee_before_fen, coupon_before_fen,
        gross_before_fen + gross_fen, fee_before_fen + fee_fen, coupon_before_fen + coupon_fen
    FROM settlement_facts WHERE moves
"""


class SplitCase(NamedTuple):
    """What an order came to before and after a fact, under a version."""

    version_id: int
    before: Sums
    after: Sums


async def cases(tx: Tx) -> list[SplitCase]:
    """Return the different splits that the facts call for: far fewer than there are facts."""
    return [
        SplitCase(row[0], Sums(*row[1:4]), Sums(*row[4:7]))
        for row in map(tuple, await tx.fetch(CASES))
    ]


SAVE_FACTS = """
    INSERT INTO settlement.clearing (journal_id, operator_id, version_id, lot_id, day, original_day,
        unit, gross_fen, fee_fen, coupon_fen, amounts_fen)
    SELECT fact.journal_id, fact.operator_id, fact.version_id, fact.lot_id, $1, fact.original_day,
        fact.unit, fact.gross_fen, fact.fee_fen, fact.coupon_fen, part.amounts::bigint[]
    FROM settlement_facts AS fact
    JOIN unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::text[])
        AS part (version_id, gross_before, fee_before, coupon_before, gross_after, fee_after,
            coupon_after, amounts)
        ON part.version_id = fact.version_id
        AND part.gross_before = fact.gross_before_fen
        AND part.gross_after = fact.gross_before_fen + fact.gross_fen
        AND part.fee_before = fact.fee_before_fen
        AND part.fee_after = fact.fee_before_fen + fact.fee_fen
        AND part.coupon_before = fact.coupon_before_fen
        AND part.coupon_after = fact.coupon_before_fen + fact.coupon_fen
    WHERE fact.moves
"""
MOVE_CURSOR = """
    UPDATE settlement.day SET journal_through = $2, facts = facts + $3 WHERE day = $1
"""


async def save_facts(
    tx: Tx, day: date, taken: Taken, *, parts: Sequence[tuple[SplitCase, Amounts]]
) -> None:
    """Write down what each fact gave to whom, and go on behind the last journal."""
    rows = [
        (case.version_id, *case.before, *case.after, _array(amounts)) for case, amounts in parts
    ]
    await tx.execute(SAVE_FACTS, day, *columns_of(rows, width=8), timeout=LONG_S)
    await tx.execute(MOVE_CURSOR, day, taken.journal_through, taken.facts)


def _array(amounts: Amounts) -> str:
    return "{" + ",".join(map(str, amounts)) + "}"


# -- the end of a day --------------------------------------------------------------------------

TOTAL_DAY = """
    INSERT INTO settlement.day_total (day, version_id, lot_id, original_day, operator_id, facts,
        gross_fen, fee_fen, coupon_fen, amounts_fen)
    WITH whole AS (
        SELECT version_id, coalesce(lot_id, 0) AS lot_id, original_day, operator_id,
            count(*) AS facts, sum(gross_fen) AS gross_fen, sum(fee_fen) AS fee_fen,
            sum(coupon_fen) AS coupon_fen
        FROM settlement.clearing WHERE day = $1
        GROUP BY version_id, coalesce(lot_id, 0), original_day, operator_id
    ), part AS (
        SELECT version_id, coalesce(lot_id, 0) AS lot_id, original_day, operator_id, position,
            sum(amount_fen)::bigint AS amount_fen
        FROM settlement.clearing
        CROSS JOIN LATERAL unnest(amounts_fen) WITH ORDINALITY AS one (amount_fen, position)
        WHERE day = $1
        GROUP BY version_id, coalesce(lot_id, 0), original_day, operator_id, position
    )
    SELECT $1, version_id, lot_id, original_day, operator_id, whole.facts, whole.gross_fen,
        whole.fee_fen, whole.coupon_fen,
        (SELECT array_agg(part.amount_fen ORDER BY part.position) FROM part
         WHERE part.version_id = whole.version_id AND part.lot_id = whole.lot_id
            AND part.original_day = whole.original_day AND part.operator_id = whole.operator_id)
    FROM whole
"""
TOTALS = """
    SELECT version_id, lot_id, original_day, operator_id, facts, gross_fen, fee_fen, coupon_fen,
        amounts_fen
    FROM settlement.day_total WHERE day = $1
    ORDER BY version_id, lot_id, original_day
"""
BORNE = """
    SELECT cleared.version_id, coalesce(cleared.lot_id, 0), cleared.original_day, posted.account,
        posted.owner, sum(posted.amount_fen)::bigint
    FROM settlement.clearing AS cleared
    JOIN ledger.pub_posting AS posted ON posted.journal_id = cleared.journal_id
    WHERE cleared.day = $1 AND (cleared.fee_fen <> 0 OR cleared.coupon_fen <> 0)
        AND posted.account IN ('provider_fee', 'coupons')
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(posted.amount_fen) <> 0
    ORDER BY 1, 2, 3, 4, 5
"""


class Borne(NamedTuple):
    """What one account of fees or coupons took of a day's total."""

    version_id: int
    lot_id: int
    original_day: date
    account: str
    owner: str
    amount_fen: int


async def total_day(tx: Tx, day: date) -> list[DayTotal]:
    """Sum up a day, once, and return what it came to."""
    await tx.execute(TOTAL_DAY, day, timeout=LONG_S)
    return [_total(row) for row in await tx.fetch(TOTALS, day)]


def _total(row: Record) -> DayTotal:
    version_id, lot_id, original_day, operator_id, facts, *sums, amounts = tuple(row)
    return DayTotal(
        version_id, lot_id, original_day, operator_id, facts, Sums(*sums), tuple(amounts)
    )


async def borne(tx: Tx, day: date) -> list[Borne]:
    """Return which accounts the fees and coupons of a day stand on."""
    return [Borne(*row) for row in await tx.fetch(BORNE, day, timeout=LONG_S)]


SUMS_OF_CYCLE = """
    SELECT gross_fen, fee_fen, coupon_fen, amounts_fen
    FROM settlement.day_total WHERE version_id = $1 AND day BETWEEN $2 AND $3
"""
LINES_OF_CYCLE = """
    SELECT amounts_fen FROM settlement.cycle_line WHERE version_id = $1 AND day BETWEEN $2 AND $3
"""
ADD_LINE = """
    INSERT INTO settlement.cycle_line (day, version_id, kind, operator_id, amounts_fen)
    VALUES ($1, $2, $3, $4, $5)
"""
CLOSE_DAY = "UPDATE settlement.day SET closed_at = $2 WHERE day = $1"


async def cycle_so_far(
    tx: Tx, version_id: int, first: date, last: date
) -> tuple[list[tuple[Sums, Amounts]], list[Amounts]]:
    """Return what the days of a cycle came to, and what was moved beside them."""
    totals = await tx.fetch(SUMS_OF_CYCLE, version_id, first, last)
    lines = await tx.fetch(LINES_OF_CYCLE, version_id, first, last)
    return (
        [(Sums(*tuple(row)[:3]), tuple(row["amounts_fen"])) for row in totals],
        [tuple(row["amounts_fen"]) for row in lines],
    )


async def add_line(tx: Tx, line: CycleLine) -> None:
    """Write down what a day moved between parties."""
    await tx.execute(
        ADD_LINE, line.day, line.version_id, line.kind, line.operator_id, list(line.amounts)
    )


async def close_day(tx: Tx, day: date, *, at: datetime) -> None:
    """Close a day for ever."""
    await tx.execute(CLOSE_DAY, day, at)


DAYS = """
    SELECT day.day, day.closed_at, coalesce(sum(total.facts), 0)::bigint AS facts,
        coalesce(sum(total.facts) FILTER (WHERE total.original_day < total.day), 0)::bigint
            AS late_facts,
        coalesce(sum(total.gross_fen), 0)::bigint AS gross_fen,
        coalesce(sum(total.fee_fen), 0)::bigint AS fee_fen,
        coalesce(sum(total.coupon_fen), 0)::bigint AS coupon_fen
    FROM (
        SELECT day, closed_at FROM settlement.day WHERE day <= $2 ORDER BY day DESC LIMIT $3
    ) AS day
    LEFT JOIN settlement.day_total AS total
        ON total.day = day.day AND ($1::bigint IS NULL OR total.operator_id = $1)
    GROUP BY day.day, day.closed_at ORDER BY day.day DESC
"""


async def days(tx: Tx, *, operator_id: int | None, until: date, limit: int) -> list[Record]:
    """Return days and what they came to for an operator, or for all, newest first."""
    found: list[Record] = await tx.fetch(DAYS, operator_id, until, limit)
    return found
