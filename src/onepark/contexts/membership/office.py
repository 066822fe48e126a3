"""What staff do about products and passes.

Owns: what is sold, passes that staff give with a proof, and passes that end before their time.
Never: covers time that has passed.
"""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from onepark.contexts.membership import desk, rules, store
from onepark.contexts.membership.errors import (
    LotUnknown,
    PassEnded,
    PassUnknown,
    ProductInvalid,
    ProductUnknown,
    ProofNeeded,
)
from onepark.contexts.membership.model import (
    MONTHS,
    Pass,
    PassState,
    Product,
    ProductKind,
    Window,
)
from onepark.contexts.membership.ports import Archive, AuditTrail
from onepark.contexts.membership.service import PassAsked, activate, end, new_pass
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.masks import mask_plate
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import Fen, Pool

WINDOWS_MAX = 14


class ProductAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A pass that is to be sold; without lots it holds in the whole city, which the city says."""

    kind: ProductKind
    name: desk.Name
    price_fen: Annotated[int, Meta(ge=0, le=100_000_000, description="一期价格，分 Fen a term")]
    lots: desk.LotCodes = ()
    zone: desk.Name | None = None
    months: Annotated[int, Meta(ge=1, le=36)] | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=WINDOWS_MAX)] = ()
    pool: Pool = Pool.SHORT_STAY
    quota: (
        Annotated[int, Meta(ge=1, le=100_000, description="同时有效上限 Valid at once")] | None
    ) = None
    needs_proof: bool = False
    operator_id: desk.Operator | None = None


class ProductView(Struct, frozen=True):
    """A product as staff see it."""

    product: Product
    lots: tuple[str, ...]
    windows: tuple[Window, ...]


class ProductPage(Struct, frozen=True):
    """Some products, oldest first; ``next_after`` asks for more, null is the end."""

    products: list[ProductView]
    next_after: int | None


class SaleAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a product is sold from now on."""

    on_sale: bool


class GrantAsked(PassAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pass that staff give, and what proves that its car is entitled."""

    proof: desk.Reason


class CancelAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a pass ends before its time."""

    reason: desk.Reason


class PassPage(Struct, frozen=True):
    """Some passes, oldest first; ``next_after`` asks for more, null is the end."""

    passes: list[Pass]
    next_after: int | None


class PassOffice:
    """Products and passes of one's own operator, or, for the city, of all."""

    def __init__(
        self,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._archive, self._audit, self._clock = staff_db, archive, audit, clock

    async def add_product(self, asked: ProductAsked, *, by: Principal) -> ProductView:
        """Begin to sell something."""
        desk.check_texts(name=asked.name, zone=asked.zone)
        owner = desk.owner_of(asked.operator_id, by)
        if not asked.lots and by.operator_id is not None:
            raise LotUnknown("An operator names its lots.", field="lots")
        made = Product(
            product_id=0,
            operator_id=owner,
            kind=asked.kind,
            name=asked.name,
            lots=desk.lots_of(asked.lots, owner, self._archive()),
            zone=asked.zone,
            months=_months(asked),
            price_fen=Fen(asked.price_fen),
            windows=_windows(asked),
            pool=asked.pool,
            quota=asked.quota,
            needs_proof=asked.needs_proof or asked.kind == ProductKind.RESIDENT,
            on_sale=True,
        )
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            number = await store.add_product(tx, made)
            product = await store.product(tx, number)
            assert product is not None, "it was kept just now"
            change = Change(
                by.login, "membership.product_added", f"product {number}", owner, after=product
            )
            await self._audit.append(tx, [change], at=self._clock.now())
        return self._view(product)

    async def put_on_sale(self, product_id: int, asked: SaleAsked, *, by: Principal) -> ProductView:
        """Sell a product, or no more; passes that were sold stay valid."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            owner = await store.put_on_sale(tx, product_id, on_sale=asked.on_sale)
            product = await store.product(tx, product_id)
            if owner is None or product is None:
                raise ProductUnknown("No such product.")
            change = Change(
                *(by.login, "membership.product_sale", f"product {product_id}", owner),
                after={"on_sale": asked.on_sale},
            )
            await self._audit.append(tx, [change], at=self._clock.now())
        return self._view(product)

    async def products(self, *, after: int, limit: int, by: Principal) -> ProductPage:
        """List products."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.products(tx, after=after, limit=limit)
        last = found[-1].product_id if len(found) == limit else None
        return ProductPage([self._view(one) for one in found], last)

    async def grant(self, asked: GrantAsked, *, by: Principal) -> Pass:
        """Give a pass for nothing, with a proof; it is valid at once."""
        now = self._clock.now()
        desk.check_texts(proof=asked.proof)
        car = (desk.plate_of(asked.plate), asked.plate_color)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            product = await store.lock_product(tx, asked.product_id)
            if product is None or not product.on_sale:
                raise ProductUnknown("No such product is on sale.", field="product_id")
            if product.price_fen and not product.needs_proof:
                raise ProofNeeded("This one is sold to everybody.", field="product_id")
            made = await new_pass(
                *(tx, product, car),
                from_at=asked.from_at,
                now=now,
                by=by.login,
                proof=asked.proof,
            )
            if product.price_fen == 0:
                made = await activate(tx, made, product, now=now, paid_fen=Fen(0))
            await self._note(tx, by, "membership.pass_granted", made, reason=asked.proof)
        return made

    async def cancel(self, pass_id: int, asked: CancelAsked, *, by: Principal) -> Pass:
        """End a pass now; what is left of it goes back to who paid."""
        desk.check_texts(reason=asked.reason)
        now = self._clock.now()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.lock_pass(tx, pass_id)
            if found is None:
                raise PassUnknown("No such pass.")
            if found.state != PassState.ACTIVE or found.until_at <= now:
                raise PassEnded("The pass is not active.", state=found.state.value)
            cancelled = await end(tx, found, now)
            await self._note(tx, by, "membership.pass_cancelled", cancelled, reason=asked.reason)
        return cancelled

    async def passes(self, *, plate: str | None, after: int, limit: int, by: Principal) -> PassPage:
        """List passes, of one plate or of all."""
        text = None if plate is None else desk.plate_of(plate)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.passes(tx, plate=text, after=after, limit=limit)
        return PassPage(found, found[-1].pass_id if len(found) == limit else None)

    async def _note(self, tx: Tx, by: Principal, action: str, made: Pass, *, reason: str) -> None:
        told = asdict(made) | {"plate": mask_plate(made.plate), "reason": reason}
        change = Change(by.login, action, f"pass {made.pass_id}", made.operator_id, after=told)
        await self._audit.append(tx, [change], at=self._clock.now())

    def _view(self, product: Product) -> ProductView:
        codes = desk.codes_of(product.lots, self._archive())
        return ProductView(product, codes, rules.readable(product.windows))


def _months(asked: ProductAsked) -> int:
    months = MONTHS.get(asked.kind, asked.months)
    if months is None or asked.months not in {None, months}:
        raise ProductInvalid(
            "Say how many months a term has, if its kind does not.", field="months"
        )
    return months


def _windows(asked: ProductAsked) -> tuple[int, ...] | None:
    windows = rules.compact(asked.windows)
    if asked.kind == ProductKind.TIME_SLICED and windows is None:
        raise ProductInvalid("A time-sliced pass has windows.", field="windows")
    if asked.zone is not None and len(asked.lots) != 1:
        raise ProductInvalid("A zone is of one lot.", field="zone")
    return windows
