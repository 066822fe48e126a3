"""The SQL of the passage path.

Owns: claim, load and save: the three statements of a batch.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec.json import Decoder, Encoder
from msgspec.structs import astuple

from onepark.contexts.stays.case import Folded, Kept
from onepark.contexts.stays.misreads import CANDIDATES_MAX, RECENT_MAX, may_be_misread
from onepark.contexts.stays.model import (
    Answer,
    Candidate,
    Car,
    Count,
    Order,
    OrderState,
    Passage,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.stays.moments import CONFIRMS, REREAD
from onepark.contexts.stays.tasks import row_of
from onepark.infra.db import Again, Record, Tx
from onepark.kernel.events import encode, name_of
from onepark.kernel.types import LotId, Pool

_ANSWERS = Decoder(Answer)
_ENCODER = Encoder()

# By name: a column that a later version adds must not trouble the code of today.
STAY_FIELDS, ORDER_FIELDS = Stay.__struct_fields__, Order.__struct_fields__


class Loaded(NamedTuple):
    """What the database knew of one passage and its car."""

    fingerprint: bytes | None  # of an earlier passage under this id
    answer: Answer | None
    car: Car
    open: StayAndOrder | None
    last: StayAndOrder | None
    block: int  # the first of 4,096 stay numbers that only this batch gets
    others: Sequence[Record] | None  # the cars in the lots of unmatched exits; first row only


# The claims come first and the cars after them, both in key order: every batch takes its locks
# in one order. DO UPDATE … WHERE false locks a car's row and writes nothing.
CLAIM = """
    WITH claimed AS (
        INSERT INTO stays.claim (lot_id, device_id, passage_id, fingerprint)
        SELECT lot_id, device_id, passage_id, fingerprint
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])
            AS given (lot_id, device_id, passage_id, fingerprint)
        ORDER BY lot_id, device_id, passage_id
        ON CONFLICT DO NOTHING
        RETURNING lot_id
    ), locked AS (
        INSERT INTO stays.car (lot_id, car_key, operator_id)
        SELECT lot_id, car_key, operator_id
        FROM unnest($5::bigint[], $6::text[], $7::bigint[]) AS given (lot_id, car_key, operator_id)
        WHERE (SELECT count(*) FROM claimed) >= 0
        ORDER BY lot_id, car_key
        ON CONFLICT (lot_id, car_key) DO UPDATE SET operator_id = excluded.operator_id WHERE false
    )
    SELECT count(*) FROM claimed
"""


Also = Collection[tuple[int, str, int]]  # lot, key and operator of a car


async def claim(tx: Tx, passages: Sequence[Passage], *, also: Also = ()) -> None:
    """Claim the ids of the passages and lock their cars' rows, and those of other cars."""
    cars = sorted({(*passage.car, passage.operator_id) for passage in passages} | set(also))
    await tx.fetchval(
        CLAIM,
        [passage.lot_id for passage in passages],
        [passage.device_id for passage in passages],
        [passage.passage_id for passage in passages],
        [passage.fingerprint for passage in passages],
        [car[0] for car in cars],
        [car[1] for car in cars],
        [car[2] for car in cars],
    )


# Exits that nothing known explains bring the plates inside their lots, all beside the first row.
LOAD = """
    WITH known AS MATERIALIZED (
        SELECT
            given.*, claim.fingerprint, claim.answer,
            car.open_stay_id, car.last_stay_id, car.cap_anchor_at, car.cap_charged_fen,
            car.free_entries_at,
            greatest(
                car.known_until_at, inside.entered_at, before.entered_at, before.exited_at
            ) AS known_until_at,
            inside, inside_order, before, before_order,
            given.may_ask AND car.open_stay_id IS NULL AND claim.fingerprint IS NULL
                AND coalesce(given.seen_at > before.exited_at + $8, true) AS asks
        FROM unnest(
                $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                $7::boolean[])
            WITH ORDINALITY
            AS given (lot_id, device_id, passage_id, car_key, kind, seen_at, may_ask, place)
        JOIN stays.car AS car ON car.lot_id = given.lot_id AND car.car_key = given.car_key
        LEFT JOIN stays.claim AS claim
            ON claim.lot_id = given.lot_id AND claim.device_id = given.device_id
            AND claim.passage_id = given.passage_id AND claim.answer IS NOT NULL
        LEFT JOIN stays.stay AS inside
            ON inside.lot_id = car.lot_id AND inside.stay_id = car.open_stay_id
        LEFT JOIN stays.stay_order AS inside_order
            ON inside_order.lot_id = car.lot_id AND inside_order.stay_id = car.open_stay_id
        LEFT JOIN stays.stay AS before
            ON before.lot_id = car.lot_id AND before.stay_id = car.last_stay_id
            AND before.state NOT IN ('misread_exit', 'void')
        LEFT JOIN stays.stay_order AS before_order
            ON before_order.lot_id = car.lot_id AND before_order.stay_id = car.last_stay_id
    )
    SELECT
        known.fingerprint, known.answer,
        known.open_stay_id, known.last_stay_id, known.cap_anchor_at, known.cap_charged_fen,
        known.free_entries_at, known.known_until_at,
        known.inside, known.inside_order, known.before, known.before_order,
        (SELECT nextval('stays.stay_block')) AS block,
        CASE WHEN known.place = 1 THEN (
            SELECT array_agg(ROW(
                lot.lot_id, stay_id, car_key, plate, plate_color, vehicle,
                extract(epoch FROM entered_at)::bigint,
                extract(epoch FROM exited_at)::bigint)::stays.inside_row)
            FROM (
                SELECT lot_id, min(seen_at) AS first_at, max(seen_at) AS last_at
                FROM known WHERE asks GROUP BY lot_id
            ) AS lot
            LEFT JOIN LATERAL (
                SELECT s.* FROM (
                    SELECT o.stay_id FROM stays.stay_order AS o
                    WHERE o.lot_id = lot.lot_id AND NOT o.settled AND o.fee_fen IS NULL
                        AND o.plate <> ''
                    ORDER BY o.opened_at DESC LIMIT $9
                ) AS unpriced
                JOIN stays.stay AS s ON s.lot_id = lot.lot_id AND s.stay_id = unpriced.stay_id
                WHERE s.state = 'open'
                UNION ALL
                SELECT s.* FROM (
                    SELECT * FROM stays.stay AS s WHERE s.lot_id = lot.lot_id
                    ORDER BY s.stay_id DESC LIMIT $11
                ) AS s
                WHERE s.state = 'closed' AND s.plate <> ''
                    AND s.exited_at BETWEEN lot.first_at - $10::interval AND lot.last_at
            ) AS others ON true
        ) END AS others
    FROM known
    ORDER BY known.place
"""


def inside_of(others: Sequence[Record]) -> dict[LotId, list[Candidate]]:
    """Return the cars inside each lot whose plates were loaded, and those that just left it."""
    lots: dict[LotId, list[Candidate]] = {}
    for lot_id, *car in others:
        inside = lots.setdefault(lot_id, [])
        if car[0] is not None:
            inside.append(Candidate(*car))
    return lots


async def load(tx: Tx, passages: Sequence[Passage]) -> list[Loaded]:
    """Return, in the order asked, the earlier answers and what is known of the cars."""
    rows = await tx.fetch(
        LOAD,
        [passage.lot_id for passage in passages],
        [passage.device_id for passage in passages],
        [passage.passage_id for passage in passages],
        [passage.car_key for passage in passages],
        [passage.kind for passage in passages],
        [passage.seen_at for passage in passages],
        [may_be_misread(passage) for passage in passages],
        CONFIRMS,
        CANDIDATES_MAX,
        REREAD,
        RECENT_MAX,
    )
    return [_loaded(passage, row) for passage, row in zip(passages, rows, strict=True)]


# One statement: PostgreSQL runs the parts on one snapshot and in no stated order, so that no part
# may read what another writes. Each count comes back as it stands after the batch.
SAVE = """
    WITH saved_stay AS (
        INSERT INTO stays.stay SELECT * FROM unnest($1::stays.stay_row_v3[])
        ON CONFLICT (lot_id, stay_id) DO UPDATE SET
            vehicle = excluded.vehicle, pool = excluded.pool, plan_id = excluded.plan_id,
            state = excluded.state, marks = excluded.marks,
            entered_at = excluded.entered_at, entry_lane = excluded.entry_lane,
            exited_at = excluded.exited_at, exit_lane = excluded.exit_lane,
            exit_derived = excluded.exit_derived, cap_anchor_at = excluded.cap_anchor_at,
            cap_charged_fen = excluded.cap_charged_fen,
            free_visits_used = excluded.free_visits_used, zone = excluded.zone
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
            state, stay_id, corrected_at, of_car_key, zone, derived)
        SELECT * FROM unnest($4::stays.passage_row_v2[]) RETURNING 1
    ), saved_answer AS (
        UPDATE stays.claim AS claim SET answer = given.answer
        FROM unnest($5::stays.answer_row[]) AS given
        WHERE claim.lot_id = given.lot_id AND claim.device_id = given.device_id
            AND claim.passage_id = given.passage_id AND claim.answer IS NULL
        RETURNING 1
    ), counted AS (
        INSERT INTO stays.count AS count (lot_id, pool, operator_id, n, occupied)
        SELECT lot_id, pool, operator_id, 1, delta FROM unnest($6::stays.delta_row[])
        ORDER BY lot_id, pool
        ON CONFLICT (lot_id, pool) DO UPDATE SET
            n = count.n + 1, occupied = count.occupied + excluded.occupied, changed_at = now()
        RETURNING lot_id, pool, n, occupied, changed_at
    ), posted AS (
        INSERT INTO stays.outbox (fact, payload)
        SELECT fact, payload FROM unnest($7::text[], $8::text[]) AS given (fact, payload)
    ), asked_for AS (
        INSERT INTO stays.task (
            lot_id, operator_id, kind, device_id, passage_id, passage_kind, lane, car_key, plate,
            plate_raw, plate_color, vehicle, camera_model, image_url, seen_at, opened_at, due_at,
            stay_id, verdict, model_version, candidates, tried_at)
        SELECT * FROM unnest($9::stays.task_row[])
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
        (SELECT count(*) FROM saved_answer) AS answers,
        (SELECT count(*) FROM asked_for) AS tasks,
        (SELECT number FROM stays.incarnation) AS incarnation,
        counted.lot_id, counted.pool, counted.n, counted.occupied, counted.changed_at
    FROM (SELECT 1) AS one LEFT JOIN counted ON true
"""


class FellShort(Again):
    """The statement did less than was decided: the batch is rolled back and taken again."""


async def save(tx: Tx, folds: Sequence[Folded]) -> list[Count]:
    """Save what the fold decided and return the counts that it changed."""
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
        [(*one.passage.key, _ENCODER.encode(one.answer)) for one in kept],
        _deltas(folds),
        [name_of(fact) for fact in facts],
        [encode(fact) for fact in facts],
        [row_of(doubt) for doubt in doubts],
    )
    decided = (len(stays), len(orders), len(cars), len(kept), len(kept), len(doubts))
    done = tuple(rows[0][:6])
    if done != decided:
        raise FellShort(f"saved {done} of {decided}")
    return [_count(row) for row in rows if row["lot_id"] is not None]


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
    )


def _loaded(passage: Passage, row: Record) -> Loaded:
    answer = row["answer"]
    car = Car(passage.lot_id, passage.car_key, *row[2:8])
    return Loaded(
        row["fingerprint"],
        None if answer is None else _ANSWERS.decode(answer),
        car,
        pair_of(row["inside"], row["inside_order"]),
        pair_of(row["before"], row["before_order"]),
        row["block"],
        row["others"],
    )


def pair_of(stay: Record | None, order: Record | None) -> StayAndOrder | None:
    """Return a stay with its order, if there is one."""
    if stay is None:
        return None
    return StayAndOrder(stay_of(stay), None if order is None else order_of(order))


def stay_of(row: Record) -> Stay:
    """Return a row of stays.stay as a noun."""
    stay = Stay(*(row[name] for name in STAY_FIELDS))
    stay.pool, stay.state = Pool(stay.pool), StayState(stay.state)
    return stay


def order_of(row: Record) -> Order:
    """Return a row of stays.stay_order as a noun."""
    order = Order(*(row[name] for name in ORDER_FIELDS))
    order.state = OrderState(order.state)
    return order


def _count(row: Record) -> Count:
    pool = Pool(row["pool"])
    return Count(
        row["lot_id"], pool, row["incarnation"], row["n"], row["occupied"], row["changed_at"]
    )
