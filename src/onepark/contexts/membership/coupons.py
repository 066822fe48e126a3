"""Coupons of merchants.

Owns: issuing, redeeming, and what the merchant owes for a coupon once its order is over.
Never: prices a stay, or lets a code be used twice.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

import structlog
from msgspec import Meta, Struct
from msgspec.structs import replace

from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership import coupon_store, desk
from onepark.contexts.membership.errors import (
    BatchInvalid,
    BatchUnknown,
    CouponExpired,
    CouponNotHere,
    CouponUnknown,
    CouponUsed,
    LotUnknown,
    OrderNotOpen,
    TooManyTries,
)
from onepark.contexts.membership.model import (
    BenefitKind,
    CouponBatch,
    CouponOrder,
    CouponState,
    HeldCoupon,
    NewBenefit,
    Source,
    Worth,
)
from onepark.contexts.membership.ports import Archive, AuditTrail, Parking
from onepark.contexts.membership.rules import COUPONS_MAX
from onepark.contexts.tariffs.model import CouponKind
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.infra.limits import Limit, Limiter
from onepark.infra.tokens import random_text
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import ORDER_NO_PATTERN, Fen, LotId, OrderNo

ISSUED_AT_ONCE_MAX = 10_000
CODE_BYTES = 10  # 80 random bits
CODE_PATTERN = r"^[A-Z2-7]{16}$(?!\n)"
LOOKS_AGAIN = timedelta(minutes=10)
LOOKED_AT_ONCE = 500

log = structlog.get_logger(__name__)


class BatchAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Coupons that a merchant gives, and up to what it pays for them."""

    merchant: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$(?!\n)", examples=["mall:1"])]
    name: desk.Name
    kind: CouponKind
    lots: desk.LotCodes
    count: Annotated[int, Meta(ge=1, le=ISSUED_AT_ONCE_MAX)]
    budget_fen: Annotated[int, Meta(ge=1, le=10**12)]
    until_at: desk.Instant
    value: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    from_at: desk.Instant | None = None
    per_order_max: Annotated[int, Meta(ge=1, le=COUPONS_MAX)] = 1
    stacks: bool = False
    operator_id: desk.Operator | None = None


class BatchIssued(Struct, frozen=True):
    """A batch with the codes of its coupons, which are shown once."""

    batch: CouponBatch
    codes: list[str]


class BatchPage(Struct, frozen=True):
    """Some batches, oldest first; ``next_after`` asks for more, null is the end."""

    batches: list[CouponBatch]
    next_after: int | None


class RedeemAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A coupon for an order, named by its number or by the plate of its car."""

    code: Annotated[str, Meta(pattern=CODE_PATTERN, examples=["ABCDEFGHIJKLMNOP"])]
    order_no: Annotated[str, Meta(pattern=ORDER_NO_PATTERN, examples=[])] | None = None
    plate: desk.PlateText | None = None


class Redeemed(Struct, frozen=True):
    """The coupon counts from now on; the same again gets the same answer."""

    kind: CouponKind
    value: int
    name: str


class CouponOffice:
    """What staff do about the coupons of one's own operator, or, for the city, of all."""

    def __init__(
        self,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._archive, self._audit, self._clock = staff_db, archive, audit, clock

    async def issue(self, asked: BatchAsked, *, by: Principal) -> BatchIssued:
        """Issue coupons; their codes are told once."""
        now = self._clock.now()
        desk.check_texts(name=asked.name)
        owner = desk.owner_of(asked.operator_id, by)
        lots = desk.lots_of(asked.lots, owner, self._archive())
        if not lots:
            raise LotUnknown("Coupons are of lots that they name.", field="lots")
        _check(asked)
        term = desk.term_of(asked.from_at, asked.until_at, now)
        codes = [random_text(CODE_BYTES) for _ in range(asked.count)]
        made = CouponBatch(
            *(0, owner, asked.merchant, asked.name, asked.kind, asked.value, lots),
            *(asked.per_order_max, asked.stacks, Fen(asked.budget_fen), Fen(0)),
            *(*term, by.login, now),
        )
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            batch = await coupon_store.add_batch(tx, made, codes)
            await self._note(tx, by, "membership.coupons_issued", batch)
        return BatchIssued(batch, codes)

    async def stop(self, batch_id: int, *, by: Principal) -> CouponBatch:
        """Let no more coupons of a batch be redeemed; those that were still count."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            batch = await coupon_store.stop_batch(tx, batch_id, self._clock.now())
            if batch is None:
                raise BatchUnknown("No such batch of coupons.")
            await self._note(tx, by, "membership.coupons_stopped", batch)
        return batch

    async def batches(self, *, after: int, limit: int, by: Principal) -> BatchPage:
        """List batches."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await coupon_store.batches(tx, after=after, limit=limit)
        return BatchPage(found, found[-1].batch_id if len(found) == limit else None)

    async def _note(self, tx: Tx, by: Principal, action: str, batch: CouponBatch) -> None:
        subject = f"coupons {batch.batch_id}"
        change = Change(by.login, action, subject, batch.operator_id, after=batch)
        await self._audit.append(tx, [change], at=self._clock.now())


class Coupons:
    """Coupons for whoever has a code, and what merchants owe for them."""

    def __init__(
        self,
        service_db: Database,
        *,
        parking: Parking,
        ledger: Ledger,
        limiter: Limiter,
        clock: Clock,
        per_minute: int,
    ) -> None:
        self._db, self._parking, self._ledger = service_db, parking, ledger
        self._limiter, self._clock = limiter, clock
        self._by_address = Limit("coupons_address", per_minute, open_when_down=False)

    # -- drivers -------------------------------------------------------------------------------

    async def redeem(self, asked: RedeemAsked, *, address: str) -> Redeemed:
        """Let a coupon lower what an open order costs.

        Its car is locked first, as everywhere; then the coupon.
        """
        await self._limiter.take(self._by_address, address, refused=TooManyTries)
        async with self._db.transaction() as tx:
            order = await self._order(tx, asked)
            coupon = await coupon_store.lock_coupon(tx, asked.code)
            if coupon is None:
                raise CouponUnknown("No coupon has this code.", field="code")
            batch = await coupon_store.batch(tx, coupon.batch_id)
            if coupon.state != CouponState.ISSUED:
                if coupon.order_no != order.order_no:
                    raise CouponUsed("The coupon was redeemed before.", field="code")
                return Redeemed(batch.kind, batch.value, batch.name)
            now = self._clock.now()
            self._check(batch, order, await coupon_store.held(tx, order.lot_id, order.order_no))
            benefit = NewBenefit(
                *(order.lot_id, order.car_key, batch.operator_id, BenefitKind.COUPON),
                *(Source.COUPON, batch.batch_id, batch.name),
                *(order.entered_at, max(now, order.entered_at), now),
                coupon_kind=batch.kind,
                coupon_value=batch.value,
            )
            await coupon_store.redeem(tx, asked.code, benefit, order.order_no, at=now)
        return Redeemed(batch.kind, batch.value, batch.name)

    async def _order(self, tx: Tx, asked: RedeemAsked) -> CouponOrder:
        """Return the open order that is meant."""
        numbers = [OrderNo(asked.order_no)] if asked.order_no is not None else []
        if asked.order_no is None and asked.plate is not None:
            numbers = list(await self._parking.open_orders(tx, desk.plate_of(asked.plate)))
        if len(numbers) == 1:
            order = await self._parking.order_for_coupon(tx, numbers[0])
            if order is not None:
                return order
        raise OrderNotOpen("No open order, or more than one: give its number.", field="order_no")

    def _check(self, batch: CouponBatch, order: CouponOrder, held: Sequence[HeldCoupon]) -> None:
        now = self._clock.now()
        if not batch.from_at <= now < batch.until_at or batch.stopped_at is not None:
            raise CouponExpired("The coupon is not valid now.", field="code")
        if batch.spent_fen >= batch.budget_fen:
            raise CouponExpired("The merchant's budget is spent.", field="code")
        if order.lot_id not in batch.lots:
            raise CouponNotHere("The coupon is not of this lot.", field="code")
        alike = sum(one.batch_id == batch.batch_id for one in held)
        others = [one for one in held if one.batch_id != batch.batch_id]
        if others and not (batch.stacks and all(one.stacks for one in others)):
            raise CouponNotHere("It does not go with another coupon.", field="code")
        if alike >= batch.per_order_max or len(held) >= COUPONS_MAX:
            raise CouponNotHere("The order has as many as it may.", field="code")

    # -- when an order is over -------------------------------------------------------------------

    async def consume(self) -> int:
        """Count coupons of orders that are over, and let merchants owe them; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            orders = await coupon_store.to_look_at(
                tx, now, again_at=now + LOOKS_AGAIN, limit=LOOKED_AT_ONCE
            )
        return sum([await self._consume_or_log(*order) for order in sorted(orders)])

    async def _consume_or_log(self, lot_id: LotId, order_no: OrderNo) -> int:
        try:
            async with self._db.transaction() as tx:
                worth = await self._parking.worth(tx, order_no)
                if worth is None:
                    return 0
                held = await coupon_store.held(tx, lot_id, order_no)
                for one in held:
                    fen = worth.of_benefits.get(one.benefit_id, Fen(0))
                    await coupon_store.consume(tx, one, fen, self._clock.now())
                await self._ledger.post(tx, _journals(lot_id, worth, held))
                return len(held)
        except Exception:
            log.exception("membership.coupons_not_consumed")
            return 0


async def freeze(tx: Tx, lot_id: LotId, order_no: OrderNo, charge_no: int) -> None:
    """Tie the coupons of an order to the charge that counts them."""
    await coupon_store.freeze(tx, lot_id, order_no, charge_no)


async def release(tx: Tx, lot_id: LotId, order_no: OrderNo) -> None:
    """Let the coupons of a charge go that was given up."""
    await coupon_store.release(tx, lot_id, order_no)


def _check(asked: BatchAsked) -> None:
    most = {CouponKind.MINUTES: 1_440, CouponKind.OFF_PERMILLE: 1_000, CouponKind.FULL: 0}
    least = 0 if asked.kind == CouponKind.FULL else 1
    if not least <= asked.value <= most.get(asked.kind, 1_000_000):
        raise BatchInvalid("No coupon of this kind has this value.", field="value")
    is_amount = asked.kind == CouponKind.AMOUNT_FEN
    if is_amount and asked.value * asked.count > asked.budget_fen:
        raise BatchInvalid("The coupons are worth more than the budget.", field="budget_fen")


def _journals(lot_id: LotId, worth: Worth, held: Sequence[HeldCoupon]) -> list[Journal]:
    """Let coupons pay for what they took off, and their merchants owe it."""
    journals: list[Journal] = []
    for one in held:
        fen = worth.of_benefits.get(one.benefit_id, Fen(0))
        if fen > 0:
            journals += _journals_of(lot_id, worth, one, fen)
    return journals


def _journals_of(lot_id: LotId, worth: Worth, one: HeldCoupon, fen: Fen) -> list[Journal]:
    """Return two: clearing shares what the coupon paid, and must not see who pays for it in turn.

    In one journal the two postings of the account of coupons would come to nothing.
    """
    key = f"coupon:{worth.order_no}:{one.benefit_id}"
    revenue = Account(AccountKind.PARKING_REVENUE, worth.revenue_kind)
    coupons = Account(AccountKind.COUPONS, one.merchant)
    owed = Account(AccountKind.PARTY_PAYABLE, one.merchant)
    paid = Journal(
        kind=JournalKind.COUPON,
        business_key=key,
        operator_id=one.operator_id,
        occurred_at=worth.ended_at,
        revenue_kind=worth.revenue_kind,
        postings=(Posting(coupons, fen), Posting(revenue, Fen(-fen))),
        order_no=worth.order_no,
        lot_id=lot_id,
    )
    debt = replace(
        paid,
        kind=JournalKind.COUPON_OWED,
        business_key=f"owed:{key}",
        postings=(Posting(owed, fen), Posting(coupons, Fen(-fen))),
        about=key,
    )
    return [paid, debt]
