"""Which past may be asked for, and what visits and snapshots make of it."""

from array import array
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples
from msgspec import UNSET

from onepark.contexts.registry.model import Direction, Lane, Zone
from onepark.contexts.vacancies import past_rules as rules
from onepark.contexts.vacancies.errors import QueryInvalid
from onepark.contexts.vacancies.model import (
    HistoryLevel,
    HistoryQuery,
    PoolMoment,
    PoolStatistics,
    StatisticsQuery,
    Window,
)
from onepark.contexts.vacancies.past_rules import STILL_INSIDE, Anchor, Past, Visits
from onepark.kernel.types import CHINA, LaneCode, LotId, Pool
from tests.builders import EIGHT
from tests.fakes.city import a_city_lot

NOON = EIGHT + timedelta(hours=4)
EIGHT_S = int(EIGHT.timestamp())


def ask(**changes: Any) -> Window:
    return rules.window_of(HistoryQuery(**changes), NOON)


def a_past(*visits: tuple[float, float | None], anchors: list[Anchor] | None = None) -> Past:
    """Visits of the short-stay pool in minutes after eight; None for a car that is inside."""
    came = [EIGHT_S + int(entered * 60) for entered, _ in visits]
    left = [STILL_INSIDE if end is None else EIGHT_S + int(end * 60) for _, end in visits]
    ended = [0 if end is None else 1 + at % 2 for at, (_, end) in enumerate(visits)]
    columns = Visits(
        array("H", [0] * len(visits)), array("I", came), array("I", left), array("B", ended)
    )
    return Past(a_city_lot(), columns, anchors or [])


def test_a_moment_is_one_second():
    assert ask(at=EIGHT + timedelta(milliseconds=900)) == Window(EIGHT_S, 1, 1)


def test_a_span_without_an_end_reaches_to_its_last_whole_step():
    assert ask(from_at=EIGHT, step_s=5_000) == Window(EIGHT_S, 5_000, 2)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "at"),
        ({"until_at": EIGHT}, "at"),
        ({"at": EIGHT, "from_at": EIGHT}, "at"),
        ({"at": EIGHT, "until_at": EIGHT}, "at"),
        ({"at": NOON + timedelta(seconds=1)}, "at"),
        ({"at": datetime(1999, 12, 31, tzinfo=UTC)}, "at"),
        ({"at": datetime.min.replace(tzinfo=CHINA)}, "at"),
        ({"at": datetime.max.replace(tzinfo=CHINA)}, "at"),
        ({"from_at": NOON + timedelta(hours=1)}, "from"),
        ({"from_at": EIGHT, "until_at": NOON + timedelta(hours=1)}, "to"),
        ({"from_at": EIGHT, "until_at": EIGHT}, "from"),
        ({"from_at": NOON, "until_at": EIGHT}, "from"),
        ({"from_at": NOON - timedelta(minutes=30)}, "from"),
        ({"from_at": EIGHT, "until_at": NOON, "step_s": 7_000}, "step_s"),
        ({"from_at": EIGHT, "until_at": NOON, "step_s": 1}, "step_s"),
        ({"from_at": NOON - timedelta(days=32)}, "from"),
    ],
)
def test_a_senseless_span_is_refused_by_name(changes, field):
    with pytest.raises(QueryInvalid) as refusal:
        ask(**changes)
    assert refusal.value.facts == {"field": field}


@pytest.mark.parametrize(
    ("changes", "many"),
    [
        ({"from_at": NOON - timedelta(days=31)}, 744),
        ({"from_at": NOON - timedelta(seconds=1_500), "step_s": 1}, 1_500),
    ],
)
def test_the_longest_span_and_the_most_steps_are_answered(changes, many):
    assert ask(**changes).steps == many


def moment(past: Past, minute: float) -> PoolMoment:
    return rules.moment(past, EIGHT + timedelta(minutes=minute)).pools[Pool.SHORT_STAY]


def test_a_moment_tells_what_was_counted_and_what_was_free():
    past = a_past((0, 30), (10, None), (20, 21))
    assert [moment(past, minute).raw for minute in (-1, 0, 10, 20.5, 21, 30, 90)] == [
        *(0, 1, 2, 3),
        *(2, 1, 1),
    ]
    assert moment(past, 90) == PoolMoment(100, 1, None, None, None, 99)


def test_a_snapshot_calibrates_from_its_own_second_on_and_the_drift_is_told():
    past = a_past((0, 30), (10, None), anchors=[Anchor(0, EIGHT_S + 900, 5)])
    assert moment(past, 14).calibrated is None
    taken_at = EIGHT + timedelta(minutes=15)
    assert moment(past, 15) == PoolMoment(100, 2, 5, 3, taken_at, 95)
    assert moment(past, 30) == PoolMoment(100, 1, 4, 3, taken_at, 96)


def test_a_passage_of_the_snapshots_own_second_is_in_it():
    taken = [Anchor(0, EIGHT_S + 600, 5)]
    assert moment(a_past((10, None), anchors=taken), 10).calibrated == 5
    assert moment(a_past((10 + 1 / 60, None), anchors=taken), 11).calibrated == 6


def test_a_late_visit_from_before_the_snapshot_moves_raw_and_drift_alone():
    taken = [Anchor(0, EIGHT_S + 900, 5)]
    before = moment(a_past((0, 30), anchors=taken), 20)
    after = moment(a_past((0, 30), (1, None), anchors=taken), 20)
    assert (before.raw, before.calibrated, before.drift) == (1, 5, 4)
    assert (after.raw, after.calibrated, after.drift) == (2, 5, 3)


def test_a_negative_count_is_told_and_free_bays_are_never_out_of_range():
    past = a_past((0, 30), anchors=[Anchor(0, EIGHT_S + 60, 0)])
    assert moment(past, 40) == PoolMoment(100, 0, -1, -1, EIGHT + timedelta(minutes=1), 100)


ZONES = (Zone("A", "甲区", 2), Zone("B", "乙区", 3))


def a_lane(name: str, zone: str | None) -> Lane:
    return Lane(LaneCode(name), LotId(1), Direction.ENTRY, confirms_exit=True, zone=zone)


LANES = [a_lane("E1", "B"), a_lane("E2", None), a_lane("E3", "A"), a_lane("E4", "B")]


def test_visits_are_told_apart_by_lanes_that_lead_into_zones():
    lot = a_city_lot(zones=ZONES)
    assert rules.entrances(lot, LANES, None, apart=True) == (["E1", "E3", "E4"], [2, 1, 2], False)
    assert rules.entrances(lot, LANES, None, apart=False) == ([], [], False)
    assert rules.entrances(lot, LANES, ZONES[1], apart=True) == (["E1", "E4"], [0, 0], True)
    assert rules.entrances(lot, [], ZONES[1], apart=True) == ([], [], True)


def test_a_zone_is_found_by_its_code_and_another_is_refused():
    lot = a_city_lot(zones=ZONES)
    assert [rules.zone_of(lot, code) for code in (None, "A", "B")] == [None, *ZONES]
    for stranger in (lot, a_city_lot()):
        with pytest.raises(QueryInvalid) as refusal:
            rules.zone_of(stranger, "C")
        assert refusal.value.facts == {"field": "zone"}


@given(
    cars=lists(tuples(integers(0, 2), sampled_from(Pool), integers(0, 60), integers(0, 60))),
    minute=integers(0, 61),
)
def test_zones_and_those_in_none_add_up_to_the_lot(cars, minute):
    groups = [zone * len(Pool) + list(Pool).index(pool) for zone, pool, _, _ in cars]
    came = [EIGHT_S + 60 * min(a, b) for _, _, a, b in cars]
    left = [EIGHT_S + 60 * max(a, b) for _, _, a, b in cars]
    ended = array("B", bytes(len(cars)))
    lot = a_city_lot(zones=ZONES, pools=dict.fromkeys(Pool, 9))
    visits = Visits(array("H", groups), array("I", came), array("I", left), ended)
    told = rules.moment(Past(lot, visits), EIGHT + timedelta(minutes=minute))
    now = EIGHT_S + 60 * minute
    inside = [
        (zone, pool)
        for (zone, pool, _, _), start, end in zip(cars, came, left, strict=True)
        if start <= now < end
    ]
    assert told.zones is not UNSET
    for place, zone in enumerate(ZONES, 1):
        held = told.zones[zone.zone]
        assert held.pools == {pool: inside.count((place, pool)) for pool in Pool}
        assert held.raw == sum(held.pools.values())
        assert held.free == max(zone.capacity - held.raw, 0)
    for pool in Pool:
        zoned = sum(held.pools[pool] for held in told.zones.values())
        assert told.pools[pool].raw == zoned + inside.count((0, pool))


def test_a_lot_without_zones_tells_of_none():
    told = rules.moment(a_past((0, 30)), EIGHT)
    assert (told.zones, told.zone, told.whole) == (UNSET, UNSET, UNSET)


def test_the_peak_of_a_zone_is_counted_and_not_added_up():
    columns = Visits(
        array("H", [0, 1]),
        array("I", [EIGHT_S, EIGHT_S + 1_800]),
        array("I", [EIGHT_S + 1_800, EIGHT_S + 3_600]),
        array("B", [2, 2]),
    )
    past = Past(a_city_lot(zones=ZONES), columns, zone=ZONES[0])
    [step] = rules.span(past, Window(EIGHT_S, 3_600, 1)).steps
    assert [one.raw.max for one in step.pools.values()] == [1, 1]
    assert step.whole is not UNSET
    assert (step.whole.raw.max, step.whole.entries, step.whole.exits) == (1, 2, 1)
    [day] = rules.statistics(past, rules.days_of(StatisticsQuery(EIGHT.date()), NOON)).days
    assert day.whole is not UNSET
    assert (day.whole.peak, day.whole.turnover, day.whole.effective_turnover) == (1, 1.0, 1.0)


def test_a_span_tells_each_step_from_its_first_second_to_its_last():
    shown = rules.span(a_past((0, 30), (10, None)), Window(EIGHT_S, 1_200, 2))
    first, second = (step.pools[Pool.SHORT_STAY] for step in shown.steps)
    assert (first.entries, first.exits, second.entries, second.exits) == (2, 0, 0, 1)
    assert first.raw == HistoryLevel(1, 2, 1, 2, 1.5)
    assert second.raw == HistoryLevel(2, 1, 1, 2, 1.5)
    assert (shown.from_at, shown.until_at) == (EIGHT, EIGHT + timedelta(minutes=40))
    assert [step.begins_at for step in shown.steps] == [EIGHT, EIGHT + timedelta(minutes=20)]


def test_the_indicators_of_a_day_are_the_published_ones():
    past = a_past((0, 30), (0, 60), (10, None), (-700, -650))
    day = rules.days_of(StatisticsQuery(EIGHT.date()), EIGHT + timedelta(hours=10))
    [shown] = rules.statistics(past, day).days
    seconds = 18 * 3_600 + 1  # the present second is part of today
    inside = 30 * 60 + 60 * 60 + (590 * 60 + 1)
    assert shown.pools[Pool.SHORT_STAY] == PoolStatistics(
        capacity=100,
        entries=3,
        exits=2,
        orders=2,
        charged_orders=1,
        mean_stay_s=2_700.0,
        turnover=0.02,
        effective_turnover=0.01,
        utilisation=round(inside / (100 * seconds), 4),
        peak=3,
    )


def test_a_day_without_visits_has_no_mean_and_a_pool_without_bays_no_turnover():
    past = Past(a_city_lot(pools={Pool.CHARGING: 0}), a_past().visits)
    [shown] = rules.statistics(past, rules.days_of(StatisticsQuery(EIGHT.date()), NOON)).days
    told = shown.pools[Pool.CHARGING]
    assert (told.mean_stay_s, told.turnover, told.utilisation) == (None, None, None)


@pytest.mark.parametrize(
    ("from_day", "until_day", "field"),
    [
        (date(1999, 12, 31), None, "from_day"),
        (date(2026, 11, 21), None, "from_day"),
        (date(2026, 11, 20), date(2026, 11, 19), "until_day"),
        (date(2026, 11, 20), date(2026, 11, 21), "until_day"),
        (date(2026, 10, 20), date(2026, 11, 20), "until_day"),
        (date.min, date.max, "from_day"),
    ],
)
def test_senseless_days_are_refused_by_name(from_day, until_day, field):
    with pytest.raises(QueryInvalid) as refusal:
        rules.days_of(StatisticsQuery(from_day, until_day), NOON)
    assert refusal.value.facts == {"field": field}


def test_days_begin_at_midnight_in_china_and_today_ends_now():
    days = rules.days_of(StatisticsQuery(date(2026, 10, 21), date(2026, 11, 20)), NOON)
    assert len(days) == 31
    assert days[-1].from_s == EIGHT_S - 8 * 3_600
    assert days[-1].until_s == int(NOON.timestamp()) + 1
    assert days[0].until_s == days[1].from_s
