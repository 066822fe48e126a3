"""What the counts of lots are off by.

Owns: the statements on vacancies.calibration but for the one that publishes it.
Never: decides when a lot is calibrated again, or touches a count.

A snapshot is compared with the raw count at its own second. That is made from the count of now by
taking back what happened since, so the cost is that of the events since the snapshot. All of it is
one statement, so that the count, the visits and the snapshots are of one moment of the database.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.vacancies.model import CALIBRATES_FOR, FRESH_FOR
from onepark.contexts.vacancies.rules import Due
from onepark.infra.db import Tx, columns_of
from onepark.kernel.types import Pool

SECOND = timedelta(seconds=1)


class Cadence(NamedTuple):
    """How long a pool is left alone that no new snapshot speaks of."""

    moved: timedelta  # its count changed since
    still: timedelta  # it did not; visits may have been moved in time, which no count shows
    old: timedelta  # its snapshot is old, and many events lie after it
    fresh_for: timedelta  # so long a snapshot is not old


# One from before the snapshot that a pool is calibrated by changes nothing. An old one that does
# waits for the next look: a device that goes on telling of long ago must not cost one each time.
NOTE = """
    INSERT INTO vacancies.calibration AS kept (lot_id, pool, operator_id, told, due_at)
    SELECT lot_id, pool, operator_id, told, due_at
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[])
        AS given (lot_id, pool, operator_id, told, due_at)
    ORDER BY lot_id, pool
    ON CONFLICT (lot_id, pool) DO UPDATE SET
        told = kept.told + excluded.told,
        due_at = CASE
            WHEN kept.snapshot_at IS NULL OR excluded.due_at >= greatest(kept.snapshot_at, $6)
            THEN least(kept.due_at, excluded.due_at)
            ELSE kept.due_at
        END
"""


async def note(tx: Tx, due: Sequence[Due], at: datetime) -> None:
    """Note that snapshots came that speak of these pools."""
    await tx.execute(NOTE, *columns_of(due), at - FRESH_FOR)


# An anchor is the snapshot that history starts from, chosen as there. A car that came after its
# second and is inside was not counted then; one that had come and left after it was; so was one
# whose exit nobody saw and that was seen again only after it. Nothing is written over what a
# snapshot or another worker changed meanwhile. "IS TRUE" hides an index from the planner by which
# it would read all visits before the snapshot; "-> IS NOT NULL" lets it expect a match, unlike "?".
CALIBRATE = """
    WITH due AS (
        SELECT
            kept.lot_id, kept.pool, kept.told, kept.calibrated_at,
            coalesce(count.n, 0) AS counted_n, coalesce(count.occupied, 0) AS raw
        FROM vacancies.calibration AS kept
        LEFT JOIN stays.pub_count AS count
            ON count.lot_id = kept.lot_id AND count.pool = kept.pool
        WHERE kept.due_at <= $1 OR (
            kept.snapshot_at IS NOT NULL AND kept.calibrated_at <= CASE
                WHEN kept.snapshot_at < $7 THEN $6::timestamptz
                WHEN kept.counted_n = coalesce(count.n, 0) THEN $5::timestamptz
                ELSE $4::timestamptz
            END)
        ORDER BY
            kept.due_at > $1, kept.snapshot_at < $7, kept.calibrated_at, kept.lot_id, kept.pool
        LIMIT $8
    ), anchored AS (
        SELECT
            due.*, anchor.snapshot_at, anchor.occupied,
            anchor.snapshot_at + interval '1 second' AS after_at,
            (
                SELECT date_trunc('second', min(taken_at)) FROM vacancies.snapshot
                WHERE lot_id = due.lot_id AND taken_at >= $2
                    AND occupied -> due.pool IS NOT NULL
            ) AS next_at
        FROM due
        LEFT JOIN LATERAL (
            SELECT
                date_trunc('second', taken_at) AS snapshot_at,
                (occupied ->> due.pool)::bigint AS occupied
            FROM vacancies.snapshot
            WHERE lot_id = due.lot_id AND taken_at < $2 AND taken_at >= $3
                AND occupied -> due.pool IS NOT NULL
            ORDER BY taken_at DESC, received_at DESC, device_id DESC, snapshot_id DESC
            LIMIT 1
        ) AS anchor ON true
    ), compared AS MATERIALIZED (
        SELECT
            lot_id, pool, told, calibrated_at, counted_n, snapshot_at,
            least(next_at, after_at + $9::interval) AS due_at,
            occupied - raw + (
                SELECT count(*) FROM stays.pub_visit AS visit
                WHERE visit.lot_id = anchored.lot_id AND visit.pool = anchored.pool
                    AND visit.entered_at >= after_at AND visit.left_at IS NULL
            ) - (
                SELECT count(*) FROM stays.pub_visit AS visit
                WHERE visit.lot_id = anchored.lot_id AND visit.pool = anchored.pool
                    AND visit.exited_at >= after_at AND (visit.entered_at < after_at) IS TRUE
            ) - (
                SELECT count(DISTINCT stay_id) FROM stays.pub_unseen_exit AS visit
                WHERE visit.lot_id = anchored.lot_id AND visit.pool = anchored.pool
                    AND visit.seen_at >= after_at AND visit.entered_at < after_at
            ) AS drift
        FROM anchored
    )
    UPDATE vacancies.calibration AS kept SET
        snapshot_at = compared.snapshot_at, drift = compared.drift,
        counted_n = compared.counted_n, calibrated_at = $1,
        due_at = coalesce(compared.due_at, 'infinity'),
        n = kept.n + changed.by,
        changed_at = CASE WHEN changed.by = 1 THEN clock_timestamp() ELSE kept.changed_at END
    FROM compared
    JOIN vacancies.calibration AS before
        ON before.lot_id = compared.lot_id AND before.pool = compared.pool
    CROSS JOIN LATERAL (
        SELECT ((before.drift, before.snapshot_at)
            IS DISTINCT FROM (compared.drift, compared.snapshot_at))::int AS by
    ) AS changed
    WHERE kept.lot_id = compared.lot_id AND kept.pool = compared.pool
        AND kept.told = compared.told
        AND kept.calibrated_at = compared.calibrated_at
    RETURNING kept.lot_id, kept.pool
"""


# What the planner expects of many pools is enough to have the statement compiled each time,
# which would take longer than all of it.
AS_IT_IS = "SET LOCAL jit = off"


async def calibrate(tx: Tx, at: datetime, cadence: Cadence, *, limit: int) -> int:
    """Calibrate pools that are due and return how many: new snapshots first, old ones last."""
    await tx.execute(AS_IT_IS)
    second = at.replace(microsecond=0)
    rows = await tx.fetch(
        CALIBRATE,
        at,
        second + SECOND,
        second - CALIBRATES_FOR,
        at - cadence.moved,
        at - cadence.still,
        at - cadence.old,
        at - cadence.fresh_for,
        limit,
        CALIBRATES_FOR,
    )
    return len(rows)


DRIFTS = """
    SELECT pool, sum(abs(drift))::float8 FROM vacancies.calibration
    WHERE drift IS NOT NULL GROUP BY pool
"""


async def drifts(tx: Tx) -> dict[Pool, float]:
    """Return by how many cars the counts of all lots are off, without sign, by pool."""
    return {Pool(pool): cars for pool, cars in await tx.fetch(DRIFTS)}
