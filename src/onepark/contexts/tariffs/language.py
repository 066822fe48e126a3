"""The language of plans as Structs, from which its JSON Schema is made.

Owns: the shape of a plan: names, types, words and bounds, each told in both languages.
Never: prices a plan, or knows a rule that joins two fields: those are the native compiler's.

`native/core/src/tariff/file.rs` reads the same language; tests hold the two together. Fields and
Structs have its names. Where a field has no bound here, the 65,536 bytes of a plan are its bound.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from onepark.contexts.registry.model import PriceForm
from onepark.contexts.tariffs.model import QuotaPer, Trait

SCHEMA_PATH = "/v1/tariffs/schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DAY_MINUTES, WEEK_MINUTES = 1_440, 10_080

# -- words -----------------------------------------------------------------------------------------


class Outside(StrEnum):
    """时段以外的时间 Time outside every window."""

    FREE = "free"


class FreeMode(StrEnum):
    """超过免费时长后：扣除或计入 Free minutes of a longer stay: taken off, or billed as well."""

    DEDUCT = "deduct"
    ABSORB = "absorb"


class Grant(StrEnum):
    """免费时长多久享受一次 How often the free minutes are given."""

    STAY = "stay"
    DAY = "day"
    WINDOW = "window"
    HOURS_24 = "24h"


class Boundary(StrEnum):
    """跨时段的计费单位：截断或按开始时价格 A unit at the edge of a window: ends, or runs on."""

    SPLIT = "split"
    UNIT_START = "unit_start"


class CrossingPart(StrEnum):
    """以哪一部分衡量：较短部分或后一部分 Which part is measured: the shorter, or the later one."""

    EITHER = "either"
    LATER = "later"


class Rounding(StrEnum):
    """不足一个计费单位：进一、舍去、尾数容忍 A part of a unit: a whole one, nothing, or by tail."""

    UP = "up"
    DOWN = "down"
    TAIL = "tail"


class TierClock(StrEnum):
    """分档时长按整次停放或按时段累计 What tiers count: the stay's time, or the window's."""

    STAY = "stay"
    WINDOW = "window"


class Restart(StrEnum):
    """分档何时重新起算 When the tiers begin again."""

    NEVER = "never"
    EVERY_24H = "every_24h"
    EVERY_DAY = "every_day"


class DayWord(StrEnum):
    """日期类别 Kinds of day: workday holds make-up workdays, holiday all holidays."""

    WORKDAY = "workday"
    MAKEUP_WORKDAY = "makeup_workday"
    WEEKEND = "weekend"
    SHORT_HOLIDAY = "short_holiday"
    GOLDEN_WEEK = "golden_week"
    SPRING_FESTIVAL = "spring_festival"
    HOLIDAY = "holiday"
    NON_WORKDAY = "non_workday"


class RoundingMode(StrEnum):
    """金额取整方式 How an amount is rounded."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


# -- values ----------------------------------------------------------------------------------------

NO_CONTROL = r"^[^\u0000-\u001f\u007f-\u009f]*$(?!\n)"
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=NO_CONTROL,
        description="名称，显示在账单明细中 A name, shown on the lines of a quote",
    ),
]
Source = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=NO_CONTROL,
        description="收费文件依据 The notice that the plan was taken from",
    ),
]
Clock = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)",
        description="时刻 HH:MM，00:00 至 24:00 A time of day at +08:00",
        examples=["07:30"],
    ),
]
MonthDay = Annotated[
    str,
    Meta(
        pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$(?!\n)",
        description="日期 MM-DD A day of the year",
        examples=["05-01"],
    ),
]
Minutes = Annotated[int, Meta(ge=0, le=DAY_MINUTES, description="分钟 Minutes")]
SomeMinutes = Annotated[int, Meta(ge=1, le=DAY_MINUTES, description="分钟 Minutes")]
Until = Annotated[
    int,
    Meta(
        ge=1,
        le=WEEK_MINUTES,
        description="计费时长到此为止，最后一档不填 Minutes of billed time; the last has none",
    ),
]
Permille = Annotated[int, Meta(ge=0, le=10_000, description="千分数 Thousandths")]
PriceFen = Annotated[int, Meta(ge=0, le=1_000_000, description="分 Fen")]
CapFen = Annotated[int, Meta(ge=0, le=100_000_000, description="分 Fen")]


class EachPrice(Struct, frozen=True, forbid_unknown_fields=True):
    """各车型价格，分；未列出的按小型车价格乘以倍数 Fen of each class; others scale `small`."""

    small: PriceFen
    medium: PriceFen | None = None
    large: PriceFen | None = None
    motorcycle: PriceFen | None = None
    oversize: PriceFen | None = None
    tricycle: PriceFen | None = None


class EachCap(Struct, frozen=True, forbid_unknown_fields=True):
    """各车型封顶，分；未列出的按小型车封顶乘以倍数 Caps of each class; others scale `small`."""

    small: CapFen
    medium: CapFen | None = None
    large: CapFen | None = None
    motorcycle: CapFen | None = None
    oversize: CapFen | None = None
    tricycle: CapFen | None = None


Price: TypeAlias = PriceFen | EachPrice
Cap: TypeAlias = CapFen | EachCap
CapList = Annotated[list[Cap], Meta(min_length=1, max_length=8)]
Caps_: TypeAlias = CapFen | EachCap | CapList

# -- parts of a plan -------------------------------------------------------------------------------


class QuotaFile(Struct, frozen=True, forbid_unknown_fields=True):
    """每辆车享受免费时长的次数，以及之后的免费时长 How many visits get the free minutes."""

    visits: Annotated[int, Meta(ge=1, le=100)]
    per: QuotaPer
    then_minutes: Minutes = 0


class FreeFile(Struct, frozen=True, forbid_unknown_fields=True):
    """免费时长 Free minutes: for all, for electric cars and for disabled drivers.

    `inclusive`：恰好等于免费时长时仍免费 a stay of exactly these minutes is free.
    """

    minutes: Minutes = 0
    electric_minutes: Minutes | None = None
    disabled_minutes: Minutes | None = None
    mode: FreeMode = FreeMode.DEDUCT
    inclusive: bool = True
    grant: Grant = Grant.STAY
    quota: QuotaFile | None = None


class SeasonFile(Struct, frozen=True, forbid_unknown_fields=True):
    """一年中的一段，含首尾，可跨年 A part of the year, both ends included, also over its end."""

    from_: MonthDay = field(name="from")
    to: MonthDay


class TierFile(Struct, frozen=True, forbid_unknown_fields=True):
    """一档：计费单位及其价格 A tier: the length of its units and the price of one."""

    unit_minutes: SomeMinutes
    price_fen: Price
    until_minutes: Until | None = None


class StepFile(Struct, frozen=True, forbid_unknown_fields=True):
    """停放至此时长的累计总价 What a stay costs in all up to some time."""

    until_minutes: SomeMinutes
    total_fen: Price


class CountsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """时段内超过若干分钟按若干分钟计 More than so many minutes of a window count as so many."""

    over_minutes: SomeMinutes
    as_minutes: SomeMinutes


class WindowFile(Struct, frozen=True, forbid_unknown_fields=True):
    """收费时段：日期、起止时刻、分档单价或累计总价，以及本时段封顶 A window.

    A charged part of the day: on which days, from when to when (over midnight if `to` is earlier),
    with `tiers` or `steps`, and what it costs at most.
    """

    name: Name
    from_: Clock = field(name="from")
    to: Clock
    days: Annotated[list[DayWord], Meta(max_length=8)] = []
    season: Annotated[list[SeasonFile], Meta(max_length=8)] = []
    tiers: Annotated[list[TierFile], Meta(max_length=16)] = []
    steps: Annotated[list[StepFile], Meta(max_length=16)] = []
    cap_fen: Cap | None = None
    counts: CountsFile | None = None


Windows = Annotated[list[WindowFile], Meta(max_length=24)]


class CrossingFile(Struct, frozen=True, forbid_unknown_fields=True):
    """跨时段的短时部分按入场时段计费 A short part over an edge is priced by the entry's window."""

    minutes: SomeMinutes
    inclusive: bool = True
    part: CrossingPart = CrossingPart.EITHER


class CapsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """封顶：按自然日或 24 小时，可逐期不同；确无封顶须写明 The most that is charged.

    For a natural day or for 24 hours from the entry: one amount, or one for each period after the
    other; `uncapped` says that there is none; `across_visits` counts several visits.
    """

    natural_day_fen: Caps_ | None = None
    rolling_24h_fen: Caps_ | None = None
    across_visits: bool = False
    uncapped: bool = False


class NightPackFile(Struct, frozen=True, forbid_unknown_fields=True):
    """夜间包价 One price for a night that is spent wholly inside."""

    name: Name
    enter_from: Clock
    leave_by: Clock
    unit_minutes: SomeMinutes
    price_fen: Price
    max_units: Annotated[int, Meta(ge=1, le=DAY_MINUTES)]
    after_free: bool = True


class ScaleFile(Struct, frozen=True, forbid_unknown_fields=True):
    """车型倍数，千分数 How a class's prices and caps relate to those written, in thousandths."""

    price_permille: Permille = 1_000
    cap_permille: Permille = 1_000


class VehiclesFile(Struct, frozen=True, forbid_unknown_fields=True):
    """各车型倍数 The multipliers of each class."""

    small: ScaleFile = ScaleFile()
    medium: ScaleFile = ScaleFile()
    large: ScaleFile = ScaleFile()
    motorcycle: ScaleFile = ScaleFile()
    oversize: ScaleFile = ScaleFile()
    tricycle: ScaleFile = ScaleFile()


class DiscountFile(Struct, frozen=True, forbid_unknown_fields=True):
    """优惠：符合任一身份即享受；多项只取最优 What some do not pay; only the best one counts."""

    name: Name
    traits: Annotated[list[Trait], Meta(min_length=1, max_length=12)]
    off_permille: Annotated[int, Meta(ge=1, le=1_000, description="减收千分数 Thousandths off")]


class DiscountRounding(Struct, frozen=True, forbid_unknown_fields=True):
    """优惠后金额的取整 To what a discounted amount is rounded."""

    to_fen: Annotated[int, Meta(ge=1, le=1_000, description="分 Fen")] = 1
    mode: RoundingMode = RoundingMode.DOWN


class PlanFile(Struct, frozen=True, forbid_unknown_fields=True):
    """停车收费规则 A parking tariff of OnePark; docs/tariffs.md is the guide."""

    windows: Windows
    source: Source = ""
    price_form: PriceForm = PriceForm.MARKET
    outside: Outside | None = None
    free: FreeFile = FreeFile()
    zones: Annotated[
        dict[Name, Windows],
        Meta(max_length=16, description="分区价格 Zones of the lot with prices of their own"),
    ] = {}
    boundary: Boundary = Boundary.SPLIT
    crossing: CrossingFile | None = None
    rounding: Rounding = Rounding.UP
    tail_minutes: SomeMinutes | None = None
    tier_clock: TierClock = TierClock.STAY
    restart: Restart = Restart.EVERY_24H
    caps: CapsFile = CapsFile()
    night_pack: NightPackFile | None = None
    vehicles: VehiclesFile = VehiclesFile()
    exempt: Annotated[list[Trait], Meta(description="免费的车辆 Who never pays")] = []
    discounts: Annotated[list[DiscountFile], Meta(max_length=12)] = []
    discount_rounding: DiscountRounding = DiscountRounding()
    coupons_max: Annotated[
        int, Meta(ge=0, le=8, description="每次停放可用优惠券数 Coupons that one stay may use")
    ] = 8
    longer_may_cost_less: Annotated[
        bool, Meta(description="声明停放更久可能收费更低 Says that a longer stay may cost less")
    ] = False
    exit_grace_minutes: Annotated[
        int, Meta(ge=0, le=120, description="缴费后离场时限，分钟 Minutes to leave after paying")
    ] = 15


_DECODER = msgspec.json.Decoder(PlanFile)


def read(text: str) -> PlanFile:
    """Read a plan's shape; raise msgspec.DecodeError where it has another."""
    return _DECODER.decode(text)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan."""
    [root], parts = msgspec.json.schema_components([PlanFile], ref_template="#/$defs/{name}")
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_PATH,
        "title": "OnePark tariff 停车收费规则",
        **root,
        "$defs": dict(sorted(parts.items())),
    }
