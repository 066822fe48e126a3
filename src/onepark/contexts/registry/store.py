"""SQL of the registry.

Owns: every statement on the schema registry.
Never: decides.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from onepark.contexts.registry.model import (
    AttachedType,
    BuildType,
    DeviceRow,
    Direction,
    Lane,
    Lot,
    LotFiling,
    LotRow,
    OpeningHours,
    Operator,
    OperatorFiling,
    ParkingLocate,
    ParkingType,
    PriceForm,
    SealedSecret,
    Zone,
)
from onepark.infra.db import Record, Tx, columns_of
from onepark.kernel.types import DeviceId, LotCode, Pool, RevenueKind

_HOURS: msgspec.json.Decoder[OpeningHours] = msgspec.json.Decoder(OpeningHours)
_POOLS: msgspec.json.Decoder[dict[Pool, int]] = msgspec.json.Decoder(dict[Pool, int])
_ZONES: msgspec.json.Decoder[tuple[Zone, ...]] = msgspec.json.Decoder(tuple[Zone, ...])


STAND_STILL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

VERSION = "SELECT number FROM registry.version"

LOCK_VERSION = "SELECT number FROM registry.version FOR UPDATE"

OPERATORS = "SELECT operator_id, code, name, name_en FROM registry.operator ORDER BY operator_id"

LOTS = """
    SELECT lot.*, pools, zones
    FROM registry.lot
    LEFT JOIN (
        SELECT lot_id, jsonb_object_agg(pool, capacity)::text AS pools
        FROM registry.pool GROUP BY lot_id
    ) AS pool USING (lot_id)
    LEFT JOIN (
        SELECT lot_id, jsonb_agg(jsonb_build_object(
            'zone', zone, 'name', name, 'capacity', capacity) ORDER BY zone)::text AS zones
        FROM registry.zone GROUP BY lot_id
    ) AS zone USING (lot_id)
"""

LANES = "SELECT lane, lot_id, direction, confirms_exit, zone FROM registry.lane"

DEVICES = """
    SELECT device.device_id, device.lot_id, device.operator_id,
           coalesce(array_agg(lane) FILTER (WHERE lane IS NOT NULL), '{}') AS lanes,
           device.camera_model
    FROM registry.device
    LEFT JOIN registry.device_lane USING (device_id)
    GROUP BY device.device_id
"""

GOOD_SECRETS = """
    SELECT device_id, lot_id, operator_id, sealed, not_after FROM registry.device_secret
    WHERE not_after IS NULL OR not_after > $1
    ORDER BY device_id, not_before DESC, secret_id DESC
"""

PAGE_OF_LOTS = """
    SELECT lot.code, operator.name AS operator, lot.name, lot.name_en, lot.town, lot.price_form,
           lot.plan_key, pools
    FROM registry.lot
    JOIN registry.operator USING (operator_id)
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(pool, capacity)::text AS pools
        FROM registry.pool WHERE pool.lot_id = lot.lot_id
    ) AS pool ON true
    WHERE lot.code > $1
    ORDER BY lot.code
    LIMIT $2
"""

FIND_DEVICE = "SELECT device_id, lot_id, operator_id FROM registry.device WHERE device_id = $1"

LOCK_GOOD_SECRETS = """
    SELECT not_after FROM registry.device_secret
    WHERE device_id = $1 AND (not_after IS NULL OR not_after > $2)
    FOR UPDATE
"""

END_SECRETS = """
    UPDATE registry.device_secret SET not_after = greatest(not_before, $2)
    WHERE device_id = $1 AND (not_after IS NULL OR not_after > $2)
"""

ADD_SECRETS = """
    INSERT INTO registry.device_secret (device_id, lot_id, operator_id, sealed, not_before)
    SELECT device_id, lot_id, operator_id, sealed, $5
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[])
        AS secret (device_id, lot_id, operator_id, sealed)
"""

PUT_OPERATORS = """
    INSERT INTO registry.operator (code, name, name_en)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_en = excluded.name_en
"""

PUT_LOTS = """
    INSERT INTO registry.lot (
        code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
        lon_gcj02, parking_type, parking_locate, build_type, attached_type, price_form, plan_key,
        opening_hours, revenue_kind)
    SELECT filed.code, operator_id, filed.name, filed.name_en, town, address, lat_wgs84, lon_wgs84,
           lat_gcj02, lon_gcj02, parking_type, parking_locate, build_type, attached_type,
           price_form, plan_key, opening_hours::jsonb, revenue_kind
    FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[],
        $8::float8[], $9::float8[], $10::float8[], $11::int2[], $12::int2[], $13::int2[],
        $14::text[], $15::text[], $16::text[], $17::text[], $18::text[]
    ) AS filed (
        code, operator, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02, lon_gcj02,
        parking_type, parking_locate, build_type, attached_type, price_form, plan_key,
        opening_hours, revenue_kind)
    JOIN registry.operator ON operator.code = filed.operator
    ON CONFLICT (code) DO UPDATE SET
        name = excluded.name, name_en = excluded.name_en, town = excluded.town,
        address = excluded.address, lat_wgs84 = excluded.lat_wgs84,
        lon_wgs84 = excluded.lon_wgs84, lat_gcj02 = excluded.lat_gcj02,
        lon_gcj02 = excluded.lon_gcj02, parking_type = excluded.parking_type,
        parking_locate = excluded.parking_locate, build_type = excluded.build_type,
        attached_type = excluded.attached_type, price_form = excluded.price_form,
        plan_key = excluded.plan_key, opening_hours = excluded.opening_hours,
        revenue_kind = excluded.revenue_kind
"""

DROP_OTHER_POOLS = """
    DELETE FROM registry.pool USING registry.lot
    WHERE lot.lot_id = pool.lot_id AND lot.code = ANY($1::text[])
      AND (lot.code, pool.pool) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""

PUT_POOLS = """
    INSERT INTO registry.pool (lot_id, pool, operator_id, capacity)
    SELECT lot_id, pool, operator_id, capacity
    FROM unnest($1::text[], $2::text[], $3::int4[]) AS filed (code, pool, capacity)
    JOIN registry.lot USING (code)
    ON CONFLICT (lot_id, pool) DO UPDATE SET capacity = excluded.capacity
"""

DROP_OTHER_ZONES = """
    DELETE FROM registry.zone USING registry.lot
    WHERE lot.lot_id = zone.lot_id AND lot.code = ANY($1::text[])
      AND (lot.code, zone.zone) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""

PUT_ZONES = """
    INSERT INTO registry.zone (lot_id, zone, operator_id, name, capacity)
    SELECT lot_id, zone, operator_id, filed.name, capacity
    FROM unnest($1::text[], $2::text[], $3::text[], $4::int4[])
        AS filed (code, zone, name, capacity)
    JOIN registry.lot USING (code)
    ON CONFLICT (lot_id, zone) DO UPDATE SET name = excluded.name, capacity = excluded.capacity
"""

PUT_LANES = """
    INSERT INTO registry.lane (lane, lot_id, operator_id, direction, confirms_exit, zone)
    SELECT lane, lot_id, operator_id, direction, confirms_exit, zone
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::text[])
        AS filed (code, lane, direction, confirms_exit, zone)
    JOIN registry.lot USING (code)
    ON CONFLICT (lane) DO UPDATE SET
        direction = excluded.direction, confirms_exit = excluded.confirms_exit,
        zone = excluded.zone
"""

ADD_DEVICES = """
    INSERT INTO registry.device (device_id, lot_id, operator_id)
    SELECT device_id, lot_id, operator_id
    FROM unnest($1::text[], $2::text[]) AS filed (code, device_id)
    JOIN registry.lot USING (code)
    RETURNING device_id, lot_id, operator_id
"""

NAME_CAMERAS = """
    UPDATE registry.device SET camera_model = filed.camera_model
    FROM unnest($1::text[], $2::text[]) AS filed (device_id, camera_model)
    WHERE device.device_id = filed.device_id
      AND coalesce(device.camera_model, '') <> coalesce(filed.camera_model, '')
"""

DROP_OTHER_BINDINGS = """
    DELETE FROM registry.device_lane
    WHERE device_id = ANY($1::text[])
      AND (device_id, lane) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""

PUT_BINDINGS = """
    INSERT INTO registry.device_lane (device_id, lane, lot_id, operator_id)
    SELECT device_id, lane, device.lot_id, device.operator_id
    FROM unnest($1::text[], $2::text[]) AS filed (device_id, lane)
    JOIN registry.device USING (device_id)
    ON CONFLICT DO NOTHING
"""


async def stand_still(tx: Tx) -> None:
    """Let every later statement of this transaction see one moment; must be its first."""
    await tx.execute(STAND_STILL)


async def version(tx: Tx) -> int:
    number: int = await tx.fetchval(VERSION)
    return number


async def lock_version(tx: Tx) -> None:
    """Make every other writer of the registry wait."""
    await tx.execute(LOCK_VERSION)


async def operators(tx: Tx) -> list[Operator]:
    return [Operator(*row) for row in await tx.fetch(OPERATORS)]


async def lots(tx: Tx) -> list[Record]:
    """Return every lot as a row; ``lot_of`` reads one, away from the event loop."""
    return await tx.fetch(LOTS)


async def lanes(tx: Tx) -> list[Lane]:
    rows = await tx.fetch(LANES)
    return [Lane(lane, lot, Direction(way), *rest) for lane, lot, way, *rest in rows]


async def devices(tx: Tx) -> list[DeviceRow]:
    rows = await tx.fetch(DEVICES)
    return [DeviceRow(one, lot, owner, frozenset(at), model) for one, lot, owner, at, model in rows]


async def good_secrets(tx: Tx, *, at: datetime) -> list[SealedSecret]:
    """Return every key that is good at that moment, the newest of a device first."""
    return [SealedSecret(*row) for row in await tx.fetch(GOOD_SECRETS, at)]


async def page_of_lots(tx: Tx, *, after: str, limit: int) -> list[LotRow]:
    return [
        LotRow(
            lot=LotCode(row["code"]),
            operator=row["operator"],
            name=row["name"],
            name_en=row["name_en"],
            town=row["town"],
            price_form=PriceForm(row["price_form"]),
            plan_key=row["plan_key"],
            pools=_POOLS.decode(row["pools"] or "{}"),
        )
        for row in await tx.fetch(PAGE_OF_LOTS, after, limit)
    ]


async def find_device(tx: Tx, device_id: DeviceId) -> DeviceRow | None:
    """Return a device that this transaction may see."""
    row = await tx.fetchrow(FIND_DEVICE, device_id)
    return None if row is None else DeviceRow(*row)


async def lock_good_secrets(tx: Tx, device_id: DeviceId, *, at: datetime) -> int:
    """Hold the device's good keys and return how many there are."""
    return len(await tx.fetch(LOCK_GOOD_SECRETS, device_id, at))


async def end_secrets(tx: Tx, device_id: DeviceId, *, at: datetime) -> None:
    """Let every key of the device end by then."""
    await tx.execute(END_SECRETS, device_id, at)


async def add_secrets(tx: Tx, secrets: Sequence[SealedSecret], *, at: datetime) -> None:
    await tx.execute(
        ADD_SECRETS,
        [secret.device_id for secret in secrets],
        [secret.lot_id for secret in secrets],
        [secret.operator_id for secret in secrets],
        [secret.sealed for secret in secrets],
        at,
    )


async def put_operators(tx: Tx, filed: Sequence[OperatorFiling]) -> None:
    columns = ([op.code for op in filed], [op.name for op in filed], [op.name_en for op in filed])
    await tx.execute(PUT_OPERATORS, *columns)


async def put_lots(tx: Tx, filed: Sequence[LotFiling]) -> None:
    """Write the lots themselves; their operators are there already."""
    await tx.execute(
        PUT_LOTS,
        [lot.lot for lot in filed],
        [lot.operator for lot in filed],
        [lot.name for lot in filed],
        [lot.name_en for lot in filed],
        [lot.town for lot in filed],
        [lot.address for lot in filed],
        [lot.lat_wgs84 for lot in filed],
        [lot.lon_wgs84 for lot in filed],
        [lot.lat_gcj02 for lot in filed],
        [lot.lon_gcj02 for lot in filed],
        [lot.parking_type for lot in filed],
        [lot.parking_locate for lot in filed],
        [lot.build_type for lot in filed],
        [lot.attached_type for lot in filed],
        [lot.price_form for lot in filed],
        [lot.plan_key for lot in filed],
        [msgspec.json.encode(lot.opening_hours).decode() for lot in filed],
        [lot.revenue_kind for lot in filed],
    )


async def put_pools(tx: Tx, filed: Sequence[LotFiling]) -> None:
    """Make the pools of these lots exactly the filed ones."""
    rows = [(lot.lot, pool, capacity) for lot in filed for pool, capacity in lot.pools.items()]
    codes, pools, capacities = columns_of(rows, width=3)
    await tx.execute(DROP_OTHER_POOLS, [lot.lot for lot in filed], codes, pools)
    await tx.execute(PUT_POOLS, codes, pools, capacities)


async def put_zones(tx: Tx, filed: Sequence[LotFiling]) -> None:
    """Make the zones of these lots exactly the filed ones."""
    rows = [(lot.lot, zone.zone, zone.name, zone.capacity) for lot in filed for zone in lot.zones]
    codes, zones, names, capacities = columns_of(rows, width=4)
    await tx.execute(DROP_OTHER_ZONES, [lot.lot for lot in filed], codes, zones)
    await tx.execute(PUT_ZONES, codes, zones, names, capacities)


async def put_lanes(tx: Tx, filed: Sequence[LotFiling]) -> None:
    rows = [
        (lot.lot, lane.lane, lane.direction, lane.confirms_exit, lane.zone)
        for lot in filed
        for lane in lot.lanes
    ]
    await tx.execute(PUT_LANES, *columns_of(rows, width=5))


async def add_devices(tx: Tx, new: Sequence[tuple[LotCode, DeviceId]]) -> list[DeviceRow]:
    """Write devices that the city has never seen."""
    rows = await tx.fetch(ADD_DEVICES, *columns_of(new, width=2))
    return [DeviceRow(*row) for row in rows]


async def name_cameras(tx: Tx, filed: Sequence[LotFiling]) -> None:
    """Note which model each camera of these lots is."""
    named = [(one.device, one.camera_model) for lot in filed for one in lot.devices]
    await tx.execute(NAME_CAMERAS, *columns_of(named, width=2))


async def put_bindings(tx: Tx, filed: Sequence[LotFiling]) -> None:
    """Bind the devices of these lots to exactly the filed lanes."""
    rows = [(one.device, lane) for lot in filed for one in lot.devices for lane in one.lanes]
    columns = columns_of(rows, width=2)
    await tx.execute(DROP_OTHER_BINDINGS, *columns)
    await tx.execute(PUT_BINDINGS, *columns)


def lot_of(row: Record) -> Lot:
    """Read a row of LOTS."""
    attached_type = row["attached_type"]
    return Lot(
        lot_id=row["lot_id"],
        code=row["code"],
        operator_id=row["operator_id"],
        name=row["name"],
        name_en=row["name_en"],
        town=row["town"],
        address=row["address"],
        lat_wgs84=row["lat_wgs84"],
        lon_wgs84=row["lon_wgs84"],
        lat_gcj02=row["lat_gcj02"],
        lon_gcj02=row["lon_gcj02"],
        parking_type=ParkingType(row["parking_type"]),
        parking_locate=ParkingLocate(row["parking_locate"]),
        build_type=BuildType(row["build_type"]),
        attached_type=AttachedType(attached_type) if attached_type else None,
        price_form=PriceForm(row["price_form"]),
        plan_key=row["plan_key"],
        opening_hours=_HOURS.decode(row["opening_hours"]),
        pools=_POOLS.decode(row["pools"] or "{}"),
        zones=_ZONES.decode(row["zones"] or "[]"),
        revenue_kind=RevenueKind(row["revenue_kind"]),
    )
