"""What a provider's word does to a refund, and which payments a refund is taken from."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, tuples

from onepark.contexts.payments import rules
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    Cause,
    Refund,
    RefundFact,
    RefundState,
    RefundWord,
    Ruling,
    Verdict,
)
from onepark.kernel.types import Fen, LotId, OrderNo

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
APPLIED, NOTHING, ODD = Verdict.APPLIED, Verdict.NOTHING_NEW, Verdict.QUARANTINED


def an_attempt(number: int = 1, fen: int = 1000, **changes: Any) -> Attempt:
    """A payment of 10 yuan; each number was paid a minute after the one before."""
    values: dict[str, Any] = {
        "attempt_no": f"A{number}",
        "lot_id": LotId(1),
        "operator_id": 7,
        "order_no": OrderNo("P1"),
        "charge_no": number,
        "channel": "wechat",
        "amount_fen": Fen(fen),
        "state": AttemptState.SUCCESS,
        "created_at": NOON,
        "expires_at": NOON,
        "paid_at": NOON + timedelta(minutes=number),
    }
    return Attempt(**(values | changes))


def a_refund(state: RefundState = RefundState.SENT, **changes: Any) -> Refund:
    """3 yuan of that payment."""
    values: dict[str, Any] = {
        "refund_no": "R1",
        "attempt_no": "A1",
        "lot_id": LotId(1),
        "operator_id": 7,
        "order_no": OrderNo("P1"),
        "channel": "wechat",
        "surplus": False,
        "amount_fen": Fen(300),
        "cause": Cause.ASKED,
        "reason": "why",
        "asked_by": "me",
        "asked_at": NOON,
        "state": state,
    }
    return Refund(**(values | changes))


def judged(refund: Refund, word: RefundWord, *, left_fen: int = 0, **changes: Any) -> Verdict:
    values: dict[str, Any] = {
        "refund_no": "R1",
        "out_trade_no": "A1",
        "word": word,
        "merchant": "m",
        "amount_fen": Fen(300),
        "paid_fen": Fen(1000),
    }
    fact = RefundFact(**(values | changes))
    return rules.judge_refund(refund, an_attempt(), fact, merchant="m", left_fen=left_fen)


@pytest.mark.parametrize(
    ("state", "success", "abnormal", "processing", "closed"),
    [
        (RefundState.NEW, APPLIED, APPLIED, APPLIED, APPLIED),
        (RefundState.SENT, APPLIED, APPLIED, APPLIED, APPLIED),
        (RefundState.UNKNOWN, APPLIED, APPLIED, APPLIED, APPLIED),
        (RefundState.PROCESSING, APPLIED, APPLIED, NOTHING, APPLIED),
        (RefundState.ABNORMAL, APPLIED, NOTHING, NOTHING, APPLIED),
        (RefundState.CLOSED, ODD, NOTHING, NOTHING, NOTHING),
        (RefundState.SUCCESS, NOTHING, NOTHING, NOTHING, NOTHING),
    ],
)
def test_a_refund_goes_forward_only(state, *, success, abnormal, processing, closed):
    refund = a_refund(state)
    assert judged(refund, RefundWord.SUCCESS) == success
    assert judged(refund, RefundWord.ABNORMAL) == abnormal
    assert judged(refund, RefundWord.PROCESSING) == processing
    assert judged(refund, RefundWord.CLOSED) == closed
    assert judged(refund, RefundWord.ABSENT) == NOTHING


def test_a_closed_refund_that_was_paid_after_all_counts_while_it_fits():
    closed = a_refund(RefundState.CLOSED)
    assert judged(closed, RefundWord.SUCCESS, left_fen=300) == APPLIED
    assert judged(closed, RefundWord.SUCCESS, left_fen=299) == ODD


def test_what_was_paid_by_hand_and_by_the_provider_too_is_odd():
    by_hand = a_refund(RefundState.SUCCESS, ruling=Ruling.PAID_ELSEWHERE)
    assert judged(by_hand, RefundWord.SUCCESS) == ODD


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"amount_fen": None, "so_far_fen": Fen(300)}, APPLIED),
        ({"amount_fen": None, "so_far_fen": Fen(1000)}, APPLIED),
        ({"amount_fen": None, "so_far_fen": Fen(299)}, ODD),
        ({"amount_fen": None, "so_far_fen": Fen(1001)}, ODD),
        ({"amount_fen": Fen(299)}, ODD),
        ({"paid_fen": Fen(999)}, ODD),
        ({"merchant": "another"}, ODD),
        ({"out_trade_no": "A2"}, ODD),
        ({"provider_refund": "x"}, APPLIED),
    ],
)
def test_only_an_agreeing_word_is_believed(changes, verdict):
    assert judged(a_refund(), RefundWord.SUCCESS, **changes) == verdict


def test_one_refund_is_one_at_the_provider():
    known = a_refund(provider_refund="x")
    assert judged(known, RefundWord.SUCCESS, provider_refund="y") == ODD


def test_the_pauses_grow_to_an_hour():
    pauses = [rules.refund_again_at(a_refund(tries=tries), NOON) - NOON for tries in range(1, 12)]
    assert [int(pause.total_seconds()) for pause in pauses] == [
        *(10, 30, 60, 120, 300, 600, 1800),
        *(3600, 3600, 3600, 3600),
    ]


@pytest.mark.parametrize(
    ("state", "tries", "why"),
    [
        (RefundState.UNKNOWN, 31, None),
        (RefundState.UNKNOWN, 32, "unanswered"),
        (RefundState.PROCESSING, 175, None),
        (RefundState.PROCESSING, 176, "slow"),
    ],
)
def test_a_refund_is_handed_to_a_person_in_the_end(state, tries, why):
    assert rules.given_up(a_refund(state, tries=tries)) == why


PAID_AND_BACK = lists(tuples(integers(1, 1000), integers(0, 1000)), max_size=6)


@given(payments=PAID_AND_BACK, wanted=integers(0, 7000))
def test_a_refund_is_taken_from_the_newest_payments_and_never_above_what_is_left(payments, wanted):
    attempts = [an_attempt(number, fen) for number, (fen, _) in enumerate(payments)]
    back = {f"A{number}": min(fen, gone) for number, (fen, gone) in enumerate(payments)}
    parts = rules.taken_from(attempts, back, wanted)
    left = {one.attempt_no: one.amount_fen - back[one.attempt_no] for one in attempts}
    assert sum(fen for _, fen in parts) == min(wanted, sum(left.values()))
    assert all(0 < fen <= left[one.attempt_no] for one, fen in parts)
    taken = [one.attempt_no for one, _ in parts]
    newest_first = [one.attempt_no for one in reversed(attempts) if left[one.attempt_no]]
    assert taken == newest_first[: len(taken)]
    assert all(fen == left[one.attempt_no] for one, fen in parts[:-1]), "one is emptied first"


@pytest.mark.parametrize(
    ("verdicts", "gravest"),
    [
        ([], Verdict.IGNORED),
        ([APPLIED, NOTHING], APPLIED),
        ([NOTHING, Verdict.UNMATCHED], Verdict.UNMATCHED),
        ([ODD], ODD),
    ],
)
def test_a_notice_is_remembered_by_the_gravest_thing_that_it_did(verdicts, gravest):
    assert rules.gravest(verdicts) == gravest
