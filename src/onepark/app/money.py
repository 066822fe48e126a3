"""What takes, keeps and gives back money, assembled.

Owns: which part of it is handed to which, and what of it runs by itself.
Never: decides anything about money.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from onepark.app.databases import Databases
from onepark.app.settlement import Settlement, settlement_of
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger import jobs as ledger_jobs
from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.service import Ledger, Sealer
from onepark.contexts.payments import jobs as payment_jobs
from onepark.contexts.payments.facts import Facts
from onepark.contexts.payments.meters import PaymentMeters
from onepark.contexts.payments.notices import Bounds, Notices
from onepark.contexts.payments.ports import Channel
from onepark.contexts.payments.receipts import Receipts
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.rules import ATTEMPT_LIVES
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
from onepark.integrations.payments.live import LiveChannels


@dataclass(frozen=True, kw_only=True)
class Money:
    """Every part that money goes through."""

    payments: Payments
    notices: Notices
    receipts: Receipts
    channels: Mapping[str, Channel]
    refunds: Refunds
    refund_desk: RefundDesk
    meters: PaymentMeters
    ledger: Ledger
    sealer: Sealer
    ledger_meters: LedgerMeters
    settlement: Settlement
    settings: Settings

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [
            *payment_jobs.jobs(self.payments, self.notices, self.refunds),
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

    def refresh_jobs(self) -> list[Job]:
        """Return what keeps the keys of channels up to date, in every process that uses them."""
        return self.channels.jobs() if isinstance(self.channels, LiveChannels) else []

    def start(self) -> None:
        """Let notices go together from now on."""
        given = self.settings
        self.notices.start(
            Bounds(given.notice_batch_max, given.notice_queue_max, given.notice_connections)
        )

    async def stop(self) -> None:
        """Handle what waits, and end."""
        await self.notices.stop()

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database how money is, for the metrics of the worker."""
        return [*self.meters.jobs(), *self.ledger_meters.jobs()]


async def open_channels(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> Mapping[str, Channel]:
    """Open the channels of the file that the settings name; none without one."""
    if not settings.payments_file:
        return {}
    client = await stack.enter_async_context(open_http_client())
    config.check_notify_url(settings.public_url, demo=settings.demo)
    return LiveChannels(Path(settings.payments_file), client, clock, demo=settings.demo)


def money_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    stays: Stays,
    registry: Registry,
    channels: Mapping[str, Channel],
) -> Money:
    """Assemble what money goes through."""
    ledger = Ledger()
    refunds = Refunds(
        databases.service,
        payable=stays,
        channels=channels,
        ledger=ledger,
        clock=clock,
        public_url=settings.public_url,
    )
    facts = Facts(payable=stays, channels=channels, ledger=ledger, clock=clock)
    payments = Payments(
        databases.service,
        payable=stays,
        channels=channels,
        facts=facts,
        clock=clock,
        public_url=settings.public_url,
    )
    return Money(
        payments=payments,
        notices=Notices(databases.service, facts=facts, refunds=refunds, clock=clock),
        receipts=Receipts(
            databases.service,
            payments=payments,
            archive=lambda: registry.directory,
            audit=Audit(),
            clock=clock,
        ),
        channels=channels,
        refunds=refunds,
        refund_desk=RefundDesk(
            databases.service, databases.staff, refunds=refunds, audit=Audit(), clock=clock
        ),
        meters=PaymentMeters(databases.service, clock, slow=_slow(channels)),
        ledger=ledger,
        sealer=Sealer(databases.service, clock),
        ledger_meters=LedgerMeters(databases.service),
        settlement=settlement_of(clock, databases=databases, registry=registry),
        settings=settings,
    )


def _slow(channels: Mapping[str, Channel]) -> dict[str, timedelta]:
    """Return by how much the schedule of a channel is longer than the life of an attempt."""
    asked = {name: sum(one.terms.query_after, timedelta()) for name, one in channels.items()}
    return {name: whole - ATTEMPT_LIVES for name, whole in asked.items() if whole > ATTEMPT_LIVES}
