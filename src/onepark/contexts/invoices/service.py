"""The use cases of whoever wants an invoice.

Owns: what may be invoiced and to whom, and what is shown of an invoice to who knows its number.
Never: writes SQL, speaks HTTP, or waits for a provider inside a transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from onepark.contexts.invoices import rules, store
from onepark.contexts.invoices.errors import (
    ChannelNotInvoiced,
    FileMissing,
    FiscalReceiptOnly,
    InvoiceUnknown,
    NothingPaid,
    OrderInvoiced,
    OrdersDiffer,
    OrderStillOpen,
    PaymentUnknown,
    ProviderUnavailable,
    RequestInvalid,
    SellerMissing,
    TitleInvalid,
    TooManyRequests,
    VatInvoiceOnly,
)
from onepark.contexts.invoices.model import (
    BuyerKind,
    Contact,
    Document,
    FileFormat,
    Invoice,
    InvoiceAsked,
    InvoiceFile,
    InvoiceState,
    Line,
    Seller,
    Title,
    ToReverse,
)
from onepark.contexts.invoices.ports import Archive, InvoiceProvider, Money, Orders
from onepark.contexts.invoices.titles import TitleBook
from onepark.contexts.payments.kept import Kept
from onepark.contexts.stays.model import Due
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.limits import Limit, Limiter
from onepark.infra.tokens import Sealer, random_text
from onepark.kernel.types import CHINA, Fen, OperatorId, OrderNo, RevenueKind

INVOICE_NO_RANDOM_BYTES = 16
CURRENCY = "CNY"


class InvoiceView(Struct, frozen=True):
    """An invoice as whoever knows its number sees it; ``files`` are to be had once it is issued."""

    invoice_no: str
    state: InvoiceState
    document: Document
    order_nos: tuple[OrderNo, ...]
    buyer_kind: BuyerKind
    buyer_name: str
    buyer_tax_id: str | None
    seller_name: str
    currency: str
    total_fen: Fen
    tax_fen: Fen
    rate_bp: int | None  # hundredths of a per cent; null on a fiscal receipt
    requested_at: datetime
    issued_at: datetime | None
    number: str | None
    reversed_at: datetime | None
    red_number: str | None
    followed_by: str | None  # the invoice of what stays paid, after a refund


class Ask(NamedTuple):
    """Whom an invoice is made out to, as what, and where it is sent."""

    title: Title
    document: Document | None
    contact: Contact
    follows: str | None = None
    payment_nos: frozenset[str] | None = None  # None: who asks is known


class Case(NamedTuple):
    """One order with where its car stood."""

    due: Due
    town: str
    address: str


class Invoices:
    """Making out invoices for what stays paid."""

    def __init__(
        self,
        service_db: Database,
        *,
        orders: Orders,
        money: Money,
        archive: Callable[[], Archive],
        providers: Mapping[str, InvoiceProvider],
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._db, self._orders, self._money = service_db, orders, money
        self._archive, self._providers = archive, providers
        self._sealer, self._clock = sealer, clock

    async def request(self, order_nos: Sequence[str], ask: Ask) -> InvoiceView:
        """Keep that an invoice is wanted, or return the one that the same request made before."""
        fault = rules.title_fault(ask.title)
        if fault is not None:
            raise TitleInvalid(f"{fault[0]}: {fault[1]}", field=fault[0])
        wanted = [OrderNo(one) for one in dict.fromkeys(order_nos)]
        if len(wanted) < len(order_nos):
            raise RequestInvalid("order_nos: names one order twice", field="order_nos")
        cases = [await self._case(order_no) for order_no in wanted]
        async with self._db.transaction() as tx:
            kept = {one.order_no: one for one in await self._money.lock(tx, wanted)}
            _demand_payer(kept.values(), ask.payment_nos)
            document = _document(cases, kept, ask.document)
            made = await self._standing(tx, wanted, ask.title, document)
            if made is None:
                made = await self._make(tx, cases, kept, ask=ask, document=document)
            return await view_of(tx, made)

    async def request_of(
        self, order_nos: Sequence[str], ask: Ask, *, operator_id: OperatorId, plates: frozenset[str]
    ) -> InvoiceView:
        """Do the same for a fleet: orders of its operator, and of its cars if any are named."""
        for order_no in order_nos:
            order = (await self._orders.due(OrderNo(order_no))).order
            if order.operator_id != operator_id or (plates and order.plate not in plates):
                raise OrdersDiffer("An order is of another operator or car.", field="order_nos")
        return await self.request(order_nos, ask)

    async def _standing(
        self, tx: Tx, wanted: Sequence[OrderNo], title: Title, document: Document
    ) -> Invoice | None:
        """Return the invoice that the same request made; any other that stands is in the way."""
        live = await store.live_of_orders(tx, wanted)
        if not live:
            return None
        same = rules.fingerprint(wanted, title, document)
        if [one.fingerprint for one in live] != [same]:
            raise OrderInvoiced("An invoice of one of these orders stands.", field="order_nos")
        return live[0]

    async def _make(
        self,
        tx: Tx,
        cases: Sequence[Case],
        kept: Mapping[OrderNo, Kept],
        *,
        ask: Ask,
        document: Document,
    ) -> Invoice:
        now = self._clock.now()
        operator_id = OperatorId(cases[0].due.order.operator_id)
        day, kind = now.astimezone(CHINA).date(), rules.seller_kind(document)
        seller = await store.seller_on(tx, operator_id, kind, day=day)
        if seller is None:
            raise SellerMissing("Nobody makes out such documents for this operator now.")
        self._check_provider(seller, document, kept)
        lines = [_line(case, kept[case.due.order.order_no], seller) for case in cases]
        invoice_no = f"I{random_text(INVOICE_NO_RANDOM_BYTES)}"
        made = Invoice(
            invoice_no=invoice_no,
            operator_id=operator_id,
            seller_id=seller.seller_id,
            document=document,
            fingerprint=rules.fingerprint(kept, ask.title, document),
            buyer_kind=ask.title.kind,
            buyer_name=ask.title.name,
            buyer_tax_id=ask.title.tax_id,
            contact=self._sealed(ask.contact, invoice_no),
            total_fen=Fen(sum(line.amount_fen for line in lines)),
            tax_fen=rules.tax_sum(lines),
            rate_bp=seller.rate_bp,
            state=InvoiceState.REQUESTED,
            requested_at=now,
            lines=len(lines),
            follows=ask.follows,
        )
        await store.new_invoice(tx, made, lines)
        return made

    def _check_provider(
        self, seller: Seller, document: Document, kept: Mapping[OrderNo, Kept]
    ) -> None:
        provider = self._providers.get(seller.provider)
        if provider is None or document not in provider.documents:
            raise SellerMissing("The seller's provider does not make out such documents.")
        channels = {pay.channel for one in kept.values() for pay in one.payments}
        if provider.channels is not None and channels - provider.channels:
            covered = sorted(provider.channels)
            raise ChannelNotInvoiced("It was paid in another way.", channels=covered)

    def _sealed(self, contact: Contact, invoice_no: str) -> bytes | None:
        if contact == Contact():
            return None
        return self._sealer.seal(msgspec.json.encode(contact), subject=invoice_no)

    async def _case(self, order_no: OrderNo) -> Case:
        """Return an order of which an invoice may be: its car has left."""
        due = await self._orders.due(order_no)
        lot = self._archive().lot_by_id(due.order.lot_id)
        if due.order.fee_fen is None or lot is None:
            raise OrderStillOpen("The car has not left yet.", order_no=order_no)
        return Case(due, lot.town, lot.address)

    async def show(self, invoice_no: str) -> InvoiceView:
        """Show an invoice to whoever knows its number."""
        async with self._db.connection() as tx:
            found = await store.invoice(tx, invoice_no)
            if found is None:
                raise InvoiceUnknown("No invoice has this number.")
            return await view_of(tx, found)

    async def file(self, invoice_no: str, file_format: FileFormat) -> InvoiceFile:
        """Fetch an issued invoice from its provider."""
        async with self._db.connection() as tx:
            found = await store.invoice(tx, invoice_no)
            if found is None:
                raise InvoiceUnknown("No invoice has this number.")
            seller = await store.seller(tx, found.seller_id)
        if found.number is None:
            raise FileMissing("It is not issued yet.", state=found.state.value)
        provider = self._providers.get(seller.provider)
        if provider is None:
            raise ProviderUnavailable("The provider of this invoice is not open here.")
        file = await provider.download(ToReverse(found, seller), file_format)
        if file is None:
            raise FileMissing("The provider gives no such file.", field="format")
        return file


class InvoiceCounter:
    """Where citizens ask for invoices: their titles, and how often they may."""

    def __init__(
        self, invoices: Invoices, *, titles: TitleBook, limiter: Limiter, per_minute: int
    ) -> None:
        self.invoices, self._titles, self._limiter = invoices, titles, limiter
        self._by_address = Limit("invoices_address", per_minute, open_when_down=True)

    async def take(self, address: str) -> None:
        """Count a request of an address."""
        await self._limiter.take(self._by_address, address, refused=TooManyRequests)

    async def request(self, asked: InvoiceAsked, *, address: str) -> InvoiceView:
        """Take a request of somebody without an account."""
        await self.take(address)
        if (asked.title is None) == (asked.title_token is None):
            raise RequestInvalid("title: give a title or the token of one", field="title")
        title = asked.title or await self._titles.use(asked.title_token or "")
        return await self.invoices.request(
            asked.order_nos,
            Ask(
                title,
                asked.document,
                asked.contact or Contact(),
                payment_nos=frozenset(asked.payment_nos),
            ),
        )


def _demand_payer(kept: Iterable[Kept], payment_nos: frozenset[str] | None) -> None:
    """Refuse who names no payment of an order that has one."""
    if payment_nos is None:
        return
    for one in kept:
        if one.payments and payment_nos.isdisjoint(paid.payment_no for paid in one.payments):
            raise PaymentUnknown("A payment of another order.", field="payment_nos")


def _document(
    cases: Sequence[Case], kept: Mapping[OrderNo, Kept], wanted: Document | None
) -> Document:
    """Say what is made out for orders; what the treasury owns is never invoiced for tax."""
    for one in kept.values():
        if not one.payments:
            raise NothingPaid("Nothing stays paid of this order.", order_no=one.order_no)
    kinds = {pay.revenue_kind for one in kept.values() for pay in one.payments}
    operators = {case.due.order.operator_id for case in cases}
    if len(kinds) > 1 or len(operators) > 1:
        raise OrdersDiffer("They have another seller or kind of revenue.", field="order_nos")
    if kinds == {RevenueKind.NON_TAX}:
        if wanted not in {None, Document.FISCAL}:
            raise FiscalReceiptOnly("A fiscal receipt is made out instead.", field="document")
        return Document.FISCAL
    if wanted == Document.FISCAL:
        raise VatInvoiceOnly("An invoice is made out instead.", field="document")
    return wanted or Document.GENERAL


def _line(case: Case, kept: Kept, seller: Seller) -> Line:
    """Invoice what stays paid of an order, and no more than its fee."""
    order, stay = case.due.order, case.due.stay
    amount = Fen(min(kept.amount_fen, order.fee_fen or 0))
    if amount <= 0:
        raise NothingPaid("Nothing stays paid of this order.", order_no=order.order_no)
    last_paid_at = max(one.paid_at for one in kept.payments)
    province, city, address, cross_city = rules.lease_of(
        seller, town=case.town, address=case.address
    )
    return Line(
        lot_id=order.lot_id,
        order_no=order.order_no,
        amount_fen=amount,
        tax_fen=Fen(0) if seller.rate_bp is None else rules.tax_of(amount, seller.rate_bp),
        province=province,
        city=city,
        address=address,
        cross_city=cross_city,
        lease_from_at=order.opened_at,
        lease_until_at=max(stay.exited_at or last_paid_at, order.opened_at),
        plate=order.plate,
    )


async def view_of(tx: Tx, invoice: Invoice) -> InvoiceView:
    """Return what is shown of an invoice to whoever knows its number."""
    seller = await store.seller(tx, invoice.seller_id)
    lines = await store.lines(tx, invoice.invoice_no)
    return InvoiceView(
        invoice_no=invoice.invoice_no,
        state=invoice.state,
        document=invoice.document,
        order_nos=tuple(line.order_no for line in lines),
        buyer_kind=invoice.buyer_kind,
        buyer_name=invoice.buyer_name,
        buyer_tax_id=invoice.buyer_tax_id,
        seller_name=seller.name,
        currency=CURRENCY,
        total_fen=invoice.total_fen,
        tax_fen=invoice.tax_fen,
        rate_bp=invoice.rate_bp,
        requested_at=invoice.requested_at,
        issued_at=invoice.issued_at,
        number=invoice.number,
        reversed_at=invoice.reversed_at,
        red_number=invoice.red_number,
        followed_by=await store.follower(tx, invoice.invoice_no),
    )
