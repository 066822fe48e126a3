"""Contracts, clearing, statements and payouts, assembled.

Owns: which part of settlement is handed to which.
Never: decides anything about money.
"""

from typing import NamedTuple

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.registry.service import Registry
from onepark.contexts.settlement import jobs as settlement_jobs
from onepark.contexts.settlement.contracts import Contracts
from onepark.contexts.settlement.payouts import Payouts
from onepark.contexts.settlement.service import Clearing
from onepark.contexts.settlement.statements import Statements
from onepark.infra.clock import Clock
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings
from onepark.integrations.payouts.bank_file import drivers


class Settlement(NamedTuple):
    """Every part of settlement."""

    contracts: Contracts
    clearing: Clearing
    statements: Statements
    payouts: Payouts
    after_hours: int

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return settlement_jobs.jobs(self.clearing, self.contracts, after_hours=self.after_hours)


def settlement_of(
    settings: Settings, clock: Clock, *, databases: Databases, registry: Registry
) -> Settlement:
    """Assemble settlement."""
    service, staff = databases.service, databases.staff
    ledger, audit = Ledger(), Audit()
    return Settlement(
        contracts=Contracts(
            service, staff, archive=lambda: registry.directory, audit=audit, clock=clock
        ),
        clearing=Clearing(service, books=ledger, clock=clock),
        statements=Statements(service, staff),
        payouts=Payouts(service, staff, books=ledger, drivers=drivers(), audit=audit, clock=clock),
        after_hours=settings.settlement_after_hours,
    )
