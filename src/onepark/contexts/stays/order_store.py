"""The SQL of orders and charges.

Owns: reading what is owed, freezing and dropping charges, forgetting facts.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays.model import Charge, Order, Stay
from onepark.contexts.stays.store import BENEFITS_MAX, benefits_of, order_of, stay_of
from onepark.contexts.tariffs.model import Line
from onepark.infra.db import Record, Tx
from onepark.kernel.types import LotId, OrderNo, PlanId, RevenueKind

_LINES = Decoder(tuple[Line, ...])
_ENCODER = Encoder()


LOCK_ORDER = """
    SELECT car.lot_id FROM stays.stay_order AS o
    JOIN stays.car AS car ON car.lot_id = o.lot_id AND car.car_key = o.car_key
    WHERE o.lot_id = $1 AND o.order_no = $2
    FOR NO KEY UPDATE OF car
"""

READ_ORDER = """
    SELECT o AS stay_order, s AS stay,
        ARRAY(
            SELECT one FROM membership.pub_benefit AS one
            WHERE one.lot_id = ANY(ARRAY[s.lot_id, 0]) AND one.car_key = s.car_key
            ORDER BY one.until_at DESC LIMIT $3
        ) AS benefits
    FROM stays.stay_order AS o
    JOIN stays.stay AS s ON s.lot_id = o.lot_id AND s.stay_id = o.stay_id
    WHERE o.lot_id = $1 AND o.order_no = $2
"""


class OrderCase(NamedTuple):
    """An order with the stay that it is owed for, and what its car has."""

    order: Order
    stay: Stay
    benefits: tuple[Benefit, ...] = ()


async def lock_order(tx: Tx, lot_id: LotId, order_no: OrderNo) -> None:
    """Lock the car of an order; what is read after it holds until the end."""
    await tx.fetchval(LOCK_ORDER, lot_id, order_no)


async def read_order(tx: Tx, lot_id: LotId, order_no: OrderNo) -> OrderCase | None:
    """Return an order with its stay and car, if there is one."""
    row = await tx.fetchrow(READ_ORDER, lot_id, order_no, BENEFITS_MAX)
    return None if row is None else _order_case(row)


UNSETTLED_BY_PLATE = """
    SELECT o AS stay_order, s AS stay,
        ARRAY(
            SELECT one FROM membership.pub_benefit AS one
            WHERE one.lot_id = ANY(ARRAY[s.lot_id, 0]) AND one.car_key = s.car_key
            ORDER BY one.until_at DESC LIMIT $3
        ) AS benefits
    FROM stays.stay_order AS o
    JOIN stays.stay AS s ON s.lot_id = o.lot_id AND s.stay_id = o.stay_id
    WHERE o.plate = $1 AND NOT o.settled
    ORDER BY o.opened_at
    LIMIT $2
"""


async def unsettled_by_plate(tx: Tx, plate: str, *, limit: int) -> list[OrderCase]:
    """Return the orders of a plate that may owe something, oldest first."""
    rows = await tx.fetch(UNSETTLED_BY_PLATE, plate, limit, BENEFITS_MAX)
    return [_order_case(row) for row in rows]


LIVE_CHARGE = """
    SELECT lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at, plan_id, lines,
        revenue_kind
    FROM stays.charge WHERE lot_id = $1 AND order_no = $2 AND state = 'live'
"""


async def live_charge(tx: Tx, lot_id: LotId, order_no: OrderNo) -> Charge | None:
    """Return the charge that may be paid now, if one is frozen."""
    row = await tx.fetchrow(LIVE_CHARGE, lot_id, order_no)
    return None if row is None else _charge(row)


DROP_CHARGE = """
    UPDATE stays.charge SET state = 'dropped'
    WHERE lot_id = $1 AND order_no = $2 AND state = 'live'
"""

# Whose money it is, the first charge says; before it, the archive of when the order was opened.
FREEZE_CHARGE = """
    INSERT INTO stays.charge
        (lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at, plan_id, lines,
         state, frozen_at, revenue_kind)
    SELECT $1, $2, coalesce(max(charge_no), 0) + 1, $3, $4, $5, $6, $7, 'live', $8,
        coalesce(
            min(revenue_kind),
            (SELECT filed.revenue_kind FROM registry.pub_lot_revenue AS filed
             WHERE filed.lot_id = $1 AND filed.since_at <= $9
             ORDER BY filed.since_at DESC LIMIT 1),
            'commercial')
    FROM stays.charge WHERE lot_id = $1 AND order_no = $2
    RETURNING lot_id, order_no, charge_no, operator_id, amount_fen, priced_until_at, plan_id, lines,
        revenue_kind
"""


REVENUE_OF_ORDER = """
    SELECT coalesce(
        (SELECT min(revenue_kind) FROM stays.charge WHERE lot_id = $1 AND order_no = $2),
        (SELECT filed.revenue_kind FROM registry.pub_lot_revenue AS filed
         WHERE filed.lot_id = $1 AND filed.since_at <= $3
         ORDER BY filed.since_at DESC LIMIT 1),
        'commercial')
"""


async def revenue_of_order(tx: Tx, order: Order) -> RevenueKind:
    """Return whose money an order is, as its charges have it or would."""
    key = (order.lot_id, order.order_no)
    return RevenueKind(await tx.fetchval(REVENUE_OF_ORDER, *key, order.opened_at))


async def drop_charge(tx: Tx, lot_id: LotId, order_no: OrderNo) -> None:
    """Give up the frozen charge of an order; a late payment of it still counts."""
    await tx.execute(DROP_CHARGE, lot_id, order_no)


async def freeze_charge(
    tx: Tx, charge: Charge, *, opened_at: datetime, frozen_at: datetime
) -> Charge:
    """Freeze an amount and return it with its number."""
    row = await tx.fetchrow(
        FREEZE_CHARGE,
        charge.lot_id,
        charge.order_no,
        charge.operator_id,
        charge.amount_fen,
        charge.priced_until_at,
        charge.plan_id,
        _ENCODER.encode(charge.lines).decode(),
        frozen_at,
        opened_at,
    )
    return _charge(row)


# Who left is judged however long the worker was away, and what is handed on stays until it was.
DROP_FACTS = """
    WITH dropped AS (
        DELETE FROM stays.outbox WHERE id IN (
            SELECT id FROM stays.outbox
            WHERE recorded_at < $1
                AND (fact = 'stays.entered.v1' OR delivered_at < $1)
            ORDER BY id LIMIT $2)
        RETURNING 1
    )
    SELECT count(*) FROM dropped
"""


async def drop_facts(tx: Tx, before: datetime, *, limit: int) -> int:
    """Delete the oldest facts that nobody acts on, or that were acted on before a moment."""
    dropped: int = await tx.fetchval(DROP_FACTS, before, limit)
    return dropped


MAKE_MONTHS = "SELECT stays.make_passage_months($1)"


async def make_passage_months(tx: Tx, ahead: int) -> int:
    """Make the partitions of this and the next months; return how many were missing."""
    made: int = await tx.fetchval(MAKE_MONTHS, ahead)
    return made


def _order_case(row: Record) -> OrderCase:
    benefits = benefits_of(row["benefits"])
    return OrderCase(order_of(row["stay_order"]), stay_of(row["stay"]), benefits)


def _charge(row: Record | None) -> Charge:
    assert row is not None, "the statement returns its row"
    lot_id, order_no, number, operator_id, amount, until_at, plan_id, lines, kind = row
    plan = None if plan_id is None else PlanId(plan_id)
    decoded, whose = _LINES.decode(lines), RevenueKind(kind)
    return Charge(lot_id, order_no, number, operator_id, amount, until_at, plan, decoded, whose)
