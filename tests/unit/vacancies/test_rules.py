from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from onepark.contexts.registry.model import Hours
from onepark.contexts.vacancies.errors import QueryInvalid
from onepark.contexts.vacancies.model import PoolVacancy, Quality, Source, StreamQuery, Trust
from onepark.contexts.vacancies.rules import (
    Due,
    Known,
    LotCounts,
    check_stream,
    codes_of,
    due_after,
    is_newer,
    is_open,
    quality_of,
    show,
)
from onepark.infra.settings import Settings
from onepark.kernel.types import CHINA, LotId, Pool
from tests.builders import EIGHT, minutes
from tests.fakes.city import a_calibration, a_city_lot, a_count
from tests.fakes.days import a_snapshot

TRUST = Trust(late_s=180, lost_s=1800)
KNOWN = Known(complete=True, source=Source.LIVE, trust=TRUST)


def counted(occupied: int) -> LotCounts:
    return LotCounts({Pool.SHORT_STAY: a_count(occupied)}, EIGHT)


@pytest.mark.parametrize(
    ("age_s", "quality"),
    [
        (0, Quality.LIVE),
        (180, Quality.LIVE),
        (181, Quality.LATE),
        (1800, Quality.LATE),
        (1801, Quality.LOST),
        (None, Quality.LOST),
    ],
)
def test_a_count_is_live_then_late_then_lost(age_s, quality):
    assert quality_of(age_s, TRUST) is quality


@pytest.mark.parametrize(
    ("incarnation", "n", "newer"), [(1, 6, True), (1, 5, False), (1, 4, False), (2, 0, True)]
)
def test_a_restored_database_outranks_every_older_number(incarnation, n, newer):
    known = a_count(3, n=5, incarnation=1)
    assert is_newer(a_count(3, n=n, incarnation=incarnation), known) is newer
    assert not is_newer(a_count(3, n=900, incarnation=0), known)


@pytest.mark.parametrize(("occupied", "free"), [(0, 100), (41, 59), (100, 0), (107, 0), (-2, 100)])
def test_citizens_see_free_bays_between_none_and_all_while_the_raw_count_stays(occupied, free):
    shown = show(a_city_lot(), counted(occupied), of=KNOWN, at=EIGHT)
    assert (shown.free, shown.capacity) == (free, 100)
    assert shown.pools == {Pool.SHORT_STAY: PoolVacancy(100, occupied, free, occupied)}


def test_free_and_capacity_are_those_of_short_stay_alone():
    lot = a_city_lot(pools={Pool.CONTRACT: 50, Pool.SHORT_STAY: 20})
    shown = show(lot, counted(5), of=KNOWN, at=EIGHT)
    assert (shown.free, shown.capacity) == (15, 20)
    assert shown.pools[Pool.CONTRACT] == PoolVacancy(50, 0, 50, 0)


def test_a_lot_that_nobody_counted_is_empty_and_lost():
    shown = show(a_city_lot(), LotCounts({}), of=KNOWN, at=EIGHT)
    assert (shown.free, shown.as_of, shown.age_s) == (100, None, None)
    assert shown.quality is Quality.LOST


def test_before_the_database_was_read_nothing_is_claimed():
    known = Known(complete=False, source=Source.DATABASE, trust=TRUST)
    shown = show(a_city_lot(), LotCounts({}), of=known, at=EIGHT)
    assert (shown.free, shown.pools[Pool.SHORT_STAY]) == (None, PoolVacancy(100, None, None, None))


@pytest.mark.parametrize(
    ("raw", "drift", "occupied", "free"),
    [
        (10, 5, 15, 85),
        (10, -5, 5, 95),
        (10, -15, -5, 100),
        (90, 15, 105, 0),
        (10, 9_999_990, 10_000_000, 0),
        (10, 0, 10, 90),
    ],
)
def test_what_a_snapshot_says_more_is_added_and_free_stays_in_range(raw, drift, occupied, free):
    known = LotCounts(counted(raw).counts, EIGHT, {Pool.SHORT_STAY: a_calibration(drift)})
    shown = show(a_city_lot(), known, of=KNOWN, at=EIGHT)
    told = PoolVacancy(100, occupied, free, raw, drift, EIGHT)
    assert (shown.free, shown.pools) == (free, {Pool.SHORT_STAY: told})


def test_a_snapshot_that_tells_nothing_any_more_leaves_the_raw_count():
    known = LotCounts(counted(10).counts, EIGHT, {Pool.SHORT_STAY: a_calibration(None)})
    shown = show(a_city_lot(), known, of=KNOWN, at=EIGHT)
    assert shown.pools == {Pool.SHORT_STAY: PoolVacancy(100, 10, 90, 10)}


def test_before_the_database_was_read_drift_alone_claims_nothing():
    known = Known(complete=False, source=Source.LIVE, trust=TRUST)
    told = LotCounts({}, EIGHT, {Pool.SHORT_STAY: a_calibration(5)})
    shown = show(a_city_lot(), told, of=known, at=EIGHT)
    assert shown.pools == {Pool.SHORT_STAY: PoolVacancy(100, None, None, None)}


def test_without_other_settings_three_minutes_are_late_and_thirty_are_lost():
    settings = Settings(database_url="", redis_url="", secret_key="")
    assert Trust(settings.vacancy_late_s, settings.vacancy_lost_s) == TRUST


@pytest.mark.parametrize(
    ("taken", "due"),
    [([0], 0), ([-5, -1, -3], -1), ([-1, 3], -1), ([4, 2], 2)],
)
def test_a_pool_is_due_by_its_last_past_snapshot_or_else_by_the_next(taken, due):
    second = timedelta(microseconds=900_000)
    told = [a_snapshot(LotId(1), EIGHT + minutes(m) + second, 7) for m in taken]
    told = [replace(one, received_at=EIGHT + second) for one in told]
    assert due_after(told) == [
        Due(LotId(1), Pool.SHORT_STAY, 7, len(taken), EIGHT + minutes(due)),
    ]


def test_pools_and_lots_are_due_apart_and_in_the_order_of_their_keys():
    told = [a_snapshot(LotId(lot), EIGHT, 7) for lot in (2, 1)]
    both = replace(told[0], occupied={Pool.SHORT_STAY: 7, Pool.CHARGING: 1})
    due = [(one.lot_id, one.pool) for one in due_after([both, told[1]])]
    assert due == [(1, "short_stay"), (2, "charging"), (2, "short_stay")]


def test_an_answer_tells_its_age():
    shown = show(a_city_lot(), counted(1), of=KNOWN, at=EIGHT + timedelta(seconds=200.9))
    assert (shown.as_of, shown.age_s, shown.quality) == (EIGHT, 200, Quality.LATE)


def test_a_clock_that_runs_ahead_makes_no_negative_age():
    assert show(a_city_lot(), counted(1), of=KNOWN, at=EIGHT - timedelta(minutes=1)).age_s == 0


DAY = Hours(days=(1, 2, 3, 4, 5), from_time="07:30", until_time="22:00")
NIGHT = Hours(days=(5,), from_time="20:00", until_time="06:00")
TO_MIDNIGHT = Hours(days=(6,), from_time="00:00", until_time="24:00")


@pytest.mark.parametrize(
    ("hours", "at", "is_it"),
    [
        ("24h", datetime(2026, 11, 22, 3, 0, tzinfo=CHINA), True),
        ((DAY,), datetime(2026, 11, 20, 7, 29, tzinfo=CHINA), False),
        ((DAY,), datetime(2026, 11, 20, 7, 30, tzinfo=CHINA), True),
        ((DAY,), datetime(2026, 11, 20, 21, 59, tzinfo=CHINA), True),
        ((DAY,), datetime(2026, 11, 20, 22, 0, tzinfo=CHINA), False),
        ((DAY,), datetime(2026, 11, 21, 12, 0, tzinfo=CHINA), False),  # a Saturday
        ((NIGHT,), datetime(2026, 11, 20, 20, 0, tzinfo=CHINA), True),  # Friday evening
        ((NIGHT,), datetime(2026, 11, 21, 5, 59, tzinfo=CHINA), True),  # into Saturday
        ((NIGHT,), datetime(2026, 11, 21, 6, 0, tzinfo=CHINA), False),
        ((NIGHT,), datetime(2026, 11, 20, 5, 0, tzinfo=CHINA), False),  # Thursday night
        ((TO_MIDNIGHT,), datetime(2026, 11, 21, 23, 59, tzinfo=CHINA), True),
        ((DAY, TO_MIDNIGHT), datetime(2026, 11, 21, 12, 0, tzinfo=CHINA), True),
    ],
)
def test_a_lot_is_open_by_chinas_clock(hours, at, is_it):
    assert is_open(hours, at) is is_it
    assert is_open(hours, at.astimezone()) is is_it


def test_a_closed_lot_is_not_full():
    shown = show(a_city_lot(opening_hours=(NIGHT,)), counted(0), of=KNOWN, at=EIGHT)
    assert (shown.open, shown.free) == (False, 100)


def test_a_stream_names_each_lot_once():
    assert codes_of("320281001101, 320281001102,320281001101,") == (
        "320281001101",
        "320281001102",
    )


@pytest.mark.parametrize("lots", ["", " , ", ",".join(str(n) for n in range(101))])
def test_a_stream_of_no_lot_or_too_many_is_refused(lots):
    with pytest.raises(QueryInvalid) as refused:
        codes_of(lots)
    assert refused.value.facts == {"field": "lots"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (StreamQuery(lat=1), "lon"),
        (StreamQuery(lon=1), "lat"),
        (StreamQuery(lots="1", lat=1, lon=1), "lots"),
    ],
)
def test_a_stream_follows_lots_or_a_whole_position(query, field):
    with pytest.raises(QueryInvalid) as refused:
        check_stream(query)
    assert refused.value.facts == {"field": field}
    assert check_stream(StreamQuery(lat=1, lon=1)) == StreamQuery(lat=1, lon=1)
