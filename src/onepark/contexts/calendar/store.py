"""SQL of the calendar.

Owns: every statement on the schema calendar.
Never: decides.
"""

from datetime import date, datetime

from onepark.contexts.calendar.model import NewRuling, Ruling
from onepark.infra.db import Tx

RULINGS = """
    SELECT day, kind, reason, ruled_at FROM calendar.pub_day_ruling
    WHERE day BETWEEN $1 AND $2
"""

RULE = """
    INSERT INTO calendar.day_ruling (day, kind, reason, ruled_by, ruled_at)
    VALUES ($1, $2, $3, $4, $5)
"""


async def rulings(tx: Tx, first: date, last: date) -> list[Ruling]:
    """Return the city's latest word on each day that it has ruled on."""
    rows = await tx.fetch(RULINGS, first, last)
    return [Ruling(**dict(row)) for row in rows]


async def rule(tx: Tx, day: date, ruling: NewRuling, *, by: str, at: datetime) -> None:
    """Keep the city's word on a day; the latest one holds."""
    await tx.execute(RULE, day, ruling.kind, ruling.reason, by, at)
