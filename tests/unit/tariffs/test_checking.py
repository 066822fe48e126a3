"""A plan that cannot be filed is told why, in both languages."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onepark.contexts.tariffs.checking import (
    DEPTH_MAX,
    OTHER_RULE_ZH,
    RULES_ZH,
    Finding,
    Severity,
    body_text,
    check,
    check_body,
    is_good,
)
from onepark.contexts.tariffs.errors import PlanInvalid

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
