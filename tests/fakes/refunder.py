"""A provider's book of refunds, as far as a channel that believes anybody has one.

Owns: what really went back, by number, and how the provider behaves.
Never: looks into the platform.
"""

from dataclasses import dataclass, field

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import RefundFact, RefundRequest, RefundWord
from onepark.kernel.types import Fen


@dataclass
class Booked:
    """A refund that the provider accepted."""

    request: RefundRequest
    word: RefundWord


@dataclass
class Refunder:
    """Takes refunds of trades, each number once; above what was paid it declines."""

    merchant: str
    books: dict[str, Booked] = field(default_factory=dict)
    accepts_as: RefundWord = RefundWord.SUCCESS
    loses: int = 0  # requests that get lost before they are booked
    silent: int = 0  # answers that get lost after it
    refusal: Exception | None = None
    asked: list[RefundRequest] = field(default_factory=list)

    def refund(self, request: RefundRequest) -> RefundFact:
        """Book a refund, or find the one of this number."""
        self.asked.append(request)
        if self.loses:
            self.loses -= 1
            raise ChannelUnavailable("the request got lost")
        if self.refusal is not None:
            raise self.refusal
        booked = self.books.get(request.refund_no)
        if booked is None:
            booked = self._book(request)
        elif booked.request != request:
            raise ChannelDeclined("same number, other content", provider_code="INVALID_REQUEST")
        if self.silent:
            self.silent -= 1
            raise ChannelUnavailable("the answer got lost")
        return self.fact(request.refund_no)

    def query(self, refund_no: str, out_trade_no: str) -> RefundFact:
        """Say what became of a refund."""
        if refund_no not in self.books:
            return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, self.merchant)
        return self.fact(refund_no)

    def fact(self, refund_no: str) -> RefundFact:
        """Say how a booked refund stands."""
        booked = self.books[refund_no]
        return RefundFact(
            refund_no=refund_no,
            out_trade_no=booked.request.out_trade_no,
            word=booked.word,
            merchant=self.merchant,
            amount_fen=booked.request.amount_fen,
            paid_fen=booked.request.paid_fen,
            provider_refund=f"there-{refund_no}",
        )

    def went_back_fen(self, out_trade_no: str) -> int:
        """Return what the payer of a trade really got."""
        return sum(
            one.request.amount_fen
            for one in self.books.values()
            if one.request.out_trade_no == out_trade_no and one.word == RefundWord.SUCCESS
        )

    def _book(self, request: RefundRequest) -> Booked:
        taken = sum(
            one.request.amount_fen
            for one in self.books.values()
            if one.request.out_trade_no == request.out_trade_no and one.word != RefundWord.CLOSED
        )
        if Fen(taken + request.amount_fen) > request.paid_fen:
            raise ChannelDeclined("above what was paid", provider_code="ABOVE_PAID")
        self.books[request.refund_no] = Booked(request, self.accepts_as)
        return self.books[request.refund_no]
