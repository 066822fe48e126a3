"""What may be said of a lot now.

Owns: free bays, opening hours, quality by age, what a calibration changes, and which of two counts
is newer.
Never: awaits, reads the clock, or knows where a count came from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from onepark.contexts.registry.model import Hours, Lot, OpeningHours
from onepark.contexts.stays.model import Count, Emptied
from onepark.contexts.vacancies.errors import QueryInvalid
from onepark.contexts.vacancies.model import (
    STREAM_LOTS_MAX,
    PoolVacancy,
    Quality,
    Snapshot,
    Source,
    StreamQuery,
    Trust,
    Vacancy,
    Version,
)
from onepark.kernel.types import CHINA, LotCode, LotId, Pool


class Calibration(Struct, frozen=True):
    """By how much a pool's count is off; without a valid snapshot nobody knows: None.

    Newer is the greater (incarnation, n).
    """

    lot_id: LotId
    pool: Pool
    incarnation: int
    n: int
    drift: int | None
    snapshot_at: datetime | None
    changed_at: datetime


class Due(NamedTuple):
    """A pool that so many new snapshots speak of, and the second of the one that matters first."""

    lot_id: LotId
    pool: Pool
    operator_id: int
    told: int
    due_at: datetime


class LotCounts(Struct, frozen=True):
    """Everything that is known of one lot at one moment; replaced, never changed."""

    counts: Mapping[Pool, Count]
    heard_at: datetime | None = None
    calibrations: Mapping[Pool, Calibration] = {}


class Known(Struct, frozen=True):
    """What the whole board stands on: a complete read says that a count not there is zero."""

    complete: bool
    source: Source
    trust: Trust


def version_of(told: Count | Calibration) -> Version:
    """Return what orders two counts, or two calibrations, of one lot and pool."""
    return Version(told.incarnation, told.n)


def is_newer(told: Count | Calibration, than: Count | Calibration | None) -> bool:
    """Say whether a count or a calibration replaces the one that is known."""
    return than is None or version_of(told) > version_of(than)


def quality_of(age_s: int | None, trust: Trust) -> Quality:
    """Say how far a count of this age may be trusted; a lot never heard of is lost."""
    if age_s is None or age_s > trust.lost_s:
        return Quality.LOST
    return Quality.LATE if age_s > trust.late_s else Quality.LIVE


def is_open(hours: OpeningHours, at: datetime) -> bool:
    """Say whether a lot takes cars at ``at``, by China's clock."""
    if isinstance(hours, str):
        return True
    local = at.astimezone(CHINA)
    return any(_covers(span, local) for span in hours)


def _covers(span: Hours, local: datetime) -> bool:
    clock = f"{local:%H:%M}"
    today = local.isoweekday() in span.days
    if span.from_time < span.until_time:
        return today and span.from_time <= clock < span.until_time
    yesterday = (local - timedelta(days=1)).isoweekday() in span.days
    return (today and clock >= span.from_time) or (yesterday and clock < span.until_time)


def free_of(capacity: int, occupied: int | None) -> int | None:
    """Return the free bays that a citizen is told: never under zero, never over the capacity."""
    return None if occupied is None else min(max(capacity - occupied, 0), capacity)


def show(
    lot: Lot, known: LotCounts, *, of: Known, at: datetime, distance_m: int | UnsetType = UNSET
) -> Vacancy:
    """Say everything that a citizen is told of one lot at one moment."""
    pools = {pool: _pool(pool, lot.pools, known, of) for pool in lot.pools}
    short_stay = pools.get(Pool.SHORT_STAY) or PoolVacancy(0, 0, 0, 0)
    age_s = age_of(known, at)
    return Vacancy(
        lot=lot.code,
        name=lot.name,
        name_en=lot.name_en,
        address=lot.address,
        lat_wgs84=lot.lat_wgs84,
        lon_wgs84=lot.lon_wgs84,
        lat_gcj02=lot.lat_gcj02,
        lon_gcj02=lot.lon_gcj02,
        free=short_stay.free,
        capacity=short_stay.capacity,
        pools=pools,
        open=is_open(lot.opening_hours, at),
        as_of=known.heard_at,
        age_s=age_s,
        quality=quality_of(age_s, of.trust),
        source=of.source,
        distance_m=distance_m,
    )


def age_of(known: LotCounts, at: datetime) -> int | None:
    """Return the whole seconds since the lot's last sign of life."""
    if known.heard_at is None:
        return None
    return max(int((at - known.heard_at).total_seconds()), 0)


def _pool(pool: Pool, capacities: Mapping[Pool, int], known: LotCounts, of: Known) -> PoolVacancy:
    count, calibration = known.counts.get(pool), known.calibrations.get(pool)
    nothing_counted = 0 if of.complete else None
    raw = count.occupied if count else nothing_counted
    capacity = capacities[pool]
    if raw is None or calibration is None or calibration.drift is None:
        return PoolVacancy(capacity, raw, free_of(capacity, raw), raw)
    drift, occupied = calibration.drift, raw + calibration.drift
    free = free_of(capacity, occupied)
    return PoolVacancy(capacity, occupied, free, raw, drift, calibration.snapshot_at)


def emptied(snapshots: Iterable[Snapshot]) -> list[Emptied]:
    """Return the pools that lots said are empty."""
    return [
        Emptied(one.lot_id, pool, one.taken_at, one.device_id)
        for one in snapshots
        for pool, occupied in one.occupied.items()
        if occupied == 0
    ]


def due_after(snapshots: Iterable[Snapshot]) -> list[Due]:
    """Return the pools that snapshots speak of, due by the last one that is past, else the next."""
    of_pool: dict[tuple[LotId, Pool], list[Snapshot]] = {}
    for one in snapshots:
        for pool in one.occupied:
            of_pool.setdefault((one.lot_id, pool), []).append(one)
    return [
        Due(lot_id, pool, told[0].operator_id, len(told), _due_at(told))
        for (lot_id, pool), told in sorted(of_pool.items())
    ]


def _due_at(told: Sequence[Snapshot]) -> datetime:
    past = [one.taken_at for one in told if one.taken_at <= one.received_at]
    due_at = max(past) if past else min(one.taken_at for one in told)
    return due_at.replace(microsecond=0)


def codes_of(lots: str) -> tuple[LotCode, ...]:
    """Read the comma list of a stream; each code once, in the order given."""
    codes = tuple(dict.fromkeys(code.strip() for code in lots.split(",") if code.strip()))
    if not codes:
        raise QueryInvalid("lots names no lot.", field="lots")
    if len(codes) > STREAM_LOTS_MAX:
        raise QueryInvalid(
            f"lots names {len(codes)} lots, at most {STREAM_LOTS_MAX}.", field="lots"
        )
    return tuple(LotCode(code) for code in codes)


def check_stream(query: StreamQuery) -> StreamQuery:
    """Refuse a stream that names lots and a position, or half a position."""
    if (query.lat is None) != (query.lon is None):
        missing = "lat" if query.lat is None else "lon"
        raise QueryInvalid(f"{missing} is missing: a position needs both.", field=missing)
    if query.lots is not None and query.lat is not None:
        raise QueryInvalid("Name lots or a position, not both.", field="lots")
    return query
