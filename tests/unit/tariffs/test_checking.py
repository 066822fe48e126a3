"""A plan that cannot be filed is told why, in both languages."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from onepark import _native
from onepark.contexts.tariffs.checking import (
    DEPTH_MAX,
    OTHER_RULE_ZH,
    RULES_ZH,
    Finding,
    FindingExample,
    Severity,
    body_text,
    check,
    check_body,
    is_good,
)
from onepark.contexts.tariffs.errors import PlanInvalid
from onepark.contexts.tariffs.model import PriceRequest
from onepark.contexts.tariffs.rules import plan_of_asker, price
from onepark.kernel.types import Fen, Vehicle
from tests.reference.tariff_plans import plans

ROOT = Path(__file__).parents[3]
PLANS = ROOT / "src/onepark/simulator/plans"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
INVALID = [
    line.split("\t")
    for line in (ROOT / "tests/vectors/tariff_invalid.tsv").read_text("utf-8").splitlines()[1:]
]


@pytest.mark.parametrize("plan", sorted(PLANS.glob("*.json")), ids=lambda path: path.stem)
def test_a_plan_that_the_city_charges_by_is_good(plan):
    assert is_good(check(plan.read_text("utf-8")))


@pytest.mark.parametrize(("field", "rule", "body"), INVALID)
def test_a_broken_plan_is_told_its_field_and_rule(field, rule, body):
    errors = [one for one in check(body) if one.severity == Severity.ERROR]
    assert (field, rule) in {(one.field, one.rule) for one in errors}
    assert all(field in one.sentence and CHINESE.search(one.sentence_zh) for one in errors)


def test_a_rule_without_chinese_words_of_its_own_is_still_told():
    assert CHINESE.search(OTHER_RULE_ZH)
    assert all(CHINESE.search(words) or words.isascii() for words in RULES_ZH.values())


def test_a_plan_nested_beyond_reading_is_an_error_and_no_crash():
    body: dict[str, object] = {}
    inner = body
    for _ in range(20_000):
        inner["a"] = inner = {}
    [finding] = check_body(body)
    assert (finding.rule, finding.field, finding.severity) == ("json", ".", Severity.ERROR)


def test_a_warning_hinders_no_filing_and_an_error_does():
    warning = Finding(Severity.WARNING, "cap", ".", "No cap.", "没有封顶")
    assert is_good([])
    assert is_good([warning])
    assert not is_good([warning, Finding(Severity.ERROR, "gap", ".", "A gap.", "有空档")])


def nested(depth: int) -> dict[str, Any]:
    """An object in an object, and so on, with a number in the innermost one."""
    body: dict[str, Any] = {"a": 1}
    for _ in range(depth):
        body = {"a": body}
    return body


def test_a_body_is_kept_as_it_was_given():
    for body in ({"source": '太仓 "庆阳路"', "windows": []}, nested(DEPTH_MAX - 1)):
        assert json.loads(body_text(body)) == body


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"source": "\u0000"}, "text"),
        ({"source": "停" * 22_000}, "size"),
        (nested(DEPTH_MAX), "json"),
        (nested(20_000), "json"),
    ],
)
def test_a_body_that_no_database_keeps_is_refused(body, rule):
    with pytest.raises(PlanInvalid) as refused:
        body_text(body)
    assert refused.value.facts["rule"] == rule


# -- what is wrong with a plan that can be priced --------------------------------------------------

HOURLY = [{"unit_minutes": 60, "price_fen": 500}]
NIGHTLY = [{"unit_minutes": 60, "price_fen": 100}]
CAP = {"natural_day_fen": 2_000}
PACK = {"name": "夜间", "enter_from": "20:00", "leave_by": "07:00", "unit_minutes": 60,
        "price_fen": 1_000, "max_units": 2}  # fmt: skip


def a_window(from_: str = "00:00", to: str = "24:00", **changes: Any) -> dict[str, Any]:
    return {"name": "a", "from": from_, "to": to, "tiers": HOURLY} | changes


def a_plan(*windows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Five yuan an hour all day, at most twenty a day, where nothing else is said."""
    return {"windows": windows or [a_window()], "caps": CAP} | changes


def found(body: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one.severity.value, one.rule, one.field) for one in check_body(body)]


DAY, NIGHT = a_window("08:00", "20:00"), a_window("20:00", "08:00", tiers=NIGHTLY)
COUNTED = {"over_minutes": 180, "as_minutes": 120}
SHORT_COUNT = a_window("08:00", "20:00", counts=COUNTED)


def test_a_plan_with_nothing_odd_about_it_is_told_nothing():
    assert found(a_plan()) == []
    assert found(a_plan(DAY, NIGHT)) == []


@pytest.mark.parametrize(
    ("body", "field", "spans"),
    [
        (a_plan(DAY), "windows", ["00:00 to 08:00", "20:00 to 24:00"]),
        (a_plan(a_window("00:00", "23:59")), "windows", ["23:59 to 24:00"]),
        ({"windows": [], "caps": CAP}, "windows", ["00:00 to 24:00"]),
        (a_plan(zones={"B2": [a_window("06:00", "24:00")]}), "zones.B2", ["00:00 to 06:00"]),
        (
            a_plan(a_window(days=["workday"]), restart="every_day"),
            "windows",
            ["00:00 to 24:00"],
        ),
        (
            a_plan(
                a_window(season=[{"from": "05-01", "to": "10-30"}]),
                a_window(season=[{"from": "11-01", "to": "04-30"}]),
                restart="every_day",
            ),  # 31 October is in neither
            "windows",
            ["00:00 to 24:00"],
        ),
    ],
)
def test_an_hour_that_nobody_has_thought_of_is_a_gap_until_it_is_said_to_be_free(
    body, field, spans
):
    gaps = [one for one in check_body(body) if one.rule == "gap"]
    assert [(one.severity, one.field) for one in gaps] == [(Severity.ERROR, field)] * len(spans)
    assert [one.sentence.partition(" belongs")[0] for one in gaps] == spans
    assert "gap" not in {one.rule for one in check_body(body | {"outside": "free"})}


def test_the_same_gap_in_two_parts_of_a_lot_is_told_of_both():
    gaps = found(a_plan(a_window("06:00", "24:00"), zones={"B2": [a_window("06:00", "24:00")]}))
    assert gaps == [("error", "gap", "windows"), ("error", "gap", "zones.B2")]


@pytest.mark.parametrize(
    ("windows", "field"),
    [
        ([a_window("00:00", "12:01"), a_window("12:00", "24:00")], "windows[1].from"),
        ([a_window("06:00", "20:00"), a_window("19:59", "06:00")], "windows[1].from"),
        (
            [a_window(days=["workday"]), a_window(days=["makeup_workday", "non_workday"])],
            "windows[1].from",
        ),
        (
            [
                a_window(season=[{"from": "05-01", "to": "10-31"}]),
                a_window(season=[{"from": "10-31", "to": "04-30"}]),
            ],  # both on 31 October
            "windows[1].from",
        ),
    ],
)
def test_a_moment_that_costs_two_prices_is_an_overlap_even_if_on_one_day_of_the_year(
    windows, field
):
    [finding] = check_body(a_plan(*windows))
    assert (finding.severity, finding.rule, finding.field) == ("error", "windows_overlap", field)


def test_an_overlap_on_one_day_of_the_year_is_told_by_that_day():
    seasons = [{"from": "05-01", "to": "10-31"}], [{"from": "10-31", "to": "04-30"}]
    [finding] = check_body(a_plan(*(a_window(season=season) for season in seasons)))
    assert "-10-31" in finding.sentence


def test_a_plan_without_a_cap_says_that_this_is_meant():
    assert found(a_plan(caps={})) == [("error", "cap_missing", "caps")]
    assert found(a_plan(caps={"uncapped": True})) == []


@pytest.mark.parametrize(
    ("body", "is_idle"),
    [
        (a_plan(caps={"natural_day_fen": 12_000}), False),
        (a_plan(caps={"natural_day_fen": 12_001}), True),
        (a_plan(caps={"rolling_24h_fen": [6_000, 8_000, 11_000]}), False),
        (a_plan(caps={"rolling_24h_fen": [6_000, 8_000, 12_001]}), True),
        (a_plan(caps={"rolling_24h_fen": 20_000, "across_visits": True}), False),
        (a_plan(DAY, caps={"natural_day_fen": 7_000}, outside="free"), True),
        (
            a_plan(
                DAY,
                caps={"natural_day_fen": 7_000},
                outside="free",
                zones={"B2": [a_window()]},
            ),
            False,
        ),
    ],
)
def test_a_cap_that_nobody_can_reach_is_odd_but_no_error(body, is_idle):
    assert found(body) == ([("warning", "cap_idle", "caps")] if is_idle else [])


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


NEW_YEAR = "2026-01-01T"
FALLS = [
    (
        "a night pack that ends dearer than the hour that begins",
        a_plan(night_pack=PACK),
        "windows",
        ("small", "06:59:59", "07:00:00", 1_000, "07:00:01", 500),
    ),
    (
        "hours that count as fewer",
        a_plan(SHORT_COUNT, NIGHT),
        "windows",
        ("small", "08:00:00", "11:00:00", 1_500, "11:00:01", 1_000),
    ),
    (
        "a short part over an edge that is dearer than a longer one",
        a_plan(DAY, NIGHT, crossing={"minutes": 60, "part": "later"}),
        "windows",
        ("small", "19:59:59", "21:00:00", 1_000, "21:00:01", 700),
    ),
    (
        "one zone alone",
        a_plan(zones={"B2": [a_window(counts=COUNTED)]}),
        "zones.B2",
        ("small", "00:00:00", "03:00:00", 1_500, "03:00:01", 1_000),
    ),
    (
        "one class alone",
        a_plan(
            a_window(tiers=[{"unit_minutes": 60, "price_fen": {"small": 500, "large": 800}}]),
            night_pack=PACK | {"price_fen": {"small": 500, "large": 900}},
        ),
        "windows",
        ("large", "06:59:59", "07:00:00", 900, "07:00:01", 800),
    ),
]


@pytest.mark.parametrize(
    ("body", "field", "example"), [case[1:] for case in FALLS], ids=[case[0] for case in FALLS]
)
def test_the_shortest_stay_of_which_a_longer_one_costs_less_is_shown(body, field, example):
    vehicle, entered, until, amount_fen, later, later_fen = example
    [finding] = check_body(body)
    assert (finding.severity, finding.rule, finding.field) == (
        Severity.ERROR,
        "longer_costs_less",
        field,
    )
    assert finding.example == FindingExample(
        vehicle=vehicle,
        entered_at=at(NEW_YEAR + entered),
        until_at=at(NEW_YEAR + until),
        amount_fen=Fen(amount_fen),
        later_until_at=at(NEW_YEAR + later),
        later_amount_fen=Fen(later_fen),
    )
    assert found(body | {"longer_may_cost_less": True}) == []


def test_a_counter_example_is_what_the_engine_charges():
    for _, body, field, _ in FALLS:
        [finding] = check_body(body)
        shown, zone = finding.example, field.removeprefix("zones.")
        assert shown is not None
        plan = plan_of_asker(body, shown.entered_at)
        terms = _native.Terms(zone=zone if field.startswith("zones.") else None)
        for until_at, amount_fen in (
            (shown.until_at, shown.amount_fen),
            (shown.later_until_at, shown.later_amount_fen),
        ):
            asked = PriceRequest(
                plan, shown.entered_at, until_at, Vehicle(shown.vehicle), terms=terms
            )
            assert price([asked])[0].amount_fen == amount_fen


@settings(max_examples=200, deadline=None)
@given(plans())
def test_no_stay_costs_more_than_its_caps_allow(body):
    rules = {one.rule for one in check_body(body | {"longer_may_cost_less": True})}
    assert "cap_broken" not in rules


# -- what is no plan -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "rule", "field"),
    [
        ({"windows": 10**9}, "shape", "windows"),
        (a_plan(*[a_window()] * 25), "count", "windows"),
        (a_plan(a_window(tiers=[{"unit_minutes": 60, "price_fen": -1}])), "range",
         "windows[0].tiers[0].price_fen"),
        (a_plan(a_window(tiers=[{"unit_minutes": 60, "price_fen": {"small": -1}}])), "range",
         "windows[0].tiers[0].price_fen.small"),
        (a_plan(a_window(colour="red")), "shape", "windows[0].colour"),
        (a_plan(a_window("08:00", "08:00")), "window_empty", "windows[0].to"),
        (a_plan(a_window(season=[{"from": "02-30", "to": "03-01"}])), "month_day",
         "windows[0].season[0].from"),
        (a_plan(caps={"natural_day_fen": 10**30}), "shape", "caps.natural_day_fen"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_told_its_field_and_rule(body, rule, field):
    [finding] = check_body(body)
    assert (finding.severity, finding.rule, finding.field) == (Severity.ERROR, rule, field)


def test_a_plan_with_more_windows_than_anybody_reads_is_refused_at_once():
    text = f'{{"windows": [{"{}," * 10**7}{{}}]}}'
    [finding] = check(text)
    assert (finding.rule, finding.field) == ("size", ".")
