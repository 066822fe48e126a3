"""Which facts are handed to whom, and how long one that was handed on is kept.

Owns: the routes from each context's facts to those who act on them.
Never: acts on a fact, or decides in which order they come.
"""

from dataclasses import dataclass
from datetime import timedelta

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.gate.service import Gate
from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.stays.events import LetOut, OrderPaid
from onepark.contexts.webhooks import jobs as webhook_jobs
from onepark.contexts.webhooks.meters import WebhookMeters
from onepark.contexts.webhooks.ports import Posts
from onepark.contexts.webhooks.service import WebhookOffice, Webhooks, deliveries
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.outbox import Outbox
from onepark.infra.relay import OutboxMeters, Relay, Route, forget_delivered
from onepark.infra.schedule import Job
from onepark.infra.settings import SecretKey
from onepark.kernel.events import Fact, name_of_kind

OPEN_EVERY_S = 0.1  # a car that has paid stands at a barrier
TELL_EVERY_S = 0.5
KEEP = timedelta(days=30)
OF_STAYS: tuple[type[Fact], ...] = (OrderPaid, LetOut)
OF_PAYMENTS: tuple[type[Fact], ...] = (AttemptSucceeded, RefundSucceeded)


@dataclass(frozen=True, kw_only=True)
class Outboxes:
    """Every relay of the platform, and what tells operators."""

    db: Database
    clock: Clock
    stays: Relay
    payments: Relay
    webhooks: Webhooks
    office: WebhookOffice

    def jobs(self) -> list[Job]:
        """Return the handing on as recurring work."""
        return [
            Job("stays.relay", OPEN_EVERY_S, self.stays.run),
            Job("payments.relay", TELL_EVERY_S, self.payments.run),
            *webhook_jobs.jobs(self.webhooks),
        ]

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database what waits."""
        relayed = OutboxMeters(self.db, [self.stays.outbox, self.payments.outbox])
        return [*relayed.jobs(), *WebhookMeters(self.db).jobs()]

    async def forget(self) -> None:
        """Delete what was handed on long ago; stays forget theirs by themselves."""
        before = self.clock.now() - KEEP
        for outbox in (self.payments.outbox, self.webhooks.sender.outbox):
            await forget_delivered(self.db, outbox, before)


def tables() -> list[Outbox]:
    """Return every table of facts, as people look after them."""
    handed_on = (("stays.outbox", OF_STAYS), ("payments.outbox", OF_PAYMENTS))
    relayed = [Outbox(table, [name_of_kind(kind) for kind in kinds]) for table, kinds in handed_on]
    return [*relayed, deliveries()]


def outboxes_of(
    databases: Databases, clock: Clock, secret_key: SecretKey, *, gate: Gate, posts: Posts
) -> Outboxes:
    """Assemble who hears of what."""
    webhooks = Webhooks(databases.service, secret_key, posts=posts, clock=clock)
    return Outboxes(
        db=databases.service,
        clock=clock,
        stays=stays_relay(databases.service, clock, gate=gate),
        payments=payments_relay(databases.service, clock, webhooks=webhooks),
        webhooks=webhooks,
        office=WebhookOffice(databases.staff, secret_key, posts=posts, audit=Audit(), clock=clock),
    )


def stays_relay(service_db: Database, clock: Clock, *, gate: Gate) -> Relay:
    """Return what hands the facts of stays to the gate."""
    routes = {
        name_of_kind(OrderPaid): Route(OrderPaid, gate.open_for_paid_order),
        name_of_kind(LetOut): Route(LetOut, gate.open_for_let_out),
    }
    return Relay(service_db, "stays.outbox", routes, clock=clock)


def payments_relay(service_db: Database, clock: Clock, *, webhooks: Webhooks) -> Relay:
    """Return what hands the facts of payments to what tells operators."""
    routes = {name_of_kind(kind): Route(kind, webhooks.take) for kind in OF_PAYMENTS}
    return Relay(service_db, "payments.outbox", routes, clock=clock)
