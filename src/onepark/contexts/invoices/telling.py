"""Telling operators and buyers what became of invoices.

Owns: signed webhooks and mail, each sent until it is heard or too old, under one id.
Never: holds a transaction open while a receiver thinks, or sends to an address inside our network.
"""

import asyncio
from datetime import datetime

import msgspec
import structlog
from msgspec import Struct

from onepark.contexts.invoices import message_store, meters, rules, store
from onepark.contexts.invoices.issuing import Issuing
from onepark.contexts.invoices.model import Event, Invoice, InvoiceState, Message, Way
from onepark.contexts.invoices.ports import Mailer, Posts
from onepark.contexts.invoices.service import InvoiceView, view_of
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.mail import Mail, MailUnsent
from onepark.infra.relay import Unusable
from onepark.infra.tokens import Sealer, SealError

AT_ONCE_MAX = 50
SEND_AT_ONCE = 8
HEARD = range(200, 300)
NO_LISTENER, NO_MAILER, NO_ADDRESS = "no_listener", "no_mailer", "no_address"

SUBJECTS = {
    Event.ISSUED: "停车费电子发票已开具 Your parking invoice",
    Event.FAILED: "停车费电子发票开具失败 Your parking invoice could not be made out",
    Event.REVERSED: "停车费电子发票已红冲 Your parking invoice was taken back",
}

log = structlog.get_logger(__name__)


class InvoiceTold(Struct, frozen=True):
    """The body of a webhook: the same ``type`` and ``data`` under the same id, time and again."""

    type: str
    timestamp: datetime
    data: InvoiceView


class Unheard(Exception):
    """A message was not heard; the word says why."""


class Telling:
    """Sends what is to be told."""

    def __init__(
        self,
        service_db: Database,
        *,
        issuing: Issuing,
        posts: Posts,
        mailer: Mailer | None,
        sealer: Sealer,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._db, self._issuing, self._posts = service_db, issuing, posts
        self._mailer, self._sealer, self._clock = mailer, sealer, clock
        self._public_url = public_url.rstrip("/")

    async def tell(self) -> int:
        """Send what is due; return how much that was."""
        async with self._db.transaction() as tx:
            due = await message_store.take_due(tx, self._clock.now(), limit=AT_ONCE_MAX)
        at_once = asyncio.Semaphore(SEND_AT_ONCE)
        await asyncio.gather(*(self._tell_or_log(message, at_once) for message in due))
        return len(due)

    async def _tell_or_log(self, message: Message, at_once: asyncio.Semaphore) -> None:
        """Send one message; a receiver that fails holds up no other."""
        async with at_once:
            try:
                await self._send(message)
            except Unheard as unheard:
                await self._unheard(message, str(unheard))
            except Exception:
                log.exception("invoices.not_told", way=message.way.value)
                await self._unheard(message, "error")
            else:
                async with self._db.transaction() as tx:
                    await message_store.delivered(tx, message.message_id, self._clock.now())
                meters.TOLD.labels(message.way.value, "heard").inc()

    async def _unheard(self, message: Message, why: str) -> None:
        again_at = rules.tell_again_at(message.tries, self._clock.now())
        async with self._db.transaction() as tx:
            await message_store.unheard(tx, message.message_id, again_at=again_at, trouble=why)
        meters.TOLD.labels(message.way.value, "unheard" if again_at else "given_up").inc()
        if again_at is None:
            log.error("invoices.given_up_telling", way=message.way.value, why=why)

    async def _send(self, message: Message) -> None:
        async with self._db.connection() as tx:
            invoice = await store.invoice(tx, message.invoice_no)
            assert invoice is not None, "invoices are never deleted"
            view = await view_of(tx, invoice)
            listener = await message_store.listener(tx, message.operator_id)
        if message.way == Way.MAIL:
            await self._mail(message, invoice, view)
        elif listener is None:
            raise Unheard(NO_LISTENER)
        else:
            await self._post(message, view, listener)

    async def _post(
        self, message: Message, view: InvoiceView, listener: message_store.Listener
    ) -> None:
        now = self._clock.now()
        told = InvoiceTold(f"invoice.{message.event.value}", now, as_of(view, message.event))
        try:
            status = await self._posts.post(
                *(listener.url, msgspec.json.encode(told)),
                message_id=message.message_id,
                secrets=[self._secret(message, listener.secret)],
                at=now,
            )
        except Unusable as silent:
            raise Unheard(str(silent)) from silent
        if status not in HEARD:
            raise Unheard(f"status_{status}")

    def _secret(self, message: Message, sealed: bytes) -> bytes:
        try:
            return self._sealer.open(sealed, subject=f"listener {message.operator_id}")
        except SealError as error:
            raise Unheard("seal") from error

    async def _mail(self, message: Message, invoice: Invoice, view: InvoiceView) -> None:
        if self._mailer is None:
            raise Unheard(NO_MAILER)
        to = self._issuing.contact_of(invoice).email
        if to is None:
            raise Unheard(NO_ADDRESS)
        text = _letter(
            view, message.event, link=f"{self._public_url}/v1/invoices/{view.invoice_no}"
        )
        now = self._clock.now()
        mail = Mail(message.message_id, to, SUBJECTS[message.event], text, now)
        try:
            await self._mailer.send(mail)
        except MailUnsent as unsent:
            raise Unheard(str(unsent)[:64]) from unsent


STATE_AT = {
    Event.ISSUED: InvoiceState.ISSUED,
    Event.FAILED: InvoiceState.FAILED,
    Event.REVERSED: InvoiceState.REVERSED,
}


def as_of(view: InvoiceView, event: Event) -> InvoiceView:
    """Return an invoice as it stood at an event: a message says the same whenever it is sent."""
    if event == Event.REVERSED:
        return view
    return msgspec.structs.replace(
        view, state=STATE_AT[event], reversed_at=None, red_number=None, followed_by=None
    )


def _letter(view: InvoiceView, event: Event, *, link: str) -> str:
    yuan = f"{view.total_fen // 100}.{view.total_fen % 100:02}"
    lines = [
        f"购买方 Buyer: {view.buyer_name}",
        f"销售方 Seller: {view.seller_name}",
        f"价税合计 Total: {yuan} 元 CNY",
    ]
    if event == Event.ISSUED:
        lines += [f"发票号码 Number: {view.number}", f"下载 Download: {link}/file?format=pdf"]
    if event == Event.REVERSED:
        lines += [f"红字发票号码 Red invoice: {view.red_number}"]
    if event == Event.FAILED:
        lines += ["请重新申请或联系停车场 Ask again, or ask the car park."]
    return "\n".join([*lines, f"状态 State: {link}", ""])
