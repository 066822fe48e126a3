"""What a provider's word does to an attempt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onepark.contexts.payments import rules
from onepark.contexts.payments.model import (
    QUERY_AFTER,
    Attempt,
    AttemptState,
    Terms,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.kernel.types import Fen, LotId, OrderNo

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def an_attempt(state: AttemptState = AttemptState.PENDING, **changes) -> Attempt:
    values: dict[str, Any] = {
        "attempt_no": "A1",
        "lot_id": LotId(1),
        "operator_id": 7,
        "order_no": OrderNo("P1"),
        "charge_no": 1,
        "channel": "wechat",
        "amount_fen": Fen(1000),
        "state": state,
        "created_at": NOON,
        "expires_at": NOON + rules.ATTEMPT_LIVES,
    }
    return Attempt(**(values | changes))


def a_fact(state: TradeState = TradeState.SUCCESS, **changes) -> TradeFact:
    values: dict[str, Any] = {
        "out_trade_no": "A1",
        "state": state,
        "merchant": "m",
        "app": "a",
        "amount_fen": Fen(1000),
        "currency": "CNY",
        "provider_txn": "t1",
        "paid_at": NOON,
    }
    return TradeFact(**(values | changes))


def judged(attempt: Attempt, fact: TradeFact) -> Verdict:
    return rules.judge(attempt, fact, merchant="m", app="a")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": Fen(999)},
        {"amount_fen": Fen(1001)},
        {"amount_fen": None},
        {"currency": "USD"},
        {"merchant": "another"},
        {"app": "another"},
        {"provider_txn": None},
    ],
)
def test_money_that_does_not_agree_in_everything_is_set_aside(changes):
    assert judged(an_attempt(), a_fact(**changes)) == Verdict.QUARANTINED


@pytest.mark.parametrize("state", [s for s in AttemptState if s != AttemptState.SUCCESS])
def test_a_success_counts_even_after_the_attempt_was_closed_or_failed(state):
    assert judged(an_attempt(state), a_fact()) == Verdict.APPLIED


@pytest.mark.parametrize("state", list(TradeState))
def test_nothing_undoes_a_success(state):
    assert judged(an_attempt(AttemptState.SUCCESS), a_fact(state)) == Verdict.NOTHING_NEW


@pytest.mark.parametrize("state", [TradeState.PENDING, TradeState.ABSENT])
def test_an_unpaid_trade_moves_nothing(state):
    assert judged(an_attempt(), a_fact(state)) == Verdict.NOTHING_NEW


def test_a_closed_attempt_does_not_become_failed():
    fact = a_fact(TradeState.FAILED)
    assert judged(an_attempt(AttemptState.CLOSED), fact) == Verdict.NOTHING_NEW


def test_providers_are_asked_less_and_less_often_until_the_attempt_ends():
    waits = [
        rules.next_query_at(an_attempt(queries=n), NOON, Terms()) - NOON
        for n in range(len(QUERY_AFTER) + 1)
    ]
    assert waits == [*QUERY_AFTER, rules.ATTEMPT_LIVES]


@pytest.mark.parametrize(("after", "over"), [(timedelta(0), True), (timedelta(seconds=-1), False)])
def test_an_unpaid_attempt_is_over_at_the_end_of_its_life(after, over):
    attempt = an_attempt()
    fact = a_fact(TradeState.PENDING)
    assert rules.is_over(attempt, fact, attempt.expires_at + after, Terms()) is over
