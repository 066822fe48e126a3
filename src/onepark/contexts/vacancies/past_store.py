"""What is read of a lot's past, and where its own counts are kept.

Owns: the statements on stays.pub_visit and on vacancies.snapshot.
Never: decides what a visit or a snapshot means.
"""

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from msgspec.json import Encoder

from onepark.contexts.vacancies.model import Snapshot
from onepark.contexts.vacancies.past_rules import POOLS, STILL_INSIDE, Anchor, Entrances, Visits
from onepark.infra.db import Record, Tx
from onepark.kernel.types import LotId

_ENCODER = Encoder()

# Two halves, each with an index of its own: visits begun at most 31 days before the span, and
# those begun earlier that lasted longer or have not ended. Whole seconds, as in all of the past.
# A group is a pool and, by the lane of the entry, a zone; 0 stands for no zone.
VISITS = """
    SELECT
        array_agg(
            array_position($4::text[], pool) - 1 + cardinality($4) * coalesce(
                ($8::int[])[array_position($7::text[], entry_lane)], 0)) AS groups,
        array_agg(floor(extract(epoch FROM entered_at))::bigint) AS entered_s,
        array_agg(coalesce(floor(extract(epoch FROM left_at))::bigint, $5::bigint)) AS left_s
    FROM (
        SELECT pool, entered_at, left_at, entry_lane FROM (
            SELECT pool, entered_at, left_at, entry_lane FROM stays.pub_visit
            WHERE lot_id = $1 AND entered_at > $2::timestamptz - interval '31 days'
                AND entered_at < $3
            UNION ALL
            SELECT pool, entered_at, left_at, entry_lane FROM stays.pub_visit
            WHERE lot_id = $1 AND entered_at <= $2::timestamptz - interval '31 days'
                AND (exited_at IS NULL OR exited_at - entered_at > interval '31 days')
        ) AS begun
        WHERE (left_at IS NULL OR left_at >= $2) AND (NOT $9 OR entry_lane = ANY ($7))
        LIMIT $6
    ) AS visit
"""

VISITS_WITH_ORDERS = """
    SELECT
        array_agg(
            array_position($4::text[], pool) - 1 + cardinality($4) * coalesce(
                ($8::int[])[array_position($7::text[], entry_lane)], 0)) AS groups,
        array_agg(floor(extract(epoch FROM entered_at))::bigint) AS entered_s,
        array_agg(coalesce(floor(extract(epoch FROM left_at))::bigint, $5::bigint)) AS left_s,
        array_agg(CASE WHEN state <> 'closed' THEN 0 WHEN charged THEN 2 ELSE 1 END) AS ended
    FROM (
        SELECT pool, state, entered_at, left_at, charged, entry_lane FROM (
            SELECT pool, state, entered_at, left_at, charged, entry_lane FROM stays.pub_visit
            WHERE lot_id = $1 AND entered_at > $2::timestamptz - interval '31 days'
                AND entered_at < $3
            UNION ALL
            SELECT pool, state, entered_at, left_at, charged, entry_lane FROM stays.pub_visit
            WHERE lot_id = $1 AND entered_at <= $2::timestamptz - interval '31 days'
                AND (exited_at IS NULL OR exited_at - entered_at > interval '31 days')
        ) AS begun
        WHERE (left_at IS NULL OR left_at >= $2) AND (NOT $9 OR entry_lane = ANY ($7))
        LIMIT $6
    ) AS visit
"""


async def visits(
    tx: Tx,
    lot_id: LotId,
    *,
    from_at: datetime,
    until_at: datetime,
    limit: int,
    through: Entrances,
) -> Visits:
    """Return the visits of a lot that meet a span, the end not included, at most ``limit``."""
    pools = [pool.value for pool in POOLS]
    asked = (lot_id, from_at, until_at, pools, STILL_INSIDE, limit, *through)
    return _visits(await tx.fetchrow(VISITS, *asked), ended=False)


async def visits_with_orders(
    tx: Tx,
    lot_id: LotId,
    *,
    from_at: datetime,
    until_at: datetime,
    limit: int,
    through: Entrances,
) -> Visits:
    """Return the same with what became of their orders."""
    pools = [pool.value for pool in POOLS]
    asked = (lot_id, from_at, until_at, pools, STILL_INSIDE, limit, *through)
    return _visits(await tx.fetchrow(VISITS_WITH_ORDERS, *asked), ended=True)


def _visits(row: Record | None, *, ended: bool) -> Visits:
    assert row is not None, "an aggregate has a row"
    group = array("H", row["groups"] or ())
    known = array("B", row["ended"] or ()) if ended else array("B", bytes(len(group)))
    return Visits(group, array("I", row["entered_s"] or ()), array("I", row["left_s"] or ()), known)


STAND_STILL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

COUNTS_KEPT = "SELECT lot_id, pool, occupied FROM stays.pub_count"

ALL_VISITS = """
    SELECT
        lot_id, pool, floor(extract(epoch FROM entered_at))::bigint AS entered_s,
        floor(extract(epoch FROM left_at))::bigint AS left_s
    FROM stays.pub_visit
"""


async def counts_kept(tx: Tx) -> dict[tuple[int, str], int]:
    """Return every count as it is kept; whatever the transaction reads is of this moment."""
    await tx.execute(STAND_STILL)
    return {(row[0], row[1]): row[2] for row in await tx.fetch(COUNTS_KEPT)}


async def all_visits(tx: Tx, *, at_once: int) -> AsyncIterator[Sequence[Record]]:
    """Yield every visit that there ever was, so many at a time."""
    cursor = await tx.cursor(ALL_VISITS)
    while rows := await cursor.fetch(at_once):
        yield rows


LAST_SNAPSHOTS = """
    SELECT
        array_position($2::text[], asked.pool) - 1 AS pool, last.at_s,
        (last.occupied ->> asked.pool)::bigint AS occupied
    FROM unnest($2::text[]) AS asked (pool)
    CROSS JOIN LATERAL (
        SELECT floor(extract(epoch FROM taken_at))::bigint AS at_s, occupied
        FROM vacancies.snapshot
        WHERE lot_id = $1 AND taken_at < $3 AND taken_at >= $4 AND occupied ? asked.pool
        ORDER BY taken_at DESC, received_at DESC, device_id DESC, snapshot_id DESC
        LIMIT 1
    ) AS last
"""

SNAPSHOTS_WITHIN = """
    SELECT
        array_position($2::text[], counted.pool) - 1 AS pool,
        floor(extract(epoch FROM taken_at))::bigint AS at_s,
        counted.occupied::bigint AS occupied
    FROM vacancies.snapshot
    CROSS JOIN LATERAL jsonb_each_text(occupied) AS counted (pool, occupied)
    WHERE lot_id = $1 AND taken_at >= $3 AND taken_at < $4 AND counted.pool = ANY ($2)
    ORDER BY taken_at, received_at, device_id, snapshot_id
    LIMIT $5
"""


async def last_snapshots(
    tx: Tx, lot_id: LotId, *, before: datetime, since: datetime
) -> list[Anchor]:
    """Return the last snapshot of each pool before a moment, none from before ``since``."""
    pools = [pool.value for pool in POOLS]
    rows = await tx.fetch(LAST_SNAPSHOTS, lot_id, pools, before, since)
    return [Anchor(*row) for row in rows]


async def snapshots_within(
    tx: Tx, lot_id: LotId, *, from_at: datetime, until_at: datetime, limit: int
) -> list[Anchor]:
    """Return the snapshots of a span in order of time, the end not included."""
    pools = [pool.value for pool in POOLS]
    rows = await tx.fetch(SNAPSHOTS_WITHIN, lot_id, pools, from_at, until_at, limit)
    return [Anchor(*row) for row in rows]


KEEP_SNAPSHOTS = """
    INSERT INTO vacancies.snapshot
        (lot_id, device_id, snapshot_id, operator_id, taken_at, received_at, fingerprint, occupied,
         shown_at)
    SELECT
        lot_id, device_id, snapshot_id, operator_id, taken_at, received_at, fingerprint,
        occupied::jsonb, shown_at
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[],
                $6::timestamptz[], $7::bytea[], $8::text[], $9::timestamptz[])
        AS given (lot_id, device_id, snapshot_id, operator_id, taken_at, received_at, fingerprint,
                  occupied, shown_at)
    ORDER BY lot_id, device_id, snapshot_id
    ON CONFLICT DO NOTHING
    RETURNING lot_id, device_id, snapshot_id
"""

FINGERPRINTS = """
    SELECT snapshot.lot_id, snapshot.device_id, snapshot.snapshot_id, snapshot.fingerprint
    FROM vacancies.snapshot AS snapshot
    JOIN unnest($1::bigint[], $2::text[], $3::text[]) AS given (lot_id, device_id, snapshot_id)
        USING (lot_id, device_id, snapshot_id)
"""

SnapshotKey = tuple[int, str, str]


async def keep_snapshots(tx: Tx, snapshots: Sequence[Snapshot]) -> set[SnapshotKey]:
    """Keep those whose ids are new and return their keys."""
    rows = await tx.fetch(
        KEEP_SNAPSHOTS,
        [one.lot_id for one in snapshots],
        [one.device_id for one in snapshots],
        [one.snapshot_id for one in snapshots],
        [one.operator_id for one in snapshots],
        [one.taken_at for one in snapshots],
        [one.received_at for one in snapshots],
        [one.fingerprint for one in snapshots],
        [_ENCODER.encode(one.occupied).decode() for one in snapshots],
        [one.shown_at for one in snapshots],
    )
    return {(row[0], row[1], row[2]) for row in rows}


async def fingerprints(tx: Tx, snapshots: Sequence[Snapshot]) -> dict[SnapshotKey, bytes]:
    """Return what was kept under the ids of these snapshots."""
    keys = [
        [one.lot_id for one in snapshots],
        [one.device_id for one in snapshots],
        [one.snapshot_id for one in snapshots],
    ]
    rows = await tx.fetch(FINGERPRINTS, *keys)
    return {(row[0], row[1], row[2]): row[3] for row in rows}
