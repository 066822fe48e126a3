"""The title book: whom invoices are made out to, time and again.

Owns: titles that citizens have kept under a token of their own, and those of an operator's fleets.
Never: finds a citizen's title by anything but its token, or keeps one in clear.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from onepark import _native
from onepark.contexts.invoices import rules, title_store
from onepark.contexts.invoices.errors import RequestInvalid, TitleInvalid, TitleUnknown
from onepark.contexts.invoices.model import BuyerKind, Email, Name, OperatorNo, TaxId, Title
from onepark.contexts.invoices.ports import AuditTrail
from onepark.contexts.invoices.title_store import FleetTitle
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.infra.tokens import Sealer, random_text
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import OperatorId

TOKEN_RANDOM_BYTES = 20
PLATES_MAX = 2_000

Plate = Annotated[str, Meta(min_length=5, max_length=16, examples=["苏B12345"])]


class KeptTitle(Struct, frozen=True):
    """A title under the one token that finds it again; whoever has the token has the title."""

    title_token: str
    title: Title


class FleetAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the cars of a fleet are invoiced to; the same tax id again replaces what was filed."""

    name: Name
    tax_id: TaxId
    plates: Annotated[tuple[Plate, ...], Meta(max_length=PLATES_MAX)] = ()
    email: Email | None = None
    operator_id: OperatorNo | None = None  # of the city's staff: whose fleet it is


class FleetDetail(Struct, frozen=True):
    """Whom a fleet is invoiced to."""

    fleet_title_id: int
    operator_id: OperatorId
    name: str
    tax_id: str
    email: str | None
    plates: tuple[str, ...]

    @property
    def title(self) -> Title:
        """Return it as an invoice needs it."""
        return Title(BuyerKind.ORGANISATION, self.name, self.tax_id)


class FleetPage(Struct, frozen=True):
    """Some fleets by number; ``next_after`` asks for more, null is the end."""

    fleet_titles: tuple[FleetDetail, ...]
    next_after: int | None


class TitleBook:
    """Titles of citizens and of fleets."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        sealer: Sealer,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db = service_db, staff_db
        self._sealer, self._audit, self._clock = sealer, audit, clock

    async def keep(self, title: Title) -> KeptTitle:
        """Keep a title and hand out the token that finds it."""
        _check(title)
        token = random_text(TOKEN_RANDOM_BYTES)
        digest = _digest(token)
        sealed = self._sealer.seal(msgspec.json.encode(title), subject=digest.hex())
        async with self._db.transaction() as tx:
            await title_store.keep_title(tx, digest, sealed, at=self._clock.now())
        return KeptTitle(token, title)

    async def use(self, token: str) -> Title:
        """Return the title of a token."""
        digest = _digest(token)
        async with self._db.transaction() as tx:
            sealed = await title_store.use_title(tx, digest, self._clock.now())
        if sealed is None:
            raise TitleUnknown("No title is kept under this token.", field="title_token")
        plain = self._sealer.open(sealed, subject=digest.hex())
        return msgspec.json.decode(plain, type=Title)

    async def forget(self, token: str) -> None:
        """Forget a title."""
        async with self._db.transaction() as tx:
            if not await title_store.forget_title(tx, _digest(token)):
                raise TitleUnknown("No title is kept under this token.", field="title_token")

    async def forget_unused(self) -> None:
        """Forget what nobody has used for two years."""
        async with self._db.transaction() as tx:
            await title_store.forget_unused(tx, self._clock.now() - rules.TITLE_KEPT)

    async def file_fleet(self, asked: FleetAsked, *, by: Principal) -> FleetDetail:
        """Keep whom the cars of a fleet are invoiced to."""
        _check(Title(BuyerKind.ORGANISATION, asked.name, asked.tax_id))
        owner = owner_of(asked.operator_id, by)
        plates = sorted({_plate(one, "plates") for one in asked.plates})
        filed = FleetTitle(0, owner, asked.name, asked.tax_id, asked.email, plates)
        now = self._clock.now()
        async with self._db.transaction() as tx:
            kept = await title_store.file_fleet(tx, filed, by=by.login, at=now)
            change = Change(
                actor=by.login,
                action="invoices.fleet_title_filed",
                subject=f"fleet_title {kept.fleet_title_id}",
                operator_id=kept.operator_id,
                after={"tax_id": kept.tax_id, "plates": len(plates)},
            )
            await self._audit.append(tx, [change], at=now)
        return _detail(kept)

    async def fleets(
        self, *, plate: str | None, after: int, limit: int, by: Principal
    ) -> FleetPage:
        """Return the next fleets that this person may see, or those that a plate belongs to."""
        text = None if plate is None else _plate(plate, "plate")
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await title_store.fleets(tx, plate=text, after=after, limit=limit)
        more = found[-1].fleet_title_id if len(found) == limit else None
        return FleetPage(tuple(map(_detail, found)), more)

    async def fleet(self, fleet_title_id: int, *, by: Principal) -> FleetDetail:
        """Return one fleet that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await title_store.fleet(tx, fleet_title_id)
        if found is None:
            raise TitleUnknown("No fleet has this number.", field="fleet_title_id")
        return _detail(found)


def owner_of(named: int | None, by: Principal) -> OperatorId:
    """Say whose it is: an operator's staff speak for their own, the city's name one."""
    owner = by.operator_id or named
    if owner is None or (by.operator_id is not None and named not in {None, owner}):
        raise RequestInvalid("operator_id: name the operator", field="operator_id")
    return OperatorId(owner)


def _plate(text: str, field: str) -> str:
    if not text.isprintable():
        raise TitleInvalid(f"{field}: holds a control character", field=field)
    return _native.normalise_plate(text)


def _check(title: Title) -> None:
    fault = rules.title_fault(title)
    if fault is not None:
        raise TitleInvalid(f"{fault[0]}: {fault[1]}", field=fault[0])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _detail(kept: FleetTitle) -> FleetDetail:
    return FleetDetail(*kept[:5], tuple(kept.plates))
