"""What invoices need of their peers.

Owns: the Protocols of invoice providers, of orders, lots and payments, and of who is told.
Never: names a provider.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from onepark.contexts.invoices.model import (
    Document,
    FileFormat,
    InvoiceFile,
    Said,
    ToIssue,
    ToReverse,
)
from onepark.contexts.payments.kept import Kept
from onepark.contexts.registry.model import Lot, Operator
from onepark.contexts.stays.model import Due
from onepark.infra.db import Tx
from onepark.infra.mail import Mail
from onepark.kernel.staff import Change
from onepark.kernel.types import LotId, OperatorId, OrderNo


class InvoiceProvider(Protocol):
    """One way to make out documents, in the words of invoices.

    Every call raises ProviderUnavailable when the outcome is unknown and ProviderDeclined when the
    provider said no. ``issue`` and the red calls may be made again and again: the same number is
    the same document. ``query`` answers ABSENT for an invoice that is unknown there.
    ``red_confirm`` says how the form stands that takes an invoice back; ISSUED: there is none.
    """

    name: str
    documents: frozenset[Document]
    channels: frozenset[str] | None  # through which it must have been paid; None: any
    by_hand: bool  # a person makes the document out and says so

    async def issue(self, asked: ToIssue) -> Said: ...

    async def query(self, asked: ToReverse) -> Said: ...

    async def red_request(self, asked: ToReverse) -> Said: ...

    async def red_confirm(self, asked: ToReverse) -> Said: ...

    async def red_issue(self, asked: ToReverse) -> Said: ...

    async def download(self, asked: ToReverse, file_format: FileFormat) -> InvoiceFile | None: ...


class Orders(Protocol):
    """What is owed for a stay."""

    async def due(self, order_no: OrderNo) -> Due: ...


class Money(Protocol):
    """What stays paid of orders."""

    async def lock(self, tx: Tx, order_nos: Sequence[OrderNo]) -> list[Kept]: ...


class Archive(Protocol):
    """The lots and operators as they are known now."""

    def lot_by_id(self, lot_id: LotId) -> Lot | None: ...

    def operator(self, operator_id: OperatorId) -> Operator | None: ...


class Posts(Protocol):
    """Posts a signed message to a stranger's URL."""

    def why_not(self, url: str) -> str | None:
        """Say why a URL is never called; None if it may be."""
        ...

    async def post(
        self, url: str, body: bytes, *, message_id: str, secrets: Sequence[bytes], at: datetime
    ) -> int:
        """Return the status of the answer; raise ``Unusable`` when there is none."""
        ...


class Mailer(Protocol):
    """Who delivers mail; MailUnsent when it cannot now."""

    async def send(self, mail: Mail) -> None: ...


class AuditTrail(Protocol):
    """What staff changed."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...
