"""By how much the clocks of devices are off.

Owns: the offsets that signed heartbeats told of, as every process knows them within seconds.
Never: decides what an offset means for a passage.
"""

from datetime import timedelta

from onepark.contexts.gate import store
from onepark.infra.db import Database
from onepark.kernel.types import DeviceId

RIGHT = timedelta(seconds=5)  # within it a clock is right: a heartbeat takes a while to arrive
BILLED = timedelta(minutes=10)  # beyond it nobody is charged by a clock, not even by a mended one
NONE = timedelta(0)


class Clocks:
    """The devices whose clocks are more than 5 seconds off."""

    def __init__(self, service_db: Database) -> None:
        self._db = service_db
        self._offsets: dict[str, timedelta] = {}

    def offset_of(self, device_id: DeviceId) -> timedelta:
        """Return how far a device's clock is ahead; nothing while it is right."""
        return self._offsets.get(device_id, NONE)

    def note(self, device_id: DeviceId, offset: timedelta) -> None:
        """Note at once what a heartbeat told of; other processes read it from the database."""
        if is_right(offset):
            self._offsets.pop(device_id, None)
        else:
            self._offsets[device_id] = offset

    async def load(self) -> bool:
        """Read the offsets of all devices; return whether any has changed."""
        async with self._db.connection() as tx:
            offsets = await store.clock_offsets(tx, above=RIGHT)
        is_new = offsets != self._offsets
        self._offsets = offsets
        return is_new


def is_right(offset: timedelta) -> bool:
    return abs(offset) <= RIGHT
