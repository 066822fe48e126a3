"""Refunds of Alipay in our words.

Owns: what a refund is asked for with, what answers say of it, and the refund that a notice tells.
Never: asks, believes what nobody has signed, or takes code 10000 for money that went back.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from onepark.contexts.payments.model import RefundFact, RefundRequest, RefundWord
from onepark.integrations.payments.money import fen_of_yuan, yuan_of_fen
from onepark.kernel.types import CHINA

REASON_CHARACTERS_MAX = 256
STAMP = "%Y-%m-%d %H:%M:%S"
MOVED = "Y"
REFUNDED = "REFUND_SUCCESS"
# The account is too empty now: once it is filled the same number succeeds.
LATER = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH"})


class RefundNode(Struct, frozen=True):
    """What an answer says of a refund; which fields are there depends on the call."""

    code: str
    sub_code: str = ""
    out_trade_no: str | None = None
    out_request_no: str | None = None
    fund_change: str | None = None
    refund_fee: str | None = None  # went back of the trade so far
    refund_status: str | None = None
    refund_amount: str | None = None
    total_amount: str | None = None
    gmt_refund_pay: str | None = None


def content_of(request: RefundRequest) -> dict[str, str]:
    """Return what a refund is asked for with."""
    return {
        "out_trade_no": request.out_trade_no,
        "out_request_no": request.refund_no,
        "refund_amount": yuan_of_fen(request.amount_fen),
        "refund_reason": request.reason[:REASON_CHARACTERS_MAX],
    }


def asked(node: RefundNode, request: RefundRequest, *, merchant: str) -> RefundFact:
    """Read the answer to a refund: only a moved fund is one; a query tells of the others."""
    if node.out_trade_no != request.out_trade_no:
        raise ValueError("another trade")
    moved = node.fund_change == MOVED
    return RefundFact(
        refund_no=request.refund_no,
        out_trade_no=request.out_trade_no,
        word=RefundWord.SUCCESS if moved else RefundWord.PROCESSING,
        merchant=merchant,
        so_far_fen=fen_of_yuan(node.refund_fee) if node.refund_fee else None,
        refunded_at=instant(node.gmt_refund_pay),
    )


def queried(node: RefundNode, refund_no: str, out_trade_no: str, *, merchant: str) -> RefundFact:
    """Read the answer to a query: without a state it never came, or came to nothing."""
    if node.refund_status != REFUNDED:
        return RefundFact(refund_no, out_trade_no, RefundWord.ABSENT, merchant)
    if (node.out_request_no, node.out_trade_no) != (refund_no, out_trade_no):
        raise ValueError("another refund")
    return RefundFact(
        refund_no=refund_no,
        out_trade_no=out_trade_no,
        word=RefundWord.SUCCESS,
        merchant=merchant,
        amount_fen=fen_of_yuan(node.refund_amount or ""),
        paid_fen=fen_of_yuan(node.total_amount) if node.total_amount else None,
        refunded_at=instant(node.gmt_refund_pay),
    )


def told(fields: Mapping[str, str]) -> RefundFact | None:
    """Read the refund that the notice of a trade tells of beside its payment, if it does.

    ``refund_fee`` is what went back of the trade so far, not by this refund. A refund without a
    number of its own has that of its trade.
    """
    so_far_fen = fen_of_yuan(fields.get("refund_fee", "0"))
    if not so_far_fen:
        return None
    return RefundFact(
        refund_no=fields.get("out_biz_no") or fields["out_trade_no"],
        out_trade_no=fields["out_trade_no"],
        word=RefundWord.SUCCESS,
        merchant=fields["seller_id"],
        paid_fen=fen_of_yuan(fields["total_amount"]),
        so_far_fen=so_far_fen,
        refunded_at=instant(fields.get("gmt_refund")),
    )


def instant(text: str | None) -> datetime | None:
    """Read one of Alipay's times: China's wall clock, some with fractions that we leave out."""
    if not text:
        return None
    return datetime.strptime(text.partition(".")[0], STAMP).replace(tzinfo=CHINA)
