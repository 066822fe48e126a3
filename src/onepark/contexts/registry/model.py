"""Nouns of the city's archive: who runs which lot, through which lanes, seen by which devices.

Owns: operators, lots, zones, lanes, devices and the category codes of the city interface.
Never: decides anything, or knows how a row or a file is written.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from onepark.kernel.types import (
    DeviceId,
    LaneCode,
    LotCode,
    LotId,
    OperatorId,
    Pool,
    RevenueKind,
)


class ParkingType(IntEnum):
    """What a lot was built for (parkingType)."""

    ATTACHED = 1  # 配建, belongs to a building
    PUBLIC = 2  # 公共
    ROADSIDE = 3  # 道路


class ParkingLocate(IntEnum):
    """Where a lot lies (parkingLocate)."""

    OFF_STREET = 1  # 路外
    ON_STREET = 2  # 路内


class BuildType(IntEnum):
    """How a lot is built (buildType)."""

    GROUND = 1  # 地面
    UNDERGROUND = 2  # 地下
    TOWER = 3  # 停车楼


class AttachedType(StrEnum):
    """The kind of building that an attached lot belongs to (attachedType)."""

    HOUSING = "01"
    SPORT = "02"
    HOTEL = "03"
    OFFICE = "04"
    DINING = "05"
    HOSPITAL = "06"
    SCHOOL = "07"
    INDUSTRY = "08"
    SIGHTS = "09"
    CINEMA = "10"
    CULTURE = "11"
    MARKET = "12"
    MALL = "13"
    FINANCE = "14"
    COMMERCE = "15"
    TRANSPORT_HUB = "16"


class PriceForm(StrEnum):
    """Who sets the price (价格形式)."""

    GOVERNMENT_FIXED = "government_fixed"
    GOVERNMENT_GUIDED = "government_guided"
    MARKET = "market"


class Direction(StrEnum):
    """Which way cars pass a lane."""

    ENTRY = "entry"
    EXIT = "exit"
    BOTH = "both"


LotText: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)", examples=["320281001101"])]
LaneText: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]
DeviceText: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]
CameraModel: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$(?!\n)",
        description="相机型号 Cameras of one model misread alike",
    ),
]
ZoneText: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,16}$(?!\n)", examples=["B1"])]
OperatorText: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{2,32}$(?!\n)")]
Title: TypeAlias = Annotated[str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{1,128}$(?!\n)")]
Latitude: TypeAlias = Annotated[float, Meta(ge=3, le=54)]  # China's own extent: an exchanged
Longitude: TypeAlias = Annotated[float, Meta(ge=73, le=136)]  # pair of numbers falls outside it
Capacity: TypeAlias = Annotated[int, Meta(ge=0, le=100_000)]
Weekday: TypeAlias = Annotated[int, Meta(ge=1, le=7)]  # ISO: Monday is 1
FromTime: TypeAlias = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)")]
UntilTime: TypeAlias = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$(?!\n)")]


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """Open on these weekdays between two times; an ``until`` not after ``from`` is the next day."""

    days: Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)]
    from_time: FromTime = field(name="from")
    until_time: UntilTime = field(name="until")


OpeningHours: TypeAlias = (
    Literal["24h"] | Annotated[tuple[Hours, ...], Meta(min_length=1, max_length=14)]
)


class Operator(Struct, frozen=True):
    """A company that runs lots; ``code`` is its public name, such as a unified credit code."""

    operator_id: OperatorId
    code: str
    name: str
    name_en: str


class Zone(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a lot that is counted or signposted by itself; its code is unique in its lot."""

    zone: ZoneText
    name: Title
    capacity: Capacity


class Lot(Struct, frozen=True, kw_only=True):
    """A car park as the city knows it; each coordinate names its system."""

    lot_id: LotId
    code: LotCode
    operator_id: OperatorId
    name: str
    name_en: str
    town: str  # 9-digit code of the town or street
    address: str
    lat_wgs84: float
    lon_wgs84: float
    lat_gcj02: float
    lon_gcj02: float
    parking_type: ParkingType
    parking_locate: ParkingLocate
    build_type: BuildType
    attached_type: AttachedType | None  # of an attached lot only
    price_form: PriceForm
    plan_key: str | None  # names the tariff that is filed for the lot; None: none is
    opening_hours: OpeningHours
    pools: Mapping[Pool, int]  # capacity in bays
    zones: tuple[Zone, ...] = ()
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL


class Lane(Struct, frozen=True):
    """A way in or out; where exits are not confirmed, an answered open stands for the exit."""

    lane: LaneCode
    lot_id: LotId
    direction: Direction
    confirms_exit: bool
    zone: str | None = None  # the one that its cars enter


class DeviceSecret(Struct, frozen=True):
    """A signing key as raw bytes; None in ``not_after`` is the present one."""

    secret: bytes
    not_after: datetime | None

    def __repr__(self) -> str:
        """Show the life of the key, never the key."""
        return f"DeviceSecret(not_after={self.not_after!r})"


class Device(Struct, frozen=True):
    """What stands at a lane and speaks to us; it belongs to one lot for life."""

    device_id: DeviceId
    lot_id: LotId
    operator_id: OperatorId
    lanes: frozenset[LaneCode]
    secrets: tuple[DeviceSecret, ...]  # newest first
    camera_model: str | None = None


class DeviceRow(Struct, frozen=True):
    """A device as stored, without its keys."""

    device_id: DeviceId
    lot_id: LotId
    operator_id: OperatorId
    lanes: frozenset[LaneCode] = frozenset()
    camera_model: str | None = None


class SealedSecret(Struct, frozen=True):
    """A key of a device as stored."""

    device_id: DeviceId
    lot_id: LotId
    operator_id: OperatorId
    sealed: bytes
    not_after: datetime | None = None


class OperatorFiling(Struct, frozen=True, forbid_unknown_fields=True):
    """An operator as an import file states it."""

    code: OperatorText
    name: Title
    name_en: Title


class LaneFiling(Struct, frozen=True, forbid_unknown_fields=True):
    """A lane as an import file states it; ``zone`` is the one that its cars enter."""

    lane: LaneText
    direction: Direction
    confirms_exit: bool = True
    zone: ZoneText | None = None


class DeviceFiling(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A device as an import file states it; cameras of one model misread alike."""

    device: DeviceText
    lanes: Annotated[tuple[LaneText, ...], Meta(min_length=1, max_length=16)]
    camera_model: CameraModel | None = None


class LotFiling(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A lot as an import file states it; its GCJ-02 position may be left to us."""

    lot: LotText
    operator: OperatorText
    name: Title
    name_en: Title
    town: Annotated[str, Meta(pattern=r"^[0-9]{9}$(?!\n)")]
    address: Title
    lat_wgs84: Latitude
    lon_wgs84: Longitude
    lat_gcj02: Latitude | None = None
    lon_gcj02: Longitude | None = None
    parking_type: ParkingType
    parking_locate: ParkingLocate
    build_type: BuildType
    attached_type: AttachedType | None = None
    price_form: PriceForm
    revenue_kind: RevenueKind | None = None  # None: as it is, or by the kind of a new lot
    plan_key: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$(?!\n)")] | None = None
    opening_hours: OpeningHours
    pools: Annotated[dict[Pool, Capacity], Meta(min_length=1)]
    zones: Annotated[tuple[Zone, ...], Meta(max_length=64)] = ()
    lanes: Annotated[tuple[LaneFiling, ...], Meta(max_length=64)] = ()
    devices: Annotated[tuple[DeviceFiling, ...], Meta(max_length=64)] = ()


class Refused(Struct, frozen=True):
    """One reason why a file is not imported; rows count from 1, 0 is the file itself."""

    section: str  # "file", "operators" or "lots"
    row: int
    field: str
    reason: str


class Reading(Struct, frozen=True):
    """What a file holds: the good, each with its row, and every reason against the rest."""

    operators: tuple[tuple[int, OperatorFiling], ...] = ()
    lots: tuple[tuple[int, LotFiling], ...] = ()
    refused: tuple[Refused, ...] = ()


class ImportPlan(Struct, frozen=True):
    """What an import would write; ``before`` holds what it would replace, by public code."""

    operators: tuple[OperatorFiling, ...]
    lots: tuple[LotFiling, ...]
    new_devices: tuple[tuple[LotCode, DeviceId], ...]
    same_lots: int
    operators_before: Mapping[str, OperatorFiling]
    lots_before: Mapping[str, LotFiling]


class ImportReport(Struct, frozen=True):
    """What an import did, or, when anything was refused or nothing was to be done, did not."""

    refused: tuple[Refused, ...] = ()
    new_operators: int = 0
    changed_operators: int = 0
    new_lots: int = 0
    changed_lots: int = 0
    same_lots: int = 0
    new_devices: int = 0
    secrets: Mapping[DeviceId, str] = {}

    @property
    def changes_nothing(self) -> bool:
        """True when the registry already said all that the file says."""
        return not (
            self.new_operators or self.changed_operators or self.new_lots or self.changed_lots
        )

    def __repr__(self) -> str:
        return f"ImportReport(new_lots={self.new_lots}, changed_lots={self.changed_lots})"


class LaneView(Struct, frozen=True):
    """A lane as everybody may see it."""

    lane: LaneCode
    direction: Direction


class LotView(Struct, frozen=True, kw_only=True):
    """A lot as everybody may see it; each coordinate names its system."""

    lot: LotCode
    name: str
    name_en: str
    operator: str
    operator_en: str
    town: str
    address: str
    lat_wgs84: float
    lon_wgs84: float
    lat_gcj02: float
    lon_gcj02: float
    parking_type: ParkingType
    parking_locate: ParkingLocate
    build_type: BuildType
    attached_type: AttachedType | None
    price_form: PriceForm
    plan_key: str | None
    opening_hours: OpeningHours
    pools: dict[Pool, int]
    lanes: tuple[LaneView, ...]


class LotRow(Struct, frozen=True):
    """A lot in the list of staff."""

    lot: LotCode
    operator: str
    name: str
    name_en: str
    town: str
    price_form: PriceForm
    plan_key: str | None
    pools: dict[Pool, int]


class LotPage(Struct, frozen=True):
    """Some lots in the order of their code; ``next_after`` asks for more, null is the end."""

    lots: tuple[LotRow, ...]
    next_after: LotCode | None


class IssuedSecret(Struct, frozen=True):
    """A new key, shown once; the former one is good until ``former_until``."""

    device: DeviceId
    secret: str
    former_until: datetime

    def __repr__(self) -> str:
        return f"IssuedSecret(device={self.device!r})"
