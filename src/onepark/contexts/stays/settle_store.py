"""The SQL of settling charges.

Owns: the statements by which payments are counted in, as many together as came together, and how
what they or refunds change of orders is saved.
Never: decides what a payment does to an order.
"""

from collections.abc import Collection, Sequence

from onepark.contexts.stays.events import OrderPaid
from onepark.contexts.stays.model import Order
from onepark.contexts.stays.order_store import OrderCase
from onepark.contexts.stays.store import order_of, stay_of
from onepark.infra.db import Tx, columns_of
from onepark.kernel.events import encode, name_of
from onepark.kernel.types import Fen, LotId, OrderNo, PaidCharge

OrderKey = tuple[LotId, OrderNo]
ChargeKey = tuple[LotId, OrderNo, int]

# In the order in which passages lock them.
LOCK_ORDERS = """
    SELECT car.lot_id
    FROM unnest($1::bigint[], $2::text[]) AS paid (lot_id, order_no)
    JOIN stays.stay_order AS o ON o.lot_id = paid.lot_id AND o.order_no = paid.order_no
    JOIN stays.car AS car ON car.lot_id = o.lot_id AND car.car_key = o.car_key
    ORDER BY car.lot_id, car.car_key
    FOR NO KEY UPDATE OF car
"""

SETTLE_CHARGES = """
    UPDATE stays.charge AS charge
    SET state = 'settled', settled_by = paid.settled_by, settled_at = paid.paid_at
    FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[])
        AS paid (lot_id, order_no, charge_no, settled_by, paid_at)
    WHERE charge.lot_id = paid.lot_id AND charge.order_no = paid.order_no
        AND charge.charge_no = paid.charge_no AND charge.state <> 'settled'
    RETURNING charge.lot_id, charge.order_no, charge.charge_no, charge.amount_fen
"""

READ_ORDERS = """
    SELECT o AS stay_order, s AS stay
    FROM unnest($1::bigint[], $2::text[]) AS paid (lot_id, order_no)
    JOIN stays.stay_order AS o ON o.lot_id = paid.lot_id AND o.order_no = paid.order_no
    JOIN stays.stay AS s ON s.lot_id = o.lot_id AND s.stay_id = o.stay_id
"""

DROP_CHARGES = """
    UPDATE stays.charge AS charge SET state = 'dropped'
    FROM unnest($1::bigint[], $2::text[]) AS paid (lot_id, order_no)
    WHERE charge.lot_id = paid.lot_id AND charge.order_no = paid.order_no
        AND charge.state = 'live'
"""

SAVE_MONEY = """
    UPDATE stays.stay_order AS kept SET
        state = paid.state, owed_fen = paid.owed_fen, paid_fen = paid.paid_fen,
        written_off_fen = paid.written_off_fen, refund_due_fen = paid.refund_due_fen,
        covered_until_at = paid.covered_until_at, settled = paid.settled
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::timestamptz[], $9::boolean[])
        AS paid (lot_id, order_no, state, owed_fen, paid_fen, written_off_fen, refund_due_fen,
            covered_until_at, settled)
    WHERE kept.lot_id = paid.lot_id AND kept.order_no = paid.order_no
"""

POST = """
    INSERT INTO stays.outbox (fact, payload, aggregate)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
"""


async def lock_orders(tx: Tx, orders: Collection[OrderKey]) -> None:
    """Lock the cars of orders in the order of their keys; what is read after it holds."""
    await tx.fetch(LOCK_ORDERS, *columns_of(orders))


async def settle_charges(tx: Tx, paid: Collection[PaidCharge]) -> dict[ChargeKey, Fen]:
    """Settle charges and return the amounts of those that were not settled before."""
    rows = await tx.fetch(SETTLE_CHARGES, *columns_of(paid))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def read_orders(tx: Tx, orders: Collection[OrderKey]) -> dict[OrderKey, OrderCase]:
    """Return orders with their stays."""
    rows = await tx.fetch(READ_ORDERS, *columns_of(orders))
    cases = [OrderCase(order_of(row["stay_order"]), stay_of(row["stay"])) for row in rows]
    return {(case.order.lot_id, case.order.order_no): case for case in cases}


async def drop_charges(tx: Tx, orders: Collection[OrderKey]) -> None:
    """Give up the frozen charges of orders; a late payment of one still counts."""
    await tx.execute(DROP_CHARGES, *columns_of(orders))


async def save_money(tx: Tx, orders: Sequence[Order]) -> None:
    """Save what payments and refunds changed of their orders."""
    rows = [
        (
            *(one.lot_id, one.order_no, one.state, one.owed_fen, one.paid_fen),
            *(one.written_off_fen, one.refund_due_fen, one.covered_until_at, one.settled),
        )
        for one in orders
    ]
    await tx.execute(SAVE_MONEY, *columns_of(rows))


async def post(tx: Tx, facts: Sequence[OrderPaid]) -> None:
    """Publish facts of orders that this transaction holds the locks of."""
    rows = [(name_of(fact), encode(fact), fact.order_no) for fact in facts]
    await tx.execute(POST, *columns_of(rows, width=3))
