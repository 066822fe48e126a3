"""What is measured of stays in the database.

Owns: the statements behind the gauges of counts, drift, missing numbers and tasks.
Never: writes.
"""

from collections.abc import Sequence

from onepark.infra.db import Record, Tx

COUNTED = "SELECT pool, sum(occupied)::float8 FROM stays.count GROUP BY pool"

# The index of stays that have not ended holds what is open, so history is not read.
DRIFT = """
    WITH inside AS (
        SELECT lot_id, pool, count(*) AS cars FROM stays.stay
        WHERE state = 'open' AND exited_at IS NULL GROUP BY lot_id, pool)
    SELECT pool, sum(abs(coalesce(kept.occupied, 0) - coalesce(inside.cars, 0)))::float8
    FROM stays.count AS kept FULL JOIN inside USING (lot_id, pool)
    GROUP BY pool
"""

OPEN_TASKS = "SELECT kind, count(*)::float8 FROM stays.task WHERE decided_at IS NULL GROUP BY kind"


# Of each device its newest epoch alone: what it forgot of an earlier one would be missing for ever.
MISSING = """
    SELECT coalesce(sum(upper(hole) - lower(hole)), 0)::float8 FROM (
        SELECT DISTINCT ON (lot_id, device_id) (stays.progress_of(sequence)).missing
        FROM stays.sequence AS sequence ORDER BY lot_id, device_id, epoch DESC
    ) AS newest CROSS JOIN LATERAL unnest(newest.missing) AS hole
"""


async def counted(tx: Tx) -> dict[str, float]:
    """Return the cars that are counted in each pool, over all lots."""
    return _pairs(await tx.fetch(COUNTED))


async def drift(tx: Tx) -> dict[str, float]:
    """Return by how many cars counts differ from open stays in each pool, added up over lots."""
    return _pairs(await tx.fetch(DRIFT))


async def open_tasks(tx: Tx) -> dict[str, float]:
    """Return how many tasks of each kind nobody has decided."""
    return _pairs(await tx.fetch(OPEN_TASKS))


async def missing(tx: Tx) -> float:
    """Return how many numbered passages no device has sent, though it has sent later ones."""
    passages: float = await tx.fetchval(MISSING)
    return passages


def _pairs(rows: Sequence[Record]) -> dict[str, float]:
    return {row[0]: row[1] for row in rows}
