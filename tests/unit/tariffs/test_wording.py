"""A plan reads like the board at the entrance."""

import json
from pathlib import Path
from typing import Any

import pytest

from onepark.contexts.tariffs.phrases import span, yuan
from onepark.contexts.tariffs.wording import plain_chinese

PLANS = Path(__file__).parents[3] / "src/onepark/simulator/plans"


def words_of(name: str) -> list[str]:
    return plain_chinese(json.loads((PLANS / f"{name}.json").read_text(encoding="utf-8")))


def a_body(**changes: Any) -> dict[str, Any]:
    """Five yuan an hour, all day, without free minutes."""
    tiers = [{"unit_minutes": 60, "price_fen": 500}]
    window = {"name": "全天", "from": "00:00", "to": "24:00", "tiers": tiers}
    return {"windows": [window], **changes}


def windows(*spans: tuple[str, str]) -> dict[str, Any]:
    tiers = [{"unit_minutes": 30, "price_fen": 250}]
    rows = [{"name": "a", "from": begins, "to": ends, "tiers": tiers} for begins, ends in spans]
    return {"windows": rows}


def tier(until: int | None, unit: int, price: int) -> dict[str, Any]:
    return {"unit_minutes": unit, "price_fen": price} | (
        {} if until is None else {"until_minutes": until}
    )


def test_taicang_is_told_as_its_notice_tells_it():
    assert words_of("t7_taicang") == [
        "30 分钟（含）内免费",
        "超过免费时长的，免费时长一并计费",
        "07:00–21:00：首小时 5 元，之后每 30 分钟 2 元",
        "其余时间免费",
        "不足一个计费单位的，按一个计费单位计",
        "24 小时最高 40 元",
        "连续停放每满 24 小时，重新计费",
        "缴费后请在 15 分钟内离场",
        "政府定价",
    ]


def test_a_hospital_tells_its_steps_and_its_night():
    words = words_of("t5_hospital")
    assert (
        "全天：首 2 小时 2 元，超过 2 小时至 4 小时内每小时 2 元，"
        "超过 4 小时至 7 小时内每小时 3 元，之后每小时 5 元"
    ) in words
    assert "夜间 20:00 后入场且次日 07:00 前离场：每小时 1 元，最高 5 元" in words
    assert "其余时间免费" not in words


def test_an_arterial_tells_its_periods_and_that_large_cars_pay_double():
    words = words_of("t1_core_arterial")
    assert "09:00–17:00：前 1 小时内每 30 分钟 3 元，之后每 30 分钟 4 元" in words
    assert {"各时段分别累计计费时长", "大型车价格按 2 倍计"} <= set(words)


def test_a_mall_tells_that_its_cap_goes_on_over_visits():
    assert "24 小时内多次停放累计封顶" in words_of("t24_mall")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (a_body(), "全天：每小时 5 元"),
        (a_body(free={"minutes": 15}), "15 分钟（含）内免费"),
        (a_body(free={"minutes": 15}), "超过免费时长的，扣除免费时长后计费"),
        (a_body(free={"minutes": 120}), "2 小时（含）内免费"),
        (a_body(caps={"natural_day_fen": 5_050}), "每自然日最高 50.5 元"),
        (a_body(restart="every_day"), "每日零时起重新计费"),
        (a_body(vehicles={"motorcycle": {"price_permille": 500}}), "摩托车价格按 0.5 倍计"),
        (a_body(vehicles={"large": {"cap_permille": 1_500}}), "大型车最高收费按 1.5 倍计"),
        (a_body(exit_grace_minutes=20), "缴费后请在 20 分钟内离场"),
        (a_body(price_form="government_guided"), "政府指导价"),
        (a_body(), "市场调节价"),
        (windows(("20:00", "07:00")), "20:00–07:00：每 30 分钟 2.5 元"),
        (windows(("20:00", "07:00")), "其余时间免费"),
        ({"windows": []}, "全天免费"),
    ],
)
def test_every_part_of_a_plan_has_its_sentence(body, sentence):
    assert sentence in plain_chinese(body)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (a_body(), "其余时间免费"),
        (windows(("07:00", "20:00"), ("20:00", "07:00")), "其余时间免费"),
        (a_body(free={"minutes": 0}), "0 小时（含）内免费"),
        (a_body(vehicles={"large": {"price_permille": 1_000}}), "大型车价格按 1 倍计"),
        ({"windows": []}, "不足一个计费单位的，按一个计费单位计"),
        (a_body(exit_grace_minutes=0), "缴费后请在 0 分钟内离场"),
    ],
)
def test_what_does_not_hold_is_not_said(body, sentence):
    assert sentence not in plain_chinese(body)


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ([tier(30, 30, 300), tier(None, 30, 600)], "首 30 分钟 3 元，之后每 30 分钟 6 元"),
        (
            [tier(30, 30, 300), tier(180, 30, 600), tier(None, 30, 1_000)],
            "首 30 分钟 3 元，超过 30 分钟至 3 小时内每 30 分钟 6 元，之后每 30 分钟 10 元",
        ),
        (
            [tier(120, 120, 300), tier(240, 120, 200), tier(None, 60, 100)],
            "首 2 小时 3 元，超过 2 小时至 4 小时 2 元，之后每小时 1 元",
        ),
    ],
)
def test_steps_are_told_from_one_to_the_next(tiers, words):
    window = {"name": "a", "from": "00:00", "to": "24:00", "tiers": tiers}
    assert f"全天：{words}" in plain_chinese({"windows": [window]})


@pytest.mark.parametrize(
    ("fen", "words"),
    [(0, "0 元"), (5, "0.05 元"), (250, "2.5 元"), (1_000, "10 元"), (123_456, "1234.56 元")],
)
def test_an_amount_is_told_as_people_write_it(fen, words):
    assert yuan(fen) == words


def test_a_length_of_time_is_told_as_people_say_it():
    assert [span(minutes) for minutes in (15, 60, 90, 1_440)] == [
        "15 分钟",
        "1 小时",
        "90 分钟",
        "24 小时",
    ]


def test_a_field_without_words_is_left_out():
    assert plain_chinese(a_body(moon_phase="full")) == plain_chinese(a_body())
