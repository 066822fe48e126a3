"""What takes, keeps, shares and gives back money, assembled.

Owns: which rooms money goes through, and what of them runs by itself.
Never: decides anything about money.
"""

from collections.abc import Mapping
from typing import NamedTuple

from onepark.app.databases import Databases
from onepark.app.reconciling import Peers, Reconciling, reconciling_of
from onepark.app.settlement import Settlement, settlement_of
from onepark.app.taking import Taking, taking_of
from onepark.contexts.ledger import jobs as ledger_jobs
from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.service import Sealer
from onepark.contexts.payments.ports import Channel
from onepark.contexts.reconciliation.ports import BillSource
from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.service import Stays
from onepark.infra.clock import Clock
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings


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
    books: Books
    settlement: Settlement
    reconciling: Reconciling

    def part(self, name: str) -> object:
        """Return the part of that name, whichever room it is in."""
        return next(getattr(room, name) for room in self if name in room._fields)

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [job for room in self for job in room.jobs()]

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database how money is, for the metrics of the worker."""
        rooms = (self.taking, self.books, self.reconciling)
        return [job for room in rooms for job in room.meters.jobs()]


def money_of(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    stays: Stays,
    registry: Registry,
    channels: Mapping[str, Channel],
    sources: Mapping[str, BillSource],
) -> Money:
    """Assemble what money goes through."""
    taking = taking_of(
        settings, clock, databases=databases, stays=stays, registry=registry, channels=channels
    )
    peers = Peers(taking.payments, taking.refunds)
    return Money(
        taking=taking,
        books=Books(Sealer(databases.service, clock), LedgerMeters(databases.service)),
        settlement=settlement_of(settings, clock, databases=databases, registry=registry),
        reconciling=reconciling_of(
            settings, clock, databases=databases, sources=sources, peers=peers
        ),
    )
