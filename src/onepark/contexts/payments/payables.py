"""What can be paid, by the number of its order.

Owns: which context an order belongs to.
Never: decides what is owed.
"""

from collections.abc import Sequence

from onepark.contexts.membership.numbers import is_members
from onepark.contexts.payments.ports import FrozenCharge, Payable
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, OrderNo, PaidCharge


class Payables:
    """Stays and passes as one thing that can be paid."""

    def __init__(self, *, parking: Payable, members: Payable) -> None:
        self._parking, self._members = parking, members

    def _of(self, order_no: OrderNo) -> Payable:
        return self._members if is_members(order_no) else self._parking

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> FrozenCharge:
        """Freeze what an order owes now."""
        return await self._of(order_no).freeze(tx, order_no, keep=keep)

    async def settle(self, tx: Tx, paid: Sequence[PaidCharge]) -> list[bool]:
        """Count paid charges in, those of parking first; False for each whose money is surplus."""
        owed: dict[int, bool] = {}
        for payable in (self._parking, self._members):
            places = [at for at, one in enumerate(paid) if self._of(one.order_no) is payable]
            if places:
                settled = await payable.settle(tx, [paid[at] for at in places])
                owed.update(zip(places, settled, strict=True))
        return [owed[at] for at in range(len(paid))]

    async def refund_due(self, tx: Tx, order_no: OrderNo) -> Fen:
        """Lock an order and return what it has to give back."""
        return await self._of(order_no).refund_due(tx, order_no)

    async def refunded(self, tx: Tx, order_no: OrderNo, amount_fen: Fen) -> None:
        """Count out money that has gone back."""
        await self._of(order_no).refunded(tx, order_no, amount_fen)
