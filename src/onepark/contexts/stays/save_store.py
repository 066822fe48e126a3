"""The SQL of the passage path: what a batch keeps.

Owns: save, the third statement of a batch.
Never: decides; what was decided goes in as it is, or the batch is taken again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.json import Encoder
from msgspec.structs import astuple

from onepark.contexts.stays.case import Folded, Kept
from onepark.contexts.stays.model import Car, Count, Progress
from onepark.contexts.stays.store import POOLS
from onepark.contexts.stays.tasks import row_of
from onepark.infra.db import Again, Record, Tx
from onepark.infra.traces import as_part
from onepark.kernel.events import encode, name_of

MISSING_MAX = 100  # holes that one answer names

_ENCODER = Encoder()

# One statement: PostgreSQL runs the parts on one snapshot and in no stated order, so that no part
# may read what another writes. Claims come before counts, so that two batches with one id wait for
# each other at nothing else. Each count comes back as it stands after the batch.
SAVE = """
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest($4::stays.passage_row_v3[])
    ), saved_stay AS (
        INSERT INTO stays.stay SELECT * FROM unnest($1::stays.stay_row_v4[])
        ON CONFLICT (lot_id, stay_id) DO UPDATE SET
            vehicle = excluded.vehicle, pool = excluded.pool, plan_id = excluded.plan_id,
            state = excluded.state, marks = excluded.marks,
            entered_at = excluded.entered_at, entry_lane = excluded.entry_lane,
            exited_at = excluded.exited_at, exit_lane = excluded.exit_lane,
            exit_derived = excluded.exit_derived, cap_anchor_at = excluded.cap_anchor_at,
            cap_charged_fen = excluded.cap_charged_fen,
            free_visits_used = excluded.free_visits_used, zone = excluded.zone,
            fleet_id = excluded.fleet_id
        RETURNING 1
    ), saved_order AS (
        INSERT INTO stays.stay_order SELECT * FROM unnest($2::stays.order_row[])
        ON CONFLICT (lot_id, order_no) DO UPDATE SET
            state = excluded.state, opened_at = excluded.opened_at,
            fee_fen = excluded.fee_fen, owed_fen = excluded.owed_fen,
            written_off_fen = excluded.written_off_fen, refund_due_fen = excluded.refund_due_fen,
            quoted_fen = excluded.quoted_fen, quoted_at = excluded.quoted_at,
            asked_lane = excluded.asked_lane, asked_device_id = excluded.asked_device_id,
            asked_passage_id = excluded.asked_passage_id, asked_at = excluded.asked_at,
            settled = excluded.settled
        RETURNING 1
    ), saved_car AS (
        UPDATE stays.car AS car SET
            open_stay_id = given.open_stay_id, last_stay_id = given.last_stay_id,
            cap_anchor_at = given.cap_anchor_at, cap_charged_fen = given.cap_charged_fen,
            free_entries_at = given.free_entries_at, known_until_at = given.known_until_at
        FROM unnest($3::stays.car_row_v3[]) AS given
        WHERE car.lot_id = given.lot_id AND car.car_key = given.car_key
        RETURNING 1
    ), saved_passage AS (
        INSERT INTO stays.passage (
            lot_id, device_id, passage_id, operator_id, received_at, seen_at, kind, lane, car_key,
            plate_raw, plate_color, vehicle, epoch, seq, ticket, confidence, image_url, entered_at,
            state, stay_id, corrected_at, of_car_key, zone, derived, clock_suspect)
        SELECT
            lot_id, device_id, passage_id, operator_id, received_at, seen_at, kind, lane, car_key,
            plate_raw, plate_color, vehicle, epoch, seq, ticket, confidence, image_url, entered_at,
            state, stay_id, corrected_at, of_car_key, zone, derived, clock_suspect
        FROM given
        RETURNING 1
    ), claimed AS (
        INSERT INTO stays.claim (lot_id, device_id, passage_id, fingerprint, answer)
        SELECT lot_id, device_id, passage_id, fingerprint, answer FROM given
        ORDER BY lot_id, device_id, passage_id
        ON CONFLICT DO NOTHING
        RETURNING 1
    ), counted AS (
        INSERT INTO stays.count AS count (lot_id, pool, operator_id, n, occupied)
        SELECT lot_id, pool, operator_id, 1, delta FROM unnest($5::stays.delta_row[])
        WHERE (SELECT count(*) FROM claimed) >= 0
        ORDER BY lot_id, pool
        ON CONFLICT (lot_id, pool) DO UPDATE SET
            n = count.n + 1, occupied = count.occupied + excluded.occupied, changed_at = now()
        RETURNING lot_id, pool, n, occupied, changed_at
    ), numbered AS (
        INSERT INTO stays.sequence AS sequence
            (lot_id, device_id, epoch, operator_id, received, reused)
        SELECT lot_id, device_id, epoch, min(operator_id),
            range_agg(int8range(seq, seq, '[]')), count(*) - count(DISTINCT seq)
        FROM given
        WHERE seq IS NOT NULL AND epoch IS NOT NULL
        GROUP BY lot_id, device_id, epoch ORDER BY lot_id, device_id, epoch
        ON CONFLICT (lot_id, device_id, epoch) DO UPDATE SET
            received = stays.bounded(sequence.received + excluded.received),
            reused = sequence.reused + excluded.reused
                + (sequence.received && excluded.received)::int
        RETURNING stays.progress_of(sequence) AS progress
    ), posted AS (
        INSERT INTO stays.outbox (fact, payload)
        SELECT * FROM unnest($6::stays.fact_row[])
    ), asked_for AS (
        INSERT INTO stays.task (
            lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate,
            plate_raw, plate_color, vehicle, camera_model, image_url, seen_at, opened_at, due_at,
            stay_id, verdict, model_version, candidates, tried_at)
        SELECT * FROM unnest($7::stays.task_row[])
        ON CONFLICT (lot_id, car_key) WHERE decided_at IS NULL AND passage_kind = 'exit_request'
        DO UPDATE SET
            device_id = excluded.device_id, passage_id = excluded.passage_id,
            lane = excluded.lane, image_url = excluded.image_url, seen_at = excluded.seen_at,
            opened_at = excluded.opened_at, due_at = excluded.due_at,
            verdict = excluded.verdict, model_version = excluded.model_version,
            candidates = excluded.candidates
        RETURNING 1
    )
    SELECT
        (SELECT count(*) FROM saved_stay) AS stays,
        (SELECT count(*) FROM saved_order) AS orders,
        (SELECT count(*) FROM saved_car) AS cars,
        (SELECT count(*) FROM saved_passage) AS passages,
        (SELECT count(*) FROM claimed) AS claims,
        (SELECT count(*) FROM asked_for) AS tasks,
        (SELECT number FROM stays.incarnation) AS incarnation,
        (SELECT array_agg(progress) FROM numbered) AS progress,
        counted.lot_id, counted.pool, counted.n, counted.occupied, counted.changed_at
    FROM (SELECT 1) AS one LEFT JOIN counted ON true
"""


class FellShort(Again):
    """The statement did less than was decided: the batch is rolled back and taken again."""


class Saved(NamedTuple):
    """The counts that a batch changed, and how far its devices' numbers have come."""

    counts: list[Count]
    progress: dict[tuple[int, str], Progress]


@as_part("stays.save")
async def save(tx: Tx, folds: Sequence[Folded]) -> Saved:
    """Save what the fold decided."""
    stays = [stay for fold in folds for stay in fold.stays.values()]
    orders = [order for fold in folds for order in fold.orders.values()]
    cars = [fold.car for fold in folds]
    kept = [kept for fold in folds for kept in fold.kept]
    facts = [fact for fold in folds for fact in fold.facts]
    doubts = [doubt for fold in folds for doubt in fold.doubts]
    rows = await tx.fetch(
        SAVE,
        [astuple(stay) for stay in stays],
        [astuple(order) for order in orders],
        [astuple(car) for car in cars],
        [_passage_row(one, fold.car) for fold in folds for one in fold.kept],
        _deltas(folds),
        [(name_of(fact), encode(fact)) for fact in facts],
        [row_of(doubt) for doubt in doubts],
    )
    decided = (len(stays), len(orders), len(cars), len(kept), len(kept), len(doubts))
    done = tuple(rows[0][:6])
    if done != decided:
        raise FellShort(f"saved {done} of {decided}")
    counts = [_count(row) for row in rows if row["lot_id"] is not None]
    told = sorted(rows[0]["progress"] or (), key=lambda row: row["epoch"])
    return Saved(counts, {(row["lot_id"], row["device_id"]): progress_of(row) for row in told})


def progress_of(row: Record) -> Progress:
    """Return a row of stays.progress_row as a noun, with the first holes of many."""
    missing = tuple((one.lower, one.upper - 1) for one in row["missing"][:MISSING_MAX])
    return Progress(row["epoch"], row["acked_through"], missing, row["reused"])


def _deltas(folds: Sequence[Folded]) -> list[tuple[int, str, int, int]]:
    total: dict[tuple[int, str, int], int] = {}
    for fold in folds:
        for stay, delta in fold.deltas:
            key = (stay.lot_id, stay.pool, stay.operator_id)
            total[key] = total.get(key, 0) + delta
    return [(*key, delta) for key, delta in total.items()]


def _passage_row(kept: Kept, car: Car) -> tuple[object, ...]:
    passage, shown_at = kept.passage, kept.passage.shown_at
    return (
        passage.lot_id,
        passage.device_id,
        passage.passage_id,
        passage.operator_id,
        passage.received_at,
        shown_at or passage.seen_at,
        passage.kind,
        passage.lane,
        passage.car_key,
        passage.plate_raw,
        passage.plate_color,
        passage.vehicle,
        passage.epoch,
        passage.seq,
        passage.ticket,
        passage.confidence,
        passage.image_url,
        passage.entered_at,
        kept.state,
        kept.stay_id,
        None if shown_at is None else passage.seen_at,
        None if passage.car_key == car.car_key else car.car_key,
        passage.zone,
        passage.derived or None,
        passage.clock_suspect or None,
        passage.fingerprint,
        _ENCODER.encode(kept.answer),
    )


def _count(row: Record) -> Count:
    pool = POOLS[row["pool"]]
    return Count(
        row["lot_id"], pool, row["incarnation"], row["n"], row["occupied"], row["changed_at"]
    )
