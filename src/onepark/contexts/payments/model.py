"""Nouns of taking money and giving it back.

Owns: attempts, refunds, what a provider says of either, and what a payer is handed.
Never: knows a provider's wire format.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from onepark.kernel.types import (
    ORDER_NO_EXAMPLE,
    ORDER_NO_PATTERN,
    Fen,
    LotId,
    OrderNo,
    RevenueKind,
)


class PayKind(StrEnum):
    """How somebody pays."""

    QR = "qr"  # scans or opens a link
    REDIRECT = "redirect"  # the browser of a phone goes to a page of the provider
    JSAPI = "jsapi"  # a page inside the provider's app calls it
    COUNTER = "counter"  # pays the lot itself, which tells us afterwards


class TradeState(StrEnum):
    """What a provider says became of one trade."""

    PENDING = "pending"  # known there, not paid yet
    SUCCESS = "success"
    CLOSED = "closed"  # can no longer be paid
    FAILED = "failed"
    ABSENT = "absent"  # the provider knows no such trade


class TradeFact(Struct, frozen=True):
    """One statement of a provider about one trade, in our own words and in fen."""

    out_trade_no: str
    state: TradeState
    merchant: str
    app: str | None = None
    amount_fen: Fen | None = None
    currency: str | None = None
    provider_txn: str | None = None
    paid_at: datetime | None = None


class RefundWord(StrEnum):
    """What a provider says became of one refund."""

    PROCESSING = "processing"  # accepted there, not paid yet
    SUCCESS = "success"
    ABNORMAL = "abnormal"  # it cannot reach the payer as he paid
    CLOSED = "closed"  # nothing was given back, nor will be
    ABSENT = "absent"  # the provider knows no such refund


class RefundFact(Struct, frozen=True):
    """One statement of a provider about one refund, in our own words and in fen."""

    refund_no: str
    out_trade_no: str
    word: RefundWord
    merchant: str
    amount_fen: Fen | None = None
    paid_fen: Fen | None = None  # by the trade
    so_far_fen: Fen | None = None  # went back of the trade, with this refund
    provider_refund: str | None = None
    refunded_at: datetime | None = None


class Notice(Struct, frozen=True):
    """A verified notice of a trade, a refund or both; without either we only keep the event."""

    event_key: str  # the same over re-sends of one event
    event_type: str
    fact: TradeFact | None
    refund: RefundFact | None = None
    is_hint: bool = False  # it is only why the provider is asked; the answer is what counts


# When a provider is asked of an attempt, each time counted from the time before.
QUERY_AFTER = tuple(timedelta(seconds=s) for s in (5, 15, 30, 60, 120, 300))


class Terms(Struct, frozen=True):
    """What a channel offers, and how it wants to be asked."""

    kinds: tuple[PayKind, ...] = (PayKind.QR,)
    query_after: tuple[timedelta, ...] = QUERY_AFTER
    closes: bool = True  # else a trade ends by itself, and is asked for until the schedule ends


class PayRequest(Struct, frozen=True):
    """What a channel is asked to collect."""

    out_trade_no: str
    amount_fen: Fen
    description: str
    expires_at: datetime
    notify_url: str
    kind: PayKind = PayKind.QR
    payer_id: str | None = None  # who pays, as the provider calls him; JSAPI asks for it
    payer_address: str | None = None  # the IP address that a redirect is asked from


class JsapiCall(Struct, frozen=True, rename="camel"):
    """What a page hands to the provider's app, letter by letter."""

    app_id: str
    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


class PayInstruction(Struct, frozen=True):
    """What a payer does next: scan (``qr``) or open ``code_url``, or call the app (``jsapi``)."""

    kind: str
    code_url: str | None = None
    jsapi: JsapiCall | None = None


class RefundRequest(Struct, frozen=True):
    """What a channel is asked to give back; the same number always asks for the same."""

    refund_no: str
    out_trade_no: str
    amount_fen: Fen
    paid_fen: Fen  # by the trade
    reason: str
    notify_url: str


class NoticeVerdict(StrEnum):
    """What became of a notice before it was handled."""

    STORED = "stored"  # verified and kept, or known already: a repeat cannot help
    REFUSED = "refused"  # not verifiable: nothing kept
    UNAVAILABLE = "unavailable"  # we cannot keep it now: send it again


class NoticeAnswer(Struct, frozen=True):
    """An answer in the provider's own words."""

    status: int
    media_type: str
    body: bytes


class AttemptState(StrEnum):
    """A try to pay one charge; SUCCESS is never left, and late money beats CLOSED and FAILED."""

    CREATED = "created"  # ours only; the provider has not answered
    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    CLOSED = "closed"


LIVE_STATES = (AttemptState.CREATED, AttemptState.PENDING)


class Attempt(Struct, frozen=True):
    """A try to pay one charge of an order; the fields stand in the order of the store's columns."""

    attempt_no: str  # also the provider's out_trade_no
    lot_id: LotId
    operator_id: int
    order_no: OrderNo
    charge_no: int
    channel: str
    amount_fen: Fen
    state: AttemptState
    created_at: datetime
    expires_at: datetime
    code_url: str | None = None
    provider_txn: str | None = None
    paid_at: datetime | None = None
    surplus: bool = False  # paid although its charge was settled already: to be refunded
    queries: int = 0
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL  # of its charge
    kind: PayKind = PayKind.QR
    jsapi: JsapiCall | None = None


class RefundState(StrEnum):
    """Giving money back goes forward only; SUCCESS is never left."""

    NEW = "new"  # reserved; no provider has heard of it
    SENT = "sent"  # and one may have
    UNKNOWN = "unknown"  # it did not answer: the same number is sent again
    PROCESSING = "processing"
    ABNORMAL = "abnormal"  # waits for a person; the money stays reserved
    CLOSED = "closed"  # nothing was given back
    SUCCESS = "success"


class Cause(StrEnum):
    """Why money goes back."""

    ASKED = "asked"  # a person asked for it
    SURPLUS = "surplus"  # the charge was settled already
    ORDER = "order"  # the fee turned out to be lower than what was paid


class Ruling(StrEnum):
    """What a person made of a refund that came to nothing."""

    RETRIED = "retried"
    PAID_ELSEWHERE = "paid_elsewhere"  # the payer got the money by another way
    WITHDRAWN = "withdrawn"  # nothing is given back


class Refund(Struct, frozen=True):
    """Money that goes back; the fields stand in the order of the store's columns."""

    refund_no: str  # also the provider's out_refund_no or out_request_no
    attempt_no: str
    lot_id: LotId
    operator_id: int
    order_no: OrderNo
    channel: str
    surplus: bool
    amount_fen: Fen
    cause: Cause
    reason: str
    asked_by: str
    asked_at: datetime
    state: RefundState = RefundState.NEW
    rounds: int = 1
    tries: int = 0
    request_key: str | None = None
    again_of: str | None = None
    provider_refund: str | None = None
    refunded_at: datetime | None = None
    trouble: str | None = None
    waits_since_at: datetime | None = None
    due_at: datetime | None = None
    ruled_at: datetime | None = None
    ruled_by: str | None = None
    ruling: Ruling | None = None
    ruling_reason: str | None = None
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL  # of its attempt


class Verdict(StrEnum):
    """What a provider's word did to an attempt or a refund."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing_new"
    IGNORED = "ignored"  # an event that we keep and do not act on
    QUARANTINED = "quarantined"  # verified, but about another amount, merchant or trade
    UNMATCHED = "unmatched"  # about a trade that is not ours


class KeptNotice(Struct, frozen=True):
    """A notice in the inbox."""

    notice_id: int
    channel: str
    fact: TradeFact | None
    received_at: datetime
    tries: int
    refund: RefundFact | None = None
    is_hint: bool = False


class Incoming(NamedTuple):
    """A verified notice that is to be kept."""

    channel: str
    notice: Notice
    body: bytes

    @property
    def key(self) -> tuple[str, str]:
        """Return what is the same over re-sends."""
        return self.channel, self.notice.event_key


class Told(NamedTuple):
    """What the provider of a channel says of a trade."""

    channel: str
    fact: TradeFact

    @property
    def txn(self) -> tuple[str, str] | None:
        """Return the provider's transaction, if it names one."""
        return None if self.fact.provider_txn is None else (self.channel, self.fact.provider_txn)


class PaymentAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Pay what an order owes now, through one channel; the amount is never the client's."""

    order_no: Annotated[str, Meta(pattern=ORDER_NO_PATTERN, examples=[ORDER_NO_EXAMPLE])]
    channel: Annotated[str, Meta(max_length=32, examples=["wechat", "alipay", "unionpay"])]
    kind: Annotated[
        PayKind,
        Meta(
            description=(
                "付款方式：`qr` 扫码，`redirect` 手机浏览器跳转（H5），`jsapi` 在支付应用内调起。"
                "Scan or open a link, go to a page of the provider, or call its app."
            )
        ),
    ] = PayKind.QR
    payer_id: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9A-Za-z_-]{1,128}$(?!\n)",
                description="付款人 openid，仅 `jsapi` 需要。The payer's openid, for `jsapi` only.",
            ),
        ]
        | None
    ) = None


class Payer(Struct, frozen=True):
    """How somebody pays, and what the provider must know of him; none of it is kept."""

    kind: PayKind = PayKind.QR
    id: str | None = None
    address: str | None = None


class PaymentAnswer(Struct, frozen=True):
    """A payment to be made before ``expires_at``, as ``pay`` says."""

    payment_no: str
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    currency: str
    state: AttemptState
    expires_at: datetime
    pay: PayInstruction | None


CounterChannel = Literal["cash", "pos"]


class ReceiptTold(Struct, frozen=True, forbid_unknown_fields=True):
    """What a lot took, as its clerk or its till says."""

    lot: Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)", examples=["320281001101"])]
    receipt_no: Annotated[
        str,
        Meta(
            pattern=r"^[0-9A-Za-z._-]{1,64}$(?!\n)",
            description="停车场自有收据号，在该场内唯一。The lot's own number, for ever.",
            examples=["C1-20260501-0007"],
        ),
    ]
    order_no: Annotated[str, Meta(pattern=ORDER_NO_PATTERN, examples=[ORDER_NO_EXAMPLE])]
    channel: CounterChannel
    amount_fen: Annotated[
        int, Meta(ge=1, le=100_000_000, description="实收金额（分）。What was taken, in fen.")
    ]
    paid_at: Annotated[datetime, Meta(tz=True)]
