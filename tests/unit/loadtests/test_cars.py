"""Cars and lots of a load run."""

from itertools import islice

import pytest

from loadtests.common.cars import NUMBERS, USERS_MAX, plates
from loadtests.common.city import lots_of
from onepark import _native
from onepark.simulator.city.wire import DemoLot, Gate


def some(seed, user, many=2_500):
    return list(islice(plates(seed, user), many))


def test_the_same_seed_gives_the_same_cars_in_the_same_order():
    assert some(7, 3) == some(7, 3)
    assert some(7, 3) != some(8, 3)


@pytest.mark.parametrize("seed", range(9))
def test_no_two_cars_of_a_run_are_one(seed):
    users = (0, 1, 33, 34, USERS_MAX - 1)
    cars = [plate for user in users for plate in some(seed, user, 2 * NUMBERS)]
    assert len(set(cars)) == len(cars)


def test_every_car_has_a_plate():
    assert {_native.classify_plate(one, "blue")[0] for one in some(1, USERS_MAX - 1)} == {
        "ordinary"
    }


@pytest.mark.parametrize("user", [-1, USERS_MAX])
def test_a_user_beyond_the_plates_is_refused(user):
    with pytest.raises(ValueError, match="there are plates for 1156 users"):
        next(plates(1, user))


def lots(many):
    gate = Gate("d", "l", "s")
    return [DemoLot(str(number), 100, gate, gate) for number in range(many)]


@pytest.mark.parametrize("processes", [1, 2, 7])
def test_every_lot_is_driven_by_one_process_and_one_kind_of_gate(processes):
    city = lots(393)
    shared = [
        lot.lot
        for process in range(processes)
        for reconnecting in (False, True)
        for lot in lots_of(city, process=process, processes=processes, reconnecting=reconnecting)
    ]
    assert sorted(shared) == sorted(lot.lot for lot in city)


def test_one_lot_in_ten_comes_back_in_the_storm():
    assert len(lots_of(lots(400), process=0, processes=1, reconnecting=True)) == 40


def test_a_small_city_shares_its_lots():
    assert len(lots_of(lots(3), process=5, processes=8)) == 3
