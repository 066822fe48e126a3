"""What is counted of differences between the books.

Owns: the metrics of open differences: how many, how much money, how old, how many incidents.
Never: decides anything, or names a payer.
"""

from onepark.contexts.reconciliation import difference_store
from onepark.contexts.reconciliation.model import DifferenceClass
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.metrics import Rows
from onepark.infra.schedule import Job

MEASURE_EVERY_S = 30

OPEN = Rows("reconciliation_open", "Differences that nobody has ended, by class.", ("class",))
OPEN_FEN = Rows("reconciliation_open_fen", "Money that the books differ by, in fen.", ("class",))
OLDEST_S = Rows("reconciliation_oldest_seconds", "Age of the oldest open difference.", ("class",))
INCIDENTS = Rows(
    "reconciliation_incidents", "Open payments that a provider knows nothing of: forged notices."
)


class ReconciliationMeters:
    """Reads from the database how far the books are apart."""

    def __init__(self, service_db: Database, clock: Clock) -> None:
        self._db, self._clock = service_db, clock

    async def measure(self) -> int:
        """Show anew what is open; a class without a difference is shown as 0."""
        async with self._db.connection() as tx:
            found = await difference_store.measure(tx, self._clock.now())
        classes: dict[tuple[str, ...], float] = {(one.value,): 0.0 for one in DifferenceClass}
        OPEN.replace(classes | {(one.difference_class,): one.number for one in found})
        OPEN_FEN.replace(classes | {(one.difference_class,): one.off_fen for one in found})
        OLDEST_S.replace(
            classes | {(one.difference_class,): max(one.oldest_s, 0.0) for one in found}
        )
        INCIDENTS.replace({(): sum(one.incidents for one in found)})
        return 0

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("reconciliation.measure", MEASURE_EVERY_S, self.measure)]
