"""How many users a shape asks for at which time."""

import pytest

from loadtests.common.curve import level, of_hours


@pytest.mark.parametrize(
    ("share", "users"), [(0.0, 0.2), (0.25, 0.6), (0.5, 1.0), (0.75, 1.0), (1.0, 0.0)]
)
def test_between_two_points_it_goes_straight(share, users):
    curve = ((0.0, 0.2), (0.5, 1.0), (0.75, 1.0), (1.0, 0.0))
    assert level(curve, share) == pytest.approx(users)


def test_a_step_is_a_step():
    curve = ((0.0, 0.1), (0.5, 0.1), (0.5, 0.2), (1.0, 0.2))
    assert [level(curve, share) for share in (0.1, 0.49, 0.51, 0.9)] == pytest.approx(
        [0.1, 0.1, 0.2, 0.2]
    )


def test_after_the_end_it_stays_where_it_ended():
    assert level(((0.0, 1.0), (1.0, 0.3)), 1.5) == 0.3


def test_the_busiest_hour_has_all_users():
    assert of_hours((9, 1, 4, 2), first=1, last=3) == ((0.0, 0.25), (0.5, 1.0), (1.0, 0.5))
