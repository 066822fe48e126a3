"""Refunds of UnionPay, P云 and Jiangsu Bank, which tell nobody of them.

Owns: finding a trade by the number that its provider gave it, and a refund by its own alone.
Never: speaks a dialect.
"""

from datetime import datetime

from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.refunds import (
    AbovePaid,
    Refund,
    RefundBook,
    RefundOrder,
    RefundReused,
    TooMany,
)
from onepark.simulator.providers.trades import State, Trade


class NothingToGiveBack(Exception):
    """There is no such payment, or not so much of it."""


class Refunds:
    """The refunds of one provider."""

    def __init__(self, book: RefundBook, courier: Courier) -> None:
        self._book, self._courier = book, courier
        self._trades: dict[str, Trade] = {}  # by the provider's own number
        self._of: dict[str, tuple[Trade, Refund]] = {}  # by the number of the refund

    def know(self, trade: Trade) -> None:
        """Let a trade be found by the provider's own number."""
        self._trades[trade.provider_txn] = trade

    def trade(self, provider_txn: str) -> Trade:
        """Return a paid trade by the provider's own number."""
        trade = self._trades.get(provider_txn)
        if trade is None or trade.state is not State.PAID:
            raise NothingToGiveBack("no such payment")
        return trade

    async def ask(self, trade: Trade, refund_no: str, amount_fen: int, *, at: datetime) -> Refund:
        """Book a refund once; the same again is answered alike."""
        if self._courier.refund_refused(trade):
            raise NothingToGiveBack("not enough money")
        try:
            order = RefundOrder(refund_no, amount_fen, "", trade.order.notify_url)
            refund, is_new = self._book.place(trade, order, at)
        except (RefundReused, AbovePaid, TooMany) as error:
            raise NothingToGiveBack(type(error).__name__) from error
        self._of[refund_no] = (trade, refund)
        if is_new:
            await self._courier.take_refund(trade, refund)
        return refund

    def find(self, refund_no: str) -> tuple[Trade, Refund] | None:
        """Return a refund by its own number, with its trade."""
        return self._of.get(refund_no)
