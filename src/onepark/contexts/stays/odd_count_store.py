"""The SQL of counts that cannot be.

Owns: every statement on stays.odd_count.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime
from typing import NamedTuple

from onepark.infra.db import Tx
from onepark.kernel.types import LotId, Pool

# One row for each time that a pool was over its capacity or under zero, as long as it lasted.
END = """
    UPDATE stays.odd_count AS odd SET ended_at = greatest(kept.changed_at, odd.since_at)
    FROM stays.count AS kept
    JOIN registry.pub_pool AS pool ON pool.lot_id = kept.lot_id AND pool.pool = kept.pool
    WHERE odd.ended_at IS NULL AND kept.lot_id = odd.lot_id AND kept.pool = odd.pool
        AND kept.occupied BETWEEN 0 AND pool.capacity
"""

NOTE = """
    INSERT INTO stays.odd_count AS odd (
        lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max)
    SELECT kept.lot_id, kept.pool, kept.operator_id, least(kept.changed_at, $1), $1, kept.occupied,
        pool.capacity, greatest(kept.occupied - pool.capacity, -kept.occupied)
    FROM stays.count AS kept
    JOIN registry.pub_pool AS pool ON pool.lot_id = kept.lot_id AND pool.pool = kept.pool
    WHERE kept.occupied NOT BETWEEN 0 AND pool.capacity
    ON CONFLICT (lot_id, pool) WHERE ended_at IS NULL DO UPDATE SET
        seen_at = excluded.seen_at, occupied = excluded.occupied, capacity = excluded.capacity,
        off_by_max = greatest(odd.off_by_max, excluded.off_by_max)
"""

PAGE = """
    SELECT
        odd_count_id, lot_id, operator_id, pool, since_at, seen_at, occupied, capacity, off_by_max
    FROM stays.odd_count
    WHERE odd_count_id > $1 AND ($2::bigint IS NULL OR lot_id = $2)
        AND since_at <= $3 AND ended_at IS NULL AND confirmed_at IS NULL
    ORDER BY odd_count_id LIMIT $4
"""

OPERATOR_OF = "SELECT operator_id FROM stays.odd_count WHERE odd_count_id = $1"

CONFIRM = """
    UPDATE stays.odd_count SET confirmed_at = $2, confirmed_by = $3, reason = $4
    WHERE odd_count_id = $1 AND confirmed_at IS NULL
    RETURNING odd_count_id
"""


class OddCount(NamedTuple):
    """A pool that holds more cars than bays, or fewer than none."""

    odd_count_id: int
    lot_id: LotId
    operator_id: int
    pool: Pool
    since_at: datetime
    seen_at: datetime
    occupied: int
    capacity: int
    off_by_max: int


async def note(tx: Tx, at: datetime) -> None:
    """Note which counts are odd now, and which are not any more."""
    await tx.execute(END)
    await tx.execute(NOTE, at)


async def page(
    tx: Tx, *, after: int, lot_id: LotId | None, since_before: datetime, limit: int
) -> list[OddCount]:
    """Return the next counts that have been odd since before a moment, oldest first."""
    return [OddCount(*row) for row in await tx.fetch(PAGE, after, lot_id, since_before, limit)]


async def operator_of(tx: Tx, odd_count_id: int) -> int | None:
    """Return whose count it is, if this transaction may see it."""
    operator_id: int | None = await tx.fetchval(OPERATOR_OF, odd_count_id)
    return operator_id


async def confirm(tx: Tx, odd_count_id: int, reason: str, *, by: str, at: datetime) -> bool:
    """Note that a count is right as it is; False if somebody has before."""
    return await tx.fetchval(CONFIRM, odd_count_id, at, by, reason) is not None
