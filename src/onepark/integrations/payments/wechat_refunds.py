"""Refunds of WeChat Pay API v3 in our words.

Owns: what a refund is asked for with, what an answer and a sealed notice say of it, and which
refusals mean that the same number is to be sent again.
Never: asks, or believes what nobody has signed.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from onepark.contexts.payments.model import RefundFact, RefundRequest, RefundWord
from onepark.kernel.types import Fen

CURRENCY = "CNY"
REFUNDS = "/v3/refund/domestic/refunds"
REASON_CHARACTERS_MAX = 80
EVENTS = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})
# The account is too empty now: once it is filled the same number succeeds.
LATER = frozenset({"NOT_ENOUGH"})

WORDS = {
    "SUCCESS": RefundWord.SUCCESS,
    "CLOSED": RefundWord.CLOSED,
    "PROCESSING": RefundWord.PROCESSING,
    "ABNORMAL": RefundWord.ABNORMAL,
}


class RefundAmount(Struct, frozen=True):
    total: Annotated[int, Meta(ge=0)]
    refund: Annotated[int, Meta(ge=0)]


class WechatRefund(Struct, frozen=True):
    """A refund as an answer (``status``) or an unsealed notice (``refund_status``) tells it."""

    out_refund_no: str
    out_trade_no: str
    refund_id: str
    amount: RefundAmount
    status: str | None = None
    refund_status: str | None = None
    mchid: str | None = None
    success_time: Annotated[datetime, Meta(tz=True)] | None = None


def body_of(request: RefundRequest) -> dict[str, object]:
    """Return what a refund is asked for with."""
    return {
        "out_trade_no": request.out_trade_no,
        "out_refund_no": request.refund_no,
        "reason": request.reason[:REASON_CHARACTERS_MAX],
        "notify_url": request.notify_url,
        "amount": {
            "refund": request.amount_fen,
            "total": request.paid_fen,
            "currency": CURRENCY,
        },
    }


def fact_of(refund: WechatRefund, *, merchant: str) -> RefundFact | None:
    """Put a refund into our words; None when its state is a word we do not know.

    An answer names no merchant: it is signed for the one who asked.
    """
    word = WORDS.get(refund.refund_status or refund.status or "")
    if word is None:
        return None
    return RefundFact(
        refund_no=refund.out_refund_no,
        out_trade_no=refund.out_trade_no,
        word=word,
        merchant=refund.mchid or merchant,
        amount_fen=Fen(refund.amount.refund),
        paid_fen=Fen(refund.amount.total),
        provider_refund=refund.refund_id,
        refunded_at=refund.success_time,
    )
