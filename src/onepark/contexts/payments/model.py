"""Nouns of taking money.

Owns: attempts, what a provider says of a trade, and what a payer is handed.
Never: knows a provider's wire format.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from onepark.kernel.types import (
    ORDER_NO_EXAMPLE,
    ORDER_NO_PATTERN,
    Fen,
    LotId,
    OrderNo,
    RevenueKind,
)


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


class Notice(Struct, frozen=True):
    """A verified notice; ``fact`` is None for an event that we store but do not act on."""

    event_key: str  # the same over re-sends of one event
    event_type: str
    fact: TradeFact | None


class PayRequest(Struct, frozen=True):
    """What a channel is asked to collect."""

    out_trade_no: str
    amount_fen: Fen
    description: str
    expires_at: datetime
    notify_url: str


class PayInstruction(Struct, frozen=True):
    """What a payer does next: scan or open ``code_url``."""

    kind: str  # "qr"
    code_url: str


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


class Verdict(StrEnum):
    """What a provider's word did to an attempt."""

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


class PaymentAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Pay what an order owes now, through one channel; the amount is never the client's."""

    order_no: Annotated[str, Meta(pattern=ORDER_NO_PATTERN, examples=[ORDER_NO_EXAMPLE])]
    channel: Annotated[str, Meta(max_length=32, examples=["wechat", "alipay"])]


class PaymentAnswer(Struct, frozen=True):
    """A payment to be made: scan or open ``pay.code_url`` before ``expires_at``."""

    payment_no: str
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    currency: str
    state: AttemptState
    expires_at: datetime
    pay: PayInstruction | None
