"""Nouns of members.

Owns: benefits as the exit decision reads them, products, passes, white lists, fleets and coupons.
Never: decides anything.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from onepark.contexts.tariffs.model import CouponKind
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, PlateColor, Pool, RevenueKind

EVERY_LOT = LotId(0)  # a benefit of the whole city; no lot has this key
DAY_MINUTES = 1_440


class BenefitKind(StrEnum):
    """What a benefit does to a price."""

    PASS = "pass"  # noqa: S105  time that it covers costs nothing
    COUPON = "coupon"  # the price is lowered


class Benefit(NamedTuple):
    """What a car has in a lot, as the load of a batch reads it: the columns of pub_benefit.

    A coupon begins with the stay that it was redeemed for: that is how its stay is known.
    """

    benefit_id: int
    kind: str
    name: str
    from_at: datetime
    until_at: datetime
    zone: str | None = None  # None: every one
    windows: tuple[int, ...] | None = None  # day mask, from and to minute, again and again
    pool: str = Pool.SHORT_STAY.value
    fleet_id: int | None = None  # covers only who has one of the fleet's seats
    seats: int | None = None
    coupon_kind: str | None = None
    coupon_value: int | None = None


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the week in which a pass counts; over midnight if ``to`` is not later."""

    from_: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$(?!\n)", examples=["18:00"])]
    to: Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$(?!\n)", examples=["08:00"])]
    days: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=7)], ...],
        Meta(max_length=7, description="1 为周一 1 is Monday; none: every day", examples=[[1, 2]]),
    ] = ()


class ProductKind(StrEnum):
    """What is sold; the length of a term and its windows are the product's own."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    TIME_SLICED = "time_sliced"  # 错时停车
    RESIDENT = "resident"


MONTHS = {ProductKind.MONTHLY: 1, ProductKind.QUARTERLY: 3, ProductKind.YEARLY: 12}


class Product(Struct, frozen=True):
    """A pass as it is sold; the fields stand in the order of the store's columns."""

    product_id: int
    operator_id: OperatorId
    kind: ProductKind
    name: str
    lots: tuple[LotId, ...]  # none: every lot of the city
    zone: str | None
    months: int
    price_fen: Fen
    windows: tuple[int, ...] | None
    pool: Pool
    quota: int | None  # passes that are valid at once in one lot
    needs_proof: bool
    on_sale: bool


class PassState(StrEnum):
    """A pass goes forward only."""

    UNPAID = "unpaid"
    ACTIVE = "active"
    CANCELLED = "cancelled"  # it ended before its time


class Pass(Struct, frozen=True):
    """A right to park; the fields stand in the order of the store's columns."""

    pass_id: int
    operator_id: OperatorId
    product_id: int
    order_no: OrderNo
    plate: str
    plate_color: PlateColor
    from_at: datetime
    until_at: datetime
    state: PassState
    price_fen: Fen
    paid_fen: Fen
    refunded_fen: Fen
    refund_due_fen: Fen
    made_at: datetime
    made_by: str
    proof: str | None = None


class Source(StrEnum):
    """Where a benefit comes from."""

    PASS = "pass"  # noqa: S105  a word
    WHITE_LIST = "white_list"
    FLEET = "fleet"
    COUPON = "coupon"


class NewBenefit(NamedTuple):
    """A benefit that is kept: one row for each lot."""

    lot_id: LotId
    car_key: str
    operator_id: OperatorId
    kind: BenefitKind
    source: Source
    source_id: int
    name: str
    from_at: datetime
    until_at: datetime
    recorded_at: datetime
    zone: str | None = None
    windows: tuple[int, ...] | None = None
    pool: Pool = Pool.SHORT_STAY
    fleet_id: int | None = None
    seats: int | None = None
    coupon_kind: CouponKind | None = None
    coupon_value: int | None = None


class Entry(Struct, frozen=True):
    """A car that parks free for a reason; the fields are those of membership.white_list."""

    entry_id: int
    operator_id: OperatorId
    lots: tuple[LotId, ...]
    plate: str
    plate_color: PlateColor
    reason: str
    from_at: datetime
    until_at: datetime
    approved_by: str
    approved_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None


class Fleet(Struct, frozen=True):
    """Cars of which so many are free at once; the fields are those of membership.fleet."""

    fleet_id: int
    operator_id: OperatorId
    name: str
    lots: tuple[LotId, ...]
    seats: int
    pool: Pool
    from_at: datetime
    until_at: datetime
    made_by: str
    made_at: datetime


class FleetCar(Struct, frozen=True):
    """A car of a fleet."""

    plate: str
    plate_color: PlateColor
    added_at: datetime
    added_by: str


class CouponState(StrEnum):
    """A coupon is redeemed once; it is frozen with a charge that counts it."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    FROZEN = "frozen"
    CONSUMED = "consumed"


class CouponBatch(Struct, frozen=True):
    """What a merchant gives; the fields are those of membership.coupon_batch."""

    batch_id: int
    operator_id: OperatorId
    merchant: str
    name: str
    kind: CouponKind
    value: int
    lots: tuple[LotId, ...]
    per_order_max: int
    stacks: bool
    budget_fen: Fen
    spent_fen: Fen
    from_at: datetime
    until_at: datetime
    made_by: str
    made_at: datetime
    stopped_at: datetime | None = None


class CouponOrder(NamedTuple):
    """An open order that a coupon may be redeemed for, its car locked."""

    lot_id: LotId
    order_no: OrderNo
    car_key: str
    operator_id: int
    entered_at: datetime


class Worth(NamedTuple):
    """What the coupons of an order that is over took off, each by its benefit."""

    order_no: OrderNo
    ended_at: datetime
    revenue_kind: RevenueKind
    of_benefits: dict[int, Fen]


class HeldCoupon(NamedTuple):
    """A coupon of an order, with its batch."""

    code: str
    batch_id: int
    operator_id: OperatorId
    merchant: str
    stacks: bool
    benefit_id: int
