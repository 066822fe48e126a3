from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats, integers, lists, tuples

from onepark.contexts.registry.model import Lot
from onepark.contexts.vacancies.grid import Grid, Near
from onepark.contexts.vacancies.model import NearbyQuery
from onepark.kernel.types import LotCode, LotId
from tests.fakes.city import LAT, LON, a_city_lot
from tests.reference import nearby_oracle as oracle

PLACES = lists(tuples(floats(31.6, 32.1), floats(119.9, 120.7)), max_size=60)


def haversine_m(lat: float, lon: float, lot: Lot) -> float:
    """Great-circle metres: the plain oracle."""
    north, east = radians(lot.lat_wgs84 - lat), radians(lot.lon_wgs84 - lon)
    across = cos(radians(lat)) * cos(radians(lot.lat_wgs84)) * sin(east / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(sin(north / 2) ** 2 + across))


def lots_at(places: list[tuple[float, float]]) -> list[Lot]:
    return [
        a_city_lot(lot_id=LotId(i), code=LotCode(f"{i:012}"), lat_wgs84=lat, lon_wgs84=lon)
        for i, (lat, lon) in enumerate(places, 1)
    ]


@settings(max_examples=150, deadline=None)
@given(PLACES, floats(31.6, 32.1), floats(119.9, 120.7), integers(1, 20_000), integers(1, 20))
def test_the_grid_finds_what_a_look_at_every_lot_finds(places, lat, lon, radius_m, limit):
    lots = lots_at(places)
    found = Grid(lots).nearest(NearbyQuery(lat, lon, radius_m, limit))
    slowly = oracle.nearest(places, lat, lon, radius_m=radius_m, limit=limit)
    assert found == [Near(away_m, lots[n].code, lots[n]) for away_m, n in slowly]


def test_of_lots_at_one_distance_the_lower_code_comes_first_however_they_are_filed():
    here = [a_city_lot(n, lat_wgs84=LAT) for n in (3, 1, 2)]
    found = Grid(here).nearest(NearbyQuery(LAT, LON, 10, 2))
    assert [near.lot.lot_id for near in found] == [1, 2]


@settings(max_examples=150, deadline=None)
@given(PLACES, floats(31.6, 32.1), floats(119.9, 120.7))
def test_distances_are_right_to_a_quarter_of_a_percent(places, lat, lon):
    for near in Grid(lots_at(places)).nearest(NearbyQuery(lat, lon, 20_000, 100)):
        assert near.distance_m == pytest.approx(haversine_m(lat, lon, near.lot), rel=0.0025, abs=1)


def test_nearer_lots_come_first():
    grid = Grid([a_city_lot(3), a_city_lot(1), a_city_lot(2)])
    found = grid.nearest(NearbyQuery(LAT + 0.001, LON, 1500, 10))
    assert [(near.lot.lot_id, round(near.distance_m)) for near in found] == [(1, 111), (2, 1001)]


@pytest.mark.parametrize(
    ("lat", "lon"), [(90, 0), (-90, 180), (0, 0), (LAT, -180), (LAT, 180), (LAT + 1, LON)]
)
def test_the_far_end_of_the_world_has_no_lot_and_costs_nothing(lat, lon):
    assert Grid([a_city_lot()]).nearest(NearbyQuery(lat, lon, 20_000, 100)) == []


def test_a_city_without_lots_has_none_nearby():
    assert Grid([]).nearest(NearbyQuery(LAT, LON, 20_000, 100)) == []
