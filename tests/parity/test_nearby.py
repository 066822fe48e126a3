"""Lots near a position: the native core against an oracle that looks at every one."""

from math import cos, hypot, radians

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from tests.reference import nearby_oracle as oracle


def degrees(first: float, last: float) -> st.SearchStrategy[float]:
    """Anywhere, or in a raster, where many distances are equal."""
    steps = st.integers(0, 20).map(lambda n: first + (last - first) * n / 20)
    return steps | st.floats(first, last)


CITY = st.tuples(degrees(31.6, 32.1), degrees(119.9, 120.7))
QUARTER = st.tuples(degrees(31.90, 31.93), degrees(120.20, 120.24))
WORLD = st.tuples(degrees(-90, 90), degrees(-180, 180))
seats = st.lists(CITY, max_size=80) | st.lists(QUARTER, max_size=80) | st.lists(WORLD, max_size=80)
radii_m = st.integers(1, 20_000).map(float) | st.floats(0, 3e7)
limits = st.integers(0, 30)


@settings(max_examples=300, deadline=None)
@given(seats, CITY | WORLD, radii_m, limits)
def test_a_search_finds_what_a_look_at_every_seat_finds(seats, here, radius_m, limit):
    found = _native.Seats(seats).nearest((*here, radius_m, limit))
    assert found == oracle.nearest(seats, *here, radius_m=radius_m, limit=limit)


@settings(max_examples=100, deadline=None)
@given(seats.filter(bool), st.data(), limits)
def test_so_it_does_at_a_seat_and_at_the_very_edge(seats, data, limit):
    here, edge = data.draw(st.sampled_from(seats)), data.draw(st.sampled_from(seats))
    lat, lon = here
    radius_m = oracle.away_m(lat, lon, edge)
    found = _native.Seats(seats).nearest((*here, radius_m, limit))
    assert found == oracle.nearest(seats, *here, radius_m=radius_m, limit=limit)


@given(CITY, CITY)
def test_a_distance_is_that_of_a_right_triangle(here, seat):
    lat, lon = here
    want_m = oracle.METRES_PER_DEG * hypot(seat[0] - lat, (seat[1] - lon) * cos(radians(lat)))
    [(away_m, number)] = _native.Seats([seat]).nearest((*here, 1e8, 1))
    assert away_m == pytest.approx(want_m, abs=1e-6)
    assert number == 0


@settings(max_examples=100, deadline=None)
@given(seats, CITY, radii_m, limits)
def test_json_is_joined_with_whole_metres_first(seats, here, radius_m, limit):
    objects: list[bytes | None] = [b'{"lot":%d,"name":"x"}' % n for n in range(len(seats))]
    found = oracle.nearest(seats, *here, radius_m=radius_m, limit=limit)
    told = _native.Seats(seats).tell((*here, radius_m, limit), objects, b"<", b">")
    assert told == b"<%b>" % oracle.told(found, [one or b"" for one in objects])[1:-1]
    for _, missing in found:
        but_one = [*objects[:missing], None, *objects[missing + 1 :]]
        assert _native.Seats(seats).tell((*here, radius_m, limit), but_one, b"", b"") is None


def test_what_is_no_json_or_is_not_there_is_an_error_and_no_crash():
    seats, asked = _native.Seats([(1.0, 1.0), (1.0, 1.0)]), (1.0, 1.0, 1.0, 5)
    with pytest.raises(IndexError):
        seats.tell(asked, [b"{}"], b"", b"")
    with pytest.raises(TypeError):
        seats.tell(asked, ["{}", "{}"], b"", b"")  # type: ignore[list-item]
    with pytest.raises(OverflowError):
        seats.nearest((1.0, 1.0, 1.0, -1))
    assert seats.tell(asked, [b"", b""], b"", b"") is not None


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_finds_nothing_and_is_never_found(strange):
    seats = _native.Seats([(strange, 1.0), (1.0, strange), (1.0, 1.0)])
    assert seats.nearest((1.0, 1.0, float("inf"), 9)) == [(0.0, 2)]
    assert seats.nearest((strange, 1.0, 1e9, 9)) == seats.nearest((1.0, strange, 1e9, 9)) == []
