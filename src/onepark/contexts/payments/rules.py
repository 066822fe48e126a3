"""What a provider's word means for an attempt.

Owns: the forward-only states of an attempt, what must agree before money counts, when to ask.
Never: awaits, or reads the clock.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from onepark.contexts.payments.model import (
    LIVE_STATES,
    Attempt,
    AttemptState,
    KeptNotice,
    Payer,
    PayKind,
    Terms,
    TradeFact,
    TradeState,
    Verdict,
)

ATTEMPT_LIVES = timedelta(minutes=10)
WORTH_JOINING = timedelta(minutes=2)  # what an attempt must have left to share its charge
UNMATCHED_AFTER = timedelta(hours=25)  # longer than every provider's schedule of repeats
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


def lags(notice: KeptNotice, answer: TradeFact) -> bool:
    """Say whether a provider's answer does not know yet of the money that its hint told of."""
    told_paid = notice.fact is not None and notice.fact.state == TradeState.SUCCESS
    return notice.is_hint and told_paid and answer.state in {TradeState.PENDING, TradeState.ABSENT}


def next_query_at(attempt: Attempt, now: datetime, terms: Terms) -> datetime:
    """Return when to ask the provider again; at the end of the attempt's life at the latest."""
    if attempt.queries >= len(terms.query_after):
        return max(attempt.expires_at, now + terms.query_after[-1])
    return now + terms.query_after[attempt.queries]


def joined(live: Sequence[Attempt], now: datetime) -> list[Attempt]:
    """Return the live attempts whose charge a new one may still pay beside them."""
    return [one for one in live if one.expires_at - now >= WORTH_JOINING]


def expires_at(beside: Sequence[Attempt], now: datetime) -> datetime:
    """Return when a new attempt ends: no later than those beside it.

    Otherwise a price could be frozen for ever by attempts that follow each other.
    """
    return min([now + ATTEMPT_LIVES, *(one.expires_at for one in beside)])


def is_over(attempt: Attempt, fact: TradeFact, now: datetime, terms: Terms) -> bool:
    """Say whether an unpaid attempt has outlived its time and is to be closed.

    What cannot be closed is asked for until its schedule ends: it may be paid until then.
    """
    unpaid = fact.state in {TradeState.PENDING, TradeState.ABSENT}
    asked_enough = terms.closes or attempt.queries >= len(terms.query_after)
    return unpaid and asked_enough and now >= attempt.expires_at


def serves(attempt: Attempt, charge_no: int, channel: str, payer: Payer) -> bool:
    """Say whether a live attempt is what somebody asks for; one in an app is its payer's own."""
    same = (attempt.channel, attempt.charge_no) == (channel, charge_no)
    return same and attempt.kind == payer.kind != PayKind.JSAPI


def fingerprint(order_no: str, channel: str, payer: Payer) -> bytes:
    """Return what makes two requests under one key the same."""
    how = "" if payer.kind == PayKind.QR else f"\n{payer.kind}\n{payer.id or ''}"
    return hashlib.sha256(f"{order_no}\n{channel}{how}".encode()).digest()
