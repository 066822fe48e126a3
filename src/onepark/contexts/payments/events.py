"""Facts that payments publish.

Owns: their fields; a change is a new version beside the old one.
Never: names a car: what was paid for is found by the order.
"""

from datetime import datetime

from onepark.contexts.payments.model import Attempt, Refund
from onepark.kernel.events import Fact
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo


class AttemptSucceeded(Fact, frozen=True, tag="payments.attempt_succeeded.v1"):
    """Money came in; it is surplus if its charge had been settled before."""

    attempt_no: str
    lot_id: LotId
    operator_id: OperatorId
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    paid_at: datetime
    surplus: bool


class RefundSucceeded(Fact, frozen=True, tag="payments.refund_succeeded.v1"):
    """Money went back, of one attempt."""

    refund_no: str
    attempt_no: str
    lot_id: LotId
    operator_id: OperatorId
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    refunded_at: datetime


def attempt_succeeded_of(attempt: Attempt, *, paid_at: datetime, surplus: bool) -> AttemptSucceeded:
    """Read the fact off an attempt that was just paid."""
    return AttemptSucceeded(
        attempt_no=attempt.attempt_no,
        lot_id=attempt.lot_id,
        operator_id=OperatorId(attempt.operator_id),
        order_no=attempt.order_no,
        channel=attempt.channel,
        amount_fen=attempt.amount_fen,
        paid_at=paid_at,
        surplus=surplus,
    )


def refund_succeeded_of(refund: Refund, *, refunded_at: datetime) -> RefundSucceeded:
    """Read the fact off a refund that has just reached its payer."""
    return RefundSucceeded(
        refund_no=refund.refund_no,
        attempt_no=refund.attempt_no,
        lot_id=refund.lot_id,
        operator_id=OperatorId(refund.operator_id),
        order_no=refund.order_no,
        channel=refund.channel,
        amount_fen=refund.amount_fen,
        refunded_at=refunded_at,
    )
