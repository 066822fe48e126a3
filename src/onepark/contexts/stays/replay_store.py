"""The SQL of replaying the past.

Owns: reading stays that are over, a chunk at a time.
Never: writes, or holds more of the past than one chunk.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays.store import BENEFITS_MAX, benefits_of
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, LotId, StayId

FETCH_TIMEOUT_S = 600  # the first chunk waits until all stays are in order

ONLY_LOOK = "SET TRANSACTION READ ONLY"

PAST_STAYS = """
    SELECT s.lot_id, s.stay_id, s.car_key, s.plate, s.plate_color, s.vehicle, s.entered_at,
           s.exited_at, o.fee_fen, s.free_visits_used, s.zone, s.fleet_id,
           ARRAY(
               SELECT one FROM membership.pub_benefit AS one
               WHERE one.lot_id = ANY(ARRAY[s.lot_id, 0]) AND one.car_key = s.car_key
               ORDER BY one.until_at DESC LIMIT $4
           ) AS benefits
    FROM stays.stay AS s
    JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
    WHERE s.lot_id = ANY($1::bigint[]) AND s.state = 'closed' AND o.state <> 'void'
      AND s.entered_at >= $2 AND s.entered_at < $3 AND o.fee_fen IS NOT NULL
    ORDER BY s.lot_id, s.car_key, s.entered_at, s.stay_id
"""


class PastStay(NamedTuple):
    """A stay that is over, and the fee that was fixed for it."""

    lot_id: LotId
    stay_id: StayId
    car_key: str
    plate: str
    plate_color: str
    vehicle: str
    entered_at: datetime
    exited_at: datetime
    fee_fen: Fen
    free_visits_used: int | None = None  # None: its plan has no quota
    zone: str | None = None  # that the car came into
    fleet_id: int | None = None  # of which it had a seat
    benefits: tuple[Benefit, ...] = ()  # passes and coupons of the car there


async def past_stays(
    tx: Tx, lots: Sequence[LotId], *, from_at: datetime, to_at: datetime, chunk_stays: int
) -> AsyncIterator[list[PastStay]]:
    """Yield the stays of cars that came in a span, each car's in order, as of one moment."""
    await tx.execute(ONLY_LOOK)
    cursor = await tx.cursor(
        PAST_STAYS, lots, from_at, to_at, BENEFITS_MAX, timeout=FETCH_TIMEOUT_S
    )
    while rows := await cursor.fetch(chunk_stays, timeout=FETCH_TIMEOUT_S):
        yield [PastStay(*row)._replace(benefits=benefits_of(row["benefits"])) for row in rows]
