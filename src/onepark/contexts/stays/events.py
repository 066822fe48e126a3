"""Facts that stays publish.

Owns: their fields, and how they are read off a stay; a change is a new version beside the old one.
Never: says who listens.
"""

from datetime import datetime

from onepark.contexts.stays.model import Order, Passage, Stay
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


class LetOut(Fact, frozen=True, tag="stays.let_out.v1"):
    """A person said whose car waits at a lane, and it owes nothing: the lane may open."""

    lot_id: LotId
    stay_id: StayId
    order_no: OrderNo
    plate: str
    car_key: str
    asked_lane: str
    asked_device_id: str
    asked_passage_id: str
    asked_at: datetime


def left_of(stay: Stay, order: Order | None) -> Left:
    assert stay.exited_at is not None, "it has gone"
    fee, owed = (None, None) if order is None else (order.fee_fen, order.owed_fen)
    number = None if order is None else order.order_no
    return Left(stay.lot_id, stay.stay_id, number, stay.exited_at, fee, owed)


def let_out_of(passage: Passage, order: Order) -> LetOut:
    device_id, passage_id = passage.asked_by
    return LetOut(
        lot_id=order.lot_id,
        stay_id=order.stay_id,
        order_no=order.order_no,
        plate=order.plate,
        car_key=order.car_key,
        asked_lane=passage.lane,
        asked_device_id=device_id,
        asked_passage_id=passage_id,
        asked_at=passage.received_at,
    )
