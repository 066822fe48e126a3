"""The SQL of differences.

Owns: every statement on reconciliation.difference.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from onepark.contexts.reconciliation.model import (
    DifferenceClass,
    DifferenceView,
    Found,
    LineKind,
    Owner,
    Resolution,
    Thing,
)
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen

ADD = """
    INSERT INTO reconciliation.difference (channel, day, found_at, class, kind, number, off_fen,
        owner, note, ours_fen, theirs_fen, provider_txn, operator_id, lot_id, resolution,
        closed_at, closed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, ''), $13, $14, $15::text,
        CASE WHEN $15::text IS NOT NULL THEN $3::timestamptz END,
        CASE WHEN $15::text IS NOT NULL THEN 'bill' END)
    ON CONFLICT (channel, class, kind, number, provider_txn) DO NOTHING
"""

CLOSE_AGREED = """
    UPDATE reconciliation.difference AS open
    SET resolution = 'matched_later', closed_at = $4, closed_by = 'bill'
    FROM unnest($2::text[], $3::text[]) AS agreed (kind, number)
    WHERE open.channel = $1 AND open.kind = agreed.kind AND open.number = agreed.number
        AND open.closed_at IS NULL AND open.class = ANY($5::text[])
"""

OVERDUE = """
    SELECT difference_id, channel, kind, number, ours_fen
    FROM reconciliation.difference AS open
    WHERE closed_at IS NULL AND asked_at IS NULL AND class = 'ours_only' AND kind = 'trade'
        AND channel = ANY($1::text[]) AND EXISTS (
            SELECT FROM reconciliation.day
            WHERE day.channel = open.channel AND day.kind = 'trade' AND day.day = open.day + 1
                AND matched_at IS NOT NULL)
    ORDER BY difference_id LIMIT $2
"""

ASKED = """
    UPDATE reconciliation.difference
    SET asked_at = $2, owner = $3, note = $4, incident_at = $5
    WHERE difference_id = $1 AND closed_at IS NULL AND asked_at IS NULL
"""

PAGE = """
    SELECT difference_id, channel, day, class, kind, number, provider_txn, ours_fen, theirs_fen,
        off_fen, operator_id, lot_id, owner, note, found_at,
        extract(epoch FROM coalesce(closed_at, $2) - found_at)::bigint AS age_s, incident_at,
        resolution, closed_at, closed_by, reason
    FROM reconciliation.difference
    WHERE difference_id > $1 AND ($3::text IS NULL OR class = $3)
        AND ($4::text IS NULL OR channel = $4)
        AND ($5::boolean IS NULL OR (closed_at IS NULL) = $5) AND found_at <= $6
    ORDER BY difference_id LIMIT $7
"""

SCOPE_OF = """
    SELECT operator_id, closed_at FROM reconciliation.difference
    WHERE difference_id = $1
"""

SETTLE = """
    UPDATE reconciliation.difference
    SET resolution = $2, closed_at = $3, closed_by = $4, reason = $5
    WHERE difference_id = $1 AND closed_at IS NULL
    RETURNING difference_id
"""

MEASURE = """
    SELECT class, count(*) AS number, sum(off_fen)::bigint AS off_fen,
        extract(epoch FROM $1 - min(found_at))::float8 AS oldest_s,
        count(incident_at) AS incidents
    FROM reconciliation.difference WHERE closed_at IS NULL GROUP BY class
"""


class Overdue(NamedTuple):
    """Something that we believe and no bill names, the next day's neither."""

    difference_id: int
    channel: str
    thing: Thing
    ours_fen: Fen | None


class Filter(NamedTuple):
    """Which differences are asked for; None leaves it open."""

    after: int
    limit: int
    found_before: datetime
    difference_class: DifferenceClass | None = None
    channel: str | None = None
    open: bool | None = True


class Scope(NamedTuple):
    """Whose a difference is, and whether it is closed."""

    operator_id: int | None
    closed: bool


class Measure(NamedTuple):
    """How many differences of a class are open, and what they come to."""

    difference_class: str
    number: int
    off_fen: int
    oldest_s: float
    incidents: int


async def add(
    tx: Tx,
    channel: str,
    day: date,
    found: Iterable[Found],
    *,
    at: datetime,
    resolution: Resolution | None = None,
) -> None:
    """Keep differences that are new; what was found before stands as it was found."""
    rows = [
        (channel, day, at, one.difference_class, one.kind, one.number, one.off_fen, one.owner,
         one.note, one.ours_fen, one.theirs_fen, one.provider_txn, one.operator_id, one.lot_id,
         resolution)
        for one in found
    ]  # fmt: skip
    await tx.executemany(ADD, rows)


async def close_agreed(
    tx: Tx,
    channel: str,
    things: Sequence[Thing],
    *,
    at: datetime,
    classes: Sequence[DifferenceClass],
) -> None:
    """Close what the books agree on by now."""
    kinds, numbers = [one.kind.value for one in things], [one.number for one in things]
    await tx.execute(CLOSE_AGREED, channel, kinds, numbers, at, list(classes))


async def overdue(tx: Tx, channels: list[str], *, limit: int) -> list[Overdue]:
    """Return what nobody was asked about although the next day's bill is there."""
    rows = await tx.fetch(OVERDUE, channels, limit)
    return [
        Overdue(
            row["difference_id"],
            row["channel"],
            Thing(LineKind(row["kind"]), row["number"]),
            row["ours_fen"],
        )
        for row in rows
    ]


async def asked(
    tx: Tx,
    difference_id: int,
    *,
    at: datetime,
    owner: Owner,
    note: str,
    incident_at: datetime | None,
) -> None:
    """Note what a provider said of something that its bill does not name."""
    await tx.execute(ASKED, difference_id, at, owner, note, incident_at)


async def page(tx: Tx, wanted: Filter, now: datetime) -> list[DifferenceView]:
    """Return the next differences that this transaction may see."""
    rows = await tx.fetch(
        PAGE,
        wanted.after,
        now,
        wanted.difference_class,
        wanted.channel,
        wanted.open,
        wanted.found_before,
        wanted.limit,
    )
    return [_view(row) for row in rows]


async def scope_of(tx: Tx, difference_id: int) -> Scope | None:
    """Return whose a difference is; None for one that this transaction may not see."""
    row = await tx.fetchrow(SCOPE_OF, difference_id)
    return None if row is None else Scope(row["operator_id"], row["closed_at"] is not None)


async def settle(
    tx: Tx, difference_id: int, resolution: Resolution, *, at: datetime, by: str, reason: str
) -> bool:
    """Close a difference as a person says; False if it is closed already."""
    found = await tx.fetchval(SETTLE, difference_id, resolution, at, by, reason)
    return found is not None


async def measure(tx: Tx, now: datetime) -> list[Measure]:
    """Return how many differences are open, by class."""
    return [Measure(*row) for row in await tx.fetch(MEASURE, now)]


def _view(row: Record) -> DifferenceView:
    values = dict(row)
    resolution = values.pop("resolution")
    return DifferenceView(
        difference_class=DifferenceClass(values.pop("class")),
        kind=LineKind(values.pop("kind")),
        owner=Owner(values.pop("owner")),
        provider_txn=values.pop("provider_txn") or None,
        resolution=None if resolution is None else Resolution(resolution),
        **values,
    )
