"""Which facts are handed to whom, and how long one that was handed on is kept.

Owns: the routes from each context's facts to those who act on them.
Never: acts on a fact, or decides in which order they come.
"""

from dataclasses import dataclass

from onepark.contexts.gate.service import Gate
from onepark.contexts.stays.events import LetOut, OrderPaid
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.relay import OutboxMeters, Relay, Route
from onepark.infra.schedule import Job
from onepark.kernel.events import name_of_kind

OPEN_EVERY_S = 0.1  # a car that has paid stands at a barrier


@dataclass(frozen=True, kw_only=True)
class Outboxes:
    """Every relay of the platform."""

    stays: Relay
    meters: OutboxMeters

    def jobs(self) -> list[Job]:
        """Return the handing on as recurring work."""
        return [Job("stays.relay", OPEN_EVERY_S, self.stays.run)]


def outboxes_of(service_db: Database, clock: Clock, *, gate: Gate) -> Outboxes:
    """Assemble who hears of what."""
    stays = stays_relay(service_db, clock, gate=gate)
    return Outboxes(stays=stays, meters=OutboxMeters(service_db, [stays.outbox]))


def stays_relay(service_db: Database, clock: Clock, *, gate: Gate) -> Relay:
    """Return what hands the facts of stays to the gate."""
    routes = {
        name_of_kind(OrderPaid): Route(OrderPaid, gate.open_for_paid_order),
        name_of_kind(LetOut): Route(LetOut, gate.open_for_let_out),
    }
    return Relay(service_db, "stays.outbox", routes, clock=clock)
