"""Anybody computes a quote again from the plan that it names, and sees what was changed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onepark.contexts.tariffs.model import PriceRequest, QuoteAnswer, QuoteAsked
from onepark.contexts.tariffs.proof import canonical, differences, hash_of, plan_hash, sealed
from onepark.contexts.tariffs.rules import answer, plan_of_asker, price
from onepark.kernel.types import CHINA, Fen, Vehicle

PLANS = Path(__file__).parents[3] / "src/onepark/simulator/plans"
BODIES = {path.stem: json.loads(path.read_text("utf-8")) for path in PLANS.glob("*.json")}
TAICANG = BODIES["t7_taicang"]
EIGHT = datetime(2026, 11, 22, 8, tzinfo=CHINA)


def a_quote(
    body: dict[str, Any] = TAICANG,
    entered_at: datetime = EIGHT,
    stay: timedelta = timedelta(minutes=67),
    vehicle: Vehicle = Vehicle.SMALL,
) -> QuoteAnswer:
    """The published example of Taicang."""
    asked = QuoteAsked(entered_at, entered_at + stay, vehicle, plan=body)
    plan = plan_of_asker(body, entered_at)
    [quote] = price([PriceRequest(plan, asked.entered_at, asked.until_at, vehicle)])
    return sealed(answer(plan, asked, quote, plan_hash=plan_hash(body), rulings=()))


@given(
    st.sampled_from(sorted(BODIES)),
    st.integers(0, 400 * 86_400),
    st.integers(0, 40 * 86_400),
    st.sampled_from(list(Vehicle)),
)
def test_an_honest_quote_shows_no_difference(name, since_s, stay_s, vehicle):
    entered_at = EIGHT + timedelta(seconds=since_s)
    quote = a_quote(BODIES[name], entered_at, timedelta(seconds=stay_s), vehicle)
    assert list(differences(quote, BODIES[name])) == []


def changed(quote: QuoteAnswer, **changes: Any) -> QuoteAnswer:
    """A quote that somebody changed and sealed again."""
    return sealed(replace(quote, **changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount_fen": Fen(500)}, "amount_fen"),
        ({"entered_at": EIGHT - timedelta(minutes=60)}, "amount_fen"),
        ({"until_at": EIGHT + timedelta(minutes=91)}, "amount_fen"),
        ({"lines": ()}, "lines"),
        ({"plan_hash": "0" * 64}, "plan_hash"),
    ],
)
def test_a_change_is_seen_although_it_was_sealed_again(changes, told):
    words = list(differences(changed(a_quote(), **changes), TAICANG))
    assert any(word.startswith(told) for word in words), words


def test_a_line_that_says_something_else_is_named():
    quote = a_quote()
    lines = (replace(quote.lines[0], units=2), *quote.lines[1:])
    words = list(differences(changed(quote, lines=lines), TAICANG))
    assert words == ["lines[0].units: the quote says 2, the plan gives 1"]


def test_a_quote_that_was_not_sealed_again_is_seen_by_its_hash():
    quote = replace(a_quote(), quote_hash="0" * 64)
    [word] = differences(quote, TAICANG)
    assert word.startswith("quote_hash")


def test_a_plan_that_was_changed_by_one_fen_is_another_plan():
    other = json.loads(json.dumps(TAICANG).replace("500", "501"))
    assert plan_hash(other) != plan_hash(TAICANG)
    [word] = differences(a_quote(), other)
    assert word.startswith("plan_hash")


def test_the_order_and_the_blanks_of_a_plan_make_no_difference_to_its_hash():
    backwards = dict(reversed(TAICANG.items()))
    assert plan_hash(json.loads(json.dumps(backwards, indent=4))) == plan_hash(TAICANG)


def test_canonical_json_is_one_text_that_any_language_can_write():
    value = {"b": [1, True, None], "a": {"时段": '日间 "day"\n'}}
    assert canonical(value) == '{"a":{"时段":"日间 \\"day\\"\\n"},"b":[1,true,null]}'.encode()


def test_an_instant_has_one_hash_whatever_its_offset_and_its_parts_of_a_second():
    quote = a_quote()
    same = replace(quote, entered_at=EIGHT.astimezone(UTC) + timedelta(milliseconds=500))
    assert hash_of(same) == hash_of(quote)
    assert hash_of(replace(quote, entered_at=EIGHT + timedelta(seconds=1))) != hash_of(quote)
