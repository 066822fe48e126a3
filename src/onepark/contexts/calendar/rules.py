"""Which kind a day is.

Owns: how published holidays and the city's rulings become kinds of day.
Never: awaits or reads a clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache

from holidays import HolidayBase, country_holidays

from onepark import _native
from onepark.contexts.calendar.errors import DayPast, SpanTooLong
from onepark.contexts.calendar.model import CODES, Basis, Day, DayKind, Days, Ruling

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 12, 31)
DAYS_MAX = 400
SATURDAY = 5
DAY = timedelta(days=1)

GREAT = {
    "National Day": DayKind.GOLDEN_WEEK,
    "Chinese New Year (Spring Festival)": DayKind.SPRING_FESTIVAL,
}


@cache
def published() -> Mapping[date, DayKind]:
    """Return every day up to the last year whose make-up workdays are known.

    A notice names days off and, for them, weekend days to work on; the weekend days between days
    off belong to the holiday. Source: the `holidays` package, from the State Council's notices.
    """
    through = max(_book(range(FIRST_DAY.year, LAST_DAY.year)).weekend_workdays).year
    book = _book(range(FIRST_DAY.year, through + 1))
    days = [FIRST_DAY + DAY * n for n in range((date(through, 12, 31) - FIRST_DAY).days + 1)]
    kinds = {day: _usual(day, book) for day in days}
    for run in _runs_off(days, kinds):
        _name_holiday(run, book, kinds)
    return kinds


def published_until() -> date:
    """Return the last day whose kind was published."""
    return max(published())


def engine(rulings: Sequence[Ruling]) -> _native.Calendar:
    """Return the calendar that plans are compiled with."""
    ruled = {ruling.day: ruling.kind for ruling in rulings}
    last = max([published_until(), *ruled])
    days = (FIRST_DAY + DAY * n for n in range((last - FIRST_DAY).days + 1))
    return _native.Calendar(bytes(CODES[ruled.get(day) or kind_of(day)] for day in days))


def kind_of(day: date) -> DayKind:
    """Return the kind that was published, or that its weekday gives."""
    kind = published().get(day)
    return kind if kind is not None else _of_weekday(day)


def days_between(first: date, last: date, rulings: Sequence[Ruling]) -> Days:
    """Return what is known of each day."""
    if not 0 <= (last - first).days < DAYS_MAX or first < FIRST_DAY or last > LAST_DAY:
        sentence = f"Give at most {DAYS_MAX} days of 2000 to 2100, in order."
        raise SpanTooLong(sentence, field="until")
    ruled = {ruling.day: ruling for ruling in rulings}
    days = [first + DAY * n for n in range((last - first).days + 1)]
    return Days(published_until(), tuple(_day(day, ruled.get(day)) for day in days))


def check_to_come(day: date, today: date) -> None:
    """Refuse to rule on a day for which cars may have paid already."""
    if not today < day <= LAST_DAY:
        raise DayPast(f"{day} is not after {today} and before 2101.", field="day")


def _day(day: date, ruling: Ruling | None) -> Day:
    if ruling is not None:
        return Day(day, ruling.kind, Basis.RULING, ruling.reason)
    basis = Basis.PUBLISHED if day in published() else Basis.WEEKDAY
    return Day(day, kind_of(day), basis)


def _book(years: Iterable[int]) -> HolidayBase:
    return country_holidays("CN", years=years, language="en_US")


def _of_weekday(day: date) -> DayKind:
    return DayKind.WEEKEND if day.weekday() >= SATURDAY else DayKind.WORKDAY


def _usual(day: date, book: HolidayBase) -> DayKind:
    """Return the kind of a day before holidays have names."""
    if day in book.weekend_workdays and day.weekday() >= SATURDAY and day not in book:
        return DayKind.MAKEUP_WORKDAY
    return DayKind.SHORT_HOLIDAY if day in book else _of_weekday(day)


def _runs_off(days: Sequence[date], kinds: Mapping[date, DayKind]) -> list[list[date]]:
    """Return every unbroken run of days off that holds a holiday."""
    runs: list[list[date]] = [[]]
    for day in days:
        if kinds[day] in {DayKind.WEEKEND, DayKind.SHORT_HOLIDAY}:
            runs[-1].append(day)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if any(kinds[day] == DayKind.SHORT_HOLIDAY for day in run)]


def _name_holiday(run: Sequence[date], book: HolidayBase, kinds: dict[date, DayKind]) -> None:
    great = [kind for day in run for name, kind in GREAT.items() if name in (book.get(day) or "")]
    kind = great[0] if great else DayKind.SHORT_HOLIDAY
    kinds.update(dict.fromkeys(run, kind))
