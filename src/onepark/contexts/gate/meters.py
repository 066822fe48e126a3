"""What is counted and logged of devices.

Owns: the metrics of passages, snapshots, heartbeats, clocks and silence, and the line of each
passage that was not taken.
Never: decides anything, or names a car.

Of clocks and silence only the worst devices are shown, so that a city of any size makes few series.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import islice

import structlog

from onepark.contexts.gate import meter_store
from onepark.contexts.gate.model import PassageResult, Rejection, SnapshotResult
from onepark.contexts.gate.ports import Archive
from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import Outcome, Passage
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.infra.metrics import Rows, counter, gauge, histogram
from onepark.infra.schedule import Job
from onepark.kernel.types import DeviceId

MEASURE_EVERY_S = 15
SHOWN_MAX = 20
LOOKED_AT_MAX = 200  # devices that left the archive are passed over
HEARD_LATELY = timedelta(hours=1)
MISSED_FOR = timedelta(days=3)  # a device that is silent for longer is no news any more
LAGS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400, 259_200)
NOT_TAKEN = frozenset({Outcome.REJECTED, Outcome.CONFLICT})

EVENTS = counter("gate_events", "What devices sent, by kind and outcome.", ("type", "outcome"))
for _kind in ("entry", "exit_request", "exit", "unknown", "snapshot", "heartbeat"):
    for _outcome in Outcome:
        EVENTS.labels(_kind, _outcome.value)  # shown as 0: the first one is seen to be added
LAG = histogram(
    "gate_event_lag_seconds",
    "From the moment that a device saw the oldest passage of a request to its arrival here.",
    buckets=LAGS_S,
)
WAITING = gauge("gate_queue_passages", "Passages that wait for a connection.")
CLOCKS = Rows(
    "gate_clock_offset_seconds",
    "How far a device's clock is ahead of ours: the worst devices that were heard of lately.",
    ("lot", "device"),
)
LAST_SEEN = Rows(
    "gate_last_seen_timestamp_seconds",
    "When a device last sent a heartbeat: those that are silent the longest.",
    ("lot", "device"),
)

log = structlog.get_logger(__name__)


def passages(
    device: Device,
    checked: Sequence[Passage | Rejection],
    results: Sequence[PassageResult],
) -> None:
    """Count one request of passages, and log each that was not taken."""
    kinds = [one.kind.value if isinstance(one, Passage) else "unknown" for one in checked]
    _count((kind, result.outcome) for kind, result in zip(kinds, results, strict=True))
    lags = [one.received_at - one.seen_at for one in checked if isinstance(one, Passage)]
    if lags:
        LAG.observe(max(max(lags).total_seconds(), 0.0))
    for result in results:
        if result.outcome in NOT_TAKEN:
            _log_refused("gate.passage_refused", device, result, passage_id=result.passage_id)


def snapshots(device: Device, results: Sequence[SnapshotResult]) -> None:
    """Count one request of snapshots, and log each that was not kept."""
    _count(("snapshot", result.outcome) for result in results)
    for result in results:
        if result.outcome in NOT_TAKEN:
            _log_refused("gate.snapshot_refused", device, result, snapshot_id=result.snapshot_id)


def heartbeat() -> None:
    """Count a heartbeat that was signed rightly."""
    _count([("heartbeat", Outcome.ACCEPTED)])


def _count(told: Iterable[tuple[str, Outcome]]) -> None:
    for (kind, outcome), times in Counter(told).items():
        EVENTS.labels(kind, outcome.value).inc(times)


def _log_refused(
    event: str, device: Device, result: PassageResult | SnapshotResult, **named: str | None
) -> None:
    log.info(
        event,
        code=result.reason,
        outcome=result.outcome.value,
        device=device.device_id,
        lot_id=device.lot_id,
        **named,
    )


class Devices:
    """Reads from the database how devices are."""

    def __init__(
        self, service_db: Database, *, archive: Callable[[], Archive], clock: Clock
    ) -> None:
        self._db, self._archive, self._clock = service_db, archive, clock

    async def measure(self) -> int:
        """Show the worst clocks and the longest silences anew."""
        now = self._clock.now()
        async with self._db.connection() as tx:
            clocks = await meter_store.worst_clocks(tx, now - HEARD_LATELY, limit=LOOKED_AT_MAX)
            silent = await meter_store.longest_silent(tx, now - MISSED_FOR, limit=LOOKED_AT_MAX)
        CLOCKS.replace(self._known(clocks))
        LAST_SEEN.replace(self._known(silent))
        return 0

    def _known(self, read: Sequence[tuple[DeviceId, float]]) -> dict[tuple[str, ...], float]:
        """Return the first devices that are still in the archive, with their lots' codes."""
        archive = self._archive()
        known = (
            ((lot.code, device_id), value)
            for device_id, value in read
            if (device := archive.device(device_id)) is not None
            and (lot := archive.lot_by_id(device.lot_id)) is not None
        )
        return dict(islice(known, SHOWN_MAX))

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("gate.measure", MEASURE_EVERY_S, self.measure)]
