"""The SQL of white lists and fleets.

Owns: every statement on membership.white_list, membership.fleet and its cars.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime

from onepark.contexts.membership.model import Entry, Fleet, FleetCar
from onepark.infra.db import Record, Tx
from onepark.kernel.types import LotId, OperatorId, PlateColor, Pool

ADD_ENTRY = """
    INSERT INTO membership.white_list (
        operator_id, lots, plate, plate_color, reason, from_at, until_at, approved_by, approved_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING *
"""

END_ENTRY = """
    UPDATE membership.white_list SET ended_by = $2, ended_at = $3
    WHERE entry_id = $1 AND ended_at IS NULL
    RETURNING *
"""

ENTRIES = "SELECT * FROM membership.white_list WHERE entry_id > $1 ORDER BY entry_id LIMIT $2"


async def add_entry(tx: Tx, entry: Entry) -> Entry:
    """Keep an entry and return it with its number."""
    row = await tx.fetchrow(
        ADD_ENTRY,
        *(entry.operator_id, entry.lots, entry.plate, entry.plate_color, entry.reason),
        *(entry.from_at, entry.until_at, entry.approved_by, entry.approved_at),
    )
    return _entry(row)


async def end_entry(tx: Tx, entry_id: int, *, by: str, at: datetime) -> Entry | None:
    """End an entry once; None: there is no such one, or it has ended."""
    row = await tx.fetchrow(END_ENTRY, entry_id, by, at)
    return None if row is None else _entry(row)


async def entries(tx: Tx, *, after: int, limit: int) -> list[Entry]:
    """Return entries in the order of their numbers."""
    return [_entry(row) for row in await tx.fetch(ENTRIES, after, limit)]


ADD_FLEET = """
    INSERT INTO membership.fleet (
        operator_id, name, lots, seats, pool, from_at, until_at, made_by, made_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING *
"""

FLEET = "SELECT * FROM membership.fleet WHERE fleet_id = $1"

FLEETS = "SELECT * FROM membership.fleet WHERE fleet_id > $1 ORDER BY fleet_id LIMIT $2"

ADD_CAR = """
    INSERT INTO membership.fleet_car
        (fleet_id, operator_id, plate, plate_color, added_at, added_by)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING fleet_car_id
"""

REMOVE_CAR = """
    UPDATE membership.fleet_car SET removed_at = $4
    WHERE fleet_id = $1 AND plate = $2 AND plate_color = $3 AND removed_at IS NULL
    RETURNING fleet_car_id
"""

CARS = """
    SELECT plate, plate_color, added_at, added_by FROM membership.fleet_car
    WHERE fleet_id = $1 AND removed_at IS NULL ORDER BY fleet_car_id LIMIT $2
"""


async def add_fleet(tx: Tx, fleet: Fleet) -> Fleet:
    """Keep a fleet and return it with its number."""
    row = await tx.fetchrow(
        ADD_FLEET,
        *(fleet.operator_id, fleet.name, fleet.lots, fleet.seats, fleet.pool),
        *(fleet.from_at, fleet.until_at, fleet.made_by, fleet.made_at),
    )
    return _fleet(row)


async def fleet(tx: Tx, fleet_id: int) -> Fleet | None:
    """Return a fleet."""
    row = await tx.fetchrow(FLEET, fleet_id)
    return None if row is None else _fleet(row)


async def fleets(tx: Tx, *, after: int, limit: int) -> list[Fleet]:
    """Return fleets in the order of their numbers."""
    return [_fleet(row) for row in await tx.fetch(FLEETS, after, limit)]


async def add_car(
    tx: Tx, of: Fleet, plate: tuple[str, PlateColor], *, by: str, at: datetime
) -> bool:
    """Put a car into a fleet; False: it is there already."""
    row = await tx.fetchval(ADD_CAR, of.fleet_id, of.operator_id, *plate, at, by)
    return row is not None


async def remove_car(tx: Tx, fleet_id: int, plate: tuple[str, PlateColor], at: datetime) -> bool:
    """Take a car out of a fleet; False: it is not there."""
    return await tx.fetchval(REMOVE_CAR, fleet_id, *plate, at) is not None


async def cars(tx: Tx, fleet_id: int, *, limit: int) -> list[FleetCar]:
    """Return the cars of a fleet."""
    rows: Sequence[Record] = await tx.fetch(CARS, fleet_id, limit)
    return [FleetCar(row[0], PlateColor(row[1]), row[2], row[3]) for row in rows]


def _entry(row: Record | None) -> Entry:
    assert row is not None, "the statement returns its row"
    values = dict(row)
    values["lots"] = tuple(map(LotId, values["lots"]))
    values["plate_color"] = PlateColor(values["plate_color"])
    return Entry(**values)


def _fleet(row: Record | None) -> Fleet:
    assert row is not None, "the statement returns its row"
    values = dict(row)
    values["lots"] = tuple(map(LotId, values["lots"]))
    values["operator_id"], values["pool"] = OperatorId(values["operator_id"]), Pool(values["pool"])
    return Fleet(**values)
