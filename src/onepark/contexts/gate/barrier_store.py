"""The SQL of barriers.

Owns: every statement on gate.barrier_move, the counts that a lot told of after a barrier, and what
else is known of a lane at a moment.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import LaneMoment, LeftOpen, Lift
from onepark.infra.db import Tx, columns_of
from onepark.kernel.types import LotId, OrderNo, Pool

KEEP_MOVES = """
    INSERT INTO gate.barrier_move (
        lot_id, device_id, operator_id, told_at, clock_suspect, lane, lift_at, move, raised_by,
        shown_at, moved_at)
    SELECT $1, $2, $3, $4, $5, given.*
    FROM unnest(
            $6::text[], $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[],
            $11::timestamptz[])
        AS given (lane, lift_at, move, raised_by, shown_at, moved_at)
    ON CONFLICT DO NOTHING
    RETURNING lane, lift_at
"""

LIFTS = """
    SELECT lane, lift_at, raised_by, lowered_shown_at FROM gate.pub_barrier
    WHERE lot_id = $1 AND device_id = $2
        AND (lane, lift_at) IN (SELECT * FROM unnest($3::text[], $4::timestamptz[]))
"""

# Of each barrier and pool the count that held the fewest cars. Either of the two may be new: of a
# barrier that was told of just now all counts are, of another one those that were taken lately.
LEFT_OPEN = """
    SELECT DISTINCT ON (barrier.lot_id, barrier.device_id, barrier.lane, barrier.lift_at, told.pool)
        barrier.lot_id, told.pool, barrier.lane, barrier.raised_by, barrier.raised_at,
        barrier.lowered_at, snapshot.taken_at, told.cars::integer, snapshot.device_id
    FROM (
        SELECT * FROM gate.pub_barrier
        WHERE lowered_at > $1 AND lowered_at > raised_at AND NOT clock_suspect
            AND (raised_by <> 'platform' OR lowered_at - raised_at >= $4::interval)
        ORDER BY lowered_at DESC LIMIT $3
    ) AS barrier
    JOIN vacancies.pub_snapshot AS snapshot
        ON snapshot.lot_id = barrier.lot_id
        AND snapshot.taken_at >= CASE WHEN barrier.told_at > $2 THEN barrier.lowered_at
            ELSE greatest(barrier.lowered_at, $2::timestamptz - interval '1 hour') END
        AND (snapshot.received_at > $2 OR barrier.told_at > $2)
    CROSS JOIN LATERAL jsonb_each_text(snapshot.occupied) AS told (pool, cars)
    ORDER BY
        barrier.lot_id, barrier.device_id, barrier.lane, barrier.lift_at, told.pool,
        told.cars::integer, snapshot.taken_at
"""


# An exit follows its opening by at most so long; a command that failed opened nothing.
COMMANDED = """
    SELECT given.place, command.order_no, max(coalesce(command.acked_at, command.created_at))
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
        AS given (lot_id, lane, at, place)
    JOIN gate.command AS command
        ON command.lot_id = given.lot_id AND command.lane = given.lane
        AND command.created_at BETWEEN given.at - $4::interval AND given.at
    WHERE command.kind = 'open' AND coalesce(command.result = 'done', true)
    GROUP BY given.place, command.order_no
"""

STOOD_OPEN = """
    SELECT given.place, barrier.raised_by, barrier.raised_at, barrier.lowered_at
    FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
        AS given (lot_id, lane, at, place)
    JOIN gate.pub_barrier AS barrier
        ON barrier.lot_id = given.lot_id AND barrier.lane = given.lane
        AND barrier.raised_at BETWEEN given.at - $4::interval AND given.at
        AND coalesce(barrier.lowered_at >= given.at, true)
    WHERE NOT barrier.clock_suspect
    ORDER BY given.place, barrier.raised_at DESC
"""


class Move(NamedTuple):
    """A barrier went up or down; the fields stand in the order of the statement."""

    lane: str
    lift_at: datetime
    move: str
    raised_by: str | None
    shown_at: datetime
    moved_at: datetime


class KeptLift(NamedTuple):
    """What is kept of one raising of a barrier: by whom, and when it ended, as was said."""

    raised_by: str
    lowered_shown_at: datetime | None


LiftKey = tuple[str, datetime]  # the lane, and when its device said that it was raised


async def keep_moves(
    tx: Tx, device: Device, moves: Sequence[Move], *, told_at: datetime, clock_suspect: bool
) -> set[LiftKey]:
    """Keep what a device says of its barriers; return the lifts of which anything is new."""
    key = (device.lot_id, device.device_id, device.operator_id)
    rows = await tx.fetch(KEEP_MOVES, *key, told_at, clock_suspect, *columns_of(moves))
    return {(row["lane"], row["lift_at"]) for row in rows}


async def lifts(tx: Tx, device: Device, keys: Sequence[LiftKey]) -> dict[LiftKey, KeptLift]:
    """Return what is kept of these lifts."""
    lanes, lifted = [key[0] for key in keys], [key[1] for key in keys]
    rows = await tx.fetch(LIFTS, device.lot_id, device.device_id, lanes, lifted)
    return {(row[0], row[1]): KeptLift(row[2], row[3]) for row in rows}


async def left_open(
    tx: Tx, *, lowered_after: datetime, told_after: datetime, limit: int, lasting: timedelta
) -> list[LeftOpen]:
    """Return the barriers that stood open, each with the least that its lot held after it."""
    rows = await tx.fetch(LEFT_OPEN, lowered_after, told_after, limit, lasting)
    return [LeftOpen(LotId(row[0]), Pool(row[1]), *row[2:]) for row in rows]


async def commanded(
    tx: Tx, asked: Sequence[LaneMoment], *, within: timedelta
) -> list[tuple[int, OrderNo, datetime]]:
    """Return which orders' cars a lane was told to let out by a moment; places count from 1."""
    rows = await tx.fetch(COMMANDED, *columns_of(asked), within)
    return [(row[0], row[1], row[2]) for row in rows]


async def stood_open(
    tx: Tx, asked: Sequence[LaneMoment], *, within: timedelta
) -> list[tuple[int, Lift]]:
    """Return the barriers that stood open at a moment, the last one raised first."""
    rows = await tx.fetch(STOOD_OPEN, *columns_of(asked), within)
    return [(row[0], Lift(*row[1:])) for row in rows]
