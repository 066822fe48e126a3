"""What takes, keeps and gives back money, assembled.

Owns: which part of it is handed to which, and what of it runs by itself.
Never: decides anything about money.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from onepark.app.databases import Databases
from onepark.app.members import Members
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger import jobs as ledger_jobs
from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.service import Ledger, Sealer
from onepark.contexts.membership import jobs as membership_jobs
from onepark.contexts.membership.coupons import CouponOffice, Coupons
from onepark.contexts.membership.earning import Earning
from onepark.contexts.membership.lists import Lists
from onepark.contexts.membership.office import PassOffice
from onepark.contexts.membership.service import Passes
from onepark.contexts.payments import jobs as payment_jobs
from onepark.contexts.payments.meters import PaymentMeters
from onepark.contexts.payments.payables import Payables
from onepark.contexts.payments.ports import Channel
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.contexts.stays.service import Stays
from onepark.infra.clock import Clock
from onepark.infra.http_client import open_http_client
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings
from onepark.integrations.payments import config


@dataclass(frozen=True, kw_only=True)
class Money:
    """Every part that money goes through."""

    payments: Payments
    refunds: Refunds
    refund_desk: RefundDesk
    meters: PaymentMeters
    passes: Passes
    pass_office: PassOffice
    lists: Lists
    coupons: Coupons
    coupon_office: CouponOffice
    earning: Earning
    ledger: Ledger
    sealer: Sealer
    ledger_meters: LedgerMeters

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [
            *payment_jobs.jobs(self.payments, self.refunds),
            *membership_jobs.jobs(self.coupons, self.earning),
            *ledger_jobs.jobs(self.sealer),
        ]

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database how money is, for the metrics of the worker."""
        return [*self.meters.jobs(), *self.ledger_meters.jobs()]


async def open_channels(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> dict[str, Channel]:
    """Open the channels of the file that the settings name; none without one."""
    if not settings.payments_file:
        return {}
    client = await stack.enter_async_context(open_http_client())
    config.check_notify_url(settings.public_url, demo=settings.demo)
    return config.open_channels(Path(settings.payments_file), client, clock, demo=settings.demo)


def money_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    stays: Stays,
    members: Members,
    channels: dict[str, Channel],
) -> Money:
    """Assemble what money goes through."""
    payable = Payables(parking=stays, members=members.passes)
    ledger = Ledger()
    refunds = Refunds(
        databases.service,
        payable=payable,
        channels=channels,
        ledger=ledger,
        clock=clock,
        public_url=settings.public_url,
    )
    return Money(
        payments=Payments(
            databases.service,
            payable=payable,
            channels=channels,
            refunds=refunds,
            ledger=ledger,
            clock=clock,
            public_url=settings.public_url,
        ),
        refunds=refunds,
        refund_desk=RefundDesk(
            databases.service, databases.staff, refunds=refunds, audit=Audit(), clock=clock
        ),
        meters=PaymentMeters(databases.service, clock),
        passes=members.passes,
        pass_office=members.pass_office,
        lists=members.lists,
        coupons=members.coupons,
        coupon_office=members.coupon_office,
        earning=members.earning,
        ledger=ledger,
        sealer=Sealer(databases.service, clock),
        ledger_meters=LedgerMeters(databases.service),
    )
