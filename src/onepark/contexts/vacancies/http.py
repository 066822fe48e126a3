"""Endpoints of vacancies, live and past.

Owns: how a position, a list of lots or a span is asked for, and the stream's headers.
Never: decides, or encodes what is encoded already.
"""

from typing import Any

from litestar import MediaType, Request, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath
from litestar.types import ASGIApp

from onepark.contexts.vacancies.errors import (
    HistoryBusy,
    HistoryTooLarge,
    LotUnknown,
    QueryInvalid,
    StreamFull,
)
from onepark.contexts.vacancies.model import (
    History,
    HistoryMoment,
    HistoryQuery,
    HistorySpan,
    LotStatistics,
    NearbyQuery,
    StatisticsQuery,
    StreamQuery,
    Vacancy,
    VacancyList,
)
from onepark.contexts.vacancies.past import PastOfLots
from onepark.contexts.vacancies.rules import check_stream
from onepark.contexts.vacancies.service import Vacancies
from onepark.infra.openapi import refusals
from onepark.infra.query import decode_query
from onepark.infra.sse import MEDIA_TYPE, EventStream
from onepark.kernel.staff import Permission, Principal

TAGS = ["vacancies 空位"]

EXAMPLE: dict[str, Any] = {
    "lot": "320281001101",
    "name": "人民医院停车场（演示）",
    "name_en": "People's Hospital (demonstration)",
    "address": "寿山路 163 号",
    "lat_wgs84": 31.9206,
    "lon_wgs84": 120.2852,
    "lat_gcj02": 31.9184,
    "lon_gcj02": 120.2897,
    "free": 41,
    "capacity": 300,
    "pools": {
        "short_stay": {
            "capacity": 300,
            "occupied": 259,
            "free": 41,
            "raw": 262,
            "drift": -3,
            "snapshot_at": "2026-11-22T08:29:00+08:00",
        }
    },
    "open": True,
    "as_of": "2026-11-22T08:30:00Z",
    "age_s": 12,
    "quality": "live",
    "source": "live",
}
EXAMPLE_LIST = {"vacancies": [{"distance_m": 210, **EXAMPLE}], "source": "live"}
EXAMPLE_EVENTS = "retry: 3000\n\nevent: snapshot\ndata: {…}\n\nevent: vacancy\ndata: {…}\n\n"
EXAMPLE_MOMENT = {
    "lot": "320281001101",
    "at": "2026-11-22T08:30:00+08:00",
    "open": True,
    "pools": {
        "short_stay": {
            "capacity": 300,
            "raw": 262,
            "calibrated": 259,
            "drift": -3,
            "snapshot_at": "2026-11-22T08:29:00+08:00",
            "free": 41,
        }
    },
    "zones": {
        "B1": {"capacity": 180, "raw": 171, "free": 9, "pools": {"short_stay": 171}},
        "B2": {"capacity": 120, "raw": 88, "free": 32, "pools": {"short_stay": 88}},
    },
}
EXAMPLE_ZONE_MOMENT = {
    "lot": "320281001101",
    "at": "2026-11-22T08:30:00+08:00",
    "open": True,
    "pools": {
        "short_stay": {
            "capacity": None,
            "raw": 171,
            "calibrated": None,
            "drift": None,
            "snapshot_at": None,
            "free": None,
        }
    },
    "zone": {"zone": "B1", "name": "地下一层", "capacity": 180},
    "whole": {
        "capacity": 180,
        "raw": 171,
        "calibrated": None,
        "drift": None,
        "snapshot_at": None,
        "free": 9,
    },
}
EXAMPLE_SPAN = {
    "lot": "320281001101",
    "from": "2026-11-22T08:00:00+08:00",
    "to": "2026-11-22T09:00:00+08:00",
    "step_s": 3600,
    "capacities": {"short_stay": 300},
    "steps": [
        {
            "begins_at": "2026-11-22T08:00:00+08:00",
            "open": True,
            "pools": {
                "short_stay": {
                    "entries": 92,
                    "exits": 31,
                    "raw": {"first": 201, "last": 262, "min": 200, "max": 263, "mean": 231.417},
                    "calibrated": {
                        "first": 198,
                        "last": 259,
                        "min": 197,
                        "max": 260,
                        "mean": 228.417,
                    },
                    "drift": -3,
                }
            },
        }
    ],
}
EXAMPLE_STATISTICS = {
    "lot": "320281001101",
    "days": [
        {
            "day": "2026-11-21",
            "until_at": "2026-11-22T00:00:00+08:00",
            "pools": {
                "short_stay": {
                    "capacity": 300,
                    "entries": 1204,
                    "exits": 1198,
                    "orders": 1190,
                    "charged_orders": 811,
                    "mean_stay_s": 6312.5,
                    "turnover": 3.9667,
                    "effective_turnover": 2.7033,
                    "utilisation": 0.6134,
                    "peak": 297,
                }
            },
        }
    ],
}


def _shown(kind: type, *examples: object, text: str) -> ResponseSpec:
    shown = [Example(value=example) for example in examples]
    return ResponseSpec(kind, generate_examples=False, description=text, examples=shown)


@get(
    "/v1/vacancies",
    media_type=MediaType.JSON,
    tags=TAGS,
    summary="附近空位 Vacancies nearby",
    description=(
        "按 WGS-84 坐标查询附近停车场的实时空位，由近及远。"
        "Lots near a WGS-84 position with their free bays, nearest first. An answer with "
        "`source: database` was made while the live counts were down; it is right, but older."
    ),
    opt={"query": NearbyQuery},
    responses={
        200: _shown(VacancyList, EXAMPLE_LIST, text="由近及远 Nearest first"),
        **refusals(QueryInvalid),
    },
)
async def show_nearby(
    request: Request[Any, Any, Any], vacancies: NamedDependency[Vacancies]
) -> bytes:
    """Show where there is room."""
    query = decode_query(request.scope["query_string"], NearbyQuery, invalid=QueryInvalid)
    return vacancies.nearest_json(query)


@get(
    "/v1/vacancies/stream",
    media_type=MEDIA_TYPE,
    tags=TAGS,
    summary="实时订阅（SSE） Live stream",
    description=(
        "服务器推送事件：先 snapshot 全量，后每次变化一条 vacancy；可按 lots 或位置筛选，"
        "不筛选则为全市。同一停车场只推送最新值，每 15 秒发送保活注释。"
        "Server-sent events: first `snapshot`, then one `vacancy` a change, of the lots named, of "
        "those near a position, or of all. A slow client gets the latest value of a lot, not every "
        "one. A comment keeps the connection alive every 15 s; reconnect to begin anew."
    ),
    opt={"query": StreamQuery},
    responses={
        200: ResponseSpec(
            str,
            generate_examples=False,
            description="事件流 A stream of events",
            media_type=MEDIA_TYPE,
            examples=[Example(value=EXAMPLE_EVENTS)],
        ),
        **refusals(QueryInvalid, LotUnknown, StreamFull),
    },
)
async def stream(request: Request[Any, Any, Any], vacancies: NamedDependency[Vacancies]) -> ASGIApp:
    """Tell what changes."""
    query = decode_query(request.scope["query_string"], StreamQuery, invalid=QueryInvalid)
    return EventStream(vacancies.listen(check_stream(query)))


@get(
    "/v1/vacancies/{lot:str}",
    media_type=MediaType.JSON,
    tags=TAGS,
    summary="单个停车场空位 One lot",
    description=(
        "一个停车场的实时空位：occupied = raw（过车计数）+ drift（车场快照所示偏差）。"
        "The free bays of one lot, by its 12-digit code. `occupied` is `raw`, as counted from "
        "passages, plus `drift`, by which the lot's own snapshot of `snapshot_at` differs; without "
        "a valid snapshot both are null and `occupied` is `raw`."
    ),
    responses={200: _shown(Vacancy, EXAMPLE, text="该停车场 The lot"), **refusals(LotUnknown)},
)
async def show_one(lot: FromPath[str], vacancies: NamedDependency[Vacancies]) -> bytes:
    """Show one lot."""
    return vacancies.vacancy_json(lot)


@get(
    "/v1/vacancies/{lot:str}/history",
    tags=TAGS,
    summary="历史占用 The past of a lot",
    description=(
        "某一时刻（at），或一个时段逐步（from、to、step_s）的占用：raw 为过车计数，"
        "calibrated 以车场快照校准，drift 为二者之差，三者并存。按今日所知计算，"
        "迟到的过车会改变过去；容量与营业时间为今日备案值。"
        "What a lot held at a moment, or step by step: as counted from passages, as calibrated by "
        "the lot's own snapshots, and how far the two differ. It is the past as known today: a "
        "late passage changes it. Capacities and opening hours are those filed today. "
        "zone 只看一个区域：车辆按进场车道所通区域计入；区域只有过车计数，无校准。"
        "A zone holds the cars that came by a lane that leads into it, as counted; snapshots do "
        "not tell zones apart. A moment of a whole lot tells all of its zones."
    ),
    opt={"query": HistoryQuery},
    responses={
        200: _shown(
            HistoryMoment | HistorySpan,  # type: ignore[arg-type]  # a union is what it answers
            *(EXAMPLE_MOMENT, EXAMPLE_ZONE_MOMENT, EXAMPLE_SPAN),
            text="某时刻或逐步 A moment, or steps",
        ),
        **refusals(QueryInvalid, LotUnknown, HistoryTooLarge, HistoryBusy),
    },
)
async def show_history(
    request: Request[Any, Any, Any], lot: FromPath[str], past: NamedDependency[PastOfLots]
) -> History:
    """Show what a lot held."""
    query = decode_query(request.scope["query_string"], HistoryQuery, invalid=QueryInvalid)
    return await past.history(lot, query)


@get(
    "/v1/vacancies/{lot:str}/statistics",
    tags=TAGS,
    summary="每日指标 Indicators of days",
    description=(
        "每日进出、订单、平均停放时长、周转率、有效周转率、利用率与峰值；"
        "经营单位只见本单位停车场。"
        "Flows, orders, mean stay, turnover, effective turnover, utilisation and peak of whole "
        "days by China's clock; an operator sees its own lots. "
        "zone 只看一个区域，whole 为该区域合计。"
        "With `zone`, of one zone alone; `whole` is all of its pools."
    ),
    opt={"query": StatisticsQuery, "permission": Permission.READ_STATISTICS},
    security=[{"staff": []}],
    responses={
        200: _shown(LotStatistics, EXAMPLE_STATISTICS, text="逐日 Day by day"),
        **refusals(QueryInvalid, LotUnknown, HistoryTooLarge, HistoryBusy, staff=True),
    },
)
async def show_statistics(
    request: Request[Any, Any, Any],
    lot: FromPath[str],
    principal: NamedDependency[Principal],
    past: NamedDependency[PastOfLots],
) -> LotStatistics:
    """Show what a lot's days add up to."""
    query = decode_query(request.scope["query_string"], StatisticsQuery, invalid=QueryInvalid)
    return await past.statistics(lot, query, by=principal)


HANDLERS = [show_nearby, stream, show_one, show_history, show_statistics]
