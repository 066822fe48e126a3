"""A payment channel that believes whoever says the word, and remembers what it was asked."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from onepark.contexts.payments.errors import NoticeStale, NoticeUnverified
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
    TradeState,
)
from tests.fakes.refunder import Refunder


class OpenChannel:
    """Notices are msgspec JSON of Notice under the header word=please."""

    name, merchant, app = "open", "m", "a"
    refund_gap = timedelta(seconds=3)

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.asked: list[PayRequest] = []
        self.closed: list[str] = []
        self.facts: dict[str, TradeFact] = {}
        self.during_create: Callable[[PayRequest], Awaitable[None]] | None = None
        self.refusal: Exception | None = None
        self.refunds = Refunder(self.merchant)

    async def create(self, request: PayRequest) -> PayInstruction:
        self.asked.append(request)
        if self.during_create is not None:
            await self.during_create(request)
        if self.refusal is not None:
            raise self.refusal
        return PayInstruction("qr", f"open://{request.out_trade_no}")

    async def query(self, out_trade_no: str) -> TradeFact:
        absent = TradeFact(out_trade_no, TradeState.ABSENT, self.merchant, self.app)
        return self.facts.get(out_trade_no, absent)

    async def close(self, out_trade_no: str) -> None:
        self.closed.append(out_trade_no)

    async def refund(self, request: RefundRequest) -> RefundFact:
        return self.refunds.refund(request)

    async def query_refund(self, refund_no: str, *, out_trade_no: str) -> RefundFact:
        return self.refunds.query(refund_no, out_trade_no)

    def verify_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        if headers.get("word") == "stale":
            fact = msgspec.json.decode(body, type=Notice).fact
            raise NoticeStale("stale", out_trade_no=fact.out_trade_no if fact else None)
        if headers.get("word") != "please":
            raise NoticeUnverified("the word is missing")
        return msgspec.json.decode(body, type=Notice)

    def answer(self, verdict: NoticeVerdict) -> NoticeAnswer:
        status = {NoticeVerdict.STORED: 200, NoticeVerdict.REFUSED: 401}.get(verdict, 503)
        return NoticeAnswer(status, "text/plain", verdict.value.encode())
