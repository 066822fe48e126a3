"""Refusals of the calendar.

Owns: their codes, statuses and sentences.
Never: decides when one is raised.
"""

from onepark.kernel.errors import Refusal


class SpanTooLong(Refusal):
    """More days were asked for than one answer holds, or days that no calendar has."""

    code = "calendar.span_too_long"
    status = 422
    title = "These days cannot be shown in one answer."
    title_zh = "查询的日期范围无效或过长"


class DayPast(Refusal):
    """The kind of a day that has begun is settled: cars have paid by it."""

    code = "calendar.day_past"
    status = 409
    title = "This day has begun, or lies beyond the calendar."
    title_zh = "该日期已开始或超出日历范围, 不能调整"
