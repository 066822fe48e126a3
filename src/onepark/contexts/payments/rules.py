"""What a provider's word means for an attempt.

Owns: the forward-only states of an attempt, what must agree before money counts, when to ask.
Never: awaits, or reads the clock.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from onepark.contexts.ledger.model import (
    Account,
    AccountKind,
    Journal,
    JournalKind,
    Posting,
)
from onepark.contexts.payments.model import (
    LIVE_STATES,
    Attempt,
    AttemptState,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.kernel.types import Fen, OperatorId

ATTEMPT_LIVES = timedelta(minutes=10)
WORTH_JOINING = timedelta(minutes=2)  # what an attempt must have left to share its charge
UNMATCHED_AFTER = timedelta(hours=25)  # longer than every provider's schedule of repeats
QUERY_AFTER = tuple(timedelta(seconds=s) for s in (5, 15, 30, 60, 120, 300))
CURRENCY = "CNY"

STATE_OF = {
    TradeState.SUCCESS: AttemptState.SUCCESS,
    TradeState.CLOSED: AttemptState.CLOSED,
    TradeState.FAILED: AttemptState.FAILED,
}


def judge(attempt: Attempt, fact: TradeFact, *, merchant: str, app: str) -> Verdict:
    """Say what a verified fact does: only an agreeing one moves an attempt, and only forward."""
    if fact.merchant != merchant or (fact.app is not None and fact.app != app):
        return Verdict.QUARANTINED
    wanted = STATE_OF.get(fact.state)
    if wanted is None or attempt.state in {AttemptState.SUCCESS, wanted}:
        return Verdict.NOTHING_NEW
    if wanted == AttemptState.SUCCESS:
        return Verdict.APPLIED if _pays(attempt, fact) else Verdict.QUARANTINED
    return Verdict.APPLIED if attempt.state in LIVE_STATES else Verdict.NOTHING_NEW


def _pays(attempt: Attempt, fact: TradeFact) -> bool:
    same = fact.amount_fen == attempt.amount_fen and fact.currency in {CURRENCY, None}
    return same and fact.provider_txn is not None


def receipt(attempt: Attempt, *, paid_at: datetime, owed: bool) -> Journal:
    """Return how a paid attempt stands in the books: as revenue, or as what is to be given back."""
    received = Account(AccountKind.CHANNEL_RECEIVABLE, attempt.channel)
    earned = Account(AccountKind.PARKING_REVENUE, attempt.revenue_kind)
    twice = Account(AccountKind.DUPLICATE_RECEIPTS, attempt.channel)
    return Journal(
        kind=JournalKind.RECEIPT if owed else JournalKind.DUPLICATE_RECEIPT,
        business_key=receipt_key(attempt.attempt_no),
        operator_id=OperatorId(attempt.operator_id),
        occurred_at=paid_at,
        revenue_kind=attempt.revenue_kind,
        postings=(
            Posting(received, attempt.amount_fen),
            Posting(earned if owed else twice, Fen(-attempt.amount_fen)),
        ),
        order_no=attempt.order_no,
        lot_id=attempt.lot_id,
    )


def receipt_key(attempt_no: str) -> str:
    """Return the business key of a receipt: an attempt is paid once, owed or not."""
    return f"attempt:{attempt_no}"


def next_query_at(attempt: Attempt, now: datetime) -> datetime:
    """Return when to ask the provider again; at the end of the attempt's life at the latest."""
    if attempt.queries >= len(QUERY_AFTER):
        return max(attempt.expires_at, now + QUERY_AFTER[-1])
    return now + QUERY_AFTER[attempt.queries]


def joined(live: Sequence[Attempt], now: datetime) -> list[Attempt]:
    """Return the live attempts whose charge a new one may still pay beside them."""
    return [one for one in live if one.expires_at - now >= WORTH_JOINING]


def expires_at(beside: Sequence[Attempt], now: datetime) -> datetime:
    """Return when a new attempt ends: no later than those beside it.

    Otherwise a price could be frozen for ever by attempts that follow each other.
    """
    return min([now + ATTEMPT_LIVES, *(one.expires_at for one in beside)])


def is_over(attempt: Attempt, fact: TradeFact, now: datetime) -> bool:
    """Say whether an unpaid attempt has outlived its time and is to be closed."""
    unpaid = fact.state in {TradeState.PENDING, TradeState.ABSENT}
    return unpaid and now >= attempt.expires_at


def fingerprint(order_no: str, channel: str) -> bytes:
    """Return what makes two requests under one key the same."""
    return hashlib.sha256(f"{order_no}\n{channel}".encode()).digest()
