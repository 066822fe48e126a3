"""The SQL of what people say of passages and stays.

Owns: every statement on stays.ruling, and the search for what is ruled on.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime

from onepark.contexts.stays.case import Known
from onepark.contexts.stays.history_store import known_of
from onepark.contexts.stays.model import Passage
from onepark.infra.db import Tx
from onepark.kernel.types import LotId, StayId

FIND = """
    SELECT * FROM stays.passage
    WHERE lot_id = $1 AND coalesce(of_car_key, car_key) = $2 AND device_id = $3
        AND passage_id = $4 AND kind <> 'exit_request'
    LIMIT 1
"""

RULE_ON_PASSAGE = """
    INSERT INTO stays.ruling
        (lot_id, operator_id, kind, device_id, passage_id, reason, ruled_by, ruled_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING RETURNING ruling_id
"""

RULE_ON_STAY = """
    INSERT INTO stays.ruling (lot_id, operator_id, kind, stay_id, reason, ruled_by, ruled_at)
    VALUES ($1, $2, 'confirm', $3, $4, $5, $6)
    ON CONFLICT DO NOTHING RETURNING ruling_id
"""

VOID = """
    UPDATE stays.passage SET state = 'void'
    WHERE lot_id = $1 AND device_id = $2 AND passage_id = $3 AND received_at = $4
        AND state <> 'void'
    RETURNING 1
"""

OPERATOR_OF_STAY = "SELECT operator_id FROM stays.stay WHERE lot_id = $1 AND stay_id = $2"


async def find(tx: Tx, lot_id: LotId, car_key: str, passage: tuple[str, str]) -> Known | None:
    """Return a passage of a car that this transaction may see; requests to leave move nothing."""
    row = await tx.fetchrow(FIND, lot_id, car_key, *passage)
    return None if row is None else known_of(row)


async def rule_on_passage(
    tx: Tx, kind: str, told: Passage, reason: str, *, by: str, at: datetime
) -> int | None:
    """Keep what was said of a passage; None if something was said before."""
    key = (told.lot_id, told.operator_id, kind, told.device_id, told.passage_id)
    number: int | None = await tx.fetchval(RULE_ON_PASSAGE, *key, reason, by, at)
    return number


async def rule_on_stay(
    tx: Tx, key: tuple[LotId, int, StayId], reason: str, *, by: str, at: datetime
) -> int | None:
    """Keep what was said of a stay; None if something was said before."""
    number: int | None = await tx.fetchval(RULE_ON_STAY, *key, reason, by, at)
    return number


async def void(tx: Tx, told: Passage) -> bool:
    """Take a passage out of every fold to come; False if it was out already."""
    key = (told.lot_id, told.device_id, told.passage_id, told.received_at)
    return await tx.fetchval(VOID, *key) is not None


async def operator_of_stay(tx: Tx, lot_id: LotId, stay_id: StayId) -> int | None:
    """Return whose stay it is, if this transaction may see it."""
    operator_id: int | None = await tx.fetchval(OPERATOR_OF_STAY, lot_id, stay_id)
    return operator_id
