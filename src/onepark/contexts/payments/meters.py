"""What is counted of payments.

Owns: the metrics of notices, of what facts did, of repeated keys, of refunds and unknown outcomes.
Never: decides anything, or names a payer.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from onepark.contexts.payments import notice_store, refund_store, store
from onepark.contexts.payments.errors import NoticeUnverified
from onepark.contexts.payments.model import Cause, Verdict
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.metrics import Rows, counter
from onepark.infra.schedule import Job

MEASURE_EVERY_S = 15

log = structlog.get_logger(__name__)

CALLBACKS = counter(
    "payment_callbacks",
    "Notices: stored, stale, unverified, probe, or unavailable when we could not keep one.",
    ("provider", "result"),
)
FACTS = counter(
    "payment_facts", "What a provider's word did, told or asked for.", ("provider", "verdict")
)
REFUND_FACTS = counter(
    "refund_facts", "What a provider's word of a refund did.", ("provider", "verdict")
)
REFUNDED = counter("refunds_paid", "Refunds that reached their payers.", ("provider", "cause"))
REPLAYS = counter(
    "idempotency_replays", "Requests that were answered as they had been before.", ("kind",)
)
UNKNOWN_AGE = Rows(
    "payment_unknown_age_seconds", "Age of the oldest payment whose outcome nobody has told us."
)
NOTICE_AGE = Rows(
    "payment_notice_oldest_seconds", "Age of the oldest notice that was kept and not handled."
)
REFUND_AGE = Rows(
    "refund_under_way_age_seconds", "Age of the oldest refund that no provider has settled."
)
REFUNDS_WAITING = Rows("refunds_waiting", "Refunds that wait for a person.")


def open_for(providers: Iterable[str]) -> None:
    """Show the counters of these providers as 0, so that the first one is seen to be added."""
    for provider in providers:
        for result in ("stored", "stale", "unverified", "probe", "unavailable"):
            CALLBACKS.labels(provider, result)
        for verdict in Verdict:
            FACTS.labels(provider, verdict.value)
            REFUND_FACTS.labels(provider, verdict.value)
        for cause in Cause:
            REFUNDED.labels(provider, cause.value)


def unverified(provider: str, refused: NoticeUnverified) -> None:
    """Count a notice that proves nothing; a probe, which must fail, is no attack."""
    if refused.facts.get("reason") == "probe":
        CALLBACKS.labels(provider, "probe").inc()
        return
    CALLBACKS.labels(provider, "unverified").inc()
    log.warning("payments.notice_unverified", channel=provider, why=refused.detail)


class PaymentMeters:
    """Reads from the database how payments are."""

    def __init__(
        self, service_db: Database, clock: Clock, *, slow: Mapping[str, timedelta] | None = None
    ) -> None:
        self._db, self._clock, self._slow = service_db, clock, slow or {}

    async def measure(self) -> int:
        """Show anew what waits the longest."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            attempt_at = await store.oldest_unknown(tx, self._slow)
            notice_age_s = await notice_store.oldest_unhandled_s(tx)
            refund_at = await refund_store.oldest_under_way(tx)
            waiting = await refund_store.waiting_for_people(tx)
        UNKNOWN_AGE.replace({(): _age_s(attempt_at, now)})
        REFUND_AGE.replace({(): _age_s(refund_at, now)})
        REFUNDS_WAITING.replace({(): waiting})
        NOTICE_AGE.replace({(): notice_age_s})
        return 0

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("payments.measure", MEASURE_EVERY_S, self.measure)]


def _age_s(since_at: datetime | None, now: datetime) -> float:
    return 0.0 if since_at is None else max((now - since_at).total_seconds(), 0.0)
