"""The SQL of plates that were in two lots at once.

Owns: every statement on stays.two_lots, and what it says of the two stays.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from onepark.infra.db import Tx
from onepark.kernel.types import LotId, StayId

# What had shown that a car was gone has turned out to show that there were two.
NOTE = """
    WITH noted AS (
        INSERT INTO stays.two_lots
            (lot_id, stay_id, other_lot_id, other_stay_id, found_at, due_at)
        SELECT seen.lot_id, seen.stay_id, seen.other_lot_id, seen.other_stay_id, $1,
            $1::timestamptz + $2::interval
        FROM stays.evidence AS seen
        JOIN stays.stay AS first ON first.lot_id = seen.lot_id AND first.stay_id = seen.stay_id
        JOIN stays.stay AS other
            ON other.lot_id = seen.other_lot_id AND other.stay_id = seen.other_stay_id
        WHERE seen.kind = 'elsewhere' AND seen.found_at > $3
            AND first.state = 'closed' AND other.state = 'closed'
            AND least(first.exited_at, other.exited_at)
                - greatest(first.entered_at, other.entered_at) > $4::interval
            AND NOT (first.marks || other.marks) && '{plate_suspect,clock_suspect}'
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM noted
"""

# Each operator is told of its own half, and that there is another; an exit may have moved since.
TELL = """
    INSERT INTO stays.oddity AS oddity (
        lot_id, stay_id, operator_id, kind, owner, seen_at, found_at, due_at, judged_at, proof)
    SELECT half.lot_id, half.stay_id, half.operator_id, 'plate_in_two_lots', 'city', half.exited_at,
        pair.found_at, pair.due_at, $1,
        jsonb_build_object('type', 'two_lots', 'pair_id', pair.pair_id,
            'overlap_from_at', pair.overlap_from_at, 'overlap_until_at', pair.overlap_until_at)
    FROM stays.two_visits AS pair
    CROSS JOIN LATERAL (VALUES
        (pair.lot_id, pair.stay_id, pair.operator_id, pair.exited_at),
        (pair.other_lot_id, pair.other_stay_id, pair.other_operator_id, pair.other_exited_at)
    ) AS half (lot_id, stay_id, operator_id, exited_at)
    WHERE NOT EXISTS (
        SELECT FROM stays.oddity AS known
        WHERE known.lot_id = half.lot_id AND known.stay_id = half.stay_id
            AND known.kind = 'plate_in_two_lots' AND known.seen_at = half.exited_at)
    ORDER BY half.lot_id, half.stay_id, pair.pair_id LIMIT $2
    ON CONFLICT DO NOTHING
"""

FORGET_MOVED = """
    DELETE FROM stays.oddity AS oddity USING stays.two_visits AS pair
    WHERE oddity.kind = 'plate_in_two_lots'
        AND ((oddity.lot_id, oddity.stay_id) = (pair.lot_id, pair.stay_id)
                AND oddity.seen_at <> pair.exited_at
            OR (oddity.lot_id, oddity.stay_id) = (pair.other_lot_id, pair.other_stay_id)
                AND oddity.seen_at <> pair.other_exited_at)
"""

PAGE = "SELECT * FROM stays.two_visits WHERE pair_id > $1 ORDER BY pair_id LIMIT $2"

FIND = "SELECT verdict FROM stays.two_lots WHERE pair_id = $1"

DECIDE = """
    UPDATE stays.two_lots SET decided_at = $2, decided_by = $3, verdict = $4, reason = $5
    WHERE pair_id = $1 AND decided_at IS NULL
    RETURNING pair_id
"""

LET_GO = """
    DELETE FROM stays.oddity AS oddity USING stays.two_lots AS pair
    WHERE pair.pair_id = $1 AND oddity.kind = 'plate_in_two_lots'
        AND (oddity.lot_id, oddity.stay_id) IN (
            (pair.lot_id, pair.stay_id), (pair.other_lot_id, pair.other_stay_id))
"""

HAND_ON = """
    UPDATE stays.oddity AS oddity SET owner = 'operator', due_at = $2
    FROM stays.two_lots AS pair
    WHERE pair.pair_id = $1 AND oddity.kind = 'plate_in_two_lots'
        AND (oddity.lot_id, oddity.stay_id) IN (
            (pair.lot_id, pair.stay_id), (pair.other_lot_id, pair.other_stay_id))
"""


class Visit(NamedTuple):
    """One of the two visits of a pair."""

    lot_id: LotId
    operator_id: int
    stay_id: StayId
    entered_at: datetime
    exited_at: datetime


class Pair(NamedTuple):
    """One plate in two lots, the visit that began first before the other."""

    pair_id: int
    found_at: datetime
    due_at: datetime
    plate: str
    plate_color: str
    overlap_from_at: datetime
    overlap_until_at: datetime
    first: Visit
    other: Visit


async def note(
    tx: Tx, at: datetime, *, due_in: timedelta, seen_after: datetime, overlaps: timedelta
) -> int:
    """Note plates that really were in two lots; return how many are new."""
    found: int = await tx.fetchval(NOTE, at, due_in, seen_after, overlaps)
    return found


async def tell(tx: Tx, at: datetime, *, limit: int) -> None:
    """Tell each operator of its half."""
    await tx.execute(FORGET_MOVED)
    await tx.execute(TELL, at, limit)


async def page(tx: Tx, *, after: int, limit: int) -> list[Pair]:
    """Return the next pairs that nobody has decided, oldest first."""
    return [_pair(tuple(row)) for row in await tx.fetch(PAGE, after, limit)]


async def exists(tx: Tx, pair_id: int) -> bool:
    """Tell whether this transaction may see a pair."""
    return await tx.fetchrow(FIND, pair_id) is not None


async def decide(
    tx: Tx, pair_id: int, verdict: str, reason: str, *, by: str, at: datetime
) -> str | None:
    """Note what was decided and return it, or the verdict of before."""
    if await tx.fetchval(DECIDE, pair_id, at, by, verdict, reason) is not None:
        return None
    before: str | None = await tx.fetchval(FIND, pair_id)
    return before


async def let_go(tx: Tx, pair_id: int) -> None:
    """Let both operators see that nothing is left to look at."""
    await tx.execute(LET_GO, pair_id)


async def hand_on(tx: Tx, pair_id: int, *, due_at: datetime) -> None:
    """Make both halves their operators' to look at."""
    await tx.execute(HAND_ON, pair_id, due_at)


def _pair(row: tuple[Any, ...]) -> Pair:
    """Read a row of stays.two_visits, in the order of its columns."""
    pair_id, found_at, due_at, plate, color, from_at, until_at, *visits = row
    both = Visit(*visits[:5]), Visit(*visits[5:])
    return Pair(pair_id, found_at, due_at, plate, color, from_at, until_at, *both)
