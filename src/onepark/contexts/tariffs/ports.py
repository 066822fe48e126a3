"""What tariffs needs of its neighbours.

Owns: one Protocol a neighbour: the registry's lots, and the audit trail.
Never: names their own types.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from onepark.infra.db import Tx
from onepark.kernel.staff import Change
from onepark.kernel.types import LotCode, LotId, OperatorId


class KnownLot(Protocol):
    """A lot, as far as a price goes."""

    @property
    def lot_id(self) -> LotId: ...

    @property
    def operator_id(self) -> OperatorId: ...

    @property
    def price_form(self) -> str:
        """Return who sets the lot's price."""
        ...


@runtime_checkable
class LotDirectory(Protocol):
    """Where lots and operators are looked up."""

    def lot(self, code: LotCode, /) -> KnownLot | None: ...

    def operator(self, operator_id: OperatorId, /) -> object | None: ...


class AuditTrail(Protocol):
    """Where changes by people are written down."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None:
        """Write the changes in the transaction that makes them."""
        ...
