"""WeChat Pay's side of refunds.

Owns: two calls of API v3, and the words by which a refund is refused.
Never: gives one number two refunds, or back more than was paid.
"""

from typing import Annotated
from urllib.parse import unquote, urlsplit

from msgspec import Meta, Struct

from onepark.infra.clock import Clock
from onepark.simulator.providers.courier import Courier
from onepark.simulator.providers.keys import Keys
from onepark.simulator.providers.refunds import (
    AbovePaid,
    Refund,
    RefundBook,
    RefundOrder,
    RefundReused,
    TooMany,
)
from onepark.simulator.providers.trades import Book, Provider, State, Trade
from onepark.simulator.providers.wechat import (
    Refused,
    WechatDesk,
    decode,
    refund_notice,
    rfc3339,
)
from onepark.simulator.providers.wire import Call, Reply


class RefundAmount(Struct, frozen=True):
    refund: Annotated[int, Meta(ge=1)]
    total: Annotated[int, Meta(ge=1)]
    currency: str


class AskRefund(Struct, frozen=True):
    out_trade_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")]
    out_refund_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
    amount: RefundAmount
    notify_url: Annotated[str, Meta(pattern=r"^https?://[^?#]+$", max_length=256)]
    reason: Annotated[str, Meta(max_length=80)] = ""


class WechatRefundDesk(WechatDesk):
    """Takes a merchant's calls, those of refunds too."""

    def __init__(
        self, keys: Keys, clock: Clock, *, book: Book, refunds: RefundBook, courier: Courier
    ) -> None:
        super().__init__(keys, clock, book=book, courier=courier)
        self._refunds = refunds

    async def refund(self, call: Call) -> Reply:
        """POST /v3/refund/domestic/refunds."""
        try:
            self._check_signature(call)
            trade, refund = await self._place_refund(decode(call.body, AskRefund))
            return self._signed(call, 200, _answer(trade, refund))
        except Refused as refused:
            return self._refuse(call, refused)

    async def query_refund(self, call: Call) -> Reply:
        """GET /v3/refund/domestic/refunds/{out_refund_no}."""
        try:
            self._check_signature(call)
            refund_no = unquote(urlsplit(call.target).path.rsplit("/", 1)[1])
            trade, refund = self._find_refund(refund_no)
            return self._signed(call, 200, _answer(trade, refund))
        except Refused as refused:
            return self._refuse(call, refused)

    async def _place_refund(self, asked: AskRefund) -> tuple[Trade, Refund]:
        """Book a refund once; the same again is answered alike."""
        trade = self._book.get(Provider.WECHAT, asked.out_trade_no, now=self._clock.now())
        if trade is None or trade.state is not State.PAID:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "订单号不存在")
        if asked.amount.total != trade.order.amount_fen or asked.amount.currency != "CNY":
            raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致")
        if self._courier.refund_refused(trade):
            raise Refused(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
        order = RefundOrder(
            asked.out_refund_no, asked.amount.refund, asked.reason, asked.notify_url
        )
        try:
            refund, is_new = self._refunds.place(trade, order, self._clock.now())
        except RefundReused:
            sentence = "订单金额或退款金额与之前请求不一致"
            raise Refused(400, "INVALID_REQUEST", sentence) from None
        except AbovePaid:
            raise Refused(400, "INVALID_REQUEST", "申请退款金额超过可退金额") from None
        except TooMany:
            raise Refused(400, "INVALID_REQUEST", "部分退款次数超限") from None
        if is_new:
            await self._courier.take_refund(trade, refund)
        return trade, refund

    def _find_refund(self, refund_no: str) -> tuple[Trade, Refund]:
        for trade in self._book.trades(now=self._clock.now()):
            if trade.order.provider is Provider.WECHAT:
                refund = self._refunds.get(trade, refund_no)
                if refund is not None:
                    return trade, refund
        raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")


def _answer(trade: Trade, refund: Refund) -> dict[str, object]:
    """Return a refund as a call is answered: without the merchant, and with its own word."""
    body = refund_notice(trade, refund)
    del body["mchid"]
    body["status"] = body.pop("refund_status")
    return body | {"create_time": rfc3339(refund.asked_at), "channel": "ORIGINAL"}
