"""The SQL of the numbers of passages, beside what every batch notes of them.

Owns: the statements on stays.sequence that a heartbeat needs.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence

from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import Progress
from onepark.contexts.stays.save_store import progress_of
from onepark.infra.db import Tx

NOTE_LOST = """
    INSERT INTO stays.sequence AS sequence
        (lot_id, device_id, epoch, operator_id, received, lost, reused)
    SELECT $1, $2, $3, $4, '{}', range_agg(int8range(first, last, '[]')), 0
    FROM unnest($5::bigint[], $6::bigint[]) AS hole (first, last)
    ON CONFLICT (lot_id, device_id, epoch) DO UPDATE SET
        lost = stays.bounded(sequence.lost + excluded.lost)
"""

PROGRESS = """
    SELECT (told.progress).* FROM (
        SELECT stays.progress_of(sequence) AS progress FROM stays.sequence AS sequence
        WHERE lot_id = $1 AND device_id = $2 AND ($3::bigint IS NULL OR epoch = $3)
        ORDER BY epoch DESC LIMIT 1
    ) AS told
"""


async def note_lost(tx: Tx, device: Device, epoch: int, lost: Sequence[tuple[int, int]]) -> None:
    """Note numbers that will never be sent."""
    key = (device.lot_id, device.device_id, epoch, device.operator_id)
    await tx.execute(NOTE_LOST, *key, [first for first, _ in lost], [last for _, last in lost])


async def progress(tx: Tx, device: Device, epoch: int | None) -> Progress | None:
    """Return how far the numbers of an epoch have come, or of the newest."""
    row = await tx.fetchrow(PROGRESS, device.lot_id, device.device_id, epoch)
    return None if row is None else progress_of(row)
