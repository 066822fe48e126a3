"""What is counted of webhooks.

Owns: the metrics of messages that wait for operators' servers, and of those that came to nothing.
Never: names an operator: a city's alerts are about the platform.
"""

from onepark.contexts.webhooks.service import deliveries
from onepark.infra.db import Database
from onepark.infra.metrics import Rows
from onepark.infra.schedule import Job

MEASURE_EVERY_S = 15

WAITING = Rows("webhook_waiting", "Messages that wait for operators' servers.")
OLDEST = Rows("webhook_oldest_seconds", "Age of the oldest message that waits for one.")
DEAD = Rows("webhook_dead", "Messages that no server took in three days and more.")


class WebhookMeters:
    """Reads from the database what waits."""

    def __init__(self, service_db: Database) -> None:
        self._db = service_db

    async def measure(self) -> int:
        """Show anew what waits and what came to nothing."""
        async with self._db.connection() as tx:
            levels = await deliveries().levels(tx)
        WAITING.replace({(): float(sum(one.waiting for one in levels))})
        OLDEST.replace({(): max((one.oldest_s for one in levels), default=0.0)})
        DEAD.replace({(): float(sum(one.dead for one in levels))})
        return 0

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("webhooks.measure", MEASURE_EVERY_S, self.measure)]
