"""The SQL of what we believe ourselves.

Owns: the reading of attempts and refunds through the public views of payments.
Never: decides; a row comes out as it is.
"""

from datetime import datetime

from onepark.contexts.reconciliation.model import LineKind, LineState, Ours
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, RevenueKind

ATTEMPTS_NAMED = """
    SELECT attempt_no, amount_fen, state, operator_id, lot_id, provider_txn, paid_at, order_no,
        revenue_kind
    FROM payments.pub_bill_attempt WHERE channel = $1 AND attempt_no = ANY($2::text[])
"""

ATTEMPTS_PAID = """
    SELECT attempt_no, amount_fen, state, operator_id, lot_id, provider_txn, paid_at, order_no,
        revenue_kind
    FROM payments.pub_bill_attempt
    WHERE channel = $1 AND state = 'success' AND paid_at >= $2 AND paid_at < $3
"""

REFUNDS_NAMED = """
    SELECT refund_no, amount_fen, state, operator_id, lot_id, provider_refund, refunded_at,
        order_no, revenue_kind
    FROM payments.pub_bill_refund WHERE channel = $1 AND refund_no = ANY($2::text[])
"""

# What a person paid by another way is in no bill of the provider.
REFUNDS_PAID = """
    SELECT refund_no, amount_fen, state, operator_id, lot_id, provider_refund, refunded_at,
        order_no, revenue_kind
    FROM payments.pub_bill_refund
    WHERE channel = $1 AND state = 'success' AND NOT by_hand
        AND refunded_at >= $2 AND refunded_at < $3
"""

# What is not here waits.
STATES = {
    "success": LineState.SUCCESS,
    "failed": LineState.FAILED,
    "closed": LineState.FAILED,
    "abnormal": LineState.FAILED,
}


async def attempts_named(tx: Tx, channel: str, numbers: list[str]) -> list[Ours]:
    """Return the attempts that have these numbers."""
    return [_attempt(row) for row in await tx.fetch(ATTEMPTS_NAMED, channel, numbers)]


async def attempts_paid(tx: Tx, channel: str, since: datetime, until: datetime) -> list[Ours]:
    """Return the attempts that were paid in a span of time, as we believe."""
    return [_attempt(row) for row in await tx.fetch(ATTEMPTS_PAID, channel, since, until)]


async def refunds_named(tx: Tx, channel: str, numbers: list[str]) -> list[Ours]:
    """Return the refunds that have these numbers."""
    return [_refund(row) for row in await tx.fetch(REFUNDS_NAMED, channel, numbers)]


async def refunds_paid(tx: Tx, channel: str, since: datetime, until: datetime) -> list[Ours]:
    """Return the refunds that reached their payers in a span of time, as we believe."""
    return [_refund(row) for row in await tx.fetch(REFUNDS_PAID, channel, since, until)]


def _attempt(row: Record) -> Ours:
    return Ours(
        LineKind.TRADE,
        row["attempt_no"],
        Fen(row["amount_fen"]),
        STATES.get(row["state"], LineState.PENDING),
        OperatorId(row["operator_id"]),
        LotId(row["lot_id"]),
        row["provider_txn"],
        row["paid_at"],
        OrderNo(row["order_no"]),
        RevenueKind(row["revenue_kind"]),
    )


def _refund(row: Record) -> Ours:
    return Ours(
        LineKind.REFUND,
        row["refund_no"],
        Fen(row["amount_fen"]),
        STATES.get(row["state"], LineState.PENDING),
        OperatorId(row["operator_id"]),
        LotId(row["lot_id"]),
        row["provider_refund"],
        row["refunded_at"],
        OrderNo(row["order_no"]),
        RevenueKind(row["revenue_kind"]),
    )
