"""What payments needs of its peers.

Owns: the Protocols of channel adapters, of lots, of what can be paid, and of the audit trail.
Never: names a provider.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from onepark.contexts.payments.model import (
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    PayInstruction,
    PayRequest,
    RefundFact,
    RefundRequest,
    Terms,
    TradeFact,
)
from onepark.contexts.registry.model import Lot
from onepark.infra.db import Tx
from onepark.kernel.staff import Change
from onepark.kernel.types import Fen, LotCode, LotId, OrderNo, RevenueKind


class Channel(Protocol):
    """One way to pay, in the words of payments.

    ``create``, ``query`` and ``close`` raise ChannelUnavailable when the outcome is unknown and
    ChannelDeclined when the provider said no. ``query`` answers ABSENT for a trade unknown there.
    ``refund`` and ``query_refund`` do the same; the same refund may be asked for again and again.
    """

    name: str
    merchant: str
    app: str
    terms: Terms
    refund_gap: timedelta  # between two refunds of one trade

    async def create(self, request: PayRequest) -> PayInstruction: ...

    async def query(self, out_trade_no: str) -> TradeFact: ...

    async def close(self, out_trade_no: str) -> None: ...

    async def refund(self, request: RefundRequest) -> RefundFact: ...

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact: ...

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice says; header names are lower case, ``body`` is as received.

        Raises NoticeUnverified or NoticeStale; never asks the network.
        """
        ...

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer: ...


class Archive(Protocol):
    """The lots as they are known now."""

    def lot(self, code: LotCode) -> Lot | None: ...


class FrozenCharge(Protocol):
    """One amount that an attempt pays."""

    @property
    def lot_id(self) -> LotId: ...

    @property
    def order_no(self) -> OrderNo: ...

    @property
    def charge_no(self) -> int: ...

    @property
    def operator_id(self) -> int: ...

    @property
    def amount_fen(self) -> Fen: ...

    @property
    def revenue_kind(self) -> RevenueKind: ...


class Payable(Protocol):
    """What a charge belongs to: stays for parking, membership for passes."""

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> FrozenCharge: ...

    async def settle(
        self, tx: Tx, key: tuple[LotId, OrderNo, int], *, settled_by: str, paid_at: datetime
    ) -> bool: ...

    async def refund_due(self, tx: Tx, order_no: OrderNo) -> Fen:
        """Lock an order and return what it has to give back."""
        ...

    async def refunded(self, tx: Tx, order_no: OrderNo, amount_fen: Fen) -> None:
        """Count out money that was counted in and has gone back."""
        ...


class AuditTrail(Protocol):
    """What staff changed."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...


class RefundWatch(Protocol):
    """Who must know, in the same transaction, that money of an order goes back: invoices."""

    async def refund_reserved(self, tx: Tx, order_no: OrderNo) -> None: ...
