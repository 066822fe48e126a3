"""What stays paid of an order.

Owns: what came in for an order less what went back or may, under the locks that both need.
Never: changes anything, or counts what an order never counted.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from onepark.contexts.payments import refund_store
from onepark.contexts.payments.model import Attempt
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, OrderNo, RevenueKind


class KeptPayment(Struct, frozen=True):
    """What is left of one payment."""

    payment_no: str
    channel: str
    provider_txn: str
    amount_fen: Fen
    paid_at: datetime
    revenue_kind: RevenueKind


class Kept(Struct, frozen=True):
    """What is left of all payments of an order."""

    order_no: OrderNo
    payments: tuple[KeptPayment, ...]

    @property
    def amount_fen(self) -> Fen:
        """Return their sum."""
        return Fen(sum(one.amount_fen for one in self.payments))


class KeptMoney:
    """Asked by whoever must not promise more than stays paid."""

    async def lock(self, tx: Tx, order_nos: Sequence[OrderNo]) -> list[Kept]:
        """Lock the payments of orders and say what stays of them: nothing goes back meanwhile."""
        paid = await refund_store.lock_paid_attempts(tx, list(order_nos))
        back = await refund_store.back_by_attempt(tx, paid)
        payments: dict[OrderNo, list[KeptPayment]] = {one: [] for one in sorted(order_nos)}
        for one in paid:
            left = Fen(one.amount_fen - back.get(one.attempt_no, 0))
            if left > 0:
                payments[one.order_no].append(_left(one, left))
        return [Kept(order_no, tuple(left)) for order_no, left in payments.items()]


def _left(paid: Attempt, amount_fen: Fen) -> KeptPayment:
    assert paid.paid_at is not None, "it was paid at a time"
    return KeptPayment(
        *(paid.attempt_no, paid.channel, paid.provider_txn or paid.attempt_no),
        amount_fen=amount_fen,
        paid_at=paid.paid_at,
        revenue_kind=paid.revenue_kind,
    )
