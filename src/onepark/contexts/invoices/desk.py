"""What staff do to invoices.

Owns: the lists of invoices, having them tried again or taken back, results by hand, and invoices of
fleets.
Never: waits for a provider, or shows or changes what is another operator's.
"""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from onepark.contexts.invoices import message_store, rules, store
from onepark.contexts.invoices.errors import (
    InvoiceUnknown,
    NotWaiting,
    OrderInvoiced,
    RequestInvalid,
)
from onepark.contexts.invoices.issuing import Issuing
from onepark.contexts.invoices.model import (
    ORDERS_MAX,
    Contact,
    Document,
    Invoice,
    InvoiceState,
    OrderText,
    RedReason,
    Said,
    Word,
)
from onepark.contexts.invoices.ports import AuditTrail
from onepark.contexts.invoices.service import Ask, Invoices, InvoiceView, view_of
from onepark.contexts.invoices.titles import TitleBook
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import CHINA, OperatorId, OrderNo

FIRST_AT = datetime(2000, 1, 1, tzinfo=CHINA)  # nothing was made out before
AHEAD_MAX = timedelta(days=1)  # of a clock of somebody else
Reason = Annotated[str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{3,200}$(?!\n)")]


class InvoiceDetail(Struct, frozen=True):
    """An invoice as staff see it; ``due_at`` is until when somebody should look, if it waits."""

    invoice: InvoiceView
    operator_id: OperatorId
    seller_id: int
    tries: int
    trouble: str | None
    waits_since_at: datetime | None
    due_at: datetime | None
    refunded_at: datetime | None
    red_reason: str | None
    red_asked_by: str | None
    follows: str | None
    lease: tuple["LeaseView", ...]
    told: tuple[message_store.Sent, ...]


class LeaseView(Struct, frozen=True):
    """The element that leases of real estate need, as the tax authority writes it."""

    order_no: OrderNo
    amount_fen: int
    tax_fen: int
    province: str
    city: str
    address: str
    cross_city: bool
    lease_from: str
    lease_until: str
    plate: str


class InvoicePage(Struct, frozen=True):
    """Some invoices by number; ``next_after`` asks for more, null is the end."""

    invoices: tuple[InvoiceDetail, ...]
    next_after: str | None


class RedAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Take an invoice back whole; ``rest`` has what stays paid made out anew."""

    reason: RedReason
    rest: bool = False


class ResultAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person made out elsewhere: the number of the document, or of the red one."""

    number: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{6,32}$(?!\n)")]
    at: Annotated[datetime, Meta(tz=True)]


class RetryAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Why an invoice that came to nothing is tried again."""

    reason: Reason


class FleetInvoiceAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """An invoice for orders of a fleet's cars."""

    order_nos: Annotated[tuple[OrderText, ...], Meta(min_length=1, max_length=ORDERS_MAX)]
    document: Document | None = None


class InvoiceDesk:
    """Invoices as people see and judge them."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        invoices: Invoices,
        issuing: Issuing,
        titles: TitleBook,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db, self._clock = service_db, staff_db, clock
        self._invoices, self._issuing, self._titles = invoices, issuing, titles
        self._audit = audit

    # -- looking ---------------------------------------------------------------------------------

    async def page(
        self, wanted: store.Wanted, *, after: str, limit: int, by: Principal
    ) -> InvoicePage:
        """Return the next invoices that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.page(tx, wanted, after=after, limit=limit)
            details = [await _detail(tx, one) for one in found]
        more = found[-1].invoice_no if len(found) == limit else None
        return InvoicePage(tuple(details), more)

    async def one(self, invoice_no: str, *, by: Principal) -> InvoiceDetail:
        """Return one invoice that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.invoice(tx, invoice_no)
            if found is None:
                raise InvoiceUnknown("No invoice has this number.")
            return await _detail(tx, found)

    # -- changing --------------------------------------------------------------------------------

    async def retry(self, invoice_no: str, asked: RetryAsked, *, by: Principal) -> InvoiceDetail:
        """Have an invoice that waits for a person asked for again, under its own number."""
        await self.one(invoice_no, by=by)
        async with self._db.transaction() as tx:
            covered = await self._issuing.still_covered(tx, invoice_no)
            before = await store.lock_invoice(tx, invoice_no)
            if before.waits_since_at is None:
                raise NotWaiting("It does not wait for a person.", state=before.state.value)
            if before.state == InvoiceState.FAILED and not covered:
                raise NotWaiting("Less stays paid by now; a new invoice may be asked for.")
            now = await self._tried_again(tx, before)
            await store.moved(tx, now)
            change = _change(before, "retried", by, after={"reason": asked.reason})
            await self._audit.append(tx, [change], at=self._clock.now())
            return await _detail(tx, now)

    async def _tried_again(self, tx: Tx, before: Invoice) -> Invoice:
        now = replace(before, waits_since_at=None, due_at=None, tries=0, rounds=before.rounds + 1)
        if before.state == InvoiceState.REVERSED:
            return replace(now, rest_wanted=True)
        if before.state == InvoiceState.FAILED:
            lines = await store.lines(tx, before.invoice_no)
            if await store.live_of_orders(tx, [line.order_no for line in lines]):
                raise OrderInvoiced("Another invoice of one of its orders stands by now.")
            now = replace(now, state=InvoiceState.ISSUING)
        return replace(now, next_ask_at=self._clock.now())

    async def take_back(self, invoice_no: str, asked: RedAsked, *, by: Principal) -> InvoiceDetail:
        """Have an issued invoice taken back by a red one; asked again, nothing more happens."""
        await self.one(invoice_no, by=by)
        async with self._db.transaction() as tx:
            before = await store.lock_invoice(tx, invoice_no)
            if before.red_no is not None:
                return await _detail(tx, before)
            now = self._issuing.taken_back(before, asked.reason, by=by.login, rest=asked.rest)
            await store.moved(tx, now)
            change = _change(before, "taken_back", by, after={"reason": asked.reason.value})
            await self._audit.append(tx, [change], at=self._clock.now())
            return await _detail(tx, now)

    async def result(self, invoice_no: str, asked: ResultAsked, *, by: Principal) -> InvoiceDetail:
        """Believe a person who made a document out, or took it back, by another way."""
        if not FIRST_AT <= asked.at <= self._clock.now() + AHEAD_MAX:
            raise RequestInvalid("at: when it was made out, not a day to come", field="at")
        await self.one(invoice_no, by=by)
        async with self._db.transaction() as tx:
            before = await store.lock_invoice(tx, invoice_no)
            if before.waits_since_at is None or before.state not in rules.UNDER_WAY:
                raise NotWaiting("It does not wait for a person.", state=before.state.value)
            red = before.red_no is not None
            said = Said(
                invoice_no,
                Word.REVERSED if red else Word.ISSUED,
                number=before.number if red else asked.number,
                at=asked.at,
                red_number=asked.number if red else None,
            )
            now = self._issuing.believed(before, said)
            now = replace(now, waits_since_at=None, due_at=None)
            await store.moved(tx, now)
            await self._issuing.tell(tx, now)
            change = _change(before, "made_by_hand", by, after={"number": asked.number})
            await self._audit.append(tx, [change], at=self._clock.now())
            return await _detail(tx, now)

    async def invoice_fleet(
        self, fleet_title_id: int, asked: FleetInvoiceAsked, *, by: Principal
    ) -> InvoiceView:
        """Have orders of a fleet's cars invoiced to it."""
        fleet = await self._titles.fleet(fleet_title_id, by=by)
        ask = Ask(fleet.title, asked.document, Contact(fleet.email))
        return await self._invoices.request_of(
            asked.order_nos, ask, operator_id=fleet.operator_id, plates=frozenset(fleet.plates)
        )


def _change(invoice: Invoice, action: str, by: Principal, *, after: object) -> Change:
    return Change(
        actor=by.login,
        action=f"invoices.{action}",
        subject=f"invoice {invoice.invoice_no}",
        operator_id=invoice.operator_id,
        before={"state": invoice.state.value, "trouble": invoice.trouble},
        after=after,
    )


async def _detail(tx: Tx, invoice: Invoice) -> InvoiceDetail:
    lines = await store.lines(tx, invoice.invoice_no)
    return InvoiceDetail(
        invoice=await view_of(tx, invoice),
        operator_id=invoice.operator_id,
        seller_id=invoice.seller_id,
        tries=invoice.tries,
        trouble=invoice.trouble,
        waits_since_at=invoice.waits_since_at,
        due_at=invoice.due_at,
        refunded_at=invoice.refunded_at,
        red_reason=invoice.red_reason,
        red_asked_by=invoice.red_asked_by,
        follows=invoice.follows,
        lease=tuple(
            LeaseView(
                order_no=line.order_no,
                amount_fen=line.amount_fen,
                tax_fen=line.tax_fen,
                province=line.province,
                city=line.city,
                address=line.address,
                cross_city=line.cross_city,
                lease_from=rules.lease_text(line.lease_from_at),
                lease_until=rules.lease_text(line.lease_until_at),
                plate=line.plate,
            )
            for line in lines
        ),
        told=tuple(await message_store.sent(tx, invoice.invoice_no)),
    )
