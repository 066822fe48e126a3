"""A whole run against a small served city, which may err."""

import io
import json

import pytest

from onepark.simulator.city.lot import Patience
from onepark.simulator.city.memory import recall
from onepark.simulator.city.run import Options, run
from tests.fakes.served_city import ServedCity, served

LOTS = ["320281001301", "320281001302", "320281001303"]


IMPATIENT = Patience(ask_again_s=0.01, pay_within_s=0.3)


async def a_run(city, folder, **changes):
    options = {"rate": 150.0, "seed": 1, "for_s": 1.0, "check": True, "shown_within_s": 1.0}
    demo, out = folder / "demo.json", io.StringIO()
    async with served(city) as description:
        demo.write_text(json.dumps(description))
        right = await run(Options(demo=demo, **{**options, **changes}), out)
    return right, out.getvalue()


async def test_a_city_that_keeps_its_books_passes_the_check(tmp_path):
    city = ServedCity(LOTS)
    right, said = await a_run(city, tmp_path)
    assert right, said
    assert city.trades, said
    assert all(city.kinds[kind] > 20 for kind in ("entry", "exit_request", "exit"))
    assert max(city.requests) > 5, "the cars of the last hours come in batches"
    assert all(0 < city.occupied[one] <= 380 for one in LOTS)
    assert city.beats


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ({"forgets_a_count": True}, "FAILED counts"),
        ({"forgets_a_trade": True}, "FAILED providers"),
        ({"answers_repeats_anew": True}, "FAILED repeats"),
    ],
)
async def test_a_city_that_errs_fails_the_check(tmp_path, error, named):
    right, said = await a_run(ServedCity(LOTS, **error), tmp_path)
    assert not right
    assert named in said
    assert said.count("FAILED") == 1


async def test_what_is_refused_is_sent_again_and_nothing_is_lost(tmp_path):
    right, said = await a_run(ServedCity(LOTS, troubles=6), tmp_path)
    assert right, said
    assert "gate.busy" in said


async def test_a_driver_whose_payment_never_arrives_gives_up_and_stays(tmp_path):
    city = ServedCity(LOTS, never_pays=True)
    _, said = await a_run(city, tmp_path, check=False, patience=IMPATIENT)
    assert "gave_up_paying" in said
    assert city.kinds["exit_request"] > city.kinds["exit"]


async def test_the_next_run_takes_up_the_cars_that_the_last_one_left(tmp_path):
    city = ServedCity(LOTS)
    await a_run(city, tmp_path)
    left = {(car.lot, car.plate) for car in recall(tmp_path / "demo.json")}
    assert left == set(city.inside)
    right, said = await a_run(city, tmp_path, seed=2)
    assert right, said
    assert "anomalies" not in said


async def test_cars_that_the_platform_no_longer_counts_are_not_believed_in(tmp_path):
    await a_run(ServedCity(LOTS), tmp_path)
    right, said = await a_run(ServedCity(LOTS), tmp_path, seed=2)
    assert right, said
    assert "held" not in said


async def test_a_car_that_was_never_seen_to_enter_is_held_twice_and_counted(tmp_path):
    city = ServedCity(LOTS)
    await a_run(city, tmp_path)
    forgotten = next(iter(city.inside))
    del city.inside[forgotten]
    await a_run(city, tmp_path, seed=2, rate=900.0, patience=IMPATIENT)
    assert forgotten not in city.inside
