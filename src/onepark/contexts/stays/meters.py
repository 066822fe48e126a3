"""What is counted of stays and orders.

Owns: the metrics of open stays, tasks, drift, missing passages, and orders.
Never: decides anything, or names a car.

Lots are added up, so that a city of any size makes as few series as it has pools.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from onepark.contexts.stays import meter_store
from onepark.contexts.stays.case import Folded
from onepark.contexts.stays.model import Kind, Order, OrderState, PassageState
from onepark.infra.db import Database
from onepark.infra.metrics import Rows, counter
from onepark.infra.schedule import Job
from onepark.kernel.types import Pool

MEASURE_EVERY_S = 15
DRIFT_EVERY_S = 60
KINDS = ("misread_exit",)  # shown as 0 before there is one

OPEN = Rows("sessions_open", "Cars inside, as counted, over all lots.", ("pool",))
CASES = Rows("session_cases_open", "Tasks that wait for a person.", ("kind",))
DRIFT = Rows(
    "occupancy_drift",
    "Cars by which kept counts differ from open stays, lot by lot, added up.",
    ("pool",),
)
GAPS = Rows(
    "gate_gap_events",
    "Numbered passages that no device has sent, though it has sent later ones.",
)
COUNTED_IN = frozenset({PassageState.FOLDED, PassageState.MISREAD_EXIT})
FREE = "free"  # ended with nothing to pay
ORDERS = counter("orders", "Orders that were begun, paid or ended.", ("state",))


def saved(folds: Iterable[Folded]) -> None:
    """Count the orders that a batch began, and those that it ended with nothing to pay."""
    for state, many in Counter(state for fold in folds for state in _states(fold)).items():
        ORDERS.labels(state).inc(many)


def _states(fold: Folded) -> Iterator[str]:
    orders = fold.orders.values()
    free = {
        one.stay_id
        for one in orders
        if one.settled and not one.paid_fen and one.state != OrderState.VOID
    }
    for kept in fold.kept:
        if kept.state not in COUNTED_IN:
            continue
        if kept.passage.kind == Kind.ENTRY:
            yield OrderState.OPEN.value
        elif kept.passage.kind == Kind.EXIT and kept.stay_id in free:
            yield FREE
    yield from (one.state.value for one in orders if one.state == OrderState.VOID)


def paid(order: Order) -> None:
    """Count an order that a payment was counted in for."""
    ORDERS.labels(order.state.value).inc()


class StayMeters:
    """Reads from the database how stays are."""

    def __init__(self, batch_db: Database, service_db: Database) -> None:
        self._batch_db, self._service_db = batch_db, service_db

    async def measure(self) -> int:
        """Show anew what is open and what waits."""
        async with self._service_db.connection() as tx:
            counted = await meter_store.counted(tx)
        async with self._batch_db.connection() as tx:  # the role that tasks belong to
            cases = await meter_store.open_tasks(tx)
        OPEN.replace(_by(Pool, counted))
        CASES.replace(_by(KINDS, cases))
        return 0

    async def measure_drift(self) -> int:
        """Show anew by how much counts differ from what they count, and what devices still owe."""
        async with self._service_db.connection() as tx:
            DRIFT.replace(_by(Pool, await meter_store.drift(tx)))
            GAPS.replace({(): await meter_store.missing(tx)})
        return 0

    def jobs(self) -> list[Job]:
        """Return the readings as recurring work."""
        return [
            Job("stays.measure", MEASURE_EVERY_S, self.measure),
            Job("stays.measure_drift", DRIFT_EVERY_S, self.measure_drift),
        ]


def _by(known: Iterable[str], read: dict[str, float]) -> dict[tuple[str, ...], float]:
    """Return a row for all that was read, and 0 for what is known and was not."""
    return {(str(name),): value for name, value in {**dict.fromkeys(known, 0.0), **read}.items()}
