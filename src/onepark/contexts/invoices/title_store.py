"""The SQL of the title book.

Owns: every statement on titles that citizens had kept and on those of fleets.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime
from typing import NamedTuple

from onepark.infra.db import Tx
from onepark.kernel.types import OperatorId

KEEP_TITLE = """
    INSERT INTO invoices.kept_title (token_hash, title, kept_at, used_at) VALUES ($1, $2, $3, $3)
"""

USE_TITLE = """
    UPDATE invoices.kept_title SET used_at = $2 WHERE token_hash = $1 RETURNING title
"""

FORGET_TITLE = "DELETE FROM invoices.kept_title WHERE token_hash = $1 RETURNING token_hash"

FORGET_UNUSED = "DELETE FROM invoices.kept_title WHERE used_at < $1"


async def keep_title(tx: Tx, token_hash: bytes, title: bytes, *, at: datetime) -> None:
    """Keep a sealed title under a token."""
    await tx.execute(KEEP_TITLE, token_hash, title, at)


async def use_title(tx: Tx, token_hash: bytes, at: datetime) -> bytes | None:
    """Return the sealed title of a token, which counts as used now."""
    title: bytes | None = await tx.fetchval(USE_TITLE, token_hash, at)
    return title


async def forget_title(tx: Tx, token_hash: bytes) -> bool:
    """Forget a title; False if there was none."""
    return await tx.fetchval(FORGET_TITLE, token_hash) is not None


async def forget_unused(tx: Tx, before: datetime) -> None:
    """Forget titles that nobody has used since."""
    await tx.execute(FORGET_UNUSED, before)


class FleetTitle(NamedTuple):
    """Whom a fleet is invoiced to, as it is kept."""

    fleet_title_id: int
    operator_id: OperatorId
    name: str
    tax_id: str
    email: str | None
    plates: list[str]


FLEET_COLUMNS = "fleet_title_id, operator_id, name, tax_id, email, plates"

FILE_FLEET = f"""
    INSERT INTO invoices.fleet_title (operator_id, name, tax_id, email, plates, filed_by, filed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (operator_id, tax_id) DO UPDATE
    SET name = excluded.name, email = excluded.email, plates = excluded.plates,
        filed_by = excluded.filed_by, filed_at = excluded.filed_at
    RETURNING {FLEET_COLUMNS}
"""  # noqa: S608

FLEETS = f"""
    SELECT {FLEET_COLUMNS} FROM invoices.fleet_title
    WHERE fleet_title_id > $1 AND ($2::text IS NULL OR $2 = ANY (plates))
    ORDER BY fleet_title_id LIMIT $3
"""  # noqa: S608

FLEET = f"SELECT {FLEET_COLUMNS} FROM invoices.fleet_title WHERE fleet_title_id = $1"  # noqa: S608


async def file_fleet(tx: Tx, filed: FleetTitle, *, by: str, at: datetime) -> FleetTitle:
    """Keep whom a fleet is invoiced to; its tax id names it."""
    row = await tx.fetchrow(FILE_FLEET, *filed[1:], by, at)
    assert row is not None, "the statement returns its row"
    return FleetTitle(*row)


async def fleets(tx: Tx, *, plate: str | None, after: int, limit: int) -> list[FleetTitle]:
    """Return the next fleets that whoever asks may see."""
    return [FleetTitle(*row) for row in await tx.fetch(FLEETS, after, plate, limit)]


async def fleet(tx: Tx, fleet_title_id: int) -> FleetTitle | None:
    """Return one fleet that whoever asks may see."""
    row = await tx.fetchrow(FLEET, fleet_title_id)
    return None if row is None else FleetTitle(*row)
