"""The SQL of the passage path.

Owns: lock and load, the first two of the three statements of a batch.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import NamedTuple

from msgspec.json import Decoder

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays.misreads import CANDIDATES_MAX, RECENT_MAX, may_be_misread
from onepark.contexts.stays.model import (
    Answer,
    Candidate,
    Car,
    Order,
    OrderState,
    Passage,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.stays.moments import CONFIRMS, REREAD
from onepark.infra.db import Record, Tx
from onepark.infra.traces import as_part
from onepark.kernel.types import LotId, Pool

_ANSWERS = Decoder(Answer)
BENEFITS_MAX = 32  # of one car in one lot; the last ones count

# By name: a column that a later version adds must not trouble the code of today.
_STAY, _ORDER = itemgetter(*Stay.__struct_fields__), itemgetter(*Order.__struct_fields__)
_BENEFIT = itemgetter(*Benefit._fields)
# Looking a member up costs a tenth of calling its class, and millions of rows are read a day.
POOLS = {one.value: one for one in Pool}
_STAY_STATES = {one.value: one for one in StayState}
_ORDER_STATES = {one.value: one for one in OrderState}


class Loaded(NamedTuple):
    """What the database knew of one passage and its car."""

    fingerprint: bytes | None  # of an earlier passage under this id
    answer: Answer | None
    car: Car
    open: StayAndOrder | None
    last: StayAndOrder | None
    block: int  # the first of 4,096 stay numbers that only this batch gets
    others: Sequence[Record] | None  # the cars in the lots of unmatched exits; first row only
    benefits: tuple[Benefit, ...] = ()


# In the order of the keys: every batch takes its locks in one order. DO UPDATE … WHERE false locks
# a car's row and writes nothing.
LOCK = """
    INSERT INTO stays.car (lot_id, car_key, operator_id)
    SELECT lot_id, car_key, operator_id FROM unnest($1::stays.car_name_row[])
    ORDER BY lot_id, car_key
    ON CONFLICT (lot_id, car_key) DO UPDATE SET operator_id = excluded.operator_id WHERE false
"""

CarName = tuple[int, str, int]  # lot, key and operator of a car


@as_part("stays.lock")
async def lock(tx: Tx, passages: Sequence[Passage], *, also: Collection[CarName] = ()) -> None:
    """Lock the rows of the passages' cars, and those of other cars; a new car gets its row."""
    cars = {(one.lot_id, one.car_key, one.operator_id) for one in passages}
    await tx.execute(LOCK, list(cars.union(also)))


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
                AND coalesce(given.seen_at > before.exited_at + $2::interval, true) AS asks
        FROM unnest($1::stays.asking_row[]) WITH ORDINALITY
            AS given (lot_id, device_id, passage_id, car_key, seen_at, may_ask, place)
        JOIN stays.car AS car ON car.lot_id = given.lot_id AND car.car_key = given.car_key
        LEFT JOIN stays.claim AS claim
            ON claim.lot_id = given.lot_id AND claim.device_id = given.device_id
            AND claim.passage_id = given.passage_id
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
        ARRAY(
            SELECT one FROM membership.pub_benefit AS one
            WHERE one.lot_id = ANY(ARRAY[known.lot_id, 0]) AND one.car_key = known.car_key
            ORDER BY one.until_at DESC LIMIT $6
        ) AS benefits,
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
                    ORDER BY o.opened_at DESC LIMIT $3
                ) AS unpriced
                JOIN stays.stay AS s ON s.lot_id = lot.lot_id AND s.stay_id = unpriced.stay_id
                WHERE s.state = 'open'
                UNION ALL
                SELECT s.* FROM (
                    SELECT * FROM stays.stay AS s WHERE s.lot_id = lot.lot_id
                    ORDER BY s.stay_id DESC LIMIT $5
                ) AS s
                WHERE s.state = 'closed' AND s.plate <> ''
                    AND s.exited_at BETWEEN lot.first_at - $4::interval AND lot.last_at
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


@as_part("stays.load")
async def load(tx: Tx, passages: Sequence[Passage]) -> list[Loaded]:
    """Return, in the order asked, the earlier answers and what is known of the cars."""
    rows = await tx.fetch(
        LOAD,
        [
            (
                one.lot_id,
                one.device_id,
                one.passage_id,
                one.car_key,
                one.seen_at,
                may_be_misread(one),
            )
            for one in passages
        ],
        CONFIRMS,
        CANDIDATES_MAX,
        REREAD,
        RECENT_MAX,
        BENEFITS_MAX,
    )
    return [_loaded(passage, row) for passage, row in zip(passages, rows, strict=True)]


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
        benefits_of(row["benefits"]),
    )


def benefits_of(rows: Sequence[Record]) -> tuple[Benefit, ...]:
    """Return rows of membership.pub_benefit as nouns, the oldest first."""
    return tuple(sorted(Benefit(*_BENEFIT(row)) for row in rows)) if rows else ()


def pair_of(stay: Record | None, order: Record | None) -> StayAndOrder | None:
    """Return a stay with its order, if there is one."""
    if stay is None:
        return None
    return StayAndOrder(stay_of(stay), None if order is None else order_of(order))


def stay_of(row: Record) -> Stay:
    """Return a row of stays.stay as a noun."""
    stay = Stay(*_STAY(row))
    stay.pool, stay.state = POOLS[stay.pool], _STAY_STATES[stay.state]
    return stay


def order_of(row: Record) -> Order:
    """Return a row of stays.stay_order as a noun."""
    order = Order(*_ORDER(row))
    order.state = _ORDER_STATES[order.state]
    return order
