"""What is counted of the books.

Owns: the age of the oldest journal without a seal.
Never: decides anything, or seals.
"""

from onepark.contexts.ledger import store
from onepark.infra.db import Database
from onepark.infra.metrics import Rows
from onepark.infra.schedule import Job

MEASURE_EVERY_S = 15

UNSEALED_AGE = Rows(
    "ledger_unsealed_age_seconds", "Age of the oldest journal that is not sealed yet."
)


class LedgerMeters:
    """Reads from the database how the books are."""

    def __init__(self, service_db: Database) -> None:
        self._db = service_db

    async def measure(self) -> int:
        """Show anew how long the oldest journal has waited for its seal."""
        async with self._db.connection() as tx:
            UNSEALED_AGE.replace({(): await store.oldest_unsealed_s(tx)})
        return 0

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("ledger.measure", MEASURE_EVERY_S, self.measure)]
