"""Nouns of pricing.

Owns: plans, the lots that they are assigned to, and what a quote says.
Never: computes an amount; the native engine does.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from onepark import _native
from onepark.contexts.calendar.model import DayKind, Ruling
from onepark.kernel.types import Fen, LotId, OperatorId, PlanId, Vehicle

CURRENCY = "CNY"

Instant = Annotated[datetime, Meta(tz=True)]
Body = Annotated[
    dict[str, Any],
    Meta(description="收费规则，格式见 /v1/tariffs/schema A plan; its schema is there"),
]


class LineRule(StrEnum):
    """Why a line of a quote has its amount."""

    TIER = "tier"  # units of one tier inside one window
    FREE = "free"  # free minutes, or time outside every window
    PART_DROPPED = "part_dropped"  # the part of a unit that is not charged
    NOT_COUNTED = "not_counted"  # time of a window beyond what it counts as
    CAP_WINDOW = "cap_window"  # what a stretch inside a window costs less because of its cap
    CAP_DAY = "cap_day"  # what a natural day costs less because of its cap
    CAP_24H = "cap_24h"  # what 24 hours cost less because of their cap
    NIGHT_PACK = "night_pack"
    REPEAT = "repeat"  # whole days that cost what an equal day costs
    OVERRIDE = "override"  # what an emergency instruction changes
    PASS = "pass"  # noqa: S105  time that a pass of the car covers
    DISCOUNT = "discount"
    COUPON = "coupon"
    EXEMPT = "exempt"  # the car never pays


class QuotaPer(StrEnum):
    """次数按 24 小时或自然日累计 In which time visits are counted."""

    HOURS_24 = "24h"
    DAY = "day"


class FreeQuota(Struct, frozen=True):
    """How many visits of a plate are given free minutes, and in which time."""

    visits: int
    per: QuotaPer


class Plan(Struct, frozen=True):
    """One version of a tariff, compiled; a used version never changes."""

    plan_id: PlanId
    plan_key: str
    version: int
    valid_from_at: datetime
    valid_until_at: datetime | None
    exit_grace_s: int
    engine: _native.Plan

    @property
    def free_quota(self) -> FreeQuota | None:
        """Return how many visits are given free minutes; None: every one."""
        quota = self.engine.free_quota
        return None if quota is None else FreeQuota(quota[0], QuotaPer(quota[1]))


class Assignment(Struct, frozen=True):
    """From when to when a lot charges by the plan of one key."""

    lot_id: LotId
    operator_id: OperatorId
    plan_key: str
    valid_from_at: datetime
    valid_until_at: datetime | None = None


class PlanRow(Struct, frozen=True):
    """A version as it is kept; one that was withdrawn before it began is never in force."""

    plan_id: PlanId
    operator_id: OperatorId
    plan_key: str
    version: int
    name: str
    body: str
    valid_from_at: datetime
    valid_until_at: datetime | None
    published_at: datetime
    withdrawn_at: datetime | None = None


class Filing(Struct, frozen=True):
    """A new version of a plan, as an operator hands it in; ``body`` is kept letter by letter."""

    plan_key: str
    operator_id: OperatorId
    name: str
    body: str
    valid_from_at: datetime


class Carry(Struct, frozen=True):
    """What earlier visits of a car have used of a cap that spans visits."""

    anchor_at: datetime
    charged_fen: Fen


class PriceRequest(Struct, frozen=True):
    """A span of time under a plan."""

    plan: Plan
    entered_at: datetime
    until_at: datetime
    vehicle: Vehicle
    carry: Carry | None = None
    terms: _native.Terms | None = None
    explained: bool = True  # whether anybody looks at the lines


class Line(Struct, frozen=True):
    """One reason of an amount; the lines of a quote add up to it exactly."""

    rule: LineRule
    window: str | None
    from_at: datetime
    until_at: datetime
    units: int
    unit_price_fen: Fen
    amount_fen: Fen


class Quote(Struct, frozen=True):
    """A plan applied to a span of time."""

    amount_fen: Fen
    lines: tuple[Line, ...]
    carry: Carry | None


class Trait(StrEnum):
    """What a driver or a car is entitled to; a plan says what follows from it."""

    ELECTRIC = "electric"  # 新能源汽车
    DISABLED = "disabled"  # 残疾人驾驶
    RESIDENT = "resident"  # 居民
    CITIZEN_CARD = "citizen_card"  # 市民卡
    MILITARY = "military"  # 军车, 武警
    POLICE = "police"  # 警车
    FIRE = "fire"  # 消防车
    AMBULANCE = "ambulance"  # 救护车
    RESCUE = "rescue"  # 抢险救援车
    SANITATION = "sanitation"  # 环卫车
    MUNICIPAL = "municipal"  # 市政维修车
    HEARSE = "hearse"  # 殡葬车


class CouponKind(StrEnum):
    """How a coupon lowers a price."""

    MINUTES = "minutes"  # that are not billed, after the free ones
    OFF_PERMILLE = "off_permille"  # thousandths of the amount
    AMOUNT_FEN = "amount_fen"  # fen of the amount, as far as it goes
    FULL = "full"  # all of it


class Coupon(Struct, frozen=True, forbid_unknown_fields=True):
    """What a merchant or a campaign gave."""

    kind: CouponKind
    value: Annotated[int, Meta(ge=0, le=100_000_000)] = 0


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """An emergency instruction: prices are multiplied from one instant to another."""

    from_at: Instant
    until_at: Instant
    price_permille: Annotated[int, Meta(ge=0, le=10_000)] = 0


class QuoteTerms(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What decides a price beside the time."""

    traits: Annotated[tuple[Trait, ...], Meta(max_length=12)] = ()
    zone: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    free_visits_used: Annotated[int, Meta(ge=0, le=1_000)] = 0
    coupons: Annotated[tuple[Coupon, ...], Meta(max_length=8)] = ()
    overrides: Annotated[tuple[Override, ...], Meta(max_length=8)] = ()


class RuledDay(Struct, frozen=True):
    """A day of the span that the city has ruled on, whatever was published."""

    day: date
    kind: DayKind


class NextChange(Struct, frozen=True):
    """When the amount rises next, and to what."""

    at: datetime
    amount_fen: Fen


class QuoteAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """What anybody may ask: a span at a lot, or under a plan written out in the request."""

    entered_at: Instant
    until_at: Instant
    vehicle: Vehicle = Vehicle.SMALL
    lot: str | None = None
    plan: Body | None = None
    terms: QuoteTerms | None = None


class QuoteAnswer(Struct, frozen=True):
    """The price of a span, and why; a plan of the asker has neither key nor version.

    The two hashes let anybody compute it again from public data alone: see proof.py.
    """

    amount_fen: Fen
    currency: str
    plan_key: str | None
    version: int | None
    plan_hash: str
    quote_hash: str
    entered_at: datetime
    until_at: datetime
    vehicle: Vehicle
    terms: QuoteTerms | None
    ruled_days: tuple[RuledDay, ...]
    lines: tuple[Line, ...]
    next_change: NextChange | None


class TariffInForce(Struct, frozen=True):
    """What a lot charges by, from when to when, as it was filed and in plain words."""

    plan_key: str
    version: int
    name: str
    plan_hash: str
    valid_from_at: datetime
    valid_until_at: datetime | None
    text_zh: tuple[str, ...]
    body: dict[str, Any]


class LotTariff(Struct, frozen=True):
    """The tariff of a lot now, and the one that follows; no tariff is filed: nothing is charged."""

    lot: str
    in_force: TariffInForce | None
    next: TariffInForce | None


class FiledPlan(Struct, frozen=True):
    """A plan that was published, by its hash."""

    plan_hash: str
    body: dict[str, Any]


class PlanSpan(Struct, frozen=True):
    """A version while a lot charges by it."""

    plan_id: PlanId
    valid_from_at: datetime
    valid_until_at: datetime | None


class Catalogue(Struct, frozen=True):
    """Every plan and assignment at one revision of the database; looked up, never changed."""

    revision: int
    plans: Mapping[PlanId, Plan]
    versions: Mapping[tuple[OperatorId, str], Sequence[Plan]]  # oldest first
    assignments: Mapping[LotId, Sequence[Assignment]]  # oldest first
    rows: Mapping[PlanId, PlanRow]
    hashes: Mapping[str, str]  # of every body
    bodies: Mapping[str, str]  # by hash
    rulings: Sequence[Ruling] = ()  # of the city, about single days
    calendar: _native.Calendar | None = None  # with these rulings
