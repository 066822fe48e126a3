"""What a provider's word means for an attempt or a refund.

Owns: their forward-only states, what must agree before money counts, when to ask, and which
attempts a refund is taken from.
Never: awaits, or reads the clock.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, get_args

from msgspec.structs import replace

from onepark.contexts.ledger.model import (
    Account,
    AccountKind,
    Journal,
    JournalKind,
    Posting,
)
from onepark.contexts.membership.numbers import is_members
from onepark.contexts.payments.model import (
    LIVE_STATES,
    Attempt,
    AttemptState,
    CounterChannel,
    KeptNotice,
    Payer,
    PayKind,
    Refund,
    RefundFact,
    RefundState,
    RefundWord,
    Ruling,
    Terms,
    Told,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.kernel.types import Fen, OperatorId

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


class Folded(NamedTuple):
    """What facts come to, one after the other."""

    verdicts: list[Verdict | None]  # of each; None: there is no such attempt
    ended: dict[str, AttemptState]  # attempts that nobody paid
    paid: list[tuple[Attempt, TradeFact]]


def fold(
    told: Sequence[Told],
    attempts: Mapping[str, Attempt],
    payers: Mapping[tuple[str, str], str],
    *,
    sides: Mapping[str, tuple[str, str]],
) -> Folded:
    """Say what facts do, each after those before it.

    ``payers`` tells which attempts transactions have paid, ``sides`` the merchant and app of each
    channel. A transaction that has paid one attempt pays no other.
    """
    now, taken = dict(attempts), dict(payers)
    folded = Folded([], {}, [])
    for one in told:
        attempt = now.get(one.fact.out_trade_no)
        if attempt is None or attempt.channel != one.channel:
            folded.verdicts.append(None)
            continue
        merchant, app = sides[one.channel]
        verdict = judge(attempt, one.fact, merchant=merchant, app=app)
        if verdict == Verdict.APPLIED and one.txn is not None and _is_paid(one.fact):
            payer = taken.setdefault(one.txn, attempt.attempt_no)
            verdict = verdict if payer == attempt.attempt_no else Verdict.QUARANTINED
        if verdict == Verdict.APPLIED:
            now[attempt.attempt_no] = replace(attempt, state=STATE_OF[one.fact.state])
            if _is_paid(one.fact):
                folded.paid.append((attempt, one.fact))
            else:
                folded.ended[attempt.attempt_no] = STATE_OF[one.fact.state]
        folded.verdicts.append(verdict)
    return folded


def _is_paid(fact: TradeFact) -> bool:
    return fact.state == TradeState.SUCCESS


def fact_of(notice: KeptNotice, answer: TradeFact | None) -> TradeFact | None:
    """Return what a notice says of a trade, or, of a hint, what its provider answered.

    An answer that does not know yet of the money that its hint told of says nothing.
    """
    if not notice.is_hint or notice.fact is None or answer is None:
        return None if notice.is_hint else notice.fact
    lags = _is_paid(notice.fact) and answer.state in {TradeState.PENDING, TradeState.ABSENT}
    return None if lags else answer


def verdict_of(
    notice: KeptNotice, words: Sequence[Verdict | None], now: datetime
) -> Verdict | None:
    """Return what a notice did by what each part of it did; None: it waits for its attempt."""
    said = [word for word in words if word is not None]
    if len(said) == len(words):
        return gravest(said)
    return Verdict.UNMATCHED if now - notice.received_at > UNMATCHED_AFTER else None


def receipt(attempt: Attempt, *, paid_at: datetime, owed: bool) -> Journal:
    """Return how a paid attempt stands in the books: earned, prepaid, or to be given back."""
    received = Account(AccountKind.CHANNEL_RECEIVABLE, attempt.channel)
    of_pass = is_members(attempt.order_no)
    earned = Account(AccountKind.PARKING_REVENUE, attempt.revenue_kind)
    owed_for = Account(AccountKind.PREPAID, "pass") if of_pass else earned
    twice = Account(AccountKind.DUPLICATE_RECEIPTS, attempt.channel)
    kind = JournalKind.PREPAYMENT if of_pass else JournalKind.RECEIPT
    return Journal(
        kind=kind if owed else JournalKind.DUPLICATE_RECEIPT,
        business_key=receipt_key(attempt.attempt_no),
        operator_id=OperatorId(attempt.operator_id),
        occurred_at=paid_at,
        revenue_kind=attempt.revenue_kind,
        postings=(
            Posting(received, attempt.amount_fen),
            Posting(owed_for if owed else twice, Fen(-attempt.amount_fen)),
        ),
        order_no=attempt.order_no,
        lot_id=attempt.lot_id,
    )


def receipt_key(attempt_no: str) -> str:
    """Return the business key of a receipt: an attempt is paid once, owed or not."""
    return f"attempt:{attempt_no}"


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


# -- refunds -----------------------------------------------------------------------------------

REFUND_AFTER = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1800, 3600))
UNANSWERED_MAX = 32  # tries, within a day
SLOW_MAX = 176  # tries, within a week
LOOKED_AT_IN = timedelta(days=1)
UNANSWERED, SLOW = "unanswered", "slow"  # the provider may pay it yet
COUNTER = "counter"  # no provider has it: whoever took it gives it back
AT_A_COUNTER = frozenset(get_args(CounterChannel))

REFUND_STATE_OF = {
    RefundWord.PROCESSING: RefundState.PROCESSING,
    RefundWord.ABNORMAL: RefundState.ABNORMAL,
    RefundWord.CLOSED: RefundState.CLOSED,
    RefundWord.SUCCESS: RefundState.SUCCESS,
}
UNDER_WAY = (RefundState.NEW, RefundState.SENT, RefundState.UNKNOWN, RefundState.PROCESSING)
_FORWARD = list(RefundState)
_GRAVITY = (Verdict.IGNORED, Verdict.NOTHING_NEW, Verdict.APPLIED, Verdict.UNMATCHED)


def judge_refund(
    refund: Refund, attempt: Attempt, fact: RefundFact, *, merchant: str, left_fen: int
) -> Verdict:
    """Say what a verified fact does: only an agreeing one moves a refund, and only forward.

    ``left_fen`` is what other refunds leave of the attempt: a refund that was closed is believed to
    have been paid after all only while it still fits.
    """
    if not _agrees(refund, attempt, fact, merchant=merchant):
        return Verdict.QUARANTINED
    wanted = REFUND_STATE_OF.get(fact.word)
    by_hand = refund.ruling == Ruling.PAID_ELSEWHERE
    if by_hand and wanted == RefundState.SUCCESS:
        return Verdict.QUARANTINED  # the payer has it twice
    if wanted is None or _FORWARD.index(wanted) <= _FORWARD.index(refund.state):
        return Verdict.NOTHING_NEW
    fits = refund.state != RefundState.CLOSED or refund.amount_fen <= left_fen
    return Verdict.APPLIED if fits else Verdict.QUARANTINED


def _agrees(refund: Refund, attempt: Attempt, fact: RefundFact, *, merchant: str) -> bool:
    so_far, is_paid = fact.so_far_fen, fact.word == RefundWord.SUCCESS
    return (
        (fact.merchant, fact.out_trade_no) == (merchant, refund.attempt_no)
        and fact.amount_fen in {None, refund.amount_fen}
        and fact.paid_fen in {None, attempt.amount_fen}
        and (so_far is None or so_far <= attempt.amount_fen)
        and (so_far is None or not is_paid or so_far >= refund.amount_fen)
        and (None in {fact.provider_refund, refund.provider_refund}
             or fact.provider_refund == refund.provider_refund)
    )  # fmt: skip


def gravest(verdicts: Sequence[Verdict]) -> Verdict:
    """Return what a person should know first of what a notice did."""
    if Verdict.QUARANTINED in verdicts:
        return Verdict.QUARANTINED
    return max(verdicts, key=_GRAVITY.index, default=Verdict.IGNORED)


def refund_again_at(refund: Refund, now: datetime) -> datetime:
    """Return when a refund under way is asked for or after again."""
    return now + REFUND_AFTER[min(refund.tries, len(REFUND_AFTER)) - 1]


def given_up(refund: Refund) -> str | None:
    """Say why a refund under way is handed to a person; None: it is tried again."""
    if refund.channel in AT_A_COUNTER:
        return COUNTER
    if refund.state == RefundState.PROCESSING:
        return SLOW if refund.tries >= SLOW_MAX else None
    return UNANSWERED if refund.tries >= UNANSWERED_MAX else None


def may_be_paid_yet(refund: Refund) -> bool:
    """Say whether a provider that was given up on has not said what became of a refund."""
    return refund.trouble in {UNANSWERED, SLOW}


def taken_from(
    attempts: Sequence[Attempt], back_fen: Mapping[str, int], amount_fen: int
) -> list[tuple[Attempt, Fen]]:
    """Take an amount out of what is left of paid attempts, the newest first.

    What comes back adds up to less where less is left.
    """
    parts: list[tuple[Attempt, Fen]] = []
    paid = [one for one in attempts if one.paid_at is not None]
    for one in sorted(paid, key=lambda one: (one.paid_at, one.attempt_no), reverse=True):
        part = min(one.amount_fen - back_fen.get(one.attempt_no, 0), amount_fen)
        if part > 0:
            parts.append((one, Fen(part)))
            amount_fen -= part
    return parts


def refund_fingerprint(*asked: object) -> bytes:
    """Return what makes two requests for a refund under one key the same."""
    return hashlib.sha256("\n".join(map(str, asked)).encode()).digest()
