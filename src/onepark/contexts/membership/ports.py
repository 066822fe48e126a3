"""What members need of their peers.

Owns: one Protocol a peer: the archive of lots, the orders of stays, and the audit trail.
Never: holds code.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from onepark.contexts.membership.model import CouponOrder, Worth
from onepark.infra.db import Tx
from onepark.kernel.staff import Change
from onepark.kernel.types import LotCode, LotId, OperatorId, OrderNo


class KnownLot(Protocol):
    """A lot, as far as members go."""

    @property
    def lot_id(self) -> LotId: ...

    @property
    def code(self) -> LotCode: ...

    @property
    def operator_id(self) -> OperatorId: ...


class Archive(Protocol):
    """The lots as they are known now."""

    def lot(self, code: LotCode, /) -> KnownLot | None: ...

    def lot_by_id(self, lot_id: LotId, /) -> KnownLot | None: ...


class Parking(Protocol):
    """The orders of stays that coupons are redeemed for."""

    async def order_for_coupon(self, tx: Tx, order_no: OrderNo) -> CouponOrder | None:
        """Lock an open order; what was frozen of it is priced anew. None: there is none."""
        ...

    async def open_orders(self, tx: Tx, plate: str) -> Sequence[OrderNo]: ...

    async def worth(self, tx: Tx, order_no: OrderNo) -> Worth | None:
        """Lock an order and say what coupons took off; None: it is not over."""
        ...


class AuditTrail(Protocol):
    """Where changes by people are written down."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...
