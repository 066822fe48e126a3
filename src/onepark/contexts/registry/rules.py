"""What the archive accepts, and small facts about a lot.

Owns: positions in both systems, opening hours, and what a file may not say.
Never: awaits, reads a clock, or asks the database.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import asin, cos, degrees, pi, radians, sin, sqrt

from msgspec.structs import replace

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import (
    Device,
    DeviceFiling,
    Direction,
    Hours,
    ImportPlan,
    Lane,
    LaneFiling,
    Lot,
    LotFiling,
    OpeningHours,
    OperatorFiling,
    ParkingLocate,
    ParkingType,
    Reading,
    Refused,
)
from onepark.kernel.types import CHINA, DeviceId, LaneCode, LotCode, LotId, Pool, RevenueKind

# The ellipsoid of GCJ-02 (Krasovsky 1940).
SEMI_MAJOR_M = 6_378_245.0
ECCENTRICITY_SQUARED = 0.006_693_421_622_965_943
EARTH_RADIUS_M = 6_371_008.8
POSITIONS_AGREE_M = 30.0  # how far a filed GCJ-02 position may lie from the converted WGS-84 one
POSITION_DIGITS = 6  # a tenth of a metre


def to_gcj02(lat_wgs84: float, lon_wgs84: float) -> tuple[float, float]:
    """Return the GCJ-02 latitude and longitude of a WGS-84 position in China.

    The shift is a known sum of sines around 35° N, 105° E, in metres on the ellipsoid. It is good
    to a metre or two, which is as well as the official transformation is known.
    """
    north, east = lat_wgs84 - 35.0, lon_wgs84 - 105.0
    latitude = radians(lat_wgs84)
    flat = 1.0 - ECCENTRICITY_SQUARED * sin(latitude) ** 2
    meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / (flat * sqrt(flat))
    parallel_m = SEMI_MAJOR_M / sqrt(flat) * cos(latitude)
    return (
        lat_wgs84 + degrees(_northward_m(north, east) / meridian_m),
        lon_wgs84 + degrees(_eastward_m(north, east) / parallel_m),
    )


def distance_m(lat_1: float, lon_1: float, *, lat_2: float, lon_2: float) -> float:
    """Return the length of the great circle between two positions of one system."""
    half_lat, half_lon = radians(lat_2 - lat_1) / 2, radians(lon_2 - lon_1) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat_1)) * cos(radians(lat_2)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(chord))


def is_open(hours: OpeningHours, at: datetime) -> bool:
    """Tell whether a lot with these hours is open; a closed lot is not a full one."""
    if hours == "24h":
        return True
    here = at.astimezone(CHINA)
    today, now = here.isoweekday(), here.strftime("%H:%M")
    yesterday = 7 if today == 1 else today - 1
    return any(_spans(span, today, yesterday, now=now) for span in hours)


def _spans(span: Hours, today: int, yesterday: int, *, now: str) -> bool:
    if span.from_time < span.until_time:
        return today in span.days and span.from_time <= now < span.until_time
    return (today in span.days and now >= span.from_time) or (
        yesterday in span.days and now < span.until_time
    )


def positioned(lot: LotFiling) -> LotFiling:
    """Return the lot with both of its positions, rounded to a tenth of a metre."""
    lat_gcj02, lon_gcj02 = lot.lat_gcj02, lot.lon_gcj02
    if lat_gcj02 is None or lon_gcj02 is None:
        lat_gcj02, lon_gcj02 = to_gcj02(lot.lat_wgs84, lot.lon_wgs84)
    return replace(
        lot,
        lat_wgs84=round(lot.lat_wgs84, POSITION_DIGITS),
        lon_wgs84=round(lot.lon_wgs84, POSITION_DIGITS),
        lat_gcj02=round(lat_gcj02, POSITION_DIGITS),
        lon_gcj02=round(lon_gcj02, POSITION_DIGITS),
    )


def contradictions(lot: LotFiling) -> Iterator[tuple[str, str]]:
    """Yield field and reason wherever one lot contradicts itself."""
    attached = lot.parking_type is ParkingType.ATTACHED
    if attached != (lot.attached_type is not None):
        yield "attached_type", "is given for parking_type 1, and only then"
    roadside = lot.parking_type is ParkingType.ROADSIDE
    if roadside != (lot.parking_locate is ParkingLocate.ON_STREET):
        yield "parking_locate", "is 2 for parking_type 3, and only then"
    if Pool.SHORT_STAY not in lot.pools:
        yield "pools", "short_stay is missing; it may be 0"
    yield from _misplaced(lot)
    for field, names in (
        ("lanes", [lane.lane for lane in lot.lanes]),
        ("devices", [device.device for device in lot.devices]),
        ("zones", [zone.zone for zone in lot.zones]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield field, f"{name} stands twice"
    for lane in lot.lanes:
        if lane.zone is not None and lane.direction is Direction.EXIT:
            yield "lanes", f"{lane.lane} is an exit, so that no car enters a zone through it"


def refusals(reading: Reading, directory: Directory) -> tuple[Refused, ...]:
    """Return every reason against a file: in a row, between rows, and against the city."""
    return (
        *reading.refused,
        *_repeated_operators(reading),
        *(
            Refused("lots", row, field, reason)
            for row, lot in reading.lots
            for field, reason in contradictions(lot)
        ),
        *_repeated_keys(reading),
        *_against_the_city(reading, directory),
    )


def plan_import(reading: Reading, directory: Directory) -> ImportPlan:
    """Say what a file without refusals would change.

    A file states the whole of a lot's pools and zones. Lanes and devices that it leaves out stay:
    the past of the city was written under their names.
    """
    filed = filings_of(directory)
    wanted = [_joined(positioned(lot), filed.get(lot.lot)) for _, lot in reading.lots]
    operators = {
        op.code: OperatorFiling(op.code, op.name, op.name_en) for op in directory.operators()
    }
    changed = tuple(lot for lot in wanted if filed.get(lot.lot) != lot)
    return ImportPlan(
        operators=tuple(op for _, op in reading.operators if operators.get(op.code) != op),
        lots=changed,
        new_devices=tuple(
            (LotCode(lot.lot), DeviceId(one.device))
            for lot in changed
            for one in lot.devices
            if directory.device(DeviceId(one.device)) is None
        ),
        same_lots=len(wanted) - len(changed),
        operators_before=operators,
        lots_before=filed,
    )


def filings_of(directory: Directory) -> dict[str, LotFiling]:
    """Return the present archive in the words of an import file."""
    devices: dict[LotId, list[Device]] = {}
    for device in directory.devices().values():
        devices.setdefault(device.lot_id, []).append(device)
    codes = {op.operator_id: op.code for op in directory.operators()}
    return {
        lot.code: _filing_of(
            lot, directory, operator=codes[lot.operator_id], devices=devices.get(lot.lot_id, [])
        )
        for lot in directory.lots()
    }


def _filing_of(
    lot: Lot, directory: Directory, *, operator: str, devices: list[Device]
) -> LotFiling:
    return LotFiling(
        lot=lot.code,
        operator=operator,
        name=lot.name,
        name_en=lot.name_en,
        town=lot.town,
        address=lot.address,
        lat_wgs84=lot.lat_wgs84,
        lon_wgs84=lot.lon_wgs84,
        lat_gcj02=lot.lat_gcj02,
        lon_gcj02=lot.lon_gcj02,
        parking_type=lot.parking_type,
        parking_locate=lot.parking_locate,
        build_type=lot.build_type,
        attached_type=lot.attached_type,
        price_form=lot.price_form,
        revenue_kind=lot.revenue_kind,
        plan_key=lot.plan_key,
        opening_hours=lot.opening_hours,
        pools=dict(lot.pools),
        zones=lot.zones,
        lanes=tuple(
            LaneFiling(lane.lane, lane.direction, lane.confirms_exit, lane.zone)
            for lane in directory.lanes_of(lot.lot_id)
        ),
        devices=tuple(
            DeviceFiling(device.device_id, tuple(sorted(device.lanes)), device.camera_model)
            for device in sorted(devices, key=lambda device: device.device_id)
        ),
    )


def _joined(lot: LotFiling, before: LotFiling | None) -> LotFiling:
    """Return the lot in the order of the archive, with the lanes and devices that stay."""
    lanes = {lane.lane: lane for lane in (*(before.lanes if before else ()), *lot.lanes)}
    devices = {one.device: one for one in (*(before.devices if before else ()), *lot.devices)}
    return replace(
        lot,
        revenue_kind=_revenue_kind(lot, before),
        zones=tuple(sorted(lot.zones, key=lambda zone: zone.zone)),
        lanes=tuple(lanes[name] for name in sorted(lanes)),
        devices=tuple(
            replace(one, lanes=tuple(sorted(set(one.lanes)))) for _, one in sorted(devices.items())
        ),
    )


def _revenue_kind(lot: LotFiling, before: LotFiling | None) -> RevenueKind:
    """Return whose money a lot's fees are: as filed, as it was, or by what it was built for."""
    kept = before.revenue_kind if before else None
    roadside = lot.parking_type is ParkingType.ROADSIDE
    usual = RevenueKind.NON_TAX if roadside else RevenueKind.COMMERCIAL
    return lot.revenue_kind or kept or usual


def _misplaced(lot: LotFiling) -> Iterator[tuple[str, str]]:
    if (lot.lat_gcj02 is None) != (lot.lon_gcj02 is None):
        yield "lat_gcj02", "lat_gcj02 and lon_gcj02 are given together or not at all"
    elif lot.lat_gcj02 is not None and lot.lon_gcj02 is not None:
        lat, lon = to_gcj02(lot.lat_wgs84, lot.lon_wgs84)
        apart_m = distance_m(lat, lon, lat_2=lot.lat_gcj02, lon_2=lot.lon_gcj02)
        if apart_m > POSITIONS_AGREE_M:
            yield "lat_gcj02", f"lies {apart_m:.0f} m from where the WGS-84 position converts to"


def _repeated_operators(reading: Reading) -> Iterator[Refused]:
    seen: dict[str, int] = {}
    for row, operator in reading.operators:
        first = seen.setdefault(operator.code, row)
        if first != row:
            yield Refused("operators", row, "code", f"{operator.code} stands in row {first} too")


def _repeated_keys(reading: Reading) -> Iterator[Refused]:
    """Yield every code that two rows claim; repeats inside one row are its own contradiction."""
    seen: dict[tuple[str, str], int] = {}
    for row, lot in reading.lots:
        keys = {("lot", lot.lot)}
        keys |= {("lanes", lane.lane) for lane in lot.lanes}
        keys |= {("devices", one.device) for one in lot.devices}
        for field, name in sorted(keys):
            first = seen.setdefault((field, name), row)
            if first != row:
                yield Refused("lots", row, field, f"{name} stands in row {first} too")


def _against_the_city(reading: Reading, directory: Directory) -> Iterator[Refused]:
    codes = {op.operator_id: op.code for op in directory.operators()}
    known = {*codes.values(), *(operator.code for _, operator in reading.operators)}
    for row, lot in reading.lots:
        if lot.operator not in known:
            yield Refused("lots", row, "operator", f"{lot.operator} is unknown")
        present = directory.lot(LotCode(lot.lot))
        if present is not None and codes[present.operator_id] != lot.operator:
            yield Refused("lots", row, "operator", f"the lot is {codes[present.operator_id]}'s")
        for field, reason in (
            *_foreign(lot, present, directory=directory),
            *_into_no_zone(lot, directory.lanes_of(present.lot_id) if present else ()),
        ):
            yield Refused("lots", row, field, reason)


def _foreign(
    lot: LotFiling, present: Lot | None, *, directory: Directory
) -> Iterator[tuple[str, str]]:
    """Yield lanes and devices of other lots, and devices at a lane that the lot does not have."""
    lot_id = present.lot_id if present is not None else None
    own = {lane.lane for lane in lot.lanes}
    for name in sorted(own):
        lane = directory.lane(LaneCode(name))
        if lane is not None and lane.lot_id != lot_id:
            yield "lanes", f"{name} belongs to another lot for life"
    if lot_id is not None:
        own |= {lane.lane for lane in directory.lanes_of(lot_id)}
    for one in lot.devices:
        device = directory.device(DeviceId(one.device))
        if device is not None and device.lot_id != lot_id:
            yield "devices", f"{one.device} belongs to another lot for life"
        for name in sorted(set(one.lanes) - own):
            yield "devices", f"{one.device} stands at {name}, which is no lane of the lot"


def _into_no_zone(lot: LotFiling, present: Sequence[Lane]) -> Iterator[tuple[str, str]]:
    """Yield lanes, filed or staying, into a zone that the lot would not have any more."""
    leads = {lane.lane: lane.zone for lane in present} | {one.lane: one.zone for one in lot.lanes}
    zones = {None, *(zone.zone for zone in lot.zones)}
    for name, zone in sorted(leads.items()):
        if zone not in zones:
            yield "lanes", f"{name} leads into {zone}, which is no zone of the lot"


def _northward_m(north: float, east: float) -> float:
    return (
        -100.0
        + 2.0 * east
        + 3.0 * north
        + 0.2 * north**2
        + 0.1 * east * north
        + 0.2 * sqrt(abs(east))
        + _ripple_m(east)
        + (20.0 * sin(north * pi) + 40.0 * sin(north / 3.0 * pi)) * 2.0 / 3.0
        + (160.0 * sin(north / 12.0 * pi) + 320.0 * sin(north / 30.0 * pi)) * 2.0 / 3.0
    )


def _eastward_m(north: float, east: float) -> float:
    return (
        300.0
        + east
        + 2.0 * north
        + 0.1 * east**2
        + 0.1 * east * north
        + 0.1 * sqrt(abs(east))
        + _ripple_m(east)
        + (20.0 * sin(east * pi) + 40.0 * sin(east / 3.0 * pi)) * 2.0 / 3.0
        + (150.0 * sin(east / 12.0 * pi) + 300.0 * sin(east / 30.0 * pi)) * 2.0 / 3.0
    )


def _ripple_m(east: float) -> float:
    return (20.0 * sin(6.0 * east * pi) + 20.0 * sin(2.0 * east * pi)) * 2.0 / 3.0
