"""Nouns of live vacancies.

Owns: what a citizen is shown of a lot, and how sure the platform is of it.
Never: knows Redis, a table or a route.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from onepark.kernel.types import LotCode, Pool

RADIUS_DEFAULT_M = 1_000
RADIUS_MAX_M = 20_000
LIMIT_DEFAULT = 20
LIMIT_MAX = 100
STREAM_LOTS_MAX = 100

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Quality(StrEnum):
    """How far a count may be trusted, from the age of the lot's last sign of life."""

    LIVE = "live"
    LATE = "late"
    LOST = "lost"


class Source(StrEnum):
    """Where the answer comes from: the live counts, or the database while those are down."""

    LIVE = "live"
    DATABASE = "database"


class PoolVacancy(Struct, frozen=True):
    """One pool; ``occupied`` is as counted, ``free`` never leaves 0 … capacity."""

    capacity: int
    occupied: int | None
    free: int | None


class Vacancy(Struct, frozen=True, omit_defaults=True):
    """What a citizen is shown of one lot; ``free`` and ``capacity`` are those of short_stay."""

    lot: Annotated[
        LotCode, Meta(description="12 位停车场编码 · lot code", examples=["320281001101"])
    ]
    name: str
    name_en: str
    address: str
    lat_wgs84: float
    lon_wgs84: float
    lat_gcj02: float
    lon_gcj02: float
    free: Annotated[
        int | None,
        Meta(
            description="临停空位数；尚无数据时为 null · free short-stay bays; null: not known yet"
        ),
    ]
    capacity: Annotated[int, Meta(description="临停车位总数 · short-stay bays")]
    pools: dict[Pool, PoolVacancy]
    open: Annotated[
        bool,
        Meta(description="是否在营业时间内；停业不等于车满 · opening hours; closed is not full"),
    ]
    as_of: Annotated[
        datetime | None,
        Meta(description="最近一次收到该场数据的时刻 · last sign of life of the lot"),
    ]
    age_s: Annotated[int | None, Meta(description="距 as_of 的秒数 · seconds since as_of")]
    quality: Annotated[
        Quality, Meta(description="live 实时, late 延迟, lost 断传 · how far to trust the count")
    ]
    source: Annotated[
        Source,
        Meta(description="live 实时缓存, database 降级自数据库 · database: live counts are down"),
    ]
    distance_m: Annotated[
        int | UnsetType,
        Meta(description="距查询点的直线距离（米） · metres from the asked position"),
    ] = UNSET


class VacancyList(Struct, frozen=True):
    """Lots near a position, nearest first."""

    vacancies: list[Vacancy]
    source: Source


class NearbyQuery(Struct, frozen=True):
    """A position in WGS-84 and how far and how much to look."""

    lat: Annotated[Latitude, Meta(description="纬度 (WGS-84) · latitude", examples=[31.9206])]
    lon: Annotated[Longitude, Meta(description="经度 (WGS-84) · longitude", examples=[120.2852])]
    radius_m: Annotated[
        int, Meta(ge=1, le=RADIUS_MAX_M, description="半径（米） · radius in metres")
    ] = RADIUS_DEFAULT_M
    limit: Annotated[
        int, Meta(ge=1, le=LIMIT_MAX, description="最多返回几个停车场 · at most so many lots")
    ] = LIMIT_DEFAULT


class StreamQuery(Struct, frozen=True):
    """Which lots a stream follows: those named, those near a position, or all."""

    lots: Annotated[
        str | None,
        Meta(
            description="停车场编码，逗号分隔，至多 100 个 · at most 100 codes",
            examples=["320281001101"],
        ),
    ] = None
    lat: Annotated[Latitude | None, Meta(description="纬度 (WGS-84) · latitude")] = None
    lon: Annotated[Longitude | None, Meta(description="经度 (WGS-84) · longitude")] = None
    radius_m: Annotated[
        int, Meta(ge=1, le=RADIUS_MAX_M, description="半径（米） · radius in metres")
    ] = RADIUS_DEFAULT_M


class Version(NamedTuple):
    """Which of two counts is newer: a later incarnation always, then the greater number."""

    incarnation: int
    n: int


class Trust(NamedTuple):
    """Up to which age a count is live, and up to which it is late."""

    late_s: int
    lost_s: int
