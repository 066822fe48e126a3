"""Nouns of the calendar.

Owns: the kinds of day, and what the city rules about one day.
Never: decides which kind a day is.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

Reason = Annotated[
    str,
    Meta(
        pattern=r"^[^\u0000-\u001f\u007f]{1,200}$(?!\n)",
        description="依据 Why, for people",
        examples=["国务院办公厅关于2027年部分节假日安排的通知"],
    ),
]


class DayKind(StrEnum):
    """What kind of day a date is; the order is that of the native codes."""

    WORKDAY = "workday"
    MAKEUP_WORKDAY = "makeup_workday"  # a weekend day on which work is made up (调休上班)
    WEEKEND = "weekend"
    SHORT_HOLIDAY = "short_holiday"
    GOLDEN_WEEK = "golden_week"  # 国庆
    SPRING_FESTIVAL = "spring_festival"  # 春节


CODES = {kind: code for code, kind in enumerate(DayKind)}


class Basis(StrEnum):
    """What says so."""

    PUBLISHED = "published"  # the State Council's notice of that year
    WEEKDAY = "weekday"  # no notice for that year yet
    RULING = "ruling"  # the city's own word


class NewRuling(Struct, frozen=True, forbid_unknown_fields=True):
    """What a day is to be, whatever was published."""

    kind: DayKind
    reason: Reason


class Ruling(Struct, frozen=True):
    """The city's latest word on a day."""

    day: date
    kind: DayKind
    reason: str
    ruled_at: datetime


class Day(Struct, frozen=True, omit_defaults=True):
    """One day and what says what it is."""

    day: date
    kind: DayKind
    basis: Basis
    reason: str | None = None


class Days(Struct, frozen=True):
    """Days in a row; after ``published_until``, weekdays decide where nobody has ruled."""

    published_until: date
    days: tuple[Day, ...]
