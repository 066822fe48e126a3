"""Which kind a day is: by the published notices, by its weekday, or by the city's word."""

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepark.contexts.calendar import rules
from onepark.contexts.calendar.errors import DayPast, SpanTooLong
from onepark.contexts.calendar.model import CODES, Basis, DayKind, Ruling

DAY = timedelta(days=1)
K = DayKind
RULED_AT = datetime(2026, 11, 1, tzinfo=UTC)
WORKING = {K.WORKDAY, K.MAKEUP_WORKDAY}
PUBLISHED_YEARS = (2024, 2025, 2026)

# The State Council's notices 国办发明电〔2023〕7号, 〔2024〕12号 and 〔2025〕7号.
MADE_UP = {
    2024: ("02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"),
    2025: ("01-26", "02-08", "04-27", "09-28", "10-11"),
    2026: ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
}
HOLIDAYS = [
    ("2024-02-10", "2024-02-17", K.SPRING_FESTIVAL),
    ("2024-04-04", "2024-04-06", K.SHORT_HOLIDAY),  # 清明
    ("2024-05-01", "2024-05-05", K.SHORT_HOLIDAY),  # 劳动节
    ("2024-10-01", "2024-10-07", K.GOLDEN_WEEK),
    ("2025-01-28", "2025-02-04", K.SPRING_FESTIVAL),
    ("2025-05-31", "2025-06-02", K.SHORT_HOLIDAY),  # 端午
    ("2025-10-01", "2025-10-08", K.GOLDEN_WEEK),  # with 中秋 inside
    ("2026-01-01", "2026-01-03", K.SHORT_HOLIDAY),  # 元旦
    ("2026-02-15", "2026-02-23", K.SPRING_FESTIVAL),
    ("2026-09-25", "2026-09-27", K.SHORT_HOLIDAY),  # 中秋
    ("2026-10-01", "2026-10-07", K.GOLDEN_WEEK),
]


def day(text: str) -> date:
    return date.fromisoformat(text)


def days_of(year: int) -> list[date]:
    return [
        date(year, 1, 1) + DAY * n for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]


def a_ruling(text: str, kind: DayKind, reason: str = "市政府通告") -> Ruling:
    return Ruling(day(text), kind, reason, RULED_AT)


def code(calendar: object, when: date) -> int:
    found: int = calendar.kind((when - rules.FIRST_DAY).days)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("year", PUBLISHED_YEARS)
def test_work_is_made_up_on_the_weekend_days_that_the_notice_names(year):
    made_up = [f"{one:%m-%d}" for one in days_of(year) if rules.kind_of(one) == K.MAKEUP_WORKDAY]
    assert tuple(made_up) == MADE_UP[year]
    assert all(day(f"{year}-{one}").weekday() >= rules.SATURDAY for one in made_up)


@pytest.mark.parametrize(("first", "last", "kind"), HOLIDAYS)
def test_a_holiday_has_one_name_from_its_first_day_to_its_last(first, last, kind):
    run = [day(first) + DAY * n for n in range((day(last) - day(first)).days + 1)]
    assert {rules.kind_of(one) for one in run} == {kind}
    beside = {rules.kind_of(day(first) - DAY), rules.kind_of(day(last) + DAY)}
    assert beside <= WORKING | {K.WEEKEND}


def test_a_weekend_inside_a_holiday_belongs_to_it():
    saturday, sunday = day("2026-10-03"), day("2026-10-04")
    assert [one.weekday() for one in (saturday, sunday)] == [5, 6]
    assert [rules.kind_of(one) for one in (saturday, sunday)] == [K.GOLDEN_WEEK] * 2


def test_an_ordinary_week_is_five_workdays_and_a_weekend():
    kinds = [rules.kind_of(day("2026-11-16") + DAY * n) for n in range(7)]
    assert kinds == [K.WORKDAY] * 5 + [K.WEEKEND] * 2


@pytest.mark.parametrize("year", range(2006, 2027))
def test_another_author_reads_the_notices_in_the_same_way(year):
    ours = [rules.kind_of(one) in WORKING for one in days_of(year)]
    assert ours == [chinese_calendar.is_workday(one) for one in days_of(year)]


@pytest.mark.parametrize("year", PUBLISHED_YEARS)
def test_another_author_names_the_great_holidays_alike(year):
    great = {
        "Spring Festival": K.SPRING_FESTIVAL,
        "National Day": K.GOLDEN_WEEK,
    }
    for one in days_of(year):
        off, name = chinese_calendar.get_holiday_detail(one)
        if off and name in great:
            assert rules.kind_of(one) == great[name], one


def test_days_beyond_what_is_published_go_by_their_weekday():
    last = rules.published_until()
    assert (last.month, last.day) == (12, 31)
    for year in (last.year + 1, 2060, 2100):
        for one in days_of(year):
            off = one.weekday() >= rules.SATURDAY
            assert rules.kind_of(one) == (K.WEEKEND if off else K.WORKDAY), one


def test_every_published_day_has_a_kind_from_2000_on():
    published = rules.published()
    assert min(published) == rules.FIRST_DAY
    assert len(published) == (rules.published_until() - rules.FIRST_DAY).days + 1


def test_what_is_known_of_a_day_says_where_it_comes_from():
    ruled = [a_ruling("2027-10-01", K.GOLDEN_WEEK)]
    told = rules.days_between(day("2026-10-01"), day("2027-10-02"), ruled)
    by_day = {one.day: one for one in told.days}
    assert by_day[day("2026-10-01")].basis == Basis.PUBLISHED
    holiday, after = by_day[day("2027-10-01")], by_day[day("2027-10-02")]
    assert (holiday.kind, holiday.basis, holiday.reason) == (K.GOLDEN_WEEK, "ruling", "市政府通告")
    assert (after.kind, after.basis, after.reason) == (K.WEEKEND, Basis.WEEKDAY, None)
    assert told.published_until == rules.published_until()


@pytest.mark.parametrize("text", ["2026-10-01", "2026-10-10", "2026-11-18", "2099-12-31"])
@pytest.mark.parametrize("kind", DayKind)
def test_the_city_s_word_wins_over_every_notice(text, kind):
    ruling = a_ruling(text, kind)
    [told] = rules.days_between(day(text), day(text), [ruling]).days
    assert (told.kind, told.basis) == (kind, Basis.RULING)
    assert code(rules.engine([ruling]), day(text)) == CODES[kind]


rulings = st.dictionaries(
    st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.sampled_from(DayKind), max_size=8
)


@given(rulings, st.dates(rules.FIRST_DAY, rules.LAST_DAY))
def test_the_engine_prices_by_the_kinds_that_people_are_told(ruled, any_day):
    given_rulings = [Ruling(one, kind, "通告", RULED_AT) for one, kind in ruled.items()]
    engine = rules.engine(given_rulings)
    beside = [one + DAY * n for one in ruled for n in (-1, 0, 1)]
    for one in [any_day, rules.published_until(), *beside]:
        [told] = rules.days_between(one, one, given_rulings).days
        assert code(engine, one) == CODES[told.kind]


def test_every_kind_has_the_engine_s_number():
    assert CODES == {K.WORKDAY: 0, K.MAKEUP_WORKDAY: 1, K.WEEKEND: 2, K.SHORT_HOLIDAY: 3,
                     K.GOLDEN_WEEK: 4, K.SPRING_FESTIVAL: 5}  # fmt: skip
    whole = rules.engine([])
    for one in days_of(2026):
        assert code(whole, one) == CODES[rules.kind_of(one)]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-01", "2027-02-05"),  # 401 days
        ("2026-01-02", "2026-01-01"),
        ("1999-12-31", "2000-01-01"),
        ("2100-12-31", "2101-01-01"),
        ("0001-01-01", "9999-12-31"),
    ],
)
def test_days_that_no_answer_holds_are_refused(first, last):
    with pytest.raises(SpanTooLong) as refused:
        rules.days_between(day(first), day(last), [])
    assert refused.value.facts["field"] == "until"


def test_400_days_are_told_and_one_is():
    assert len(rules.days_between(day("2026-01-01"), day("2027-02-04"), []).days) == 400
    assert len(rules.days_between(day("2100-12-31"), day("2100-12-31"), []).days) == 1


@pytest.mark.parametrize("ruled", ["2026-11-25", "2026-11-24", "2000-01-01", "2101-01-01"])
def test_a_day_that_has_begun_is_ruled_on_no_more(ruled):
    with pytest.raises(DayPast) as refused:
        rules.check_to_come(day(ruled), day("2026-11-25"))
    assert refused.value.facts["field"] == "day"


def test_tomorrow_and_the_last_day_may_be_ruled_on():
    rules.check_to_come(day("2026-11-26"), day("2026-11-25"))
    rules.check_to_come(rules.LAST_DAY, day("2026-11-25"))
