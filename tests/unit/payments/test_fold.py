"""Facts that come together do what they would do one after the other."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onepark.contexts.payments import rules
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    Told,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.kernel.types import Fen, LotId, OrderNo
from tests.builders import EIGHT, minutes

SIDES = {"open": ("m", "a"), "other": ("m", "a")}
NUMBERS = ("A1", "A2", "A3", "stranger")


def an_attempt(number: str, channel: str = "open") -> Attempt:
    return Attempt(
        number,
        LotId(1),
        7,
        OrderNo("P"),
        1,
        channel,
        Fen(500),
        AttemptState.PENDING,
        EIGHT,
        EIGHT + minutes(10),
    )


ATTEMPTS = {
    one.attempt_no: one for one in (an_attempt("A1"), an_attempt("A2"), an_attempt("A3", "other"))
}

facts = st.builds(
    lambda number, state, amount, txn, merchant: TradeFact(
        number, state, merchant, "a", Fen(amount), "CNY", txn, EIGHT
    ),
    st.sampled_from(NUMBERS),
    st.sampled_from([TradeState.SUCCESS, *TradeState]),
    st.sampled_from([500, 500, 500, 501]),
    st.sampled_from(["t1", "t2", "t3", None]),
    st.sampled_from(["m", "m", "m", "n"]),
)
told = st.lists(st.builds(Told, st.sampled_from(["open", "open", "other"]), facts), max_size=12)


@dataclass
class OneByOne:
    """Plainly: each fact finds the attempts and transactions as those before it left them."""

    attempts: dict[str, Attempt] = field(default_factory=lambda: dict(ATTEMPTS))
    paid_by: dict[tuple[str, str], str] = field(default_factory=lambda: {("open", "t3"): "earlier"})
    paid: list[str] = field(default_factory=list)

    def take(self, one: Told) -> Verdict | None:
        attempt = self.attempts.get(one.fact.out_trade_no)
        if attempt is None or attempt.channel != one.channel:
            return None
        verdict = rules.judge(attempt, one.fact, merchant="m", app="a")
        if verdict != Verdict.APPLIED:
            return verdict
        if one.fact.state == TradeState.SUCCESS:
            key = (one.channel, str(one.fact.provider_txn))
            if self.paid_by.get(key, attempt.attempt_no) != attempt.attempt_no:
                return Verdict.QUARANTINED
            self.paid_by[key] = attempt.attempt_no
            self.paid.append(attempt.attempt_no)
        state = rules.STATE_OF[one.fact.state]
        self.attempts[attempt.attempt_no] = replace(attempt, state=state)
        return verdict


@given(told)
def test_facts_folded_together_come_to_what_they_come_to_one_by_one(every: list[Told]) -> None:
    plain = OneByOne()
    wanted = [plain.take(one) for one in every]
    folded = rules.fold(every, ATTEMPTS, {("open", "t3"): "earlier"}, sides=SIDES)
    assert folded.verdicts == wanted
    assert [attempt.attempt_no for attempt, _ in folded.paid] == plain.paid
    states = {number: one.state for number, one in plain.attempts.items()}
    ends = dict(folded.ended) | dict.fromkeys(plain.paid, AttemptState.SUCCESS)
    assert states == {number: ends.get(number, AttemptState.PENDING) for number in ATTEMPTS}


@given(told)
def test_an_attempt_is_paid_once_whatever_is_told_of_it(every: list[Told]) -> None:
    folded = rules.fold(every, ATTEMPTS, {}, sides=SIDES)
    numbers = [attempt.attempt_no for attempt, _ in folded.paid]
    assert len(numbers) == len(set(numbers))
    txns = [(attempt.channel, fact.provider_txn) for attempt, fact in folded.paid]
    assert len(txns) == len(set(txns))
