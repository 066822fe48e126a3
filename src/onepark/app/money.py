"""What takes, keeps, shares and gives back money, assembled.

Owns: which rooms money goes through, and what of them runs by itself.
Never: decides anything about money.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import NamedTuple, TypedDict

from onepark.app.databases import Databases
from onepark.app.invoicing import Invoicing, Outside, invoicing_of, open_outside
from onepark.app.members import Members, members_of
from onepark.app.reconciling import Peers, Reconciling, open_sources, reconciling_of
from onepark.app.settlement import Settlement, settlement_of
from onepark.app.taking import Taking, open_channels, taking_of
from onepark.contexts.invoices.issuing import InvoiceWatch
from onepark.contexts.ledger import jobs as ledger_jobs
from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.service import Sealer
from onepark.contexts.payments.payables import Payables
from onepark.contexts.payments.ports import Channel
from onepark.contexts.reconciliation.ports import BillSource
from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.ports import Plans
from onepark.contexts.stays.service import Stays
from onepark.contexts.webhooks.ports import Posts
from onepark.infra.clock import Clock
from onepark.infra.limits import Limiter
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings
from onepark.integrations.webhooks.poster import open_poster


class Books(NamedTuple):
    """What keeps the books closed; journals are posted by whoever moves money."""

    sealer: Sealer
    meters: LedgerMeters

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return ledger_jobs.jobs(self.sealer)


class Money(NamedTuple):
    """Every room that money goes through."""

    taking: Taking
    members: Members
    invoicing: Invoicing
    books: Books
    settlement: Settlement
    reconciling: Reconciling

    def part(self, name: str) -> object:
        """Return the part of that name, whichever room it is in."""
        return next(getattr(room, name) for room in self if name in room._fields)

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [job for room in self for job in room.jobs()]

    def start(self) -> None:
        """Let what providers send go together from now on, in a process that they reach."""
        self.taking.start()

    async def stop(self) -> None:
        """Keep and handle what waits, and end."""
        await self.taking.stop()

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database how money is, for the metrics of the worker."""
        rooms = (self.taking, self.books, self.reconciling)
        return [job for room in rooms for job in room.meters.jobs()]


class Parking(NamedTuple):
    """What money is paid for."""

    stays: Stays
    plans: Plans
    registry: Registry


class Counterparts(NamedTuple):
    """Whom money speaks to outside: who takes it, sends bills, makes out invoices, is told."""

    channels: Mapping[str, Channel]
    sources: Mapping[str, BillSource]
    invoicers: Outside
    posts: Posts


async def open_counterparts(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> Counterparts:
    """Connect whom the settings name; leaving the stack lets them go."""
    channels = await open_channels(settings, clock, stack)
    sources = await open_sources(channels, clock, stack)
    posts = await stack.enter_async_context(open_poster(loopback=settings.demo))
    invoicers = await open_outside(settings, clock, stack, posts=posts)
    return Counterparts(channels, sources, invoicers, posts)


def money_of(
    settings: Settings,
    databases: Databases,
    parking: Parking,
    *,
    limiter: Limiter,
    counterparts: Counterparts,
) -> Money:
    """Assemble what money goes through."""
    stays, plans, registry = parking
    clock, channels = registry.clock, counterparts.channels
    shared: _Shared = {"databases": databases, "registry": registry}
    members = members_of(settings, **shared, plans=plans, limiter=limiter)
    payable = Payables(parking=stays, members=members.passes)
    taking = taking_of(
        settings,
        clock,
        **shared,
        payable=payable,
        channels=channels,
        watch=InvoiceWatch(clock),
    )
    return Money(
        taking=taking,
        members=members,
        invoicing=invoicing_of(
            settings, clock, **shared, stays=stays, limiter=limiter, outside=counterparts.invoicers
        ),
        books=Books(Sealer(databases.service, clock), LedgerMeters(databases.service)),
        settlement=settlement_of(settings, clock, **shared),
        reconciling=reconciling_of(
            settings,
            clock,
            databases=databases,
            sources=counterparts.sources,
            peers=Peers(taking.payments, taking.refunds),
        ),
    )


class _Shared(TypedDict):
    """What every room is handed."""

    databases: Databases
    registry: Registry
