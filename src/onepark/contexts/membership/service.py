"""Selling passes.

Owns: what anybody may ask of passes, their sale and renewal by the machine that takes every
payment, and what goes back of one.
Never: covers time that has passed, says whose a pass is, or talks to a provider.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from onepark.contexts.membership import desk, numbers, rules, store
from onepark.contexts.membership.errors import (
    LotUnknown,
    NothingDue,
    PassUnknown,
    ProductUnknown,
    ProofNeeded,
    SoldOut,
    TooManyTries,
)
from onepark.contexts.membership.model import Pass, PassState, Product, ProductKind, Source, Window
from onepark.contexts.membership.ports import Archive
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.limits import Limit, Limiter
from onepark.kernel.types import Fen, LotCode, LotId, OrderNo, PaidCharge, PlateColor, RevenueKind

UNPAID_KEEPS = timedelta(minutes=30)  # a place of the quota
OFFERS_MAX = 100
CHARGE_NO = 1  # a pass has one
RENEWED_AHEAD_MAX = timedelta(days=366)


class Covered(Struct, frozen=True):
    """All that a plate alone reveals: whether it has a pass there now."""

    covered: bool


class Offer(Struct, frozen=True):
    """A pass that is sold."""

    product_id: int
    kind: ProductKind
    name: str
    months: int
    price_fen: Fen
    currency: str
    zone: str | None
    windows: tuple[Window, ...]
    whole_city: bool
    needs_proof: bool


class PassAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A term of a product for a car; one that it has already is renewed."""

    product_id: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    plate: desk.PlateText
    plate_color: PlateColor
    from_at: desk.Instant | None = None


class PassSold(Struct, frozen=True):
    """An order to be paid with ``POST /v1/payments``; the pass is valid once it is."""

    order_no: OrderNo
    state: PassState
    amount_fen: Fen
    currency: str
    from_at: datetime
    until_at: datetime


class PassCharge(NamedTuple):
    """The one amount of a pass, as payments ask for it."""

    lot_id: LotId
    order_no: OrderNo
    charge_no: int
    operator_id: int
    amount_fen: Fen
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL


CURRENCY = "CNY"


class Passes:
    """Passes for people without an account, and as something that can be paid."""

    def __init__(
        self,
        service_db: Database,
        *,
        archive: Callable[[], Archive],
        limiter: Limiter,
        clock: Clock,
        per_minute: int,
    ) -> None:
        self._db, self._archive = service_db, archive
        self._limiter, self._clock = limiter, clock
        self._by_address = Limit("passes_address", per_minute, open_when_down=True)

    # -- looking -------------------------------------------------------------------------------

    async def covered(
        self, lot: LotCode, plate: str, color: PlateColor, *, address: str
    ) -> Covered:
        """Say whether a car has a pass in a lot now, and nothing else of it."""
        car_key = desk.car_key_of(desk.plate_of(plate), color)
        known = self._lot(lot)
        await self._limiter.take(self._by_address, address, refused=TooManyTries)
        async with self._db.connection() as tx:
            return Covered(await store.has_pass(tx, known, car_key, self._clock.now()))

    async def offers(self, lot: LotCode) -> list[Offer]:
        """Say what is sold for a lot."""
        async with self._db.connection() as tx:
            found = await store.offers(tx, self._lot(lot), limit=OFFERS_MAX)
        return [_offer(one) for one in found]

    async def order(self, order_no: OrderNo) -> PassSold:
        """Show the order of a pass to whoever knows its number."""
        async with self._db.connection() as tx:
            found = await store.pass_of_order(tx, order_no)
        if found is None:
            raise PassUnknown("No order of a pass has this number.")
        return _sold(found)

    def _lot(self, code: LotCode) -> LotId:
        lot = self._archive().lot(code)
        if lot is None:
            raise LotUnknown("No lot has this code.", field="lot")
        return lot.lot_id

    # -- selling -------------------------------------------------------------------------------

    async def buy(self, asked: PassAsked, *, address: str) -> PassSold:
        """Make the order of a pass; it is valid once it is paid."""
        car = (desk.plate_of(asked.plate), asked.plate_color)
        await self._limiter.take(self._by_address, address, refused=TooManyTries)
        async with self._db.transaction() as tx:
            product = await store.lock_product(tx, asked.product_id)
            if product is None or not product.on_sale:
                raise ProductUnknown("No such product is on sale.", field="product_id")
            if product.needs_proof or product.price_fen == 0:
                raise ProofNeeded("Staff give this one.", field="product_id")
            made = await new_pass(
                tx, product, car, from_at=asked.from_at, now=self._clock.now(), by="citizen"
            )
        return _sold(made)

    # -- what payments ask ----------------------------------------------------------------------

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> PassCharge:  # noqa: ARG002  it is always the same
        """Return the amount of a pass that is to be paid."""
        found = await self._of_order(tx, order_no)
        if found.state != PassState.UNPAID:
            raise NothingDue("The pass is paid for.", order_no=order_no)
        amount = found.price_fen
        return PassCharge(numbers.KEY_LOT, order_no, CHARGE_NO, found.operator_id, amount)

    async def settle(self, tx: Tx, paid: Sequence[PaidCharge]) -> list[bool]:
        """Let passes that are paid for be valid; False for each that was: its money is surplus.

        They are locked in the order of their numbers; of two payments of one the first counts.
        """
        places = sorted(range(len(paid)), key=lambda at: (paid[at].order_no, at))
        settled = {at: await self._settle_one(tx, paid[at].order_no) for at in places}
        return [settled[at] for at in range(len(paid))]

    async def _settle_one(self, tx: Tx, order_no: OrderNo) -> bool:
        found = await self._of_order(tx, order_no)
        if found.state != PassState.UNPAID:
            return False
        product = await store.product(tx, found.product_id)
        assert product is not None, "products are never deleted"
        await activate(tx, found, product, now=self._clock.now(), paid_fen=found.price_fen)
        return True

    async def refund_due(self, tx: Tx, order_no: OrderNo) -> Fen:
        """Lock a pass and return what is to go back of it."""
        return (await self._of_order(tx, order_no)).refund_due_fen

    async def refunded(self, tx: Tx, order_no: OrderNo, amount_fen: Fen) -> None:
        """Count out what went back; more than was due ends the pass."""
        found = await self._of_order(tx, order_no)
        if amount_fen > found.refund_due_fen and found.state == PassState.ACTIVE:
            found = await end(tx, found, self._clock.now())
        due = max(found.refund_due_fen - amount_fen, 0)
        back = found.refunded_fen + amount_fen
        due = min(due, max(found.paid_fen - back, 0))
        await store.save_pass(tx, replace(found, refunded_fen=Fen(back), refund_due_fen=Fen(due)))
        await store.earn_at(tx, found.pass_id, self._clock.now())

    async def _of_order(self, tx: Tx, order_no: OrderNo) -> Pass:
        found = await store.pass_of_order(tx, order_no, lock=True)
        if found is None:
            raise PassUnknown("No order of a pass has this number.")
        return found


async def new_pass(
    tx: Tx,
    product: Product,
    car: tuple[str, PlateColor],
    *,
    from_at: datetime | None,
    now: datetime,
    by: str,
    proof: str | None = None,
) -> Pass:
    """Make a pass that is not paid for, after the one that its car has, within the quota.

    The product is locked.
    """
    last_at = await store.last_of_car(tx, product.product_id, *car)
    begins_at = max(filter(None, (from_at, last_at, now)))
    if begins_at > now + RENEWED_AHEAD_MAX:
        raise SoldOut("Not so long ahead.", field="from_at")
    until_at = rules.after_months(begins_at, product.months)
    desk.term_of(begins_at, until_at, now)
    wanted = store.Taken(product.product_id, begins_at, until_at)
    taken = await store.taken(tx, wanted, unpaid_since=now - UNPAID_KEEPS)
    if product.quota is not None and taken >= product.quota:
        raise SoldOut("No more of these are given at present.", quota=product.quota)
    made = Pass(
        pass_id=0,
        operator_id=product.operator_id,
        product_id=product.product_id,
        order_no=numbers.order_no(),
        plate=car[0],
        plate_color=car[1],
        from_at=begins_at,
        until_at=until_at,
        state=PassState.UNPAID,
        price_fen=product.price_fen,
        paid_fen=Fen(0),
        refunded_fen=Fen(0),
        refund_due_fen=Fen(0),
        made_at=now,
        made_by=by,
        proof=proof,
    )
    return replace(made, pass_id=await store.add_pass(tx, made))


async def activate(tx: Tx, made: Pass, product: Product, *, now: datetime, paid_fen: Fen) -> Pass:
    """Let a pass be valid; paid late, its whole term begins then."""
    if made.from_at < now:
        made = replace(made, from_at=now, until_at=rules.after_months(now, product.months))
    active = replace(made, state=PassState.ACTIVE, paid_fen=paid_fen)
    await store.save_pass(tx, active)
    if paid_fen:
        await store.earn_at(tx, active.pass_id, rules.earned_next_at(active.from_at, active))
    given = desk.benefits_in(
        product.lots,
        (active.plate, active.plate_color),
        (active.from_at, active.until_at),
        operator_id=active.operator_id,
        source=(Source.PASS, active.pass_id),
        name=product.name,
        now=now,
    )
    whole = [
        one._replace(zone=product.zone, windows=product.windows, pool=product.pool) for one in given
    ]
    await store.add_benefits(tx, whole)
    return active


async def end(tx: Tx, active: Pass, now: datetime) -> Pass:
    """Let a pass end now; what is left of it goes back."""
    rest = rules.rest_of(active.paid_fen, active.from_at, active.until_at, now)
    due = Fen(min(rest, active.paid_fen - active.refunded_fen))
    cancelled = replace(active, state=PassState.CANCELLED, refund_due_fen=due)
    await store.save_pass(tx, cancelled)
    await store.earn_at(tx, active.pass_id, now)
    await store.end_benefits(tx, Source.PASS, active.pass_id, now)
    return cancelled


def _sold(made: Pass) -> PassSold:
    return PassSold(
        made.order_no, made.state, made.price_fen, CURRENCY, made.from_at, made.until_at
    )


def _offer(product: Product) -> Offer:
    return Offer(
        product.product_id,
        product.kind,
        product.name,
        product.months,
        product.price_fen,
        CURRENCY,
        product.zone,
        rules.readable(product.windows),
        whole_city=not product.lots,
        needs_proof=product.needs_proof,
    )
