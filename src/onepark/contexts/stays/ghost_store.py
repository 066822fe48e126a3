"""The SQL of cars that left unseen.

Owns: every statement on stays.evidence.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.stays.model import LeftOpen
from onepark.infra.db import Tx
from onepark.kernel.types import LotId, StayId

# A plate that nobody can carry, or a clock that nobody can believe, shows nothing.
NOTE_ELSEWHERE = """
    WITH twice AS (
        SELECT plate, car_key FROM stays.stay_order
        WHERE NOT settled AND fee_fen IS NULL AND plate <> ''
        GROUP BY plate, car_key HAVING count(*) > 1
        LIMIT $3
    ), noted AS (
        INSERT INTO stays.evidence (
            lot_id, stay_id, operator_id, kind, gone_by_at, other_lot_id, other_stay_id, found_at,
            acts_at)
        SELECT DISTINCT ON (old.lot_id, old.stay_id)
            old.lot_id, old.stay_id, old.operator_id, 'elsewhere', new.opened_at, new.lot_id,
            new.stay_id, $1, greatest(new.opened_at, $1) + $2
        FROM twice
        JOIN stays.stay_order AS old
            ON old.plate = twice.plate AND old.car_key = twice.car_key
            AND NOT old.settled AND old.fee_fen IS NULL
        JOIN stays.stay_order AS new
            ON new.plate = twice.plate AND new.car_key = twice.car_key
            AND NOT new.settled AND new.fee_fen IS NULL
            AND new.lot_id <> old.lot_id AND new.opened_at > old.opened_at
        JOIN stays.stay AS stay ON stay.lot_id = old.lot_id AND stay.stay_id = old.stay_id
        JOIN stays.stay AS other ON other.lot_id = new.lot_id AND other.stay_id = new.stay_id
        WHERE NOT (stay.marks || other.marks) && '{plate_suspect,clock_suspect}'
        ORDER BY old.lot_id, old.stay_id, new.opened_at
        ON CONFLICT (lot_id, stay_id, kind) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM noted
"""

NOTE_EMPTY = """
    WITH noted AS (
        INSERT INTO stays.evidence
            (lot_id, stay_id, operator_id, kind, gone_by_at, told_by, found_at, acts_at)
        SELECT stay.lot_id, stay.stay_id, stay.operator_id, 'lot_empty', $3, $4, $6,
            $6::timestamptz + $7::interval
        FROM stays.stay_order AS inside
        JOIN stays.stay AS stay ON stay.lot_id = inside.lot_id AND stay.stay_id = inside.stay_id
        WHERE inside.lot_id = $1 AND NOT inside.settled AND inside.fee_fen IS NULL
            AND inside.opened_at < $5 AND stay.state = 'open' AND stay.pool = $2
        ON CONFLICT (lot_id, stay_id, kind) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM noted
"""

# Cars that came after the barrier was lowered and are surely in the count: if it holds no more than
# those, all that came before have left. Who is believed to have left as well is not one of them.
NOTE_LEFT_OPEN = """
    WITH later AS (
        SELECT count(*) AS cars
        FROM stays.stay AS stay
        WHERE stay.lot_id = $1 AND stay.pool = $2
            AND stay.entered_at > $6 AND stay.entered_at < $7::timestamptz - $10::interval
            AND (stay.state = 'open' OR stay.exited_at > $7::timestamptz + $10::interval)
            AND stay.state IN ('open', 'closed')
            AND NOT EXISTS (
                SELECT FROM stays.evidence AS gone
                WHERE gone.lot_id = stay.lot_id AND gone.stay_id = stay.stay_id
                    AND gone.gone_by_at <= $7)
    ), noted AS (
        INSERT INTO stays.evidence (
            lot_id, stay_id, operator_id, kind, gone_by_at, lane, raised_by, raised_at, lowered_at,
            counted_at, counted, told_by, found_at, acts_at)
        SELECT stay.lot_id, stay.stay_id, stay.operator_id, 'gate_left_open',
            greatest($6, stay.entered_at, inside.quoted_at), $3, $4, $5, $6, $7, $8, $9, $11,
            $11::timestamptz + $12::interval
        FROM later
        JOIN stays.stay_order AS inside
            ON inside.lot_id = $1 AND NOT inside.settled AND inside.fee_fen IS NULL
            AND inside.opened_at <= $6 AND inside.opened_at < $7::timestamptz - $10::interval
        JOIN stays.stay AS stay ON stay.lot_id = inside.lot_id AND stay.stay_id = inside.stay_id
        WHERE $8::integer <= later.cars AND stay.state = 'open' AND stay.pool = $2
            AND NOT stay.marks && '{clock_suspect}'
            AND coalesce(inside.quoted_at <= $7, true)
        ON CONFLICT (lot_id, stay_id, kind) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM noted
"""

GHOSTS = """
    SELECT
        ghost.*, evidence.other_stay_id, evidence.told_by, evidence.lane, evidence.raised_by,
        evidence.raised_at, evidence.lowered_at, evidence.counted_at, evidence.counted
    FROM stays.ghost AS ghost JOIN stays.evidence AS evidence USING (evidence_id)
"""

DUE = f"""
    {GHOSTS}
    WHERE ghost.acted_at IS NULL AND ghost.acts_at <= $1 ORDER BY ghost.acts_at LIMIT $2
"""

NOTE_ACTED = "UPDATE stays.evidence SET acted_at = $2 WHERE evidence_id = ANY ($1)"

PAGE = f"""
    {GHOSTS}
    WHERE ghost.evidence_id > $1 AND ($2::bigint IS NULL OR ghost.lot_id = $2)
    ORDER BY ghost.evidence_id LIMIT $3
"""


class Evidence(NamedTuple):
    """What shows that a car has gone, with its stay; the fields stand as in GHOSTS."""

    evidence_id: int
    lot_id: LotId
    operator_id: int
    stay_id: StayId
    kind: str
    gone_by_at: datetime
    acts_at: datetime
    other_lot_id: LotId | None
    car_key: str
    plate: str
    plate_color: str
    vehicle: str
    stay_state: str
    entered_at: datetime
    exited_at: datetime | None
    acted_at: datetime | None
    other_stay_id: StayId | None
    told_by: str | None
    lane: str | None
    raised_by: str | None
    raised_at: datetime | None
    lowered_at: datetime | None
    counted_at: datetime | None
    counted: int | None


async def note_elsewhere(tx: Tx, *, at: datetime, waits: timedelta, limit: int) -> int:
    """Note cars that are inside two lots by the books; return how many are new."""
    found: int = await tx.fetchval(NOTE_ELSEWHERE, at, waits, limit)
    return found


async def note_empty(
    tx: Tx,
    emptied: tuple[LotId, str, datetime, str],
    *,
    before: datetime,
    at: datetime,
    waits: timedelta,
) -> int:
    """Note cars that came before a moment and are inside a pool that is empty."""
    found: int = await tx.fetchval(NOTE_EMPTY, *emptied, before, at, waits)
    return found


async def note_left_open(
    tx: Tx, told: LeftOpen, *, settles: timedelta, at: datetime, waits: timedelta
) -> int:
    """Note cars that came before a barrier was lowered and are missing in a count after it."""
    found: int = await tx.fetchval(NOTE_LEFT_OPEN, *told, settles, at, waits)
    return found


async def due(tx: Tx, now: datetime, *, limit: int) -> list[Evidence]:
    """Return what has waited long enough, the longest first."""
    return [Evidence(*row) for row in await tx.fetch(DUE, now, limit)]


async def note_acted(tx: Tx, evidence_ids: Sequence[int], at: datetime) -> None:
    """Note that nothing waits for these any more."""
    await tx.execute(NOTE_ACTED, evidence_ids, at)


async def page(tx: Tx, *, after: int, lot_id: LotId | None, limit: int) -> list[Evidence]:
    """Return the next cars that are believed to have left unseen, oldest first."""
    return [Evidence(*row) for row in await tx.fetch(PAGE, after, lot_id, limit)]
