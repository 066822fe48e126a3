"""The native engine against worked fees, and against an oracle that walks every unit."""

import csv
import json
import os
from array import array
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from tests.reference.tariff_benefits import Terms
from tests.reference.tariff_oracle import KINDS, Y2000, Carry, price
from tests.reference.tariff_plans import CLASSES, calendars, carries, entries, plans, stays
from tests.reference.tariff_plans import terms as terms_at

ROOT = Path(__file__).parents[2]
DAY_S = 86_400
FIRST_S = 946_656_000
TEN_YEARS = 3_652
CASES = int(os.environ.get("TARIFF_CASES", "30000"))  # a million on demand
SPANS = 5  # of one plan
MONTHS = CASES // 50
SLOW_TEST_S = 60 + CASES // 50
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


def terms_of(words: str) -> Terms:
    """`electric+zone=side+used=1+minutes:240`: traits, zone, free visits used, coupons."""
    terms = Terms()
    for word in [] if words == "-" else words.split("+"):
        name, _, value = word.partition("=")
        kind, _, number = word.partition(":")
        if number:
            terms.coupons = [*terms.coupons, (kind, int(number))]
        elif name == "zone":
            terms.zone = value
        elif name == "used":
            terms.free_visits_used = int(value)
        else:
            terms.traits.add(word)
    return terms


def calendar_of(words: str) -> bytes:
    """`golden_week:2025-10-01..2025-10-08`: weekdays, but for those days."""
    if words == "-":
        return b""
    kind, _, days = words.partition(":")
    first, last = (date.fromisoformat(day) for day in days.split(".."))
    known = [Y2000 + timedelta(days=n) for n in range((last - Y2000).days + 1)]
    usual = [KINDS.index("weekend") if day.weekday() >= 5 else 0 for day in known]
    own = KINDS.index(kind)
    return bytes(own if day >= first else usual[n] for n, day in enumerate(known))


@pytest.mark.parametrize("row", rows("tariff.tsv"), ids=named)
def test_a_worked_fee_comes_out_of_the_engine_and_of_the_oracle(row):
    body = (ROOT / row["plan"]).read_text(encoding="utf-8")
    span = seconds(row["entered"]), seconds(row["until"])
    carry = carry_of(row["carry_anchor"], row["carry_fen"])
    terms, calendar = terms_of(row["terms"]), calendar_of(row["days"])
    expected = int(row["amount_fen"]), carry_of(row["next_anchor"], row["next_fen"])
    engine = _native.Plan(body, _native.Calendar(calendar))
    amount_fen, lines, next_carry = engine.price(*span, row["vehicle"], carry, native(terms))
    assert (amount_fen, next_carry) == expected
    assert sum(line[-1] for line in lines) == amount_fen
    if span[1] - span[0] <= SLOW_S:
        asked: dict[str, Any] = {"carry": carry, "terms": terms, "calendar": calendar}
        assert price(json.loads(body), *span, vehicle=row["vehicle"], **asked) == expected


def test_every_rule_set_of_the_cities_is_a_plan_with_fees_and_passes_the_checker():
    today_s = seconds("2026-11-01T00:00:00+08:00")
    files = sorted((ROOT / "tests" / "vectors" / "tariffs").glob("T*.json"))
    priced = {Path(row["plan"]).name for row in rows("tariff.tsv")}
    assert {int(file.name[1:].split("_")[0]) for file in files} == set(range(1, 25))
    assert [file.name for file in files if file.name not in priced] == []
    found = {
        file.name: [one[1:4] for one in _native.Plan(file.read_text()).audit(today_s) if one[0]]
        for file in files
    }
    assert {name: errors for name, errors in found.items() if errors} == {}


@pytest.mark.parametrize("row", rows("tariff_invalid.tsv"), ids=lambda row: row["body"][:60])
def test_a_broken_plan_is_refused_by_field_and_rule(row):
    with pytest.raises(_native.PlanError) as refused:
        _native.Plan(row["body"])
    assert refused.value.args[:2] == (row["field"], row["rule"])


def compiled(body: dict[str, Any], calendar: bytes) -> _native.Plan | None:
    """None for what these plans may get wrong: unreachable tiers, days that hang together."""
    try:
        return _native.Plan(json.dumps(body), _native.Calendar(calendar))
    except _native.PlanError as error:
        if error.args[1] not in {"tier_reach", "days_apart"}:
            raise
        return None


def native(terms: Terms) -> _native.Terms:
    return _native.Terms(
        traits=sorted(terms.traits),
        zone=terms.zone,
        free_visits_used=terms.free_visits_used,
        coupons=terms.coupons,
        overrides=terms.overrides,
    )


classes = st.sampled_from(CLASSES)
spans = st.tuples(st.integers(0, 3 * DAY_S), stays)


@pytest.mark.timeout(SLOW_TEST_S)
@settings(max_examples=CASES // SPANS, deadline=None)
@given(st.data())
def test_engine_and_oracle_agree_on_days(data):
    body, calendar, vehicle = data.draw(plans()), data.draw(calendars), data.draw(classes)
    engine = compiled(body, calendar)
    if engine is None:
        return
    first_s = data.draw(entries)
    terms, ago = data.draw(terms_at(first_s)), data.draw(carries)
    for later_s, stay_s in data.draw(st.lists(spans, min_size=SPANS, max_size=SPANS)):
        entered_s, until_s = first_s + later_s, first_s + later_s + stay_s
        carry = None if ago is None else (entered_s - ago[0], ago[1])
        told = engine.price(entered_s, until_s, vehicle, carry, native(terms))
        amount_fen, lines, next_carry = told
        assert sum(line[-1] for line in lines) == amount_fen
        asked: dict[str, Any] = {"carry": carry, "terms": terms, "calendar": calendar}
        expected = price(body, entered_s, until_s, vehicle=vehicle, **asked)
        assert (amount_fen, next_carry) == expected


@pytest.mark.timeout(SLOW_TEST_S)
@settings(max_examples=MONTHS, deadline=None)
@given(plans(), entries, st.integers(2, 120), st.integers(0, DAY_S), calendars)
def test_months_cost_what_the_oracle_adds_up(body, entered_s, days, rest_s, calendar):
    engine = compiled(body, calendar)
    if engine is None:
        return
    until_s = entered_s + days * DAY_S + rest_s
    amount_fen, lines, _ = engine.price(entered_s, until_s, "small")
    assert amount_fen == price(body, entered_s, until_s, vehicle="small", calendar=calendar)[0]
    assert sum(line[-1] for line in lines) == amount_fen
    assert len(lines) < 1_000


@pytest.mark.timeout(SLOW_TEST_S)
@settings(max_examples=CASES // 10, deadline=None)
@given(plans(), entries, stays, classes)
def test_columns_and_lone_fees_are_what_quotes_say(body, entered_s, stay_s, vehicle):
    engine = compiled(body, b"")
    if engine is None:
        return
    amount_fen = engine.price(entered_s, entered_s + stay_s, vehicle)[0]
    assert engine.fee_fen(entered_s, entered_s + stay_s, vehicle) == amount_fen
    rows = 3
    fees = array("q")
    fees.frombytes(
        _native.price_columns(
            [engine],
            array("I", [0] * rows),
            array("q", [entered_s] * rows),
            array("q", [entered_s + stay_s] * rows),
            bytes([CLASSES.index(vehicle)] * rows),
        )
    )
    assert fees.tolist() == [amount_fen] * rows


@pytest.mark.parametrize("restart", ["never", "every_24h", "every_day"])
@pytest.mark.parametrize("tier_clock", ["window", "stay"])
@pytest.mark.parametrize(
    "caps", [{}, {"natural_day_fen": 900}, {"natural_day_fen": 11}, {"rolling_24h_fen": 900}]
)
@settings(max_examples=CASES // 300, deadline=None)
@given(
    unit=st.sampled_from([15, 20, 45, 60]),
    edges=st.sampled_from([("00:00", "21:30"), ("08:00", "20:00"), ("19:30", "07:15")]),
    entered_s=st.integers(0, DAY_S - 1),
    stay_s=st.integers(0, 3 * DAY_S),
    free=st.sampled_from([0, 30]),
)
def test_a_lone_fee_is_the_quote_s_whatever_begins_again_within_the_stay(
    restart, tier_clock, caps, *, unit, edges, entered_s, stay_s, free
):
    """A stay of more than 24 hours: tiers, caps and windows begin again at moments of their own."""
    tiers = [{"unit_minutes": unit, "price_fen": 10}]
    window = {"name": "w", "from": edges[0], "to": edges[1], "tiers": tiers}
    body = {"windows": [window], "caps": caps, "restart": restart, "tier_clock": tier_clock}
    engine = engine_of(body | {"free": {"minutes": free, "mode": "deduct"}})
    span = (FIRST_S + entered_s, FIRST_S + entered_s + stay_s)
    assert engine.fee_fen(*span) == engine.price(*span, "small")[0]


def test_tiers_that_begin_again_24_hours_after_entry_cut_a_unit_of_the_next_day():
    """One second from midnight to the restart and one after it are two units; found by chance."""
    tiers = [{"unit_minutes": 20, "price_fen": 10}]
    body = {
        "windows": [{"name": "w", "from": "00:00", "to": "21:30", "tiers": tiers}],
        "caps": {"natural_day_fen": 110},
        "restart": "every_24h",
        "tier_clock": "window",
    }
    span = (FIRST_S + 1, FIRST_S + DAY_S + 2)
    engine = engine_of(body)
    oracle = price(body, *span, vehicle="small")[0]
    assert engine.fee_fen(*span) == engine.price(*span, "small")[0] == oracle == 130


def test_a_batch_answers_as_one_by_one_and_names_the_guilty():
    engine = engine_of({"windows": []})
    asked = [(engine, FIRST_S, FIRST_S + n, "small", None, None) for n in range(1_000)]
    assert _native.price_many(asked) == [engine.price(*one[1:]) for one in asked]
    asked[700] = (engine, FIRST_S + 1, FIRST_S, "small", None, None)
    with pytest.raises(_native.SpanError) as refused:
        _native.price_many(asked)
    assert refused.value.args[:3] == (700, "until_at", "order")


def test_a_day_that_an_instruction_touched_stands_for_no_other_day():
    """The first second costs a third; the day after it costs what a day costs."""
    steps = [{"until_minutes": 1_440, "total_fen": 10}]
    body = {"windows": [{"name": "w", "from": "00:00", "to": "24:00", "steps": steps}]}
    terms = Terms(overrides=[(FIRST_S - DAY_S, FIRST_S + 1, 333)])
    until_s = FIRST_S + 2 * DAY_S
    amount_fen, _, _ = engine_of(body).price(FIRST_S, until_s, "small", None, native(terms))
    assert amount_fen == 3 + 10 + 10
    assert price(body, FIRST_S, until_s, vehicle="small", terms=terms) == (23, None)
