"""What makes out invoices, assembled.

Owns: which part of it is handed to which, and what of it runs by itself.
Never: decides anything about an invoice.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.invoices import jobs as invoice_jobs
from onepark.contexts.invoices.desk import InvoiceDesk
from onepark.contexts.invoices.issuing import Issuing
from onepark.contexts.invoices.office import SellerOffice
from onepark.contexts.invoices.ports import InvoiceProvider, Mailer
from onepark.contexts.invoices.service import InvoiceCounter, Invoices
from onepark.contexts.invoices.telling import Telling
from onepark.contexts.invoices.titles import TitleBook
from onepark.contexts.payments.kept import KeptMoney
from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.service import Stays
from onepark.infra.clock import Clock
from onepark.infra.http_client import AiohttpClient, open_http_client
from onepark.infra.limits import Limiter
from onepark.infra.mail import SmtpMailer, SpoolMailer
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings, secret_key
from onepark.infra.tokens import Sealer
from onepark.integrations.invoices.config import open_providers

SEAL_PURPOSE = "invoices"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Whom invoices speak to."""

    client: AiohttpClient
    providers: Mapping[str, InvoiceProvider]
    mailer: Mailer | None


@dataclass(frozen=True, kw_only=True)
class Invoicing:
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


PARTS = ("invoices", "invoice_counter", "invoice_desk", "seller_office", "title_book")


async def open_outside(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Outside:
    """Open the providers of the payments file, and the way out for messages."""
    client = await stack.enter_async_context(open_http_client())
    file = Path(settings.payments_file) if settings.payments_file else None
    return Outside(
        client=client,
        providers=open_providers(file, client, clock, demo=settings.demo),
        mailer=_mailer(settings),
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
    service, staff, money = databases.service, databases.staff, KeptMoney()
    sealer, audit, providers = (
        Sealer(secret_key(settings), SEAL_PURPOSE),
        Audit(),
        outside.providers,
    )
    titles = TitleBook(service, staff, sealer=sealer, audit=audit, clock=clock)
    invoices = Invoices(
        service,
        orders=stays,
        money=money,
        archive=lambda: registry.directory,
        providers=providers,
        sealer=sealer,
        clock=clock,
    )
    issuing = Issuing(
        service, invoices=invoices, money=money, providers=providers, sealer=sealer, clock=clock
    )
    return Invoicing(
        invoices=invoices,
        invoice_counter=InvoiceCounter(
            invoices, titles=titles, limiter=limiter, per_minute=settings.invoices_per_minute_max
        ),
        invoice_desk=InvoiceDesk(
            service,
            staff,
            invoices=invoices,
            issuing=issuing,
            titles=titles,
            audit=audit,
            clock=clock,
        ),
        seller_office=SellerOffice(
            service,
            staff,
            providers=providers,
            audit=audit,
            sealer=sealer,
            clock=clock,
            demo=settings.demo,
        ),
        title_book=titles,
        issuing=issuing,
        telling=Telling(
            service,
            issuing=issuing,
            client=outside.client,
            mailer=outside.mailer,
            sealer=sealer,
            clock=clock,
            public_url=settings.public_url,
        ),
    )
