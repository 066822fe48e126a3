"""Every field and every word of the plan language is told in plain Chinese."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onepark.contexts.registry.model import PriceForm
from onepark.contexts.tariffs import language, phrases
from onepark.contexts.tariffs.language import schema
from onepark.contexts.tariffs.model import QuotaPer, Trait
from onepark.contexts.tariffs.wording import plain_chinese


def a_body(**changes: Any) -> dict[str, Any]:
    """Five yuan an hour, all day, without free minutes."""
    tiers = [{"unit_minutes": 60, "price_fen": 500}]
    window = {"name": "全天", "from": "00:00", "to": "24:00", "tiers": tiers}
    return {"windows": [window], **changes}


def tier(until: int | None, unit: int, price: int) -> dict[str, Any]:
    return {"unit_minutes": unit, "price_fen": price} | (
        {} if until is None else {"until_minutes": until}
    )


VECTORS = Path(__file__).parents[2] / "vectors"
RULE_SETS = sorted((VECTORS / "tariffs").glob("*.json"))
GOLDEN: dict[str, list[str]] = json.loads((VECTORS / "tariff_wording.json").read_text("utf-8"))
DAY_TIERS = [
    {"until_minutes": 60, "unit_minutes": 30, "price_fen": {"small": 500, "large": 900}},
    {"unit_minutes": 30, "price_fen": 600},
]
EVERYTHING: dict[str, Any] = {
    "source": "某市收费标准",
    "price_form": "government_fixed",
    "outside": "free",
    "free": {
        "minutes": 30,
        "electric_minutes": 60,
        "disabled_minutes": 120,
        "mode": "absorb",
        "inclusive": False,
        "grant": "day",
        "quota": {"visits": 2, "per": "day", "then_minutes": 10},
    },
    "windows": [
        {
            "name": "日间",
            "days": ["workday"],
            "season": [{"from": "05-01", "to": "10-31"}],
            "from": "08:00",
            "to": "20:00",
            "tiers": DAY_TIERS,
            "steps": [{"until_minutes": 120, "total_fen": 300}],
            "cap_fen": 3_000,
            "counts": {"over_minutes": 360, "as_minutes": 300},
        }
    ],
    "zones": {"B2": [{"name": "全天", "from": "00:00", "to": "24:00", "tiers": DAY_TIERS}]},
    "boundary": "unit_start",
    "crossing": {"minutes": 120, "inclusive": False, "part": "later"},
    "rounding": "tail",
    "tail_minutes": 15,
    "tier_clock": "window",
    "restart": "every_day",
    "caps": {
        "natural_day_fen": 5_000,
        "rolling_24h_fen": [6_000, 8_000],
        "across_visits": True,
        "uncapped": True,
    },
    "night_pack": {
        "name": "夜间",
        "enter_from": "20:00",
        "leave_by": "07:00",
        "unit_minutes": 60,
        "price_fen": 100,
        "max_units": 5,
        "after_free": False,
    },
    "vehicles": {
        name: {"price_permille": 1_500, "cap_permille": 2_000}
        for name in ("small", "medium", "large", "motorcycle", "oversize", "tricycle")
    },
    "exempt": ["police"],
    "discounts": [{"name": "五折", "traits": ["electric"], "off_permille": 500}],
    "discount_rounding": {"to_fen": 10, "mode": "half_up"},
    "coupons_max": 3,
    "longer_may_cost_less": True,
    "exit_grace_minutes": 20,
}
WINDOW, TIERS, STEPS = "windows[]", "windows[].tiers[]", "windows[].steps[]"
OTHER_VALUES: dict[str, Any] = {
    "price_form": "market",
    "outside": None,
    "free.minutes": 15,
    "free.electric_minutes": 90,
    "free.disabled_minutes": None,
    "free.mode": "deduct",
    "free.inclusive": True,
    "free.grant": "24h",
    "free.quota.visits": 1,
    "free.quota.per": "24h",
    "free.quota.then_minutes": 0,
    f"{WINDOW}.days": ["holiday"],
    f"{WINDOW}.season[].from": "04-01",
    f"{WINDOW}.season[].to": "09-30",
    f"{WINDOW}.from": "07:00",
    f"{WINDOW}.to": "21:00",
    f"{TIERS}.until_minutes": 90,
    f"{TIERS}.unit_minutes": 20,
    f"{TIERS}.price_fen": 400,
    f"{STEPS}.until_minutes": 60,
    f"{STEPS}.total_fen": 200,
    f"{WINDOW}.cap_fen": {"small": 2_000, "large": 4_000},
    f"{WINDOW}.counts.over_minutes": 240,
    f"{WINDOW}.counts.as_minutes": 180,
    "zones": {},
    "boundary": "split",
    "crossing.minutes": 15,
    "crossing.inclusive": True,
    "crossing.part": "either",
    "rounding": "down",
    "tail_minutes": 10,
    "tier_clock": "stay",
    "restart": "never",
    "caps.natural_day_fen": 4_000,
    "caps.rolling_24h_fen": 6_000,
    "caps.across_visits": False,
    "caps.uncapped": False,
    "night_pack.enter_from": "19:00",
    "night_pack.leave_by": "08:00",
    "night_pack.unit_minutes": 30,
    "night_pack.price_fen": 200,
    "night_pack.max_units": 6,
    "night_pack.after_free": True,
    **{f"vehicles.{name}.price_permille": 500 for name in EVERYTHING["vehicles"]},
    **{f"vehicles.{name}.cap_permille": 500 for name in EVERYTHING["vehicles"]},
    "exempt": ["fire"],
    "discounts[].name": "八折",
    "discounts[].traits": ["resident"],
    "discounts[].off_permille": 200,
    "discount_rounding.to_fen": 100,
    "discount_rounding.mode": "up",
    "coupons_max": 0,
    "longer_may_cost_less": False,
    "exit_grace_minutes": 30,
}
SILENT = {
    "source": "stands beside the sentences, in the plan itself",
    "windows[].name": "stands on the lines of every quote",
    "night_pack.name": "stands on the lines of every quote",
}


def paths(part: dict[str, Any], defs: dict[str, Any], before: str = "") -> Iterator[str]:
    """Every field of the published language; prices of classes and zones are one field."""
    for name, field in part["properties"].items():
        many = field.get("type") == "array"
        path, one = (f"{before}{name}[]", field["items"]) if many else (f"{before}{name}", field)
        kinds = (one, *one.get("anyOf", ()))
        ref = next((kind["$ref"] for kind in kinds if "$ref" in kind), "")
        inner = defs.get(ref.removeprefix("#/$defs/"), {})
        if "properties" in inner and not ref.endswith(("EachPrice", "EachCap")):
            yield from paths(inner, defs, f"{path}.")
        else:
            yield path.removesuffix("[]")


def with_other(path: str) -> dict[str, Any]:
    """Everything, with one field otherwise."""
    body = copy.deepcopy(EVERYTHING)
    holder: Any = body
    *steps, last = path.replace("[]", ".0").split(".")
    for step in steps:
        holder = holder[int(step)] if step == "0" else holder[step]
    holder[last] = OTHER_VALUES[path]
    return body


def test_every_field_of_the_language_has_words_or_a_reason_to_have_none():
    known = schema()
    fields = set(paths(known["$defs"]["PlanFile"], known["$defs"]))
    assert fields == set(OTHER_VALUES) | set(SILENT)


@pytest.mark.parametrize("path", OTHER_VALUES)
def test_whoever_changes_a_field_reads_other_sentences(path):
    assert plain_chinese(with_other(path)) != plain_chinese(EVERYTHING)


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (PriceForm, phrases.PRICE_FORMS),
        (Trait, phrases.TRAITS),
        (language.FreeMode, phrases.FREE_MODES),
        (set(language.Grant) - {language.Grant.STAY}, phrases.GRANTS),
        (QuotaPer, phrases.QUOTA_PER),
        (language.DayWord, phrases.DAYS),
        (language.Boundary, phrases.BOUNDARIES),
        (set(language.TierClock) - {language.TierClock.STAY}, phrases.TIER_CLOCKS),
        (language.Restart, phrases.RESTARTS),
        (language.RoundingMode, phrases.ROUNDING_MODES),
        (EVERYTHING["vehicles"], phrases.VEHICLES),
    ],
)
def test_every_word_of_the_language_is_known_in_chinese(words, table):
    assert {str(word) for word in words} == set(table)


@pytest.mark.parametrize("plan", RULE_SETS, ids=lambda path: path.stem)
def test_every_published_rule_set_is_told(plan):
    words = plain_chinese(json.loads(plan.read_text("utf-8")))
    assert len(words) >= 2
    assert not [one for one in words if "{" in one or "None" in one or "_fen" in one]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_published_rule_set_is_told_word_for_word(name):
    body = json.loads((VECTORS / f"tariffs/{name}.json").read_text("utf-8"))
    assert plain_chinese(body) == GOLDEN[name]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (a_body(free={"minutes": 30, "inclusive": False}), "30 分钟（不含）内免费"),
        (a_body(free={"electric_minutes": 60}), "新能源汽车 1 小时（含）内免费"),
        (a_body(free={"minutes": 30, "electric_minutes": 0}), "新能源汽车无免费时长"),
        (a_body(free={"minutes": 15, "grant": "day"}), "免费时长每日零时起重新享受"),
        (
            a_body(free={"minutes": 30, "quota": {"visits": 2, "per": "24h"}}),
            "同一车辆 24 小时内前 2 次停放享受上述免费时长，之后不再享受免费时长",
        ),
        (a_body(rounding="down"), "不足一个计费单位的，不计费"),
        (
            a_body(crossing={"minutes": 15}),
            "停放跨越一处时段分界、在其中一个时段不超过 15 分钟的，全程按入场时段计费",
        ),
        (a_body(caps={"rolling_24h_fen": [2_000]}), "24 小时最高 20 元"),
        (
            a_body(caps={"natural_day_fen": [2_000, {"small": 1_000, "large": 1_500}]}),
            "每自然日最高：第 1 个自然日 20 元，第 2 个自然日起小型车 10 元、大型车 15 元",
        ),
        (
            a_body(caps={"natural_day_fen": 2_000, "across_visits": True}),
            "同一自然日内多次停放累计封顶",
        ),
        (a_body(caps={"uncapped": True}), "不设每日或 24 小时最高收费"),
        (a_body(coupons_max=0), "不接受优惠券"),
        (a_body(coupons_max=2), "每次停放最多使用 2 张优惠券"),
        (a_body(exempt=["military", "police"]), "军车、警车免费"),
        (a_body(discount_rounding={"to_fen": 100}), "优惠后的金额向下取整到 1 元"),
        (a_body(zones={"地下": []}), "地下 区：全天免费"),
    ],
)
def test_what_a_city_decides_otherwise_is_said(body, sentence):
    assert sentence in plain_chinese(body)


def test_a_price_for_a_whole_window_is_told_as_one_for_a_visit():
    night = {"name": "a", "from": "20:00", "to": "08:00"}
    whole = night | {"tiers": [tier(None, 1_440, 500)]}
    assert "20:00–08:00：每次 5 元" in plain_chinese({"windows": [whole]})
    parts = night | {"tiers": [tier(None, 60, 500)]}
    assert "20:00–08:00：每小时 5 元" in plain_chinese({"windows": [parts]})
