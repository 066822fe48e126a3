"""Taking and giving back money, assembled.

Owns: which part of payments is handed to which, and what of it runs by itself.
Never: decides anything about money.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments import jobs as payment_jobs
from onepark.contexts.payments.meters import PaymentMeters
from onepark.contexts.payments.ports import Channel, Payable, RefundWatch
from onepark.contexts.payments.receipts import Receipts
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.rules import ATTEMPT_LIVES
from onepark.contexts.payments.service import Payments
from onepark.contexts.registry.service import Registry
from onepark.infra.clock import Clock
from onepark.infra.http_client import open_http_client
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings
from onepark.integrations.payments import config
from onepark.integrations.payments.live import LiveChannels


class Taking(NamedTuple):
    """Every part of payments."""

    payments: Payments
    receipts: Receipts
    refunds: Refunds
    refund_desk: RefundDesk
    channels: Mapping[str, Channel]
    meters: PaymentMeters

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return payment_jobs.jobs(self.payments, self.refunds)

    def refresh_jobs(self) -> list[Job]:
        """Return what keeps the keys of channels up to date, in every process that uses them."""
        return self.channels.jobs() if isinstance(self.channels, LiveChannels) else []


async def open_channels(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> Mapping[str, Channel]:
    """Open the channels of the file that the settings name; none without one."""
    if not settings.payments_file:
        return {}
    client = await stack.enter_async_context(open_http_client())
    config.check_notify_url(settings.public_url, demo=settings.demo)
    return LiveChannels(Path(settings.payments_file), client, clock, demo=settings.demo)


def taking_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    payable: Payable,
    registry: Registry,
    channels: Mapping[str, Channel],
    watch: RefundWatch,
) -> Taking:
    """Assemble payments."""
    service, audit = databases.service, Audit()
    ledger, public_url = Ledger(), settings.public_url
    refunds = Refunds(
        service,
        payable=payable,
        channels=channels,
        ledger=ledger,
        clock=clock,
        public_url=public_url,
        watch=watch,
    )
    payments = Payments(
        service,
        payable=payable,
        channels=channels,
        refunds=refunds,
        ledger=ledger,
        clock=clock,
        public_url=public_url,
    )
    return Taking(
        payments=payments,
        receipts=Receipts(
            service,
            payments=payments,
            archive=lambda: registry.directory,
            audit=audit,
            clock=clock,
        ),
        refunds=refunds,
        refund_desk=RefundDesk(service, databases.staff, refunds=refunds, audit=audit, clock=clock),
        channels=channels,
        meters=PaymentMeters(service, clock, slow=_slow(channels)),
    )


def _slow(channels: Mapping[str, Channel]) -> dict[str, timedelta]:
    """Return by how much the schedule of a channel is longer than the life of an attempt."""
    asked = {name: sum(one.terms.query_after, timedelta()) for name, one in channels.items()}
    return {name: whole - ATTEMPT_LIVES for name, whole in asked.items() if whole > ATTEMPT_LIVES}
