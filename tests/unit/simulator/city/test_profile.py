"""A city fills and empties as cities do, and one seed gives one city."""

import re
from random import Random

import pytest

from onepark.simulator.city.car import draw_car
from onepark.simulator.city.plates import draw_plate
from onepark.simulator.city.profile import (
    DAY_S,
    HOUR_S,
    PROFILES,
    RHYTHMS,
    Flow,
    Kind,
    LotFacts,
    bin_of,
    draw_inside,
    draw_poisson,
    draw_stay_s,
    kind_of,
)

# Short-stay bays by kind of lot in the demonstration city.
CITY = [
    (Kind.ROADSIDE, 4_620),
    (Kind.HOSPITAL, 6_939),
    (Kind.MALL, 19_492),
    (Kind.HOUSING, 7_451),
    (Kind.OFFICE, 4_227),
    (Kind.MARKET, 3_434),
    (Kind.PUBLIC, 7_313),
]


@pytest.mark.parametrize("hour", range(24))
def test_a_fifth_to_three_fifths_of_the_city_are_taken_at_any_hour(hour):
    at = bin_of(hour * HOUR_S)
    inside = sum(bays * RHYTHMS[kind].inside[at] for kind, bays in CITY)
    assert 0.17 <= inside / sum(bays for _, bays in CITY) <= 0.63


@pytest.mark.parametrize("kind", Kind)
def test_no_kind_of_lot_is_more_than_full_on_an_ordinary_day(kind):
    assert max(RHYTHMS[kind].inside) <= 0.99


@pytest.mark.parametrize("kind", Kind)
def test_whoever_comes_leaves(kind):
    rhythm = RHYTHMS[kind]
    assert sum(rhythm.arrivals) == pytest.approx(sum(rhythm.departures))
    assert sum(rhythm.arrivals) * 900 == pytest.approx(PROFILES[kind].turns)


@pytest.mark.parametrize(
    ("kind", "least_h", "most_h"),
    [
        (Kind.ROADSIDE, 0.3, 1.5),
        (Kind.HOSPITAL, 1.0, 3.0),
        (Kind.MALL, 1.0, 4.0),
        (Kind.OFFICE, 4.0, 9.5),
        (Kind.HOUSING, 8.0, 14.0),
    ],
)
def test_most_cars_stay_as_long_as_such_a_lot_is_for(kind, least_h, most_h):
    random = Random(7)
    stays = sorted(draw_stay_s(kind, random) / HOUR_S for _ in range(1_000))
    assert least_h <= stays[500] <= most_h


def test_the_drawn_cars_of_a_lot_are_as_many_as_its_rhythm_says_and_oldest_first():
    visits = draw_inside(Kind.MALL, 1_000, second_of_day=15 * HOUR_S, random=Random(1))
    assert len(visits) == pytest.approx(1_000 * RHYTHMS[Kind.MALL].inside[60], rel=0.15)
    assert visits == sorted(visits, reverse=True)
    assert all(0 <= visit.ago_s <= DAY_S and visit.stays_s > 0 for visit in visits)


def test_one_seed_gives_one_city():
    def drawn(seed):
        random = Random(seed)
        visits = draw_inside(Kind.OFFICE, 50, second_of_day=0.0, random=random)
        return visits, [draw_car("1", Kind.OFFICE, random=random) for _ in range(5)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_cars_go_where_there_are_bays_and_a_reason_to_come():
    flow = Flow([(Kind.MARKET, 100), (Kind.MARKET, 300), (Kind.OFFICE, 0)])
    random = Random(5)
    drawn = [flow.draw_lot(6 * HOUR_S, random) for _ in range(2_000)]
    assert drawn.count(1) / drawn.count(0) == pytest.approx(3, rel=0.2)
    assert 2 not in drawn


def test_chance_draws_as_many_as_expected_on_average():
    random = Random(9)
    assert sum(draw_poisson(0.7, random) for _ in range(10_000)) == pytest.approx(7_000, rel=0.05)
    assert draw_poisson(10_000.0, random) == pytest.approx(10_000, rel=0.05)
    assert draw_poisson(0.0, random) == 0


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (LotFacts(3, 2, None), Kind.ROADSIDE),
        (LotFacts(1, 1, "06"), Kind.HOSPITAL),
        (LotFacts(1, 1, "13"), Kind.MALL),
        (LotFacts(1, 1, "16"), Kind.PUBLIC),
        (LotFacts(2, 1, None), Kind.PUBLIC),
        (LotFacts(), Kind.PUBLIC),
    ],
)
def test_the_archive_says_what_a_lot_is_used_for(facts, kind):
    assert kind_of(facts) == kind


def test_plates_are_of_this_province_and_a_third_of_them_green():
    random = Random(2)
    plates = [draw_plate(random) for _ in range(2_000)]
    letters = "A-HJ-NP-Z"
    blue = re.compile(rf"[苏沪浙][A-Z](?=(?:[{letters}]*\d){{3,5}})[{letters}\d]{{5}}")
    green = re.compile(rf"[苏沪浙][A-Z][A-HJK][{letters}\d]\d{{4}}")
    for plate in plates:
        assert (green if plate.color == "green" else blue).fullmatch(plate.text), plate
    assert sum(plate.text.startswith("苏B") for plate in plates) > 1_700
    assert 500 < sum(plate.color == "green" for plate in plates) < 900
