"""Having invoices made out and taken back.

Owns: asking providers, the one way to believe what is said of an invoice, red invoices, and the
rest that is made out anew after a refund.
Never: takes a second number for one invoice, waits for a provider inside a transaction, or keeps a
payer waiting for money that goes back.
"""

import asyncio
import secrets
from collections.abc import Mapping

import msgspec
import structlog
from msgspec.structs import replace

from onepark.contexts.invoices import message_store, meters, rules, store
from onepark.contexts.invoices.errors import (
    NothingPaid,
    NotWaiting,
    ProviderDeclined,
    ProviderUnavailable,
)
from onepark.contexts.invoices.model import (
    Contact,
    Event,
    Invoice,
    InvoiceState,
    RedReason,
    Said,
    ToIssue,
    ToReverse,
    Way,
    Word,
)
from onepark.contexts.invoices.ports import InvoiceProvider, Money
from onepark.contexts.invoices.service import Ask, Invoices
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.tokens import Sealer, random_text
from onepark.kernel.errors import Refusal
from onepark.kernel.types import OrderNo

AT_ONCE_MAX = 100
ASK_AT_ONCE = 16
RED_NO_RANDOM_BYTES = 16

log = structlog.get_logger(__name__)


class InvoiceWatch:
    """Hears, in the refund's own transaction, that an invoice says too much from now on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def refund_reserved(self, tx: Tx, order_no: OrderNo) -> None:
        """Have what stands for an order taken back; the refund waits for nobody."""
        await store.refunded(tx, order_no, self._clock.now())


class Issuing:
    """What happens to invoices after they were asked for."""

    def __init__(
        self,
        service_db: Database,
        *,
        invoices: Invoices,
        money: Money,
        providers: Mapping[str, InvoiceProvider],
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._db, self._invoices, self._money = service_db, invoices, money
        self._providers, self._sealer, self._clock = providers, sealer, clock

    # -- asking providers ------------------------------------------------------------------------

    async def ask_providers(self) -> int:
        """Ask for invoices that are due, each under its own number; return how many."""
        async with self._db.transaction() as tx:
            taken = await store.take_due(tx, self._clock.now(), limit=AT_ONCE_MAX)
        at_once = asyncio.Semaphore(ASK_AT_ONCE)
        await asyncio.gather(*(self._ask_or_log(invoice, at_once) for invoice in taken))
        return len(taken)

    async def _ask_or_log(self, invoice: Invoice, at_once: asyncio.Semaphore) -> None:
        """Ask for one invoice; a provider that fails holds up no other."""
        async with at_once:
            try:
                await self._ask(invoice)
            except Exception:
                log.exception("invoices.not_asked")

    async def _ask(self, invoice: Invoice) -> None:
        async with self._db.connection() as tx:
            seller = await store.seller(tx, invoice.seller_id)
        provider = self._providers.get(seller.provider)
        asked = ToReverse(invoice, seller)
        if provider is None:
            await self._tried(invoice, None, trouble=rules.UNANSWERED)
        elif provider.by_hand:
            await self._hand_over(invoice, rules.BY_HAND)
        else:
            await self._ask_of(provider, asked)

    async def _ask_of(self, provider: InvoiceProvider, asked: ToReverse) -> None:
        try:
            said = await self._said_of(provider, asked)
        except ProviderUnavailable as silent:
            trouble = str(silent.facts.get("provider_code") or rules.UNANSWERED)
            await self._tried(asked.invoice, None, trouble=trouble)
        except ProviderDeclined as declined:
            await self._declined(provider, asked, str(declined.facts.get("provider_code")))
        else:
            if said is not None:
                await self._tried(asked.invoice, said, trouble=None)

    async def _said_of(self, provider: InvoiceProvider, asked: ToReverse) -> Said | None:
        """Ask for what comes next; what the provider may have is looked for first."""
        invoice = asked.invoice
        if invoice.state == InvoiceState.RED_REQUESTED:
            said = await provider.red_confirm(asked)
            return await provider.red_request(asked) if said.word == Word.ISSUED else said
        if invoice.state == InvoiceState.RED_CONFIRMED:
            return await provider.red_issue(asked)
        if (invoice.tries, invoice.rounds) != (1, 1):
            said = await provider.query(asked)
            if said.word != Word.ABSENT:
                return said
        return await self._issue(provider, asked)

    async def _issue(self, provider: InvoiceProvider, asked: ToReverse) -> Said | None:
        """Have an invoice made out that the provider does not have; not if it says too much now."""
        async with self._db.transaction() as tx:
            now = await store.lock_invoice(tx, asked.invoice.invoice_no)
            lines = await store.lines(tx, now.invoice_no)
            if now.refunded_at is not None:
                withdrawn = replace(now, state=InvoiceState.FAILED, trouble="refunded")
                await store.moved(tx, replace(withdrawn, rest_wanted=True, next_ask_at=None))
                return None
        async with self._db.transaction() as tx:
            kept = await self._money.lock(tx, [line.order_no for line in lines])
        payments = [pay for one in kept for pay in one.payments]
        contact = self.contact_of(asked.invoice)
        issue = ToIssue(asked.invoice, asked.seller, lines, contact, payments)
        return await provider.issue(issue)

    def contact_of(self, invoice: Invoice) -> Contact:
        """Unseal where an invoice is sent to."""
        if invoice.contact is None:
            return Contact()
        plain = self._sealer.open(invoice.contact, subject=invoice.invoice_no)
        return msgspec.json.decode(plain, type=Contact)

    async def _declined(self, provider: InvoiceProvider, asked: ToReverse, code: str) -> None:
        """Let a declined invoice fail, unless the provider has it all the same."""
        try:
            said = await provider.query(asked)
        except (ProviderUnavailable, ProviderDeclined):
            await self._tried(asked.invoice, None, trouble=rules.UNANSWERED)
            return
        if said.word != Word.ABSENT:
            unmoved = rules.judge(asked.invoice, said) is None
            if unmoved and asked.invoice.state != InvoiceState.ISSUING:
                await self._hand_over(asked.invoice, code)
            else:
                await self._tried(asked.invoice, said, trouble=code)
            return
        log.error("invoices.declined", provider=provider.name, provider_code=code)
        await self._hand_over(asked.invoice, code, failed=True)

    async def _hand_over(self, invoice: Invoice, trouble: str, *, failed: bool = False) -> None:
        """Give an invoice to a person."""
        async with self._db.transaction() as tx:
            now = await store.lock_invoice(tx, invoice.invoice_no)
            if now.state not in rules.UNDER_WAY or now.waits_since_at is not None:
                return
            fails = failed and now.state == InvoiceState.ISSUING
            state = InvoiceState.FAILED if fails else now.state
            await self._keep(tx, self.waiting(replace(now, state=state), trouble), before=now)

    def waiting(self, invoice: Invoice, trouble: str) -> Invoice:
        """Return an invoice that waits for a person from now on."""
        now = self._clock.now()
        log.error("invoices.waits", trouble=trouble, state=invoice.state.value)
        return replace(
            invoice,
            trouble=trouble,
            next_ask_at=None,
            waits_since_at=invoice.waits_since_at or now,
            due_at=invoice.due_at or now + rules.LOOKED_AT_IN,
        )

    # -- one way to believe a provider -----------------------------------------------------------

    async def _tried(self, invoice: Invoice, said: Said | None, *, trouble: str | None) -> None:
        """Believe what was said, and say when to ask again if it was not the last word."""
        async with self._db.transaction() as tx:
            before = await store.lock_invoice(tx, invoice.invoice_no)
            if before.state not in rules.UNDER_WAY or before.waits_since_at is not None:
                return
            now = replace(before, trouble=trouble)
            if said is not None:
                now = self.believed(now, said)
            if now.state in rules.UNDER_WAY and now.waits_since_at is None:
                now = self._ask_again(now)
            await self._keep(tx, now, before=before)

    def believed(self, before: Invoice, said: Said) -> Invoice:
        """Return where an invoice stands after a provider's word, which must be of this invoice."""
        if not rules.agrees(before, said):
            return self.waiting(before, rules.MISMATCH)
        if said.word == Word.RED_REFUSED:
            return self.waiting(before, rules.RED_REFUSED)
        state = rules.judge(before, said)
        if state is None:
            return before
        at = said.at or self._clock.now()
        now = replace(before, state=state, trouble=None, tries=0)
        if state == InvoiceState.REVERSED:
            red_number = said.red_number or before.red_no
            return replace(now, reversed_at=at, red_number=red_number, next_ask_at=None)
        if state == InvoiceState.ISSUED:
            return replace(now, issued_at=at, number=said.number, next_ask_at=None)
        return now

    def _ask_again(self, invoice: Invoice) -> Invoice:
        """Say when to ask again, or hand over what was asked for too often."""
        if invoice.tries >= rules.TRIES_MAX:
            return self.waiting(invoice, invoice.trouble or rules.SLOW)
        return replace(invoice, next_ask_at=rules.ask_again_at(invoice, self._clock.now()))

    async def _keep(self, tx: Tx, now: Invoice, *, before: Invoice) -> None:
        await store.moved(tx, now)
        if now.state != before.state:
            meters.MOVED.labels(now.document.value, now.state.value).inc()
            await self.tell(tx, now)

    async def tell(self, tx: Tx, invoice: Invoice) -> None:
        """Have those told who want to hear of where an invoice stands."""
        event = rules.EVENT_OF.get(invoice.state)
        if event is None:
            return
        if await message_store.has_listener(tx, invoice.operator_id):
            await self._message(tx, invoice, Way.WEBHOOK, event)
        if self.contact_of(invoice).email is not None:
            await self._message(tx, invoice, Way.MAIL, event)

    async def _message(self, tx: Tx, invoice: Invoice, way: Way, event: Event) -> None:
        message_id = f"msg_{secrets.token_hex(16)}"
        at = self._clock.now()
        await message_store.new_message(tx, invoice, way, event=event, message_id=message_id, at=at)

    # -- taking back -----------------------------------------------------------------------------

    async def reverse_refunded(self) -> int:
        """Begin to take back what says too much since a refund; return how many."""
        async with self._db.connection() as tx:
            found = await store.to_reverse(tx, limit=AT_ONCE_MAX)
        for invoice_no in found:
            async with self._db.transaction() as tx:
                before = await store.lock_invoice(tx, invoice_no)
                if before.state == InvoiceState.ISSUED and before.waits_since_at is None:
                    reason = RedReason.SALES_RETURN
                    now = self.taken_back(before, reason, by=rules.REFUND, rest=True)
                    await self._keep(tx, now, before=before)
        return len(found)

    def taken_back(self, invoice: Invoice, reason: RedReason, *, by: str, rest: bool) -> Invoice:
        """Return an issued invoice that is to be taken back, under a number of its own."""
        if invoice.state != InvoiceState.ISSUED:
            raise NotWaiting("Only an issued invoice is taken back.", state=invoice.state.value)
        now = self._clock.now()
        return replace(
            invoice,
            state=InvoiceState.RED_REQUESTED,
            red_no=f"R{random_text(RED_NO_RANDOM_BYTES)}",
            red_reason=reason.value,
            red_asked_by=by,
            red_asked_at=now,
            rest_wanted=rest,
            tries=0,
            next_ask_at=now,
            waits_since_at=None,
            due_at=None,
            trouble=None,
        )

    async def still_covered(self, tx: Tx, invoice_no: str) -> bool:
        """Lock the payments of an invoice's orders; say whether as much stays paid as it says."""
        lines = await store.lines(tx, invoice_no)
        kept = await self._money.lock(tx, [line.order_no for line in lines])
        left = {one.order_no: one.amount_fen for one in kept}
        return all(left[line.order_no] >= line.amount_fen for line in lines)

    async def make_rests(self) -> int:
        """Make out anew what stays paid of what was taken back for a refund; return how many."""
        async with self._db.connection() as tx:
            found = await store.rests(tx, limit=AT_ONCE_MAX)
        for invoice_no in found:
            await self._make_rest(invoice_no)
        return len(found)

    async def _make_rest(self, invoice_no: str) -> None:
        async with self._db.connection() as tx:
            invoice = await store.invoice(tx, invoice_no)
            assert invoice is not None, "invoices are never deleted"
            lines = await store.lines(tx, invoice_no)
        async with self._db.transaction() as tx:
            kept = await self._money.lock(tx, [line.order_no for line in lines])
        rest = [one.order_no for one in kept if one.amount_fen > 0]
        ask = Ask(invoice.title, invoice.document, self.contact_of(invoice), invoice_no)
        trouble = await self._request_rest(rest, ask)
        async with self._db.transaction() as tx:
            now = replace(await store.lock_invoice(tx, invoice_no), rest_wanted=False)
            await store.moved(tx, now if trouble is None else self.waiting(now, trouble))

    async def _request_rest(self, rest: list[OrderNo], ask: Ask) -> str | None:
        """Have the orders of which something stays paid invoiced anew; say what is in the way."""
        while rest:
            try:
                await self._invoices.request(rest, ask)
            except NothingPaid as gone:
                rest = [one for one in rest if one != gone.facts["order_no"]]
            except Refusal as refusal:
                log.exception("invoices.rest_not_made")
                return refusal.code
            else:
                break
        return None

    async def forget_contacts(self) -> None:
        """Forget where old invoices were sent to."""
        async with self._db.transaction() as tx:
            await store.forget_contacts(tx, self._clock.now() - rules.CONTACT_KEPT)
