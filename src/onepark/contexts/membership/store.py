"""The SQL of benefits, products and passes.

Owns: what a car has in a lot, what is sold, and who holds it.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.contexts.membership.model import (
    NewBenefit,
    Pass,
    PassState,
    Product,
    ProductKind,
    Source,
)
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, PlateColor, Pool

ADD_BENEFIT = """
    INSERT INTO membership.benefit (
        lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at,
        zone, windows, pool, fleet_id, seats, coupon_kind, coupon_value)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

END_BENEFITS = """
    UPDATE membership.benefit SET until_at = greatest(from_at, $3)
    WHERE source = $1 AND source_id = $2 AND until_at > $3 AND ($4::text IS NULL OR car_key = $4)
"""


async def add_benefits(tx: Tx, benefits: Sequence[NewBenefit]) -> None:
    """Give a car what it has from now on."""
    await tx.executemany(ADD_BENEFIT, benefits)


async def end_benefits(
    tx: Tx, source: Source, source_id: int, at: datetime, *, car_key: str | None = None
) -> None:
    """Let what came from one source end now; time that has passed stays covered."""
    await tx.execute(END_BENEFITS, source, source_id, at, car_key)


COVERS = """
    SELECT one.kind, one.from_at, one.until_at, one.windows, one.zone, one.fleet_id
    FROM membership.benefit AS one
    WHERE one.lot_id = ANY(ARRAY[$1::bigint, 0]) AND one.car_key = $2 AND one.kind = 'pass'
        AND one.from_at <= $3 AND one.until_at > $3
    LIMIT 1
"""


async def has_pass(tx: Tx, lot_id: LotId, car_key: str, at: datetime) -> bool:
    """Tell whether a car has any pass in a lot at a moment."""
    return await tx.fetchrow(COVERS, lot_id, car_key, at) is not None


_PRODUCT = """
    product_id, operator_id, kind, name, lots, zone, months, price_fen, windows, pool, quota,
    needs_proof, on_sale
"""

ADD_PRODUCT = """
    INSERT INTO membership.product (
        operator_id, kind, name, lots, zone, months, price_fen, windows, pool, quota, needs_proof,
        on_sale)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    RETURNING product_id
"""

PRODUCT = f"SELECT {_PRODUCT} FROM membership.product WHERE product_id = $1"  # noqa: S608

LOCK_PRODUCT = f"{PRODUCT} FOR NO KEY UPDATE"

PRODUCTS = f"""
    SELECT {_PRODUCT} FROM membership.product
    WHERE product_id > $1 ORDER BY product_id LIMIT $2
"""  # noqa: S608

OFFERS = f"""
    SELECT {_PRODUCT} FROM membership.product
    WHERE on_sale AND (lots = '{{}}' OR $1 = ANY(lots)) ORDER BY price_fen, product_id LIMIT $2
"""  # noqa: S608

PUT_ON_SALE = (
    "UPDATE membership.product SET on_sale = $2 WHERE product_id = $1 RETURNING operator_id"
)


async def add_product(tx: Tx, product: Product) -> int:
    """Keep a product and return its number."""
    number: int = await tx.fetchval(
        ADD_PRODUCT,
        *(product.operator_id, product.kind, product.name, product.lots, product.zone),
        *(product.months, product.price_fen, product.windows, product.pool, product.quota),
        *(product.needs_proof, product.on_sale),
    )
    return number


async def lock_product(tx: Tx, product_id: int) -> Product | None:
    """Lock a product, so that no more are sold at once than its quota says."""
    row = await tx.fetchrow(LOCK_PRODUCT, product_id)
    return None if row is None else _product(row)


async def product(tx: Tx, product_id: int) -> Product | None:
    """Return a product."""
    row = await tx.fetchrow(PRODUCT, product_id)
    return None if row is None else _product(row)


async def products(tx: Tx, *, after: int, limit: int) -> list[Product]:
    """Return products in the order of their numbers."""
    return [_product(row) for row in await tx.fetch(PRODUCTS, after, limit)]


async def offers(tx: Tx, lot_id: LotId, *, limit: int) -> list[Product]:
    """Return what is sold for a lot, the cheapest first."""
    return [_product(row) for row in await tx.fetch(OFFERS, lot_id, limit)]


async def put_on_sale(tx: Tx, product_id: int, *, on_sale: bool) -> OperatorId | None:
    """Sell a product, or no more; return whose it is."""
    operator_id: OperatorId | None = await tx.fetchval(PUT_ON_SALE, product_id, on_sale)
    return operator_id


_OWN = """
    pass_id, operator_id, product_id, order_no, plate, plate_color, from_at, until_at, state,
    price_fen, paid_fen, refunded_fen, refund_due_fen, made_at, made_by, proof
"""

NEW_ONE = """
    INSERT INTO membership.pass (
        operator_id, product_id, order_no, plate, plate_color, from_at, until_at, state, price_fen,
        made_at, made_by, proof)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    RETURNING pass_id
"""

PASS_OF_ORDER = f"SELECT {_OWN} FROM membership.pass WHERE order_no = $1"  # noqa: S608

LOCK_PASS_OF_ORDER = f"{PASS_OF_ORDER} FOR UPDATE"

LOCK_PASS = f"SELECT {_OWN} FROM membership.pass WHERE pass_id = $1 FOR UPDATE"  # noqa: S608

PASSES = f"""
    SELECT {_OWN} FROM membership.pass
    WHERE pass_id > $1 AND ($2::text IS NULL OR plate = $2) ORDER BY pass_id LIMIT $3
"""  # noqa: S608

# One that is being paid for has its place for a while.
TAKEN = """
    SELECT count(*) FROM membership.pass
    WHERE product_id = $1 AND until_at > $2 AND from_at < $3
        AND (state = 'active' OR state = 'unpaid' AND made_at > $4)
"""

LAST_OF_CAR = """
    SELECT max(until_at) FROM membership.pass
    WHERE product_id = $1 AND plate = $2 AND plate_color = $3 AND state = 'active'
"""

SAVE_ONE = """
    UPDATE membership.pass SET
        from_at = $2, until_at = $3, state = $4, paid_fen = $5, refunded_fen = $6,
        refund_due_fen = $7
    WHERE pass_id = $1
"""


class Taken(NamedTuple):
    """A span in which a pass of a product would be valid."""

    product_id: int
    from_at: datetime
    until_at: datetime


async def add_pass(tx: Tx, made: Pass) -> int:
    """Keep a pass and return its number."""
    number: int = await tx.fetchval(
        NEW_ONE,
        *(made.operator_id, made.product_id, made.order_no, made.plate, made.plate_color),
        *(made.from_at, made.until_at, made.state, made.price_fen),
        *(made.made_at, made.made_by, made.proof),
    )
    return number


async def pass_of_order(tx: Tx, order_no: OrderNo, *, lock: bool = False) -> Pass | None:
    """Return the pass that an order is of."""
    row = await tx.fetchrow(LOCK_PASS_OF_ORDER if lock else PASS_OF_ORDER, order_no)
    return None if row is None else _pass(row)


async def lock_pass(tx: Tx, pass_id: int) -> Pass | None:
    """Lock a pass."""
    row = await tx.fetchrow(LOCK_PASS, pass_id)
    return None if row is None else _pass(row)


async def passes(tx: Tx, *, plate: str | None, after: int, limit: int) -> list[Pass]:
    """Return passes in the order of their numbers."""
    return [_pass(row) for row in await tx.fetch(PASSES, after, plate, limit)]


async def taken(tx: Tx, wanted: Taken, *, unpaid_since: datetime) -> int:
    """Return how many passes of a product are valid in a span."""
    many: int = await tx.fetchval(TAKEN, *wanted, unpaid_since)
    return many


async def last_of_car(
    tx: Tx, product_id: int, plate: str, plate_color: PlateColor
) -> datetime | None:
    """Return when the last active pass of a car ends, if it has one."""
    at: datetime | None = await tx.fetchval(LAST_OF_CAR, product_id, plate, plate_color)
    return at


async def save_pass(tx: Tx, kept: Pass) -> None:
    """Save what a pass has come to."""
    await tx.execute(
        SAVE_ONE,
        *(kept.pass_id, kept.from_at, kept.until_at, kept.state),
        *(kept.paid_fen, kept.refunded_fen, kept.refund_due_fen),
    )


EARN_AT = "UPDATE membership.pass SET earn_at = $2 WHERE pass_id = $1"

TO_EARN = f"""
    SELECT {_OWN}, earned_fen FROM membership.pass
    WHERE earn_at <= $1 ORDER BY earn_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""  # noqa: S608

EARNED = "UPDATE membership.pass SET earned_fen = $2, earn_at = $3 WHERE pass_id = $1"


async def earn_at(tx: Tx, pass_id: int, at: datetime | None) -> None:
    """Say when to see next what of a pass is earned."""
    await tx.execute(EARN_AT, pass_id, at)


async def to_earn(tx: Tx, now: datetime, *, limit: int) -> list[tuple[Pass, Fen]]:
    """Lock passes that may have earned more than stands in the books, and return that too."""
    rows = await tx.fetch(TO_EARN, now, limit)
    return [(_pass(row), Fen(row["earned_fen"])) for row in rows]


async def earned(tx: Tx, pass_id: int, earned_fen: Fen, *, next_at: datetime | None) -> None:
    """Keep what of a pass stands in the books as earned."""
    await tx.execute(EARNED, pass_id, earned_fen, next_at)


def _product(row: Record) -> Product:
    values = dict(row)
    values["kind"], values["pool"] = ProductKind(values["kind"]), Pool(values["pool"])
    values["lots"] = tuple(map(LotId, values["lots"]))
    values["windows"] = None if values["windows"] is None else tuple(values["windows"])
    return Product(**values)


def _pass(row: Record) -> Pass:
    values = dict(row)
    values.pop("earned_fen", None)
    values["state"] = PassState(values["state"])
    values["plate_color"] = PlateColor(values["plate_color"])
    values["paid_fen"] = Fen(values["paid_fen"])
    return Pass(**values)
