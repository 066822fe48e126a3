"""The native engine against worked fees, and against an oracle that walks every unit."""

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from tests.reference.tariff_oracle import Carry, price

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
FIRST_S = 946_656_000
TEN_YEARS = 3_652
SLOW_S = TEN_YEARS * DAY_S  # a century unit by unit takes the oracle ten seconds


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "tests" / "vectors" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def carry_of(anchor: str, fen: str) -> Carry | None:
    return None if anchor == "-" else (seconds(anchor), int(fen))


def engine_of(body: dict[str, Any]) -> _native.Plan:
    return _native.Plan(json.dumps(body))


def named(row: dict[str, str]) -> str:
    return f"{row['note']} ({row['basis']})"


@pytest.mark.parametrize("row", rows("tariff.tsv"), ids=named)
def test_a_worked_fee_comes_out_of_the_engine_and_of_the_oracle(row):
    body = (ROOT / row["plan"]).read_text(encoding="utf-8")
    span = seconds(row["entered"]), seconds(row["until"])
    carry = carry_of(row["carry_anchor"], row["carry_fen"])
    expected = int(row["amount_fen"]), carry_of(row["next_anchor"], row["next_fen"])
    amount_fen, lines, next_carry = _native.Plan(body).price(*span, row["vehicle"], carry)
    assert (amount_fen, next_carry) == expected
    assert sum(line[-1] for line in lines) == amount_fen
    if span[1] - span[0] <= SLOW_S:
        assert price(json.loads(body), *span, vehicle=row["vehicle"], carry=carry) == expected


@pytest.mark.parametrize("row", rows("tariff_invalid.tsv"), ids=lambda row: row["body"][:60])
def test_a_broken_plan_is_refused_by_field_and_rule(row):
    with pytest.raises(_native.PlanError) as refused:
        _native.Plan(row["body"])
    assert refused.value.args[:2] == (row["field"], row["rule"])


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    made, until = [], 0
    for _ in range(draw(st.integers(0, 3))):
        unit = draw(st.sampled_from([15, 20, 30, 45, 60, 120]))
        until += unit * draw(st.integers(1, 3))
        fen = draw(st.integers(0, 100)) * 10
        made.append({"until_minutes": until, "unit_minutes": unit, "price_fen": fen})
    last = draw(st.sampled_from([7, 15, 30, 60, 61, 90, 1_440]))
    return [*made, {"unit_minutes": last, "price_fen": draw(st.integers(0, 100)) * 10}]


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def windows(draw: st.DrawFn) -> list[dict[str, Any]]:
    if draw(st.integers(0, 3)) == 0:
        return [{"name": "w", "from": "00:00", "to": "24:00", "tiers": draw(tiers())}]
    edges = sorted(draw(st.sets(st.integers(0, 287), min_size=2, max_size=8)))
    if draw(st.booleans()):
        edges = [*edges[1:], edges[0]]
    pairs = zip(edges[::2], edges[1::2], strict=False)
    spans = [(clock(first * 5), clock(last * 5)) for first, last in pairs]
    return [{"name": "w", "from": a, "to": b, "tiers": draw(tiers())} for a, b in spans]


PACK = {
    "name": "night",
    "enter_from": "20:00",
    "leave_by": "07:00",
    "unit_minutes": 60,
    "price_fen": 100,
    "max_units": 5,
}


@st.composite
def plans(draw: st.DrawFn, restarts: tuple[str, ...] = ("never", "every_24h", "every_day")) -> Any:
    body: dict[str, Any] = {
        "windows": draw(windows()),
        "restart": draw(st.sampled_from(restarts)),
        "tier_clock": draw(st.sampled_from(["stay", "window"])),
        "free": {
            "minutes": draw(st.sampled_from([0, 15, 30, 61, 1_440])),
            "mode": draw(st.sampled_from(["deduct", "absorb"])),
        },
        "vehicles": {"large": {"price_permille": 1_500, "cap_permille": 1_300}},
    }
    kind = draw(st.sampled_from(["none", "natural_day_fen", "rolling_24h_fen", "across"]))
    fen = draw(st.integers(50, 900)) * 10
    if kind == "across":
        body["caps"] = {"rolling_24h_fen": fen, "across_visits": True}
    elif kind != "none":
        body["caps"] = {kind: fen}
    holds_a_night = kind == "none" or fen >= 800
    if kind != "across" and holds_a_night and draw(st.booleans()):
        body["night_pack"] = PACK | {"after_free": draw(st.booleans())}
    return body


def compiled(body: dict[str, Any]) -> _native.Plan | None:
    """None for the one rule that these plans may break: a tier that is never reached."""
    try:
        return engine_of(body)
    except _native.PlanError as error:
        if error.args[1] != "tier_reach":
            raise
        return None


stays = st.one_of(
    st.integers(0, 4 * 3_600),
    st.integers(0, 2 * DAY_S),
    st.builds(lambda minutes: minutes * 60, st.integers(0, 4 * 1_440)),
)
entries = st.integers(FIRST_S, FIRST_S + 90 * 365 * DAY_S) | st.builds(
    lambda quarter: FIRST_S + quarter * 900, st.integers(0, 10_000)
)
carries = st.none() | st.tuples(st.integers(-DAY_S, 2 * DAY_S), st.integers(0, 12_000))


@settings(max_examples=3_000, deadline=None)
@given(plans(), entries, stays, carries, st.sampled_from(["small", "large"]))
def test_engine_and_oracle_agree_on_days(body, entered_s, stay_s, ago, vehicle):
    engine = compiled(body)
    if engine is None:
        return
    carry = None if ago is None else (entered_s - ago[0], ago[1])
    amount_fen, lines, next_carry = engine.price(entered_s, entered_s + stay_s, vehicle, carry)
    assert sum(line[-1] for line in lines) == amount_fen
    expected = price(body, entered_s, entered_s + stay_s, vehicle=vehicle, carry=carry)
    assert (amount_fen, next_carry) == expected


@settings(max_examples=300, deadline=None)
@given(plans(("every_24h", "every_day")), entries, st.integers(0, DAY_S))
def test_ten_years_cost_what_their_equal_days_add_up_to(body, entered_s, rest_s):
    entered_s -= 10 * 365 * DAY_S if entered_s > FIRST_S + 20 * 365 * DAY_S else 0

    def after(days: int) -> int:
        return price(body, entered_s, entered_s + days * DAY_S + rest_s, vehicle="small")[0]

    until_s = entered_s + TEN_YEARS * DAY_S + rest_s
    amount_fen, lines, _ = engine_of(body).price(entered_s, until_s, "small")
    third = after(3)
    assert amount_fen == third + (TEN_YEARS - 3) * (after(4) - third)
    assert len(lines) < 500


def test_a_batch_answers_as_one_by_one_and_names_the_guilty():
    engine = engine_of({"windows": []})
    asked = [(engine, FIRST_S, FIRST_S + n, "small", None) for n in range(1_000)]
    assert _native.price_many(asked) == [engine.price(*one[1:]) for one in asked]
    asked[700] = (engine, FIRST_S + 1, FIRST_S, "small", None)
    with pytest.raises(_native.SpanError) as refused:
        _native.price_many(asked)
    assert refused.value.args[:3] == (700, "until_at", "order")
