"""The published schema, the Structs behind it and the native compiler read one language."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark.contexts.tariffs import language
from onepark.contexts.tariffs.errors import PlanInvalid
from onepark.contexts.tariffs.rules import compile_plan
from tests.reference.tariff_plans import plans

ROOT = Path(__file__).parents[3]
COPY = ROOT / "docs/tariff.schema.json"
VECTORS = sorted((ROOT / "tests/vectors/tariffs").glob("*.json"))
INVALID = [
    line.split("\t")
    for line in (ROOT / "tests/vectors/tariff_invalid.tsv").read_text("utf-8").splitlines()[1:]
]
WHOLE_FLOAT = "30.0"  # JSON Schema takes it for a whole number, the language does not
SHAPE = {"shape", "json"}
BOUNDS = {"range", "count", "text", "time_of_day", "month_day", "size"}  # told by Structs as well
VALIDATOR = jsonschema.Draft202012Validator(language.schema())
WINDOW = {
    "name": "a",
    "from": "00:00",
    "to": "24:00",
    "tiers": [{"unit_minutes": 60, "price_fen": 5}],
}


def fits(text: str) -> bool:
    try:
        language.read(text)
    except msgspec.DecodeError:
        return False
    return True


def refused(text: str) -> str | None:
    """The rule that the compiler says is broken."""
    try:
        compile_plan(text)
    except PlanInvalid as error:
        return str(error.facts["rule"])
    return None


@pytest.mark.parametrize("plan", VECTORS, ids=lambda path: path.stem)
def test_every_published_rule_set_fits_the_published_schema(plan):
    text = plan.read_text("utf-8")
    VALIDATOR.validate(json.loads(text))
    assert fits(text)
    assert refused(text) is None


@pytest.mark.parametrize(("field", "rule", "body"), INVALID)
def test_a_broken_plan_breaks_the_shape_or_another_rule_but_is_never_fit(field, rule, body):
    if rule in SHAPE:
        assert not fits(body)
    elif not fits(body):
        assert rule in BOUNDS


@pytest.mark.parametrize("body", [body for _, rule, body in INVALID if rule == "shape"])
def test_what_has_no_shape_of_a_plan_breaks_the_schema(body):
    assert VALIDATOR.is_valid(json.loads(body)) is (WHOLE_FLOAT in body)


@given(plans())
def test_any_plan_of_the_language_fits_the_schema(body):
    text = json.dumps(body)
    assert fits(text)
    assert VALIDATOR.is_valid(body)
    assert refused(text) not in SHAPE


A_BOUND = re.compile(r"of length|[<>]=|matching regex")


def why_unfit(text: str) -> str:
    with pytest.raises(msgspec.DecodeError) as refusal:
        language.read(text)
    return str(refusal.value)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder of a plan with each of its keys."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


WRONG = [None, "x", "07:00", 3.5, True, [], {}, {"a": 1}, -1, 10**20, ["electric"], [30]]


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[dict[str, Any], object]:
    """A plan with one field more, one less, or one of another kind."""
    body = copy.deepcopy(draw(plans()))
    holder, key = draw(st.sampled_from(list(places(body))))
    how = draw(st.sampled_from(["more", "less", "other"]))
    value = draw(st.sampled_from(WRONG))
    if how == "more":
        (holder if isinstance(holder, dict) else body)["colour"] = value
    elif how == "less":
        del holder[key]
    else:
        holder[key] = value
    return body, value if how == "other" else None


@settings(max_examples=400)
@given(spoilt())
def test_structs_and_compiler_refuse_the_same_shapes(case):
    body, value = case
    text = json.dumps(body)
    rule = refused(text)
    if rule is None or rule in SHAPE:
        assert fits(text) is (rule is None)
    elif not fits(text):  # the compiler may stop at another rule before it comes to the bound
        assert A_BOUND.search(why_unfit(text)) or isinstance(value, list)


@settings(max_examples=400)
@given(spoilt())
def test_schema_and_structs_refuse_the_same_shapes(case):
    body, _ = case
    assert VALIDATOR.is_valid(body) is fits(json.dumps(body))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"free": []}, "free"),
        ({"free": [30]}, "free"),
        ({"caps": []}, "caps"),
        ({"vehicles": {"large": [2_000]}}, "vehicles.large"),
        ({"rounding": {"up": None}}, "rounding"),
        ({"windows": [["a", [], [], "00:00", "24:00", WINDOW["tiers"]]]}, "windows[0]"),
    ],
)
def test_fields_by_position_are_refused_where_an_object_is_meant(changes, field):
    with pytest.raises(PlanInvalid) as error:
        compile_plan(json.dumps({"windows": [WINDOW]} | changes))
    assert error.value.facts == {"field": field, "rule": "shape"}


def test_the_copy_in_the_docs_is_the_schema_of_today():
    assert json.loads(COPY.read_text("utf-8")) == language.schema(), (
        "write it anew: onepark tariff schema > docs/tariff.schema.json"
    )


def test_the_schema_is_a_schema_and_every_part_is_told_in_both_languages():
    schema = language.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    parts = {name: part.get("description", "") for name, part in schema["$defs"].items()}
    parts = {name: text for name, text in parts.items() if name not in {"Trait", "PriceForm"}}
    for text in parts.values():
        assert re.search(r"[\u4e00-\u9fff]", text), text
        assert re.search(r"[A-Za-z]{2,}", text), text
    assert len(parts) > 20
