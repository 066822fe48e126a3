"""What may be said of a lot's past.

Owns: which moments and spans may be asked for, and what visits and snapshots make of them: levels
as counted and as calibrated, and the indicators of a day.
Never: awaits, reads the clock, or adds up by itself: the sums are made in native code.

Raw is what the passages add up to. Calibrated is the last snapshot at or before a moment, plus the
passages after it; a passage of the snapshot's own second is in it. Drift is calibrated less raw, so
a late passage from before the snapshot moves raw and drift, and leaves calibrated alone.

The indicators are those of a published data set (Zhaotong, selectdataset.com), which states:
turnover = (free + paid orders) / spaces; average stay = total minutes / (free + paid orders). It
names without a formula: effective turnover, here paid orders / spaces; utilisation, here occupied
bay seconds / offered bay seconds; in and out flow, here the entries and exits of the day.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, TypeAlias

from onepark import _native
from onepark.contexts.registry.model import Lot
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


class Visits(NamedTuple):
    """When cars were inside, as columns; ``ended`` is 0 for unknown, 1 for free, 2 for charged."""

    group: "array[int]"
    entered_s: "array[int]"
    left_s: "array[int]"
    ended: "array[int]"


class Past(NamedTuple):
    """Everything that an answer about a lot's past may look at."""

    lot: Lot
    visits: Visits
    anchors: Sequence[Anchor] = ()

    @property
    def pools(self) -> list[Pool]:
        """Return the pools that the lot has today, or of which something is known."""
        seen = {*self.visits.group, *(anchor.group for anchor in self.anchors)}
        return [pool for at, pool in enumerate(POOLS) if pool in self.lot.pools or at in seen]


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


# --- what is answered


def moment(past: Past, at: datetime) -> HistoryMoment:
    """Say what a lot held at one moment."""
    window = Window(int(at.timestamp()), 1, 1)
    steps, pools = _timeline(past, window), {}
    for pool in past.pools:
        [(_, _, raw, calibrated)] = steps[pool]
        anchor = _last_anchor(past, pool, window.from_s)
        pools[pool] = _pool_moment(past.lot.pools.get(pool, 0), raw, calibrated, anchor)
    return HistoryMoment(past.lot.code, at, is_open(past.lot.opening_hours, at), pools)


def _pool_moment(
    capacity: int, raw: Level, calibrated: Level | None, anchor: Anchor | None
) -> PoolMoment:
    counted, held = raw[1], calibrated and calibrated[1]
    free = free_of(capacity, counted if held is None else held)
    assert free is not None, "something was counted"
    return PoolMoment(
        capacity=capacity,
        raw=counted,
        calibrated=held,
        drift=None if held is None else held - counted,
        snapshot_at=None if anchor is None else _instant(anchor.at_s),
        free=free,
    )


def span(past: Past, window: Window) -> HistorySpan:
    """Say what a lot held over a span, step by step."""
    timeline, hours = _timeline(past, window), past.lot.opening_hours
    steps = []
    for number in range(window.steps):
        begins_at = _instant(window.from_s + number * window.step_s)
        pools = {pool: _pool_step(of[number], window.step_s) for pool, of in timeline.items()}
        steps.append(HistoryStep(begins_at, is_open(hours, begins_at), pools))
    return HistorySpan(
        lot=past.lot.code,
        from_at=_instant(window.from_s),
        until_at=_instant(window.until_s),
        step_s=window.step_s,
        capacities={pool: past.lot.pools.get(pool, 0) for pool in timeline},
        steps=steps,
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
    shown = []
    for number, day in enumerate(days):
        tallies = _native.tally(len(POOLS), *past.visits, (day.from_s, day.until_s))
        pools = {
            pool: _pool_statistics(
                past.lot.pools.get(pool, 0),
                tallies[POOLS.index(pool)],
                seconds=day.until_s - day.from_s,
                peak=steps[number][2][3],
            )
            for pool, steps in timeline.items()
        }
        shown.append(DayStatistics(day.day, _instant(day.until_s), pools))
    return LotStatistics(past.lot.code, shown)


def _pool_statistics(
    capacity: int, sums: tuple[int, int, int, int, int, int], *, seconds: int, peak: int
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
        utilisation=_ratio(bay_seconds, capacity * seconds),
        peak=peak,
    )


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _timeline(past: Past, window: Window) -> dict[Pool, list[Step]]:
    group, entered_s, left_s, _ = past.visits
    steps = _native.timeline(len(POOLS), group, entered_s, left_s, past.anchors, window)
    return {pool: list(_of(pool, steps, window.steps)) for pool in past.pools}


def _of(pool: Pool, steps: Sequence[Step], many: int) -> Iterable[Step]:
    first = POOLS.index(pool) * many
    return steps[first : first + many]


def _last_anchor(past: Past, pool: Pool, at_s: int) -> Anchor | None:
    of_pool = [one for one in past.anchors if POOLS[one.group] is pool and one.at_s <= at_s]
    return of_pool[-1] if of_pool else None


def _instant(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).astimezone(CHINA)
