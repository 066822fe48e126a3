"""Past stays are priced again chunk by chunk as they would be one by one."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepark.contexts.stays.replay import Carries, FreeEntries, count_again, price_again
from onepark.contexts.stays.replay_store import PastStay
from onepark.contexts.tariffs.model import Carry, Plan, PriceRequest
from onepark.contexts.tariffs.rules import plan_of_asker, price, terms_of_stay
from onepark.kernel.types import Fen, LotId, StayId, Vehicle
from tests.builders import EIGHT

PLANS = Path(__file__).parents[3] / "src/onepark/simulator/plans"
VECTORS = Path(__file__).parents[2] / "vectors/tariffs"


DAY = timedelta(days=1)
HOURS = [timedelta(hours=number) for number in range(3)]


def a_plan(name: str) -> Plan:
    return plan_of_asker(json.loads((PLANS / f"{name}.json").read_text("utf-8")), EIGHT)


MALL, TAICANG = a_plan("t24_mall"), a_plan("t7_taicang")
HUB = plan_of_asker(json.loads((VECTORS / "T4_wuxi_hub.json").read_text("utf-8")), EIGHT)


def past(seed: int, *, cars: int, visits: int) -> list[PastStay]:
    """Some cars' visits to a lot, one after the other, in the order of the store."""
    random, stays, numbers = Random(seed), list[PastStay](), iter(range(1, 10_000))
    for car in range(cars):
        at = EIGHT
        for _ in range(random.randint(1, visits)):
            entered_at = at + timedelta(minutes=random.randint(0, 900))
            at = entered_at + timedelta(minutes=random.randint(0, 2_000))
            key = (LotId(1), StayId(next(numbers)), f"car {car:04d}", "苏B12345", "blue")
            vehicle = random.choice(list(Vehicle)).value
            stays.append(PastStay(*key, vehicle, entered_at, at, Fen(0)))
    return stays


def often(seed: int, *, cars: int, visits: int) -> list[PastStay]:
    """The same cars, which come for some minutes, several times a day."""
    random, often, ends = Random(seed), list[PastStay](), dict[str, datetime]()
    for stay in past(seed, cars=cars, visits=visits):
        entered_at = ends.get(stay.car_key, EIGHT) + timedelta(minutes=random.randint(1, 600))
        exited_at = ends[stay.car_key] = entered_at + timedelta(minutes=random.randint(1, 60))
        often.append(stay._replace(vehicle="small", entered_at=entered_at, exited_at=exited_at))
    return often


def one_by_one(plan: Plan, stays: list[PastStay]) -> list[int]:
    """Price stays alone, each after the visit before it: slow, and plainly right."""
    carries: dict[str, Carry | None] = {}
    fees = []
    for stay in stays:
        carry = carries.get(stay.car_key)
        vehicle = Vehicle(stay.vehicle)
        [quote] = price([PriceRequest(plan, stay.entered_at, stay.exited_at, vehicle, carry)])
        carries[stay.car_key] = quote.carry
        fees.append(int(quote.amount_fen))
    return fees


def twice_in_24_hours(stays: list[PastStay]) -> list[int]:
    """Price stays alone at a Wuxi hub, each car's past looked through whole: plainly right."""
    fees, free = list[int](), list[tuple[str, datetime]]()
    for stay in stays:
        at = stay.entered_at
        used = [one for car, one in free if car == stay.car_key and at - one < DAY]
        terms = terms_of_stay(stay.plate, stay.plate_color, len(used))
        span = (at, stay.exited_at, Vehicle(stay.vehicle))
        [quote] = price([PriceRequest(HUB, *span, terms=terms)])
        fees.append(int(quote.amount_fen))
        if len(used) < 2:
            free.append((stay.car_key, at))
    return fees


def in_chunks(plan: Plan, stays: list[PastStay], size: int) -> list[int]:
    carries, free, fees = Carries(), FreeEntries(), list[int]()
    for start in range(0, len(stays), size):
        counted, free = count_again(plan, stays[start : start + size], free)
        chunk, carries = price_again(plan, counted, carries)
        fees += chunk
    return fees


@pytest.mark.parametrize("plan", [MALL, TAICANG], ids=["mall", "taicang"])
@given(seed=st.integers(0, 10_000), size=st.integers(1, 40))
def test_chunks_of_any_size_come_to_what_the_stays_come_to_one_by_one(plan, seed, size):
    stays = past(seed, cars=8, visits=5)
    assert in_chunks(plan, stays, size) == one_by_one(plan, stays)


def test_a_mall_s_cap_goes_on_over_the_end_of_a_chunk():
    """Three visits of two hours, 6 yuan each, under a cap of 10 yuan in 24 hours."""
    stays = [
        PastStay(
            *(LotId(1), StayId(number), "one", "苏B12345", "blue", "small"),
            *(EIGHT + timedelta(hours=3 * number), EIGHT + timedelta(hours=3 * number + 2)),
            Fen(0),
        )
        for number in range(3)
    ]
    assert in_chunks(MALL, stays, 1) == in_chunks(MALL, stays, 2) == [600, 400, 0]


@given(seed=st.integers(0, 10_000), size=st.integers(1, 40))
def test_visits_are_counted_over_the_end_of_a_chunk(seed, size):
    stays = often(seed, cars=5, visits=8)
    assert in_chunks(HUB, stays, size) == twice_in_24_hours(stays)


def test_what_was_counted_when_a_stay_began_stands():
    """Three visits within 24 hours, of which the lot had heard of two only when the third began."""
    stays = [
        stay._replace(entered_at=EIGHT + at, exited_at=EIGHT + at + timedelta(minutes=20))
        for stay, at in zip(often(1, cars=1, visits=1) * 3, HOURS, strict=True)
    ]
    known = [one._replace(free_visits_used=n) for one, n in zip(stays, (0, 1, 1), strict=True)]
    assert (in_chunks(HUB, stays, 1), in_chunks(HUB, known, 2)) == ([0, 0, 500], [0, 0, 0])


def test_nothing_past_costs_nothing():
    assert price_again(TAICANG, [], {}) == ([], {})
