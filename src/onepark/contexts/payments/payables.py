"""What can be paid, by the number of its order.

Owns: which context an order belongs to.
Never: decides what is owed.
"""

from datetime import datetime

from onepark.contexts.membership.numbers import is_members
from onepark.contexts.payments.ports import FrozenCharge, Payable
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, LotId, OrderNo


class Payables:
    """Stays and passes as one thing that can be paid."""

    def __init__(self, *, parking: Payable, members: Payable) -> None:
        self._parking, self._members = parking, members

    def _of(self, order_no: OrderNo) -> Payable:
        return self._members if is_members(order_no) else self._parking

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> FrozenCharge:
        """Freeze what an order owes now."""
        return await self._of(order_no).freeze(tx, order_no, keep=keep)

    async def settle(
        self, tx: Tx, key: tuple[LotId, OrderNo, int], *, settled_by: str, paid_at: datetime
    ) -> bool:
        """Count a paid charge in; False when it was settled before."""
        return await self._of(key[1]).settle(tx, key, settled_by=settled_by, paid_at=paid_at)

    async def refund_due(self, tx: Tx, order_no: OrderNo) -> Fen:
        """Lock an order and return what it has to give back."""
        return await self._of(order_no).refund_due(tx, order_no)

    async def refunded(self, tx: Tx, order_no: OrderNo, amount_fen: Fen) -> None:
        """Count out money that has gone back."""
        await self._of(order_no).refunded(tx, order_no, amount_fen)
