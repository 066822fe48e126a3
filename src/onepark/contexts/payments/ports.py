"""What payments needs of its peers.

Owns: the Protocol that every channel adapter implements, and that of what can be paid.
Never: names a provider.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from onepark.contexts.payments.model import (
    Notice,
    NoticeAnswer,
    NoticeVerdict,
    PayInstruction,
    PayRequest,
    Terms,
    TradeFact,
)
from onepark.contexts.stays.model import Charge
from onepark.infra.db import Tx
from onepark.kernel.types import LotId, OrderNo


class Channel(Protocol):
    """One way to pay, in the words of payments.

    ``create``, ``query`` and ``close`` raise ChannelUnavailable when the outcome is unknown and
    ChannelDeclined when the provider said no. ``query`` answers ABSENT for a trade unknown there.
    """

    name: str
    merchant: str
    app: str
    terms: Terms

    async def create(self, request: PayRequest) -> PayInstruction: ...

    async def query(self, out_trade_no: str) -> TradeFact: ...

    async def close(self, out_trade_no: str) -> None: ...

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Return what a notice says; header names are lower case, ``body`` is as received.

        Raises NoticeUnverified or NoticeStale; never asks the network.
        """
        ...

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer: ...


class Payable(Protocol):
    """What a charge belongs to: stays, for parking."""

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> Charge: ...

    async def settle(
        self, tx: Tx, key: tuple[LotId, OrderNo, int], *, settled_by: str, paid_at: datetime
    ) -> bool: ...
