"""The bounds that the published schema states are those that the native compiler keeps."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from onepark import _native
from onepark.contexts.tariffs import language

TIERS = [
    {"until_minutes": 60, "unit_minutes": 60, "price_fen": 500},
    {"unit_minutes": 60, "price_fen": 300},
]
STEPS = [{"until_minutes": 720, "total_fen": 300}, {"until_minutes": 1_440, "total_fen": 600}]
WINDOWS = [
    {
        "name": "甲",
        "from": "00:00",
        "to": "12:00",
        "days": ["workday"],
        "season": [{"from": "01-01", "to": "12-31"}],
        "tiers": TIERS,
        "cap_fen": 3_000,
        "counts": {"over_minutes": 360, "as_minutes": 300},
    },
    {"name": "乙", "from": "12:00", "to": "24:00", "steps": STEPS},
]
BODY: dict[str, Any] = {
    "windows": WINDOWS,
    "free": {
        "minutes": 30,
        "electric_minutes": 60,
        "disabled_minutes": 60,
        "quota": {"visits": 2, "per": "day", "then_minutes": 10},
    },
    "crossing": {"minutes": 15},
    "rounding": "tail",
    "tail_minutes": 15,
    "restart": "every_day",
    "caps": {"natural_day_fen": 5_000},
    "night_pack": {
        "name": "夜",
        "enter_from": "20:00",
        "leave_by": "07:00",
        "unit_minutes": 60,
        "price_fen": 100,
        "max_units": 5,
    },
    "vehicles": {"large": {"price_permille": 2_000, "cap_permille": 2_000}},
    "discounts": [{"name": "五折", "traits": ["electric"], "off_permille": 500}],
    "discount_rounding": {"to_fen": 10},
    "coupons_max": 3,
    "exit_grace_minutes": 20,
}
DEFS: dict[str, Any] = language.schema()["$defs"]


def fields(part: dict[str, Any], at: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of the schema that stands in a body, with each of its possible schemas."""
    for name, value in at.items():
        whole = part["properties"][name]
        where = f"{path}{name}"
        for schema in (whole, *whole.get("anyOf", ())):
            yield where, schema
            inner = DEFS.get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
            if isinstance(value, dict) and "properties" in inner:
                yield from fields(inner, value, f"{where}.")
            item = DEFS.get(schema.get("items", {}).get("$ref", "").removeprefix("#/$defs/"), {})
            if isinstance(value, list) and "properties" in item:
                for index, one in enumerate(value):
                    yield from fields(item, one, f"{where}[{index}].")


NUMBERS = {
    path: (schema["minimum"], schema["maximum"])
    for path, schema in fields(DEFS["PlanFile"], BODY)
    if schema.get("type") == "integer"
}
LISTS = {
    path: (schema.get("minItems", 0), schema["maxItems"])
    for path, schema in fields(DEFS["PlanFile"], BODY)
    if schema.get("type") == "array"
}
NAMES = {
    path: (schema.get("minLength", 0), schema["maxLength"])
    for path, schema in fields(DEFS["PlanFile"], BODY | {"source": "某文件"})
    if "maxLength" in schema
}


def steps_to(path: str) -> list[str]:
    return path.replace("[", ".").replace("]", "").split(".")


def at_path(path: str) -> Any:
    found: Any = BODY
    for step in steps_to(path):
        found = found[int(step)] if step.isdigit() else found[step]
    return found


def with_value(path: str, value: Any) -> str:
    body = copy.deepcopy(BODY)
    holder: Any = body
    *way, last = steps_to(path)
    for step in way:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    holder[last] = value
    return json.dumps(body)


def broken(text: str) -> tuple[str, str] | None:
    """Field and rule that the native compiler says are broken."""
    try:
        _native.Plan(text)
    except _native.PlanError as error:
        return error.args[0], error.args[1]
    return None


def fits(text: str) -> bool:
    try:
        language.read(text)
    except msgspec.DecodeError:
        return False
    return True


def agree(path: str, value: Any, rule: str, *, inside: bool) -> None:
    text = with_value(path, value)
    assert fits(text) is inside
    said = broken(text)
    assert (said == (path, rule)) is not inside, said
    assert said is None or said[1] not in {"shape", "json"}


def test_the_bounds_are_tried_on_a_plan_that_is_good():
    assert broken(json.dumps(BODY)) is None
    assert fits(json.dumps(BODY))
    assert (len(NUMBERS), len(LISTS), len(NAMES)) == (29, 8, 5)


@pytest.mark.parametrize("path", NUMBERS)
def test_a_number_is_good_up_to_both_its_bounds(path):
    least, most = NUMBERS[path]
    for value in (least, most):
        agree(path, value, "range", inside=True)
    for value in (least - 1, most + 1):
        agree(path, value, "range", inside=False)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_good_up_to_its_bound(path):
    least, most = LISTS[path]
    whole = at_path(path)
    item = whole[0] if isinstance(whole, list) else whole
    agree(path, [item] * most, "count", inside=True)
    agree(path, [item] * (most + 1), "count", inside=False)
    if least:
        agree(path, [], "count", inside=False)


@pytest.mark.parametrize("path", NAMES)
def test_a_text_is_good_up_to_its_bounds(path):
    least, most = NAMES[path]
    agree(path, "停" * most, "text", inside=True)
    agree(path, "停" * (most + 1), "text", inside=False)
    for wrong in ("a\u0000", "a\u009f", "\n", *[""] * least):
        agree(path, wrong, "text", inside=False)


def test_there_are_no_more_zones_than_a_plan_may_have():
    for count in (16, 17):
        text = with_value("zones", {f"z{n}": [] for n in range(count)})
        assert fits(text) is (count == 16)
        assert (broken(text) == ("zones", "count")) is (count == 17)


CLOCKS = ["00:00", "23:59", "24:00", "24:01", "7:00", "07:60", "07:00\n", "０7:00", ""]
DATES = ["01-01", "12-31", "02-29", "00-10", "13-01", "1-1", "01-00", "01-32", "01-01\n"]


@pytest.mark.parametrize("text", CLOCKS)
def test_a_time_of_day_is_written_in_one_way(text):
    whole = with_value("night_pack.leave_by", text)
    said = broken(whole)
    assert fits(whole) is (said is None)
    assert said in {None, ("night_pack.leave_by", "time_of_day")}


@pytest.mark.parametrize("text", DATES)
def test_a_day_of_the_year_is_written_in_one_way(text):
    whole = with_value("windows[0].season[0].to", text)
    said = broken(whole)
    assert fits(whole) is (said is None)
    assert said in {None, ("windows[0].season[0].to", "month_day")}
