"""Orders of stays, as coupons need them.

Owns: which orders a coupon may be redeemed for, and what coupons took off those that are over.
Never: redeems one.
"""

from collections.abc import Sequence
from itertools import pairwise

from onepark.contexts.membership import coupons
from onepark.contexts.membership import rules as membership
from onepark.contexts.membership.model import CouponOrder, Worth
from onepark.contexts.stays import order_store
from onepark.contexts.stays.case import PriceOf
from onepark.contexts.stays.errors import OrderUnknown
from onepark.contexts.stays.model import OrderState, StayState
from onepark.contexts.stays.numbers import lot_of
from onepark.contexts.stays.ports import Plans
from onepark.contexts.stays.pricing import price_stays
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, OrderNo

ORDERS_MAX = 20


class CouponOrders:
    """Open orders, and orders that are over."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    async def order_for_coupon(self, tx: Tx, order_no: OrderNo) -> CouponOrder | None:
        """Lock an open order and give up its frozen charge; None if there is no such one."""
        case = await self._locked(tx, order_no)
        if case is None or case.stay.state != StayState.OPEN or case.stay.entered_at is None:
            return None
        order = case.order
        await order_store.drop_charge(tx, order.lot_id, order_no)
        await coupons.release(tx, order.lot_id, order_no)
        return CouponOrder(
            order.lot_id, order_no, order.car_key, order.operator_id, case.stay.entered_at
        )

    async def open_orders(self, tx: Tx, plate: str) -> Sequence[OrderNo]:
        """Return the orders of a plate whose cars are inside."""
        cases = await order_store.unsettled_by_plate(tx, plate, limit=ORDERS_MAX)
        return [case.order.order_no for case in cases if case.stay.state == StayState.OPEN]

    async def worth(self, tx: Tx, order_no: OrderNo) -> Worth | None:
        """Lock an order and say what each of its coupons took off; None if it is not over."""
        case = await self._locked(tx, order_no)
        if case is None or not case.order.settled:
            return None
        stay, ended_at = case.stay, case.stay.last_at
        kind = await order_store.revenue_of_order(tx, case.order)
        if case.order.state == OrderState.VOID or stay.entered_at is None or not stay.is_billed:
            return Worth(order_no, ended_at, kind, {})
        redeemed = membership.coupons(case.benefits, stay.entered_at, ended_at)
        passes = tuple(one for one in case.benefits if one not in redeemed)
        asks = [
            PriceOf(stay, ended_at, explained=False, benefits=(*passes, *redeemed[:many]))
            for many in range(len(redeemed) + 1)
        ]
        fees = [quote.amount_fen for quote in price_stays(self._plans, asks)]
        took = [Fen(max(before - after, 0)) for before, after in pairwise(fees)]
        numbers = [one.benefit_id for one in redeemed]
        return Worth(order_no, ended_at, kind, dict(zip(numbers, took, strict=True)))

    async def _locked(self, tx: Tx, order_no: OrderNo) -> order_store.OrderCase | None:
        try:
            lot_id = lot_of(order_no)
        except OrderUnknown:
            return None
        await order_store.lock_order(tx, lot_id, order_no)
        return await order_store.read_order(tx, lot_id, order_no)
