"""Alipay's side of refunds.

Owns: two calls of the form gateway, and the words by which a refund is refused.
Never: says that a refund was done before the money moved, or gives one number two refunds.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.simulator.providers.alipay import (
    AlipayDesk,
    NumberText,
    OfTrade,
    Refused,
    YuanText,
    decode,
    fen,
    stamp,
    yuan,
)
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.keys import Keys
from onepark.simulator.providers.refunds import (
    AbovePaid,
    Refund,
    RefundBook,
    RefundOrder,
    RefundReused,
    RefundState,
    TooMany,
)
from onepark.simulator.providers.trades import Book, Trade

APART = timedelta(seconds=2.5)  # it asks for three seconds; a clock's rounding is forgiven


class AskRefund(Struct, frozen=True):
    out_trade_no: NumberText
    refund_amount: YuanText
    out_request_no: NumberText
    refund_reason: Annotated[str, Meta(max_length=256)] = ""


class OfRefund(OfTrade, frozen=True):
    out_request_no: NumberText


class AlipayRefundDesk(AlipayDesk):
    """Takes an app's calls, those of refunds too."""

    def __init__(
        self, keys: Keys, clock: Clock, *, book: Book, refunds: RefundBook, courier: Courier
    ) -> None:
        super().__init__(keys, clock, book=book, courier=courier)
        self._refunds = refunds
        self._calls["alipay.trade.refund"] = self._refund
        self._calls["alipay.trade.fastpay.refund.query"] = self._query_refund

    async def _refund(self, given: Mapping[str, str]) -> dict[str, str]:
        asked = decode(given, AskRefund)
        trade = self._scanned(asked.out_trade_no)
        back_fen = self._back_fen(trade)
        refund = await self._place_refund(trade, asked)
        moved = refund.state is RefundState.SUCCESS and self._back_fen(trade) > back_fen
        answer = {
            "out_trade_no": trade.order.out_trade_no,
            "trade_no": trade.provider_txn,
            "buyer_logon_id": "sim***@example.com",
            "fund_change": "Y" if moved else "N",
            "refund_fee": yuan(self._back_fen(trade)),
        }
        return answer | ({"gmt_refund_pay": stamp(refund.ended_at)} if refund.ended_at else {})

    async def _place_refund(self, trade: Trade, asked: AskRefund) -> Refund:
        """Book a refund once; the same again moves nothing."""
        now = self._clock.now()
        self._check_pace(trade, asked.out_request_no)
        if self._courier.refund_refused(trade):
            raise Refused("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")
        order = RefundOrder(
            asked.out_request_no,
            fen(asked.refund_amount),
            asked.refund_reason,
            trade.order.notify_url,
        )
        if order.amount_fen < 1:
            raise Refused("40004", "ACQ.INVALID_PARAMETER", "退款金额无效")
        try:
            refund, is_new = self._refunds.place(trade, order, now)
        except RefundReused:
            raise Refused("40004", "ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求") from None
        except AbovePaid:
            raise Refused("40004", "ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效") from None
        except TooMany:
            raise Refused("40004", "ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款") from None
        if is_new:
            await self._courier.take_refund(trade, refund)
        return refund

    def _check_pace(self, trade: Trade, refund_no: str) -> None:
        """Refuse another refund of a trade that had one a moment ago."""
        others = [one for one in self._refunds.of(trade) if one.order.refund_no != refund_no]
        if others and self._clock.now() - others[-1].asked_at < APART:
            raise Refused("40004", "ACQ.SYSTEM_ERROR", "同一笔交易退款过于频繁")

    async def _query_refund(self, given: Mapping[str, str]) -> dict[str, str]:
        """Tell of a refund that reached the payer; of any other this answer says nothing."""
        asked = decode(given, OfRefund)
        trade = self._scanned(asked.out_trade_no)
        refund = self._refunds.get(trade, asked.out_request_no)
        if refund is None or refund.state is not RefundState.SUCCESS:
            return {}
        return {
            "out_trade_no": trade.order.out_trade_no,
            "trade_no": trade.provider_txn,
            "out_request_no": refund.order.refund_no,
            "total_amount": yuan(trade.order.amount_fen),
            "refund_amount": yuan(refund.order.amount_fen),
            "refund_status": "REFUND_SUCCESS",
            "gmt_refund_pay": stamp(refund.ended_at or refund.asked_at),
        }

    def _back_fen(self, trade: Trade) -> int:
        return self._refunds.back_fen(trade)
