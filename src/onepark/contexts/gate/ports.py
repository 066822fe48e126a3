"""What the gate needs of its peers.

Owns: one Protocol a peer.
Never: holds code.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from onepark.contexts.registry.model import Device, Lane, Lot
from onepark.contexts.stays.model import Count, Outcome, Passage, Progress
from onepark.contexts.stays.service import Batch
from onepark.contexts.vacancies.model import Snapshot
from onepark.kernel.types import DeviceId, LaneCode, LotId


class Archive(Protocol):
    """The lots, lanes and devices as they are known now."""

    def device(self, device_id: DeviceId) -> Device | None: ...

    def lane(self, code: LaneCode) -> Lane | None: ...

    def lot_by_id(self, lot_id: LotId) -> Lot | None: ...


class TakesPassages(Protocol):
    """Stays."""

    async def take(self, passages: Sequence[Passage]) -> Batch: ...

    async def progress(
        self, device: Device, *, epoch: int | None, lost: Sequence[tuple[int, int]] = ()
    ) -> Progress | None: ...


class ShowsCounts(Protocol):
    """Vacancies."""

    async def publish(self, counts: Sequence[Count]) -> None: ...

    async def heard(self, lot_ids: Iterable[LotId], at: datetime) -> None: ...


class KeepsSnapshots(Protocol):
    """The past of lots."""

    async def keep_snapshots(self, snapshots: Sequence[Snapshot]) -> list[Outcome]: ...
