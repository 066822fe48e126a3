"""Endpoints of live vacancies.

Owns: how a position or a list of lots is asked for, and the stream's headers.
Never: decides, or encodes what is encoded already.
"""

from typing import Any

from litestar import MediaType, Request, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import FromPath
from litestar.types import ASGIApp

from onepark.contexts.vacancies.errors import LotUnknown, QueryInvalid, StreamFull
from onepark.contexts.vacancies.model import NearbyQuery, StreamQuery, Vacancy, VacancyList
from onepark.contexts.vacancies.rules import check_stream
from onepark.contexts.vacancies.service import Vacancies
from onepark.infra.openapi import refusals
from onepark.infra.query import decode_query
from onepark.infra.sse import MEDIA_TYPE, EventStream

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
    "pools": {"short_stay": {"capacity": 300, "occupied": 259, "free": 41}},
    "open": True,
    "as_of": "2026-11-22T08:30:00Z",
    "age_s": 12,
    "quality": "live",
    "source": "live",
}
EXAMPLE_LIST = {"vacancies": [{"distance_m": 210, **EXAMPLE}], "source": "live"}
EXAMPLE_EVENTS = "retry: 3000\n\nevent: snapshot\ndata: {…}\n\nevent: vacancy\ndata: {…}\n\n"


def _shown(kind: type, example: object, text: str) -> ResponseSpec:
    return ResponseSpec(
        kind, generate_examples=False, description=text, examples=[Example(value=example)]
    )


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
        200: _shown(VacancyList, EXAMPLE_LIST, "由近及远 Nearest first"),
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
    description="一个停车场的实时空位。The free bays of one lot, by its 12-digit code.",
    responses={200: _shown(Vacancy, EXAMPLE, "该停车场 The lot"), **refusals(LotUnknown)},
)
async def show_one(lot: FromPath[str], vacancies: NamedDependency[Vacancies]) -> bytes:
    """Show one lot."""
    return vacancies.vacancy_json(lot)


HANDLERS = [show_nearby, stream, show_one]
