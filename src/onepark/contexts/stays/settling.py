"""Counting payments in, one or as many as came together.

Owns: the locks and statements of it in their order, and the fact that each one publishes.
Never: settles a charge twice, or opens a transaction.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from onepark.contexts.stays import meters, money, settle_store
from onepark.contexts.stays.events import OrderPaid
from onepark.contexts.stays.model import Stay, StayState
from onepark.contexts.stays.order_store import OrderCase
from onepark.infra import faults
from onepark.infra.db import Tx
from onepark.kernel.types import PaidCharge

GraceOf = Callable[[Stay], timedelta]


async def settle(tx: Tx, paid: Sequence[PaidCharge], *, grace_of: GraceOf) -> list[bool]:
    """Count paid charges in; False for each that was settled before: its money is surplus.

    Of two payments of one charge that come together, the first settles it.
    """
    first = {one.key: one for one in reversed(paid)}
    orders = {(one.lot_id, one.order_no) for one in paid}
    await settle_store.lock_orders(tx, orders)
    amounts = await settle_store.settle_charges(tx, first.values())
    settled = [one.key in amounts and first[one.key] is one for one in paid]
    orders = {(lot_id, order_no) for lot_id, order_no, _ in amounts}
    if not orders:
        return settled
    cases = await settle_store.read_orders(tx, orders)
    facts = []
    for one in (one for one, counts in zip(paid, settled, strict=True) if counts):
        case, amount = cases[one.lot_id, one.order_no], amounts[one.key]
        grace = grace_of(case.stay)
        money.settle(case.order, case.stay, amount_fen=amount, paid_at=one.paid_at, grace=grace)
        facts.append(_paid(case))
        meters.paid(case.order)
    await settle_store.drop_charges(tx, orders)  # each was priced without what was paid now
    await settle_store.save_money(tx, [case.order for case in cases.values()])
    await settle_store.post(tx, facts)
    faults.point("stays.settled")
    return settled


def _paid(case: OrderCase) -> OrderPaid:
    order = case.order
    return OrderPaid(
        lot_id=order.lot_id,
        stay_id=order.stay_id,
        order_no=order.order_no,
        still_inside=case.stay.state == StayState.OPEN,
        plate=order.plate,
        car_key=order.car_key,
        covered_until_at=order.covered_until_at,
        asked_lane=order.asked_lane,
        asked_device_id=order.asked_device_id,
        asked_passage_id=order.asked_passage_id,
        asked_at=order.asked_at,
    )
