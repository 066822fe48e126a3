"""The nouns and units that every context speaks.

Owns: identifiers, money, what was paid, instants and the closed vocabularies of GA 36 and the city
interface.
Never: reads a clock, opens a connection, or knows a table.
"""

from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import NamedTuple, NewType

OperatorId = NewType("OperatorId", int)
LotId = NewType("LotId", int)  # our own key; the world knows the lot by its code
LotCode = NewType("LotCode", str)  # 12 digits: 6 division, 3 street, 1 category, 2 serial
LaneCode = NewType("LaneCode", str)  # unique in the city
DeviceId = NewType("DeviceId", str)
StayId = NewType("StayId", int)
OrderNo = NewType("OrderNo", str)
PlanId = NewType("PlanId", int)
Fen = NewType("Fen", int)  # 1/100 yuan; money is never a float

ORDER_NO_PATTERN = r"^P\d{7}[A-Z2-7]{24}$"  # P, the lot's own key, 120 random bits in base 32
ORDER_NO_EXAMPLE = "P0000042ABCDEFGHIJKLMNOPQRSTUVWX"

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")  # one offset, no summer time since 1991


class PlateColor(StrEnum):
    """Colour class of a plate; part of a car's identity."""

    BLUE = "blue"
    YELLOW = "yellow"
    WHITE = "white"
    BLACK = "black"
    GREEN = "green"
    YELLOW_GREEN = "yellow_green"
    UNKNOWN = "unknown"


class Vehicle(StrEnum):
    """Vehicle class as a tariff sees it."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    MOTORCYCLE = "motorcycle"
    OVERSIZE = "oversize"  # 超长车, 12 m and longer
    TRICYCLE = "tricycle"


class RevenueKind(StrEnum):
    """Whose money a parking fee is; an order has one kind from its beginning on."""

    COMMERCIAL = "commercial"
    NON_TAX = "non_tax"  # 非税收入: the treasury's, mostly of roadside bays


class Pool(StrEnum):
    """Bays that are counted together (车位类别)."""

    SHORT_STAY = "short_stay"
    CONTRACT = "contract"
    RESERVED = "reserved"
    DISABLED = "disabled"
    CHARGING = "charging"


class PaidCharge(NamedTuple):
    """A charge of an order that somebody paid, and by which attempt."""

    lot_id: LotId
    order_no: OrderNo
    charge_no: int
    settled_by: str
    paid_at: datetime

    @property
    def key(self) -> tuple[LotId, OrderNo, int]:
        """Return what names the charge."""
        return self.lot_id, self.order_no, self.charge_no
