"""Facts that stays publish.

Owns: their fields; a change is a new version beside the old one.
Never: says who listens.
"""

from datetime import datetime

from onepark.kernel.events import Fact
from onepark.kernel.types import Fen, LotId, OrderNo, StayId


class Entered(Fact, frozen=True, tag="stays.entered.v1"):
    """A car is in a lot."""

    lot_id: LotId
    stay_id: StayId
    entered_at: datetime


class Left(Fact, frozen=True, tag="stays.left.v1"):
    """A car has gone; what it owed and what of that is still owed."""

    lot_id: LotId
    stay_id: StayId
    order_no: OrderNo | None
    exited_at: datetime
    fee_fen: Fen | None
    owed_fen: Fen | None


class OrderPaid(Fact, frozen=True, tag="stays.order_paid.v1"):
    """An order is covered; the lane where its car last asked to leave, if it did."""

    lot_id: LotId
    stay_id: StayId
    order_no: OrderNo
    still_inside: bool
    plate: str
    car_key: str
    covered_until_at: datetime | None
    asked_lane: str | None
    asked_device_id: str | None
    asked_passage_id: str | None
    asked_at: datetime | None
