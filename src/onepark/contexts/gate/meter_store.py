"""What is measured of devices in the database.

Owns: the statements behind the gauges of clocks and of silence.
Never: writes.
"""

from datetime import datetime

from onepark.infra.db import Tx
from onepark.kernel.types import DeviceId

WORST_CLOCKS = """
    SELECT device_id, clock_offset_ms / 1000.0::float8 AS offset_s FROM gate.device_status
    WHERE heard_at > $1 AND clock_offset_ms IS NOT NULL
    ORDER BY abs(clock_offset_ms) DESC LIMIT $2
"""

LONGEST_SILENT = """
    SELECT device_id, extract(epoch FROM heard_at)::float8 AS heard_s FROM gate.device_status
    WHERE heard_at > $1
    ORDER BY heard_at LIMIT $2
"""


async def worst_clocks(tx: Tx, since: datetime, *, limit: int) -> list[tuple[DeviceId, float]]:
    """Return how far ahead clocks are, in seconds, the worst first."""
    rows = await tx.fetch(WORST_CLOCKS, since, limit)
    return [(DeviceId(row["device_id"]), row["offset_s"]) for row in rows]


async def longest_silent(tx: Tx, since: datetime, *, limit: int) -> list[tuple[DeviceId, float]]:
    """Return when devices were heard last, as Unix seconds, the longest ago first."""
    rows = await tx.fetch(LONGEST_SILENT, since, limit)
    return [(DeviceId(row["device_id"]), row["heard_s"]) for row in rows]
