"""What a quote says, and what is refused before anything is priced."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from onepark.contexts.tariffs.errors import LotOrPlan, PlanInvalid, SpanInvalid
from onepark.contexts.tariffs.model import (
    Carry,
    Line,
    LineRule,
    Plan,
    PriceRequest,
    Quote,
    QuoteAsked,
)
from onepark.contexts.tariffs.rules import check_asked, compile_plan, price, terms_of_stay
from onepark.kernel.types import CHINA, Fen, PlanId, Vehicle

PLANS = Path(__file__).parents[3] / "src/onepark/simulator/plans"
EIGHT = datetime(2026, 3, 2, 8, tzinfo=CHINA)


def a_plan(name: str = "t7_taicang") -> Plan:
    engine = compile_plan((PLANS / f"{name}.json").read_text(encoding="utf-8"))
    return Plan(PlanId(1), name, 1, EIGHT, None, engine.exit_grace_s, engine)


def after(minutes: float) -> datetime:
    return EIGHT + timedelta(minutes=minutes)


def fee(plan: Plan, minutes: float, **changes: object) -> Quote:
    [quote] = price([PriceRequest(plan, EIGHT, after(minutes), Vehicle.SMALL, **changes)])  # type: ignore[arg-type]
    return quote


def test_taicang_s_own_example_costs_seven_yuan_and_says_why():
    quote = fee(a_plan(), 67)
    assert quote == Quote(
        amount_fen=Fen(700),
        lines=(
            Line(LineRule.TIER, "日间 day", EIGHT, after(60), 1, Fen(500), Fen(500)),
            Line(LineRule.TIER, "日间 day", after(60), after(67), 1, Fen(200), Fen(200)),
        ),
        carry=None,
    )


def test_the_reasons_of_a_long_stay_are_few():
    quote = fee(a_plan("t5_hospital"), 30 * 1_440)
    assert quote.amount_fen == 30 * 4_000
    assert [line.rule for line in quote.lines] == [
        LineRule.FREE,
        *[LineRule.TIER] * 4,
        LineRule.CAP_24H,
        *[LineRule.TIER] * 4,
        LineRule.CAP_24H,
        LineRule.REPEAT,
    ]


def test_a_mall_s_cap_goes_on_over_visits():
    first = fee(a_plan("t24_mall"), 120)
    assert first.carry == Carry(EIGHT, Fen(600))
    second = fee(a_plan("t24_mall"), 600, carry=first.carry)
    assert (second.amount_fen, second.carry) == (400, Carry(EIGHT, Fen(1_000)))


def test_parts_of_a_second_are_dropped():
    assert fee(a_plan(), 30 + 0.5 / 60).amount_fen == 0
    assert fee(a_plan(), 30 + 1 / 60).amount_fen == 500


def test_an_instant_is_one_whatever_its_offset():
    tokyo = timezone(timedelta(hours=9))
    for zone in (UTC, tokyo):
        request = PriceRequest(
            a_plan(), EIGHT.astimezone(zone), after(67).astimezone(zone), Vehicle.SMALL
        )
        assert price([request]) == [fee(a_plan(), 67)]


def test_a_batch_that_cannot_be_priced_names_the_request():
    good = PriceRequest(a_plan(), EIGHT, after(1), Vehicle.SMALL)
    bad = PriceRequest(a_plan(), EIGHT, after(-1), Vehicle.SMALL)
    with pytest.raises(SpanInvalid) as refused:
        price([good, bad])
    assert refused.value.facts == {"field": "until_at", "rule": "order", "index": 1}


def test_nothing_costs_nothing():
    assert price([]) == []
    assert fee(a_plan(), 0) == Quote(Fen(0), (), None)


@pytest.mark.parametrize("name", sorted(path.stem for path in PLANS.glob("*.json")))
def test_every_plan_of_the_demonstration_compiles(name):
    assert a_plan(name).exit_grace_s == 900


def test_a_broken_plan_is_refused_by_field_and_rule():
    with pytest.raises(PlanInvalid) as refused:
        compile_plan('{"windows": [], "free": {"minutes": -1}}')
    assert refused.value.facts == {"field": "free.minutes", "rule": "range"}


@pytest.mark.parametrize("given", [{}, {"lot": "320281001101", "plan": {}}])
def test_a_quote_asks_for_one_thing_to_price_by(given):
    with pytest.raises(LotOrPlan):
        check_asked(QuoteAsked(EIGHT, after(1), **given))


@pytest.mark.parametrize(
    ("plate", "color", "used", "is_ordinary"),
    [
        ("苏B12345", "blue", 0, True),
        ("苏B12345", "blue", 1, False),
        ("苏BD12345", "green", 0, False),
        ("苏B12345", "white", 0, True),
    ],
)
def test_a_car_without_any_right_is_priced_without_terms(plate, color, used, is_ordinary):
    assert (terms_of_stay(plate, color, used) is None) == is_ordinary
