"""The SQL of coupons.

Owns: every statement on membership.coupon and its batches.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.contexts.membership.model import CouponBatch, CouponState, HeldCoupon, NewBenefit
from onepark.contexts.tariffs.model import CouponKind
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen, LotId, OrderNo

ADD_BATCH = """
    INSERT INTO membership.coupon_batch (
        operator_id, merchant, name, kind, value, lots, per_order_max, stacks, budget_fen, from_at,
        until_at, made_by, made_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    RETURNING *
"""

ADD_COUPONS = """
    INSERT INTO membership.coupon (code, batch_id, operator_id, state)
    SELECT code, $2, $3, 'issued' FROM unnest($1::text[]) AS given (code)
"""

STOP_BATCH = """
    UPDATE membership.coupon_batch SET stopped_at = coalesce(stopped_at, $2)
    WHERE batch_id = $1 RETURNING *
"""

BATCHES = """
    SELECT * FROM membership.coupon_batch WHERE batch_id > $1 ORDER BY batch_id LIMIT $2
"""

BATCH = "SELECT * FROM membership.coupon_batch WHERE batch_id = $1"


async def add_batch(tx: Tx, batch: CouponBatch, codes: Sequence[str]) -> CouponBatch:
    """Keep a batch with its coupons, and return it with its number."""
    row = await tx.fetchrow(
        ADD_BATCH,
        *(batch.operator_id, batch.merchant, batch.name, batch.kind, batch.value, batch.lots),
        *(batch.per_order_max, batch.stacks, batch.budget_fen, batch.from_at, batch.until_at),
        *(batch.made_by, batch.made_at),
    )
    made = _batch(row)
    await tx.execute(ADD_COUPONS, codes, made.batch_id, made.operator_id)
    return made


async def stop_batch(tx: Tx, batch_id: int, at: datetime) -> CouponBatch | None:
    """Let no more coupons of a batch be redeemed."""
    row = await tx.fetchrow(STOP_BATCH, batch_id, at)
    return None if row is None else _batch(row)


async def batches(tx: Tx, *, after: int, limit: int) -> list[CouponBatch]:
    """Return batches in the order of their numbers."""
    return [_batch(row) for row in await tx.fetch(BATCHES, after, limit)]


async def batch(tx: Tx, batch_id: int) -> CouponBatch:
    """Return the batch of a coupon."""
    return _batch(await tx.fetchrow(BATCH, batch_id))


LOCK_COUPON = "SELECT state, batch_id, order_no FROM membership.coupon WHERE code = $1 FOR UPDATE"

HELD = """
    SELECT c.code, c.batch_id, b.operator_id, b.merchant, b.stacks, c.benefit_id
    FROM membership.coupon AS c JOIN membership.coupon_batch AS b ON b.batch_id = c.batch_id
    WHERE c.lot_id = $1 AND c.order_no = $2 AND c.state IN ('redeemed', 'frozen')
    ORDER BY c.benefit_id
"""

ADD_BENEFIT = """
    INSERT INTO membership.benefit (
        lot_id, car_key, operator_id, kind, source, source_id, name, from_at, until_at, recorded_at,
        zone, windows, pool, fleet_id, seats, coupon_kind, coupon_value)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    RETURNING benefit_id
"""

REDEEM = """
    UPDATE membership.coupon SET
        state = 'redeemed', redeemed_at = $2, lot_id = $3, order_no = $4, benefit_id = $5,
        look_at = $2
    WHERE code = $1
"""


class LockedCoupon(NamedTuple):
    """A coupon in our hands."""

    state: CouponState
    batch_id: int
    order_no: OrderNo | None


async def lock_coupon(tx: Tx, code: str) -> LockedCoupon | None:
    """Lock a coupon by its code."""
    row = await tx.fetchrow(LOCK_COUPON, code)
    return None if row is None else LockedCoupon(CouponState(row[0]), row[1], row[2])


async def held(tx: Tx, lot_id: LotId, order_no: OrderNo) -> list[HeldCoupon]:
    """Return the coupons of an order that is not over."""
    return [HeldCoupon(*row) for row in await tx.fetch(HELD, lot_id, order_no)]


async def redeem(
    tx: Tx, code: str, benefit: NewBenefit, order_no: OrderNo, *, at: datetime
) -> None:
    """Let a coupon lower what an order costs."""
    benefit_id = await tx.fetchval(ADD_BENEFIT, *benefit)
    await tx.execute(REDEEM, code, at, benefit.lot_id, order_no, benefit_id)


FREEZE = """
    UPDATE membership.coupon SET state = 'frozen', frozen_charge = $3
    WHERE lot_id = $1 AND order_no = $2 AND state = 'redeemed'
"""

RELEASE = """
    UPDATE membership.coupon SET state = 'redeemed', frozen_charge = NULL
    WHERE lot_id = $1 AND order_no = $2 AND state = 'frozen'
"""


async def freeze(tx: Tx, lot_id: LotId, order_no: OrderNo, charge_no: int) -> None:
    """Tie the coupons of an order to a charge that counts them."""
    await tx.execute(FREEZE, lot_id, order_no, charge_no)


async def release(tx: Tx, lot_id: LotId, order_no: OrderNo) -> None:
    """Let the coupons of a charge that was dropped go."""
    await tx.execute(RELEASE, lot_id, order_no)


TO_LOOK_AT = """
    UPDATE membership.coupon SET look_at = $2
    WHERE code IN (
        SELECT code FROM membership.coupon
        WHERE state IN ('redeemed', 'frozen') AND look_at <= $1
        ORDER BY look_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING lot_id, order_no
"""

CONSUME = """
    UPDATE membership.coupon SET state = 'consumed', worth_fen = $2, consumed_at = $3
    WHERE code = $1
"""

SPEND = "UPDATE membership.coupon_batch SET spent_fen = spent_fen + $2 WHERE batch_id = $1"


async def to_look_at(
    tx: Tx, now: datetime, *, again_at: datetime, limit: int
) -> set[tuple[LotId, OrderNo]]:
    """Take orders with coupons that may be over; each is looked at again later."""
    return {tuple(row) for row in await tx.fetch(TO_LOOK_AT, now, again_at, limit)}


async def consume(tx: Tx, coupon: HeldCoupon, worth_fen: Fen, at: datetime) -> None:
    """Keep what a coupon was worth."""
    await tx.execute(CONSUME, coupon.code, worth_fen, at)
    await tx.execute(SPEND, coupon.batch_id, worth_fen)


def _batch(row: Record | None) -> CouponBatch:
    assert row is not None, "the statement returns its row"
    values = dict(row)
    values["lots"], values["kind"] = tuple(map(LotId, values["lots"])), CouponKind(values["kind"])
    return CouponBatch(**values)
