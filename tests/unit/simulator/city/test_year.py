"""A year of the demonstration city is drawn whole, and one seed gives one year."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from statistics import mean

import numpy as np
import pytest

from onepark.app.repricing import fees_of, reprice_year
from onepark.contexts.tariffs.rules import compile_plan
from onepark.kernel.types import CHINA
from onepark.simulator.city.profile import (
    DAY_S,
    HOUR_S,
    PROFILES,
    Kind,
    draw_stay_s,
    spread_of_arrivals_s,
    spread_of_stays_s,
)
from onepark.simulator.city.year import Chunk, Group, draw_year, groups_of, shares
from onepark.simulator.demo_city import demo_city

VEHICLES = ("small", "medium", "large", "motorcycle")  # by their number in columns
GROUPS = groups_of(demo_city())
HOURLY = compile_plan(
    '{"windows": [{"name": "a", "from": "00:00", "to": "24:00",'
    ' "tiers": [{"unit_minutes": 60, "price_fen": 500}]}],'
    ' "vehicles": {"large": {"price_permille": 2000}}}'
)


def chunks(stays: int = 20_000, **changes: int) -> list[Chunk]:
    return list(draw_year(GROUPS, **({"year": 2026, "stays": stays, "seed": 1} | changes)))


def test_every_kind_of_lot_has_its_part_and_the_parts_add_up():
    assert {group.kind for group in GROUPS} == set(Kind)
    assert {group.plan_key for group in GROUPS} == {lot["plan_key"] for lot in demo_city()["lots"]}
    for stays in (1, 7, 1_000, 10_000_000):
        assert sum(shares(GROUPS, stays)) == stays
    assert sum(len(chunk.entered_s) for chunk in chunks()) == 20_000


def test_one_seed_gives_one_year_and_another_seed_another():
    first, again, other = chunks(), chunks(), chunks(seed=2)
    assert all(np.array_equal(a.until_s, b.until_s) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].until_s, other[0].until_s)


def test_a_chunk_never_holds_more_than_it_may():
    sizes = [len(chunk.entered_s) for chunk in chunks(chunk_stays=1_000)]
    assert max(sizes) == 1_000
    assert sum(sizes) == 20_000


@pytest.mark.parametrize("year", [2026, 2028])
def test_every_day_of_a_year_has_cars_and_no_other_day_has(year):
    first_at, end_at = (datetime(one, 1, 1, tzinfo=CHINA) for one in (year, year + 1))
    days: Counter[int] = Counter()
    for chunk in chunks(year=year, stays=100_000):
        days.update((chunk.entered_s - int(first_at.timestamp())) // DAY_S)
    assert set(days) == set(range((end_at - first_at) // timedelta(days=1)))


def test_cars_leave_after_they_came_and_stay_as_long_as_their_kind_does():
    for chunk in chunks():
        assert (chunk.until_s > chunk.entered_s).all()
        assert (chunk.until_s - chunk.entered_s).max() <= DAY_S
        assert set(chunk.vehicle.tolist()) == set(range(len(VEHICLES)))


@pytest.mark.parametrize("kind", Kind)
def test_the_spread_of_stays_is_that_of_the_cars_that_are_drawn_one_by_one(kind):
    spread, random = spread_of_stays_s(kind, 65_536), Random(7)
    drawn = [draw_stay_s(kind, random) for _ in range(20_000)]
    assert mean(spread) == pytest.approx(mean(drawn), rel=0.05)
    assert len(spread) == 65_536


@pytest.mark.parametrize("kind", Kind)
def test_cars_come_in_each_hour_as_often_as_their_kind_does(kind):
    spread = spread_of_arrivals_s(kind, 65_536)
    by_hour = Counter(second // HOUR_S for second in spread)
    whole = sum(PROFILES[kind].by_hour)
    for hour, share in enumerate(PROFILES[kind].by_hour):
        assert by_hour[hour] == pytest.approx(65_536 * share / whole, abs=1)
    assert len(spread) == 65_536


def test_a_chunk_is_priced_as_its_stays_are_one_by_one():
    for chunk in draw_year([Group(Kind.MALL, "x", 1.0)], year=2026, stays=500, seed=3):
        rows = zip(chunk.entered_s, chunk.until_s, chunk.vehicle, strict=True)
        alone = [HOURLY.price(int(a), int(b), VEHICLES[v])[0] for a, b, v in rows]
        assert list(fees_of(HOURLY, chunk)) == alone


def test_a_year_s_report_adds_up():
    report = reprice_year(year=2026, stays=5_000, seed=1)
    assert sum(earned.stays for earned in report.by_kind.values()) == report.stays == 5_000
    assert sum(earned.total_fen for earned in report.by_kind.values()) == report.total_fen > 0
    assert set(report.by_kind) == {kind.value for kind in Kind}
    again = reprice_year(year=2026, stays=5_000, seed=1)
    assert (again.total_fen, again.by_kind) == (report.total_fen, report.by_kind)
    assert [line for line in report.lines() if line.endswith("stays/s")] == [*report.lines()][-1:]
