"""What settlement needs of its neighbours.

Owns: one Protocol a neighbour: the books, the archive, the audit trail, and whoever moves money.
Never: names a bank or a provider.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from onepark.contexts.ledger.model import Journal
from onepark.infra.db import Tx
from onepark.kernel.staff import Change
from onepark.kernel.types import LotCode, LotId, OperatorId


class Books(Protocol):
    """Where journals are posted."""

    async def post(self, tx: Tx, journals: Sequence[Journal]) -> None: ...


class KnownLot(Protocol):
    """A lot, as far as contracts go."""

    @property
    def lot_id(self) -> LotId: ...

    @property
    def code(self) -> LotCode: ...

    @property
    def operator_id(self) -> OperatorId: ...


class Archive(Protocol):
    """Where lots are looked up."""

    def lot(self, code: LotCode, /) -> KnownLot | None: ...

    def lot_by_id(self, lot_id: LotId, /) -> KnownLot | None: ...


class AuditTrail(Protocol):
    """Where changes by people are written down."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...


class Transfer(Struct, frozen=True):
    """One payout as whoever moves the money needs it."""

    payout_no: str
    amount_fen: int
    holder: str
    account_no: str
    bank_code: str


class Payer(Struct, frozen=True):
    """The account that payouts leave from."""

    holder: str
    account_no: str
    bank_code: str


class PayoutFile(Struct, frozen=True):
    """What is handed to whoever moves the money."""

    media_type: str
    content: bytes


class PayoutDriver(Protocol):
    """One way to pay out: the same transfers give the same bytes."""

    name: str

    def render(
        self, transfers: Sequence[Transfer], payer: Payer, *, file_no: str, made_at: datetime
    ) -> PayoutFile: ...
