"""What a provider knows of refunds.

Owns: the refunds of trades, each number once, and their bounds: never above what was paid.
Never: speaks a dialect, signs, or sends.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from secrets import token_hex

from msgspec import Struct

from onepark.simulator.providers.trades import DELIVERIES_KEPT, Delivery, Trade

REFUNDS_OF_TRADE_MAX = 50


class RefundState(StrEnum):
    PROCESSING = "processing"
    SUCCESS = "success"
    ABNORMAL = "abnormal"
    CLOSED = "closed"


class RefundOrder(Struct, frozen=True):
    """What a merchant asked for; the same number must always ask for the same."""

    refund_no: str
    amount_fen: int
    reason: str
    notify_url: str


@dataclass
class Refund:
    """A refund and what became of it."""

    order: RefundOrder
    asked_at: datetime
    provider_refund: str
    event_id: str  # the same over every notice of this refund
    state: RefundState = RefundState.PROCESSING
    ended_at: datetime | None = None
    so_far_fen: int = 0  # went back of the trade, when this one did
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=DELIVERIES_KEPT))


class RefundReused(Exception):
    """One number came with two contents."""


class AbovePaid(Exception):
    """More would go back than was paid."""


class TooMany(Exception):
    """A trade has had as many refunds as it may."""


class RefundBook:
    """Every refund since the start, by trade."""

    def __init__(self) -> None:
        self._refunds: dict[str, dict[str, Refund]] = {}

    def of(self, trade: Trade) -> list[Refund]:
        """Return the refunds of a trade, in order of coming."""
        return list(self._refunds.get(_key(trade), {}).values())

    def get(self, trade: Trade, refund_no: str) -> Refund | None:
        """Return one refund of a trade."""
        return self._refunds.get(_key(trade), {}).get(refund_no)

    def place(self, trade: Trade, order: RefundOrder, now: datetime) -> tuple[Refund, bool]:
        """Return the refund of an order and whether it is new."""
        earlier = self.get(trade, order.refund_no)
        if earlier is not None:
            if earlier.order != order:
                raise RefundReused
            return earlier, False
        known = self.of(trade)
        if len(known) >= REFUNDS_OF_TRADE_MAX:
            raise TooMany
        taken = sum(one.order.amount_fen for one in known if one.state is not RefundState.CLOSED)
        if taken + order.amount_fen > trade.order.amount_fen:
            raise AbovePaid
        refund = Refund(
            order,
            asked_at=now,
            provider_refund=f"5{now:%Y%m%d%H%M%S}{int(token_hex(6), 16) % 10**14:014d}",
            event_id=f"EV-{now:%Y%m%d}{token_hex(8)}",
        )
        self._refunds.setdefault(_key(trade), {})[order.refund_no] = refund
        return refund, True

    def end(self, trade: Trade, refund: Refund, state: RefundState, now: datetime) -> None:
        """Let a refund come to its end; one that reached the payer stays so."""
        if refund.state is RefundState.SUCCESS:
            return
        refund.state, refund.ended_at = state, now
        refund.so_far_fen = self.back_fen(trade)

    def back_fen(self, trade: Trade) -> int:
        """Return what went back of a trade."""
        done = (one for one in self.of(trade) if one.state is RefundState.SUCCESS)
        return sum(one.order.amount_fen for one in done)


def _key(trade: Trade) -> str:
    return f"{trade.order.provider}:{trade.order.out_trade_no}"
