"""Endpoints of the calendar.

Owns: decoding and encoding.
Never: decides.
"""

from datetime import date
from typing import Annotated

from litestar import get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath, JSONBody, QueryParameter

from onepark.contexts.calendar.errors import DayPast, SpanTooLong
from onepark.contexts.calendar.model import Day, Days, NewRuling
from onepark.contexts.calendar.service import Calendar
from onepark.infra.openapi import refusals
from onepark.kernel.staff import Permission, Principal

TAGS = ["tariffs 计费"]

First = Annotated[
    date,
    QueryParameter(
        name="from", description="起始日期。The first day.", examples=[Example(value="2026-10-01")]
    ),
]
Last = Annotated[
    date,
    QueryParameter(
        name="until",
        description="截止日期，含。The last day.",
        examples=[Example(value="2026-10-10")],
    ),
]


@get(
    "/v1/calendar",
    tags=TAGS,
    summary="日历 Days and their kinds",
    description=(
        "每一天的类别及依据：已公布的节假日安排、星期，或本市另行规定；最多 400 天。"
        "收费规则按日期类别收费时以此为准。"
        "The kind of each day and what says so: the published notice, the weekday, or a ruling of "
        "the city; at most 400 days. Plans that charge by kind of day go by it."
    ),
    responses={
        200: ResponseSpec(
            Days,
            generate_examples=False,
            description="日期 Days",
            examples=[
                Example(
                    value={
                        "published_until": "2026-12-31",
                        "days": [
                            {"day": "2026-10-01", "kind": "golden_week", "basis": "published"}
                        ],
                    }
                )
            ],
        ),
        **refusals(SpanTooLong),
    },
)
async def show_days(calendar: NamedDependency[Calendar], from_: First, until: Last) -> Days:
    """Show days to everybody."""
    return await calendar.days(from_, until)


@put(
    "/v1/calendar/days/{day:str}",
    tags=TAGS,
    summary="规定某日类别 Rule what a day is",
    description=(
        "市级人员规定将来某日的类别，留痕，几秒内对计费生效；已开始的日期不能调整。"
        "The city rules what a day to come is; kept with its reason, in force within seconds."
    ),
    opt={"permission": Permission.RULE_CALENDAR},
    security=[{"staff": []}],
    responses=refusals(DayPast, staff=True),
)
async def rule_day(
    day: FromPath[date],
    data: JSONBody[NewRuling],
    principal: NamedDependency[Principal],
    calendar: NamedDependency[Calendar],
) -> Day:
    """Rule what one day is."""
    return await calendar.rule(day, data, by=principal)


HANDLERS = [show_days, rule_day]
