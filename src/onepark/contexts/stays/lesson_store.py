"""Exits that were taken for a car of another plate, and the readings that they leave.

Owns: finding them in the passages, and keeping each visit's reading once.
Never: decides what teaches.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.infra.db import Tx, columns_of
from onepark.kernel.types import DeviceId, LotId, OperatorId, StayId

# A visit that a person decided about has its reading by the task, and its passage another state.
UNAIDED = """
    SELECT
        passage.lot_id, passage.operator_id, passage.stay_id, passage.device_id,
        passage.plate_raw, stay.plate, passage.received_at
    FROM stays.passage AS passage
    JOIN stays.stay AS stay ON stay.lot_id = passage.lot_id AND stay.stay_id = passage.stay_id
    WHERE passage.state = 'misread_exit' AND passage.received_at > $1
        AND NOT EXISTS (
            SELECT FROM stays.reading AS reading
            WHERE reading.lot_id = passage.lot_id AND reading.stay_id = passage.stay_id)
    ORDER BY passage.received_at
    LIMIT $2
"""

ADD = """
    INSERT INTO stays.reading
        (lot_id, operator_id, stay_id, camera_model, observed, actual, decided_at)
    SELECT lot_id, operator_id, stay_id, camera_model, observed, actual, $7
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
        AS lesson (lot_id, operator_id, stay_id, camera_model, observed, actual)
    ON CONFLICT DO NOTHING
"""


class Unaided(NamedTuple):
    """An exit that found its car: what was read, and the plate of the stay that it ended."""

    lot_id: LotId
    operator_id: OperatorId
    stay_id: StayId
    device_id: DeviceId
    plate_raw: str
    actual: str
    received_at: datetime


class Lesson(NamedTuple):
    """A reading as it is kept; both texts in their one spelling."""

    lot_id: LotId
    operator_id: OperatorId
    stay_id: StayId
    camera_model: str
    observed: str
    actual: str


async def unaided(tx: Tx, *, after: datetime, limit: int) -> list[Unaided]:
    """Return exits received after a moment whose visit has taught nothing yet, oldest first."""
    return [Unaided(*row) for row in await tx.fetch(UNAIDED, after, limit)]


async def add(tx: Tx, lessons: Sequence[Lesson], *, at: datetime) -> None:
    """Keep readings; a visit that has one is left alone."""
    if lessons:
        await tx.execute(ADD, *columns_of(lessons), at)
