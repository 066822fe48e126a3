"""Nouns of vacancies, live and past.

Owns: what a citizen is shown of a lot, how sure the platform is of it, and what a lot says itself.
Never: knows Redis, a table or a route.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from onepark.contexts.registry.model import Zone, ZoneText
from onepark.kernel.types import LotCode, LotId, Pool

RADIUS_DEFAULT_M = 1_000
RADIUS_MAX_M = 20_000
LIMIT_DEFAULT = 20
LIMIT_MAX = 100
STREAM_LOTS_MAX = 100
HISTORY_SPAN_MAX = timedelta(days=31)
HISTORY_STEPS_MAX = 1_500
STATISTICS_DAYS_MAX = 31
CALIBRATES_FOR = timedelta(days=31)  # an older snapshot tells nothing any more
FRESH_FOR = timedelta(hours=1)  # much may have happened after an older one: it is looked at rarely

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


Drift = Annotated[
    int | None, Meta(description="校准值 − raw，无有效快照时为 null · what a snapshot adds to raw")
]
SnapshotAt = Annotated[
    datetime | None, Meta(description="所用快照的时刻 · when the snapshot was taken")
]


class PoolVacancy(Struct, frozen=True):
    """One pool; ``occupied`` is raw plus drift, ``free`` never leaves 0 … capacity."""

    capacity: int
    occupied: Annotated[
        int | None, Meta(description="校准后的在场车辆数 · cars inside, the best that is known")
    ]
    free: int | None
    raw: Annotated[int | None, Meta(description="按过车计数 · as counted from passages")]
    drift: Drift = None
    snapshot_at: SnapshotAt = None


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


# --- what a lot says that it holds


class Snapshot(Struct, frozen=True):
    """A lot's own count of the cars in some of its pools, at one moment."""

    lot_id: LotId
    operator_id: int
    device_id: str
    snapshot_id: str
    taken_at: datetime
    received_at: datetime
    fingerprint: bytes
    occupied: dict[Pool, int]
    shown_at: datetime | None = None  # by the device's clock, where that was known to be wrong


# --- the past

ZoneAsked = Annotated[
    ZoneText | None,
    Meta(
        description=(
            "只看由通往该区域的入口进场的车辆 · only cars that came by a lane into this zone"
        )
    ),
]
Aware = Annotated[datetime, Meta(tz=True, examples=["2026-11-22T08:30:00+08:00"])]


class HistoryQuery(Struct, frozen=True, rename={"from_at": "from", "until_at": "to"}):
    """One moment, or equal steps over a span."""

    at: Annotated[
        Aware | None,
        Meta(description="某一时刻；URL 中“+”须写作 %2B · one moment; write + as %2B"),
    ] = None
    from_at: Annotated[
        Aware | None, Meta(description="时段起点 · where a span begins, at most 31 days")
    ] = None
    until_at: Annotated[
        Aware | None,
        Meta(description="时段终点（不含），缺省至今 · where it ends, not included; else now"),
    ] = None
    step_s: Annotated[
        int,
        Meta(
            ge=1,
            le=int(HISTORY_SPAN_MAX.total_seconds()),
            description="步长（秒），至多 1500 步 · seconds of a step, at most 1,500 steps",
        ),
    ] = 3_600
    zone: ZoneAsked = None


class CountPair(NamedTuple):
    """One count as it is kept by deltas, and as all visits add up to it."""

    lot_id: LotId
    pool: Pool
    kept: int
    recounted: int


class Recounted(NamedTuple):
    """What a recount of everything came to."""

    visits: int
    pairs: list[CountPair]

    @property
    def wrong(self) -> list[CountPair]:
        """Return the counts that are not what they should be."""
        return [pair for pair in self.pairs if pair.kept != pair.recounted]


class Window(NamedTuple):
    """Equal steps from a whole second on."""

    from_s: int
    step_s: int
    steps: int

    @property
    def until_s(self) -> int:
        """Return the first second after the last step."""
        return self.from_s + self.step_s * self.steps


PoolCapacity = Annotated[
    int | None,
    Meta(description="区域内的车位类别为 null，容量按区域备案 · null for a pool within a zone"),
]


class PoolMoment(Struct, frozen=True):
    """What one pool held at a moment; a zone files one capacity and takes no snapshots."""

    capacity: PoolCapacity
    raw: Annotated[int, Meta(description="按过车计数，不修正 · counted from passages, as it is")]
    calibrated: Annotated[
        int | None, Meta(description="最近一次快照加其后过车 · last snapshot plus later passages")
    ]
    drift: Drift
    snapshot_at: SnapshotAt
    free: Annotated[
        int | None, Meta(description="空位，0 … capacity · free bays, never out of range")
    ]


class ZoneMoment(Struct, frozen=True):
    """What one zone held at a moment, as counted: in all, and by pool."""

    capacity: int
    raw: int
    free: int
    pools: dict[Pool, int]


Zones = Annotated[
    dict[str, ZoneMoment] | UnsetType,
    Meta(description="各区域 · every zone of the lot; absent where it has none"),
]
ZoneTold = Annotated[
    Zone | UnsetType, Meta(description="所问区域 · the zone that was asked for, else absent")
]


class HistoryMoment(Struct, frozen=True):
    """What a lot, or one zone of it, held at one moment, as it is known today."""

    lot: LotCode
    at: datetime
    open: bool
    pools: dict[Pool, PoolMoment]
    zones: Zones = UNSET
    zone: ZoneTold = UNSET
    whole: Annotated[
        PoolMoment | UnsetType, Meta(description="区域合计 · the zone, all pools together")
    ] = UNSET


class HistoryLevel(Struct, frozen=True):
    """Cars in a pool through a step: in its first and last second, extremes and mean over time."""

    first: int
    last: int
    min: int
    max: int
    mean: float


class PoolStep(Struct, frozen=True):
    """One pool through one step; ``drift`` is that of its last second."""

    entries: int
    exits: int
    raw: HistoryLevel
    calibrated: HistoryLevel | None
    drift: int | None


class HistoryStep(Struct, frozen=True):
    """One step of a span."""

    begins_at: datetime
    open: bool
    pools: dict[Pool, PoolStep]
    whole: Annotated[
        PoolStep | UnsetType, Meta(description="区域合计 · the zone, all pools together")
    ] = UNSET


class HistorySpan(Struct, frozen=True, rename={"from_at": "from", "until_at": "to"}):
    """What a lot, or one zone of it, held over a span, step by step, as it is known today."""

    lot: LotCode
    from_at: datetime
    until_at: datetime
    step_s: int
    capacities: dict[Pool, int]
    steps: list[HistoryStep]
    zone: ZoneTold = UNSET


History: TypeAlias = HistoryMoment | HistorySpan


class StatisticsQuery(Struct, frozen=True):
    """Whole days by China's clock, at most 31."""

    from_day: Annotated[date, Meta(description="首日 · the first day", examples=["2026-11-01"])]
    until_day: Annotated[
        date | None, Meta(description="末日（含），缺省同首日 · the last day, included")
    ] = None
    zone: ZoneAsked = None


class PoolStatistics(Struct, frozen=True):
    """What the visits of one pool add up to over one day; None where nothing can be divided by."""

    capacity: PoolCapacity
    entries: int
    exits: int
    orders: Annotated[
        int, Meta(description="当日结束的订单（免费+收费） · orders ended, free and charged")
    ]
    charged_orders: int
    mean_stay_s: float | None
    turnover: Annotated[float | None, Meta(description="orders ÷ capacity")]
    effective_turnover: Annotated[float | None, Meta(description="charged_orders ÷ capacity")]
    utilisation: Annotated[
        float | None, Meta(description="占用泊位秒 ÷ 可用泊位秒 · occupied ÷ offered bay seconds")
    ]
    peak: Annotated[int, Meta(description="按过车计数的最大占用 · the most cars, as counted")]


class DayStatistics(Struct, frozen=True):
    """One day of one lot; today reaches up to now."""

    day: date
    until_at: datetime
    pools: dict[Pool, PoolStatistics]
    whole: Annotated[
        PoolStatistics | UnsetType, Meta(description="区域合计 · the zone, all pools together")
    ] = UNSET


class LotStatistics(Struct, frozen=True):
    """The days of one lot, or of one zone of it."""

    lot: LotCode
    days: list[DayStatistics]
    zone: ZoneTold = UNSET
