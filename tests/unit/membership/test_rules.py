"""Terms, what is left of them, and windows as people write them."""

from datetime import datetime, timedelta

import pytest

from onepark.contexts.membership import rules
from onepark.contexts.membership.model import Benefit, Window
from onepark.kernel.types import CHINA
from tests.builders import EIGHT, minutes

DAY = timedelta(days=1)


def half_past_nine(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, 30, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("begins", "months", "ends"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 11, 20), 3, (2027, 2, 20)),
        ((2026, 12, 31), 12, (2027, 12, 31)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
    ],
)
def test_a_term_ends_on_the_same_day_or_the_last_of_its_month(begins, months, ends):
    assert rules.after_months(half_past_nine(*begins), months) == half_past_nine(*ends)


@pytest.mark.parametrize(
    ("days_in", "left"),
    [(-1, 30_000), (0, 30_000), (0.5, 29_000), (1, 29_000), (29, 1_000), (29.5, 0), (31, 0)],
)
def test_whole_days_ahead_go_back(days_in, left):
    assert rules.rest_of(30_000, EIGHT, EIGHT + 30 * DAY, EIGHT + days_in * DAY) == left


def test_what_goes_back_is_rounded_down_to_a_fen():
    assert rules.rest_of(100, EIGHT, EIGHT + 30 * DAY, EIGHT + DAY) == 96


@pytest.mark.parametrize(
    "window",
    [
        Window("18:00", "08:00", (1, 2, 3, 4, 5)),
        Window("00:00", "24:00", (6, 7)),
        Window("07:30", "09:00", (3,)),
        Window("18:00", "00:00", (1,)),
    ],
)
def test_windows_come_back_as_they_were_written(window):
    [back] = rules.readable(rules.compact([window]))
    same = {"24:00", "00:00"}
    assert back == window or ({back.to, window.to} == same and back.from_ == window.from_)


def test_a_window_without_days_is_every_day_and_none_is_all_the_time():
    assert rules.compact([Window("08:00", "18:00")]) == (127, 480, 1080)
    assert rules.compact([]) is None


def test_spans_that_touch_are_joined_and_parts_of_a_second_are_dropped():
    one = Benefit(1, "pass", "a", EIGHT, EIGHT + minutes(10))
    two = one._replace(from_at=EIGHT + minutes(10), until_at=EIGHT + minutes(20))
    tiny = one._replace(
        from_at=EIGHT + minutes(30), until_at=EIGHT + minutes(30) + timedelta(microseconds=9)
    )
    found = rules.covered([two, tiny, one], EIGHT - DAY, EIGHT + DAY)
    assert [(span.from_at, span.until_at) for span in found] == [(EIGHT, EIGHT + minutes(20))]


def test_a_weekly_window_counts_on_its_days_only():
    fridays = rules.compact([Window("20:00", "06:00", (5,))])
    one = Benefit(1, "pass", "a", EIGHT - 30 * DAY, EIGHT + 30 * DAY, windows=fridays)
    found = rules.covered([one], EIGHT, EIGHT + 8 * DAY)  # from a Friday on
    assert [(span.until_at - span.from_at) // minutes(60) for span in found] == [10, 10]
    assert found[0].from_at == EIGHT + minutes(12 * 60)
