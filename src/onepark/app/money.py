"""What takes, keeps and gives back money, assembled.

Owns: which part of it is handed to which, and what of it runs by itself.
Never: decides anything about money.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from onepark.app.databases import Databases
from onepark.app.settlement import Settlement, settlement_of
from onepark.contexts.ledger import jobs as ledger_jobs
from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.service import Ledger, Sealer
from onepark.contexts.payments import jobs as payment_jobs
from onepark.contexts.payments.meters import PaymentMeters
from onepark.contexts.payments.ports import Channel
from onepark.contexts.payments.service import Payments
from onepark.contexts.registry.service import Registry
from onepark.contexts.settlement.contracts import Contracts
from onepark.contexts.settlement.payouts import Payouts
from onepark.contexts.settlement.service import Clearing
from onepark.contexts.settlement.statements import Statements
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
    meters: PaymentMeters
    ledger: Ledger
    sealer: Sealer
    ledger_meters: LedgerMeters
    settlement: Settlement
    settings: Settings

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [
            *payment_jobs.jobs(self.payments),
            *ledger_jobs.jobs(self.sealer),
            *self.settlement.jobs(self.settings),
        ]

    @property
    def contracts(self) -> Contracts:
        """Return what is agreed on lots."""
        return self.settlement.contracts

    @property
    def clearing(self) -> Clearing:
        """Return what shares a day."""
        return self.settlement.clearing

    @property
    def statements(self) -> Statements:
        """Return what parties were given."""
        return self.settlement.statements

    @property
    def payouts(self) -> Payouts:
        """Return what parties are sent."""
        return self.settlement.payouts

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
    registry: Registry,
    channels: dict[str, Channel],
) -> Money:
    """Assemble what money goes through."""
    return Money(
        payments=_payments(settings, clock, databases=databases, stays=stays, channels=channels),
        meters=PaymentMeters(databases.service, clock),
        ledger=Ledger(),
        sealer=Sealer(databases.service, clock),
        ledger_meters=LedgerMeters(databases.service),
        settlement=settlement_of(clock, databases=databases, registry=registry),
        settings=settings,
    )


def _payments(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    stays: Stays,
    channels: dict[str, Channel],
) -> Payments:
    return Payments(
        databases.service,
        payable=stays,
        channels=channels,
        clock=clock,
        public_url=settings.public_url,
    )
