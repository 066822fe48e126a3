"""What may be said of a lot's past.

Owns: which moments and spans may be asked for, and what visits and snapshots make of them: levels
as counted and as calibrated, and the indicators of a day.
Never: awaits, reads the clock, or counts a visit by itself: that is done in native code.

Raw is what the passages add up to. Calibrated is the last snapshot at or before a moment, plus the
passages after it; a passage of the snapshot's own second is in it. Drift is calibrated less raw, so
a late passage from before the snapshot moves raw and drift, and leaves calibrated alone.

A visit counts in the zone that its entry lane leads into today, and in none where that is unknown.

The indicators are those of a published data set (Zhaotong, selectdataset.com), which states:
turnover = (free + paid orders) / spaces; average stay = total minutes / (free + paid orders). It
names without a formula: effective turnover, here paid orders / spaces; utilisation, here occupied
bay seconds / offered bay seconds; in and out flow, here the entries and exits of the day.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.registry.model import Lane, Lot, Zone
from onepark.contexts.vacancies.errors import QueryInvalid
from onepark.contexts.vacancies.model import (
    HISTORY_SPAN_MAX,
    HISTORY_STEPS_MAX,
    STATISTICS_DAYS_MAX,
    CountPair,
    DayStatistics,
    HistoryLevel,
    HistoryMoment,
    HistoryQuery,
    HistorySpan,
    HistoryStep,
    LotStatistics,
    PoolMoment,
    PoolStatistics,
    PoolStep,
    Recounted,
    StatisticsQuery,
    Window,
    ZoneMoment,
)
from onepark.contexts.vacancies.rules import free_of, is_open
from onepark.kernel.types import CHINA, LotId, Pool

POOLS = tuple(Pool)  # a pool's place in it is its group number
STILL_INSIDE = 2**32 - 1
FIRST_AT = datetime(2000, 1, 1, tzinfo=CHINA)
DAY_S = 86_400
GROUPS_MAX = 1 << 17  # lots times pools of the largest city, several times over

Level: TypeAlias = tuple[int, int, int, int, int]
Step: TypeAlias = tuple[int, int, Level, Level | None]


class Anchor(NamedTuple):
    """A snapshot of one pool."""

    group: int
    at_s: int
    occupied: int


class Entrances(NamedTuple):
    """Lanes, each with the place of its zone from 1 on; ``alone``: no other visit is looked at."""

    lanes: Sequence[str] = ()
    zones: Sequence[int] = ()
    alone: bool = False


class Visits(NamedTuple):
    """When cars were inside, as columns; ``ended`` is 0 for unknown, 1 for free, 2 for charged.

    ``group`` is the place of the pool plus, for each zone before its own, the number of pools.
    """

    group: "array[int]"
    entered_s: "array[int]"
    left_s: "array[int]"
    ended: "array[int]"


class Past(NamedTuple):
    """Everything that an answer about a lot's past may look at."""

    lot: Lot
    visits: Visits
    anchors: Sequence[Anchor] = ()
    zone: Zone | None = None  # the visits are those of this zone alone

    @property
    def pools(self) -> list[Pool]:
        """Return the pools that the lot has today, or of which something is known."""
        seen = {*self.visits.group, *(anchor.group for anchor in self.anchors)}
        return [pool for at, pool in enumerate(POOLS) if pool in self.lot.pools or at in seen]

    def capacity(self, pool: Pool) -> int | None:
        """Return the bays of a pool; a zone files what all of its pools have together."""
        return self.lot.pools.get(pool, 0) if self.zone is None else None


class Day(NamedTuple):
    """One day as seconds; today ends now."""

    day: date
    from_s: int
    until_s: int


# --- a recount of everything


class Tallying:
    """Counts by lot and pool, made anew out of visits that come in pieces."""

    def __init__(self, kept: Mapping[tuple[int, str], int]) -> None:
        self._kept = kept
        self._groups = {key: group for group, key in enumerate(sorted(kept))}
        self._counters = _native.Counters(GROUPS_MAX)
        self._visits = 0

    def take(self, visits: Iterable[tuple[int, str, int, int | None]]) -> None:
        """Count visits as (lot, pool, entered second, left second)."""
        group, delta, at_s = array("I"), array("b"), array("I")
        for lot_id, pool, entered_s, left_s in visits:
            number = self._groups.setdefault((lot_id, pool), len(self._groups))
            for way, second in ((1, entered_s), (-1, left_s)):
                if second is not None:
                    group.append(number)
                    delta.append(way)
                    at_s.append(second)
            self._visits += 1
        self._counters.apply(group, delta, at_s)

    def result(self) -> Recounted:
        """Return every count beside what is kept of it; a count that is not kept is zero."""
        occupied = self._counters.occupied()
        pairs = [
            CountPair(LotId(key[0]), Pool(key[1]), self._kept.get(key, 0), occupied[group])
            for key, group in sorted(self._groups.items())
        ]
        return Recounted(self._visits, pairs)


# --- what may be asked


def window_of(query: HistoryQuery, now: datetime) -> Window:
    """Read a question as steps; a moment is one step of one second."""
    if query.at is not None:
        if query.from_at is not None or query.until_at is not None:
            raise QueryInvalid("Ask for one moment or for a span, not for both.", field="at")
        return Window(_second("at", query.at, now), 1, 1)
    if query.from_at is None:
        raise QueryInvalid("at or from is missing.", field="at")
    from_s = _second("from", query.from_at, now)
    until_s = int(now.timestamp())
    if query.until_at is not None:
        until_s = _second("to", query.until_at, now)
    return _steps(query, from_s, until_s)


def _steps(query: HistoryQuery, from_s: int, until_s: int) -> Window:
    if query.until_at is not None and (until_s - from_s) % query.step_s:
        raise QueryInvalid("From from to to is no whole number of steps.", field="step_s")
    steps = (until_s - from_s) // query.step_s
    if steps < 1:
        raise QueryInvalid("No whole step lies between from and to.", field="from")
    if steps * query.step_s > HISTORY_SPAN_MAX.total_seconds():
        raise QueryInvalid(f"A span is at most {HISTORY_SPAN_MAX.days} days.", field="from")
    if steps > HISTORY_STEPS_MAX:
        raise QueryInvalid(f"{steps} steps, at most {HISTORY_STEPS_MAX}.", field="step_s")
    return Window(from_s, query.step_s, steps)


def _second(field: str, at: datetime, now: datetime) -> int:
    if not FIRST_AT <= at <= now:
        raise QueryInvalid(f"{field} lies before 2000 or in the future.", field=field)
    return int(at.timestamp())


def days_of(query: StatisticsQuery, now: datetime) -> list[Day]:
    """Read a question as days by China's clock."""
    last_day = query.until_day or query.from_day
    today = now.astimezone(CHINA).date()
    if not FIRST_AT.date() <= query.from_day <= today:
        raise QueryInvalid("from_day lies before 2000 or in the future.", field="from_day")
    if not query.from_day <= last_day <= today:
        raise QueryInvalid("until_day lies before from_day or in the future.", field="until_day")
    many = (last_day - query.from_day).days + 1
    if many > STATISTICS_DAYS_MAX:
        raise QueryInvalid(f"{many} days, at most {STATISTICS_DAYS_MAX}.", field="until_day")
    days = (query.from_day + timedelta(days=n) for n in range(many))
    return [_day(day, int(now.timestamp()) + 1) for day in days]


def _day(day: date, end_s: int) -> Day:
    from_s = int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())
    return Day(day, from_s, min(from_s + DAY_S, end_s))


def zone_of(lot: Lot, asked: str | None) -> Zone | None:
    """Return the zone that is asked for, if one is."""
    if asked is None:
        return None
    for zone in lot.zones:
        if zone.zone == asked:
            return zone
    raise QueryInvalid(f"The lot has no zone {asked}.", field="zone")


def entrances(lot: Lot, lanes: Iterable[Lane], zone: Zone | None, *, apart: bool) -> Entrances:
    """Say by which lanes visits are told apart, or which alone are looked at."""
    if zone is not None:
        own = [lane.lane for lane in lanes if lane.zone == zone.zone]
        return Entrances(own, [0] * len(own), alone=True)
    place = {zone.zone: number for number, zone in enumerate(lot.zones, 1)}
    known = [(lane.lane, place[lane.zone]) for lane in lanes if apart and lane.zone in place]
    return Entrances([lane for lane, _ in known], [number for _, number in known])


# --- what is answered


def moment(past: Past, at: datetime) -> HistoryMoment:
    """Say what a lot or a zone held at one moment."""
    window = Window(int(at.timestamp()), 1, 1)
    zoned, past = past.visits, _by_pool(past)
    steps, pools = _timeline(past, window), {}
    for pool in past.pools:
        [(_, _, raw, calibrated)] = steps[pool]
        anchor = _last_anchor(past, pool, window.from_s)
        pools[pool] = _pool_moment(past.capacity(pool), raw, calibrated, anchor)
    told = HistoryMoment(past.lot.code, at, is_open(past.lot.opening_hours, at), pools)
    if past.zone is None:
        return replace(told, zones=_zone_moments(past, zoned, window) or UNSET)
    [(_, _, raw, _)] = _whole(past, window)
    whole = _pool_moment(past.zone.capacity, raw, None, None)
    return replace(told, zone=past.zone, whole=whole)


def _zone_moments(past: Past, zoned: Visits, window: Window) -> dict[str, ZoneMoment]:
    many = len(POOLS)
    groups = many * (1 + len(past.lot.zones))
    held = [step[2][1] for step in _native.timeline(groups, *zoned[:3], (), window)]
    told = {}
    for place, zone in enumerate(past.lot.zones, 1):
        pools = {pool: held[many * place + POOLS.index(pool)] for pool in past.pools}
        raw = sum(pools.values())
        free = min(max(zone.capacity - raw, 0), zone.capacity)
        told[zone.zone] = ZoneMoment(zone.capacity, raw, free, pools)
    return told


def _pool_moment(
    capacity: int | None, raw: Level, calibrated: Level | None, anchor: Anchor | None
) -> PoolMoment:
    counted, held = raw[1], calibrated and calibrated[1]
    best = counted if held is None else held
    free = None if capacity is None else free_of(capacity, best)
    return PoolMoment(
        capacity=capacity,
        raw=counted,
        calibrated=held,
        drift=None if held is None else held - counted,
        snapshot_at=None if anchor is None else _instant(anchor.at_s),
        free=free,
    )


def span(past: Past, window: Window) -> HistorySpan:
    """Say what a lot or a zone held over a span, step by step."""
    timeline, hours = _timeline(past, window), past.lot.opening_hours
    whole = [] if past.zone is None else _whole(past, window)
    steps = []
    for number in range(window.steps):
        begins_at = _instant(window.from_s + number * window.step_s)
        pools = {pool: _pool_step(of[number], window.step_s) for pool, of in timeline.items()}
        together = _pool_step(whole[number], window.step_s) if whole else UNSET
        steps.append(HistoryStep(begins_at, is_open(hours, begins_at), pools, together))
    return HistorySpan(
        lot=past.lot.code,
        from_at=_instant(window.from_s),
        until_at=_instant(window.until_s),
        step_s=window.step_s,
        capacities={} if past.zone else {pool: past.lot.pools.get(pool, 0) for pool in timeline},
        steps=steps,
        zone=past.zone or UNSET,
    )


def _pool_step(step: Step, step_s: int) -> PoolStep:
    entries, exits, raw, calibrated = step
    shown = None if calibrated is None else _level(calibrated, step_s)
    drift = None if calibrated is None else calibrated[1] - raw[1]
    return PoolStep(entries, exits, _level(raw, step_s), shown, drift)


def _level(level: Level, step_s: int) -> HistoryLevel:
    first, last, least, most, bay_seconds = level
    return HistoryLevel(first, last, least, most, round(bay_seconds / step_s, 3))


def statistics(past: Past, days: Sequence[Day]) -> LotStatistics:
    """Say what the visits of each day add up to."""
    window = Window(days[0].from_s, DAY_S, len(days))
    timeline = _timeline(past, window)
    whole = [] if past.zone is None else _whole(past, window)
    shown = []
    for number, day in enumerate(days):
        tallies = _native.tally(len(POOLS), *past.visits, (day.from_s, day.until_s))
        pools = {
            pool: _pool_statistics(
                past.capacity(pool),
                tallies[POOLS.index(pool)],
                seconds=day.until_s - day.from_s,
                peak=steps[number][2][3],
            )
            for pool, steps in timeline.items()
        }
        together = _zone_statistics(past, day, whole[number]) if whole else UNSET
        shown.append(DayStatistics(day.day, _instant(day.until_s), pools, together))
    return LotStatistics(past.lot.code, shown, past.zone or UNSET)


def _zone_statistics(past: Past, day: Day, step: Step) -> PoolStatistics:
    assert past.zone is not None, "only a zone is told as a whole"
    [sums] = _native.tally(1, *_as_one(past.visits), (day.from_s, day.until_s))
    seconds = day.until_s - day.from_s
    return _pool_statistics(past.zone.capacity, sums, seconds=seconds, peak=step[2][3])


def _pool_statistics(
    capacity: int | None, sums: tuple[int, int, int, int, int, int], *, seconds: int, peak: int
) -> PoolStatistics:
    entries, exits, orders, charged, stayed_s, bay_seconds = sums
    return PoolStatistics(
        capacity=capacity,
        entries=entries,
        exits=exits,
        orders=orders,
        charged_orders=charged,
        mean_stay_s=_ratio(stayed_s, orders),
        turnover=_ratio(orders, capacity),
        effective_turnover=_ratio(charged, capacity),
        utilisation=_ratio(bay_seconds, (capacity or 0) * seconds),
        peak=peak,
    )


def _ratio(part: int, whole: int | None) -> float | None:
    return round(part / whole, 4) if whole else None


def _timeline(past: Past, window: Window) -> dict[Pool, list[Step]]:
    group, entered_s, left_s, _ = past.visits
    steps = _native.timeline(len(POOLS), group, entered_s, left_s, past.anchors, window)
    return {pool: list(_of(pool, steps, window.steps)) for pool in past.pools}


def _whole(past: Past, window: Window) -> Sequence[Step]:
    """Return the steps of all pools together: peaks of pools do not add up to that of all."""
    return _native.timeline(1, *_as_one(past.visits)[:3], (), window)


def _as_one(visits: Visits) -> Visits:
    return visits._replace(group=array("H", bytes(2 * len(visits.group))))


def _by_pool(past: Past) -> Past:
    if past.zone or not past.lot.zones:
        return past
    pools = array("H", [group % len(POOLS) for group in past.visits.group])
    return past._replace(visits=past.visits._replace(group=pools))


def _of(pool: Pool, steps: Sequence[Step], many: int) -> Iterable[Step]:
    first = POOLS.index(pool) * many
    return steps[first : first + many]


def _last_anchor(past: Past, pool: Pool, at_s: int) -> Anchor | None:
    of_pool = [one for one in past.anchors if POOLS[one.group] is pool and one.at_s <= at_s]
    return of_pool[-1] if of_pool else None


def _instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).astimezone(CHINA)
