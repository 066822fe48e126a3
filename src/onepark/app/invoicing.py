"""What makes out invoices, assembled.

Owns: which part of it is handed to which, and what of it runs by itself.
Never: decides anything about an invoice.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.invoices import jobs as invoice_jobs
from onepark.contexts.invoices.desk import InvoiceDesk
from onepark.contexts.invoices.issuing import Issuing
from onepark.contexts.invoices.office import SellerOffice
from onepark.contexts.invoices.ports import InvoiceProvider, Mailer, Posts
from onepark.contexts.invoices.service import InvoiceCounter, Invoices
from onepark.contexts.invoices.telling import Telling
from onepark.contexts.invoices.titles import TitleBook
from onepark.contexts.payments.kept import KeptMoney
from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.service import Stays
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.http_client import open_http_client
from onepark.infra.limits import Limiter
from onepark.infra.mail import SmtpMailer, SpoolMailer
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings, secret_key
from onepark.infra.tokens import Sealer
from onepark.integrations.invoices.config import open_providers

SEAL_PURPOSE = "invoices"


class Outside(NamedTuple):
    """Whom invoices speak to."""

    providers: Mapping[str, InvoiceProvider]
    mailer: Mailer | None
    posts: Posts


class Invoicing(NamedTuple):
    """Every part that invoices go through."""

    invoices: Invoices
    invoice_counter: InvoiceCounter
    invoice_desk: InvoiceDesk
    seller_office: SellerOffice
    title_book: TitleBook
    issuing: Issuing
    telling: Telling

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return invoice_jobs.jobs(self.issuing, self.telling, self.title_book)


async def open_outside(
    settings: Settings, clock: Clock, stack: AsyncExitStack, *, posts: Posts
) -> Outside:
    """Open the providers of the payments file, and the ways out for messages."""
    client = await stack.enter_async_context(open_http_client())
    file = Path(settings.payments_file) if settings.payments_file else None
    return Outside(
        providers=open_providers(file, client, clock, demo=settings.demo),
        mailer=_mailer(settings),
        posts=posts,
    )


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, sender=settings.mail_from)
    if settings.mail_spool:
        return SpoolMailer(Path(settings.mail_spool), sender=settings.mail_from)
    return None


def invoicing_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    stays: Stays,
    registry: Registry,
    limiter: Limiter,
    outside: Outside,
) -> Invoicing:
    """Assemble what invoices go through."""
    service, sealer = databases.service, Sealer(secret_key(settings), SEAL_PURPOSE)
    shared = _Shared(KeptMoney(), outside.providers, sealer, clock)
    titles = TitleBook(service, databases.staff, sealer=sealer, audit=Audit(), clock=clock)
    invoices = Invoices(
        service, orders=stays, archive=lambda: registry.directory, **shared._asdict()
    )
    issuing = Issuing(service, invoices=invoices, **shared._asdict())
    per_minute = settings.invoices_per_minute_max
    return Invoicing(
        invoices=invoices,
        invoice_counter=InvoiceCounter(
            invoices, titles=titles, limiter=limiter, per_minute=per_minute
        ),
        invoice_desk=_desk(databases, clock, invoices=invoices, issuing=issuing, titles=titles),
        seller_office=_office(databases, sealer=sealer, outside=outside, clock=clock),
        title_book=titles,
        issuing=issuing,
        telling=_telling(settings, service, issuing=issuing, outside=outside, shared=shared),
    )


class _Shared(NamedTuple):
    """What every part is handed that makes invoices out."""

    money: KeptMoney
    providers: Mapping[str, InvoiceProvider]
    sealer: Sealer
    clock: Clock


def _desk(
    databases: Databases, clock: Clock, *, invoices: Invoices, issuing: Issuing, titles: TitleBook
) -> InvoiceDesk:
    return InvoiceDesk(
        databases.service,
        databases.staff,
        invoices=invoices,
        issuing=issuing,
        titles=titles,
        audit=Audit(),
        clock=clock,
    )


def _office(
    databases: Databases, *, sealer: Sealer, outside: Outside, clock: Clock
) -> SellerOffice:
    return SellerOffice(
        databases.service,
        databases.staff,
        providers=outside.providers,
        audit=Audit(),
        sealer=sealer,
        clock=clock,
        posts=outside.posts,
    )


def _telling(
    settings: Settings, service: Database, *, issuing: Issuing, outside: Outside, shared: _Shared
) -> Telling:
    return Telling(
        service,
        issuing=issuing,
        posts=outside.posts,
        mailer=outside.mailer,
        sealer=shared.sealer,
        clock=shared.clock,
        public_url=settings.public_url,
    )
