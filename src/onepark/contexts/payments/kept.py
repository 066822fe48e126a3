"""What stays paid of an order.

Owns: what came in for an order less what went back or may, under the locks that both need.
Never: changes anything, or counts what an order never counted.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from onepark.contexts.payments import refund_store
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
        return [await self._lock(tx, order_no) for order_no in sorted(set(order_nos))]

    async def _lock(self, tx: Tx, order_no: OrderNo) -> Kept:
        paid = await refund_store.lock_paid_attempts(tx, order_no)
        back = await refund_store.back_by_attempt(tx, paid)
        payments: list[KeptPayment] = []
        for one in paid:
            assert one.paid_at is not None, "it was paid at a time"
            left = Fen(one.amount_fen - back.get(one.attempt_no, 0))
            if left > 0:
                txn = one.provider_txn or one.attempt_no
                payments.append(
                    KeptPayment(
                        *(one.attempt_no, one.channel, txn),
                        amount_fen=left,
                        paid_at=one.paid_at,
                        revenue_kind=one.revenue_kind,
                    )
                )
        return Kept(order_no, tuple(payments))
