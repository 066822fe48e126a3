"""What keeps live counts near to what lots say of themselves.

Owns: when the counts of lots are compared with their last snapshots again, and how far off all are.
Never: changes a count or a snapshot, or makes a passage wait.

What it finds is published by the sweeper of every process that shows vacancies.
"""

from datetime import timedelta

from onepark.contexts.vacancies import calibration_store
from onepark.contexts.vacancies.calibration_store import Cadence
from onepark.contexts.vacancies.model import FRESH_FOR
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.metrics import Rows
from onepark.infra.schedule import Job

LOOK_EVERY_S = 1.0
MEASURE_EVERY_S = 60
STILL = timedelta(minutes=1)
OLD = timedelta(minutes=10)
CALIBRATED_AT_ONCE = 32  # pools; one of a large lot with a month behind it takes half a second

DRIFT = Rows(
    "vacancies_drift",
    "Cars by which the last snapshots of lots differ from our counts, without sign, added up.",
    ("pool",),
)


class Calibrator:
    """The recurring work that compares counts with snapshots."""

    def __init__(self, service_db: Database, *, clock: Clock, every: timedelta) -> None:
        self._db, self._clock = service_db, clock
        self._cadence = Cadence(min(every, OLD), max(every, STILL), OLD, FRESH_FOR)

    async def calibrate(self) -> int:
        """Calibrate some of the pools that are due; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            return await calibration_store.calibrate(
                tx, now, self._cadence, limit=CALIBRATED_AT_ONCE
            )

    async def measure(self) -> int:
        """Show by how much the counts of all lots are off."""
        async with self._db.connection() as tx:
            drifts = await calibration_store.drifts(tx)
        DRIFT.replace({(pool.value,): cars for pool, cars in drifts.items()})
        return 0

    def jobs(self) -> list[Job]:
        """Return the recurring work."""
        return [
            Job("vacancies.calibrate", LOOK_EVERY_S, self.calibrate),
            Job("vacancies.measure", MEASURE_EVERY_S, self.measure),
        ]
