"""What reconciliation needs of its peers.

Owns: the Protocols of who writes bills, who reads them, who is asked and told about attempts.
Never: names a provider.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from onepark.contexts.payments.model import RefundFact, TradeFact, Verdict
from onepark.contexts.reconciliation.model import (
    AccountBill,
    BillLine,
    Fetched,
    FileKind,
    Ours,
    TradeBill,
)
from onepark.infra.db import Tx
from onepark.kernel.staff import Change


class BillSource(Protocol):
    """The bills of one channel.

    ``fetch`` raises BillUnready, BillEmpty, or ChannelUnavailable when nothing is known; the
    readers raise BillRefused, and what they return adds up. They are pure and may be slow.
    """

    name: str
    merchant: str
    kinds: tuple[FileKind, ...]

    async def fetch(self, kind: FileKind, day: date) -> Fetched: ...

    def read_trades(self, fetched: Fetched, day: date) -> TradeBill: ...

    def read_funds(self, fetched: Fetched, day: date) -> AccountBill: ...


class StatementReader(Protocol):
    """Reads a bank statement in one documented format; raises BillRefused."""

    def __call__(self, body: bytes) -> AccountBill: ...


class Attempts(Protocol):
    """What payments says of attempts and is told of them."""

    async def believe_bill(self, tx: Tx, channel_name: str, fact: TradeFact) -> Verdict | None: ...

    async def ask_about(self, channel_name: str, attempt_no: str) -> TradeFact: ...


class Refunding(Protocol):
    """What is told of refunds, and asked about."""

    async def apply(self, tx: Tx, channel_name: str, fact: RefundFact) -> Verdict | None: ...

    async def ask_soon(self, tx: Tx, attempt_no: str) -> None: ...


class AuditTrail(Protocol):
    """Where it is written who changed what."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...


class Fees(Protocol):
    """Where fees that a bill names are written down."""

    async def post(self, tx: Tx, charged: Sequence[tuple[BillLine, Ours]]) -> None: ...
