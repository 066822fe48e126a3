"""So many visits of a car are given free minutes, and the next one is not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepark.contexts.stays import rules
from onepark.contexts.stays.case import CarCase, Folded, PriceOf
from onepark.contexts.stays.model import Car, Kind, Stay
from onepark.contexts.stays.visits import ENTRIES_MAX, REMEMBERED, count_in, remember, used_before
from onepark.contexts.tariffs.model import FreeQuota, Plan, PriceRequest, QuotaPer, Quote
from onepark.contexts.tariffs.rules import plan_of_asker, price, terms_of_stay
from onepark.kernel.types import CHINA, PlanId, Vehicle
from tests.builders import EIGHT, LOT, NewIds, a_case, a_passage, a_stay, minutes, run
from tests.fakes.books import Books

VECTORS = Path(__file__).parents[2] / "vectors/tariffs"
ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(hours=24)
TWENTY, MIDNIGHT = minutes(20), datetime(2026, 11, 21, tzinfo=CHINA)
TWICE = FreeQuota(2, QuotaPer.HOURS_24)
TWICE_A_DAY = FreeQuota(2, QuotaPer.DAY)


def a_plan(name: str = "T4_wuxi_hub", **quota: Any) -> Plan:
    body = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    if quota:
        body["free"]["quota"] |= quota
    return plan_of_asker(body, EIGHT)


HUB, HUB_BY_DAY, HUB_WITH_TEN = a_plan(), a_plan(per="day"), a_plan(then_minutes=10)


def priced_by(plan: Plan) -> Callable[[PriceOf], Quote]:
    def quote(ask: PriceOf) -> Quote:
        stay = ask.stay
        assert stay.entered_at is not None
        terms = terms_of_stay(stay.plate, stay.plate_color, stay.free_visits_used or 0)
        vehicle = Vehicle(stay.vehicle)
        [found] = price([PriceRequest(plan, stay.entered_at, ask.until_at, vehicle, terms=terms)])
        return found

    return quote


def fold(plan: Plan, case: CarCase) -> Folded:
    folding = rules.fold(
        case,
        new_ids=NewIds(),
        plan_for=lambda _: PlanId(1),
        quota_of=lambda plan_id: None if plan_id is None else plan.free_quota,
    )
    return run(folding, priced_by(plan))


def visits(*entries: datetime, stayed: timedelta = TWENTY, **changes: Any) -> CarCase:
    passages = [a_passage(ENTRY, at, **changes) for at in entries]
    passages += [a_passage(EXIT, at + stayed, **changes) for at in entries]
    return a_case(*passages)


def fees(folded: Folded) -> list[int | None]:
    orders = sorted(folded.orders.values(), key=lambda order: order.opened_at)
    return [order.fee_fen for order in orders]


def used(folded: Folded) -> list[int | None]:
    """What was counted, in the order of the entries."""
    stays = [stay for stay in folded.stays.values() if stay.entered_at is not None]
    return [stay.free_visits_used for stay in sorted(stays, key=lambda stay: stay.first_at)]


def test_the_third_visit_within_24_hours_pays_at_once_at_a_wuxi_hub():
    folded = fold(HUB, visits(EIGHT, EIGHT + HOUR, EIGHT + 2 * HOUR))
    assert (used(folded), fees(folded)) == ([0, 1, 2], [0, 0, 500])
    assert folded.car.free_entries_at == [EIGHT, EIGHT + HOUR]


@pytest.mark.parametrize(
    ("third", "used_by_then", "fee"), [(DAY - SECOND, 2, 500), (DAY, 1, 0), (DAY + SECOND, 1, 0)]
)
def test_a_visit_is_counted_until_24_hours_after_its_entry(third, used_by_then, fee):
    folded = fold(HUB, visits(EIGHT, EIGHT + HOUR, EIGHT + third))
    assert (used(folded)[-1], fees(folded)[-1]) == (used_by_then, fee)


def test_a_visit_that_paid_at_once_uses_nothing_up():
    folded = fold(HUB, visits(EIGHT, EIGHT + 20 * HOUR, EIGHT + 21 * HOUR, EIGHT + DAY))
    assert (used(folded), fees(folded)) == ([0, 1, 2, 1], [0, 0, 500, 0])


@pytest.mark.parametrize("zone", [CHINA, UTC])
@pytest.mark.parametrize(("third", "fee"), [(MIDNIGHT - SECOND, 500), (MIDNIGHT, 0)])
def test_visits_of_a_day_are_counted_anew_from_midnight_in_china(third, fee, zone):
    entries = (MIDNIGHT - 2 * HOUR, MIDNIGHT - HOUR, third)
    folded = fold(HUB_BY_DAY, visits(*(at.astimezone(zone) for at in entries)))
    assert fees(folded) == [0, 0, fee]


def test_visits_in_the_small_hours_are_of_the_day_in_china_whatever_the_zone_of_an_instant():
    entries = [(MIDNIGHT + HOUR * number).astimezone(UTC) for number in (1, 2, 9)]
    assert fees(fold(HUB_BY_DAY, visits(*entries))) == [0, 0, 500]


@pytest.mark.parametrize(("stayed", "fee"), [(minutes(10), 0), (minutes(10) + SECOND, 500)])
def test_later_visits_get_the_minutes_that_are_left_for_them(stayed, fee):
    entries = (EIGHT, EIGHT + HOUR, EIGHT + 2 * HOUR)
    folded = fold(HUB_WITH_TEN, visits(*entries, stayed=stayed))
    assert fees(folded) == [0, 0, fee]


def test_an_electric_car_has_its_longer_time_free_twice_too():
    electric = {"plate": "苏BD12345", "plate_color": "green", "car_key": "苏B12345/blue"}
    entries = (EIGHT, EIGHT + HOUR, EIGHT + 2 * HOUR)
    folded = fold(HUB, visits(*entries, stayed=minutes(50), **electric))
    assert fees(folded) == [0, 0, 500]
    ordinary = fold(HUB, visits(*entries, stayed=minutes(50)))
    assert fees(ordinary) == [500, 500, 500]


def test_under_a_plan_without_a_quota_nothing_is_counted():
    folded = fold(a_plan("T7_taicang"), visits(EIGHT, EIGHT + HOUR))
    assert used(folded) == [None, None]
    assert folded.car.free_entries_at is None


def test_a_visit_that_is_heard_of_late_counts_for_those_after_it():
    books = Books(quota=FreeQuota(2, QuotaPer.HOURS_24))
    books.take(a_passage(ENTRY, EIGHT), a_passage(EXIT, EIGHT + minutes(20)))
    books.take(a_passage(ENTRY, EIGHT + 2 * HOUR), a_passage(EXIT, EIGHT + 2 * HOUR + minutes(20)))
    assert books.used() == [0, 1]
    books.take(a_passage(ENTRY, EIGHT + HOUR), a_passage(EXIT, EIGHT + HOUR + minutes(20)))
    assert books.used() == [0, 1, 2]
    assert books.car.free_entries_at == [EIGHT, EIGHT + HOUR]


def test_an_entry_that_completes_its_exit_later_counts_what_came_before_it():
    books = Books(quota=FreeQuota(2, QuotaPer.HOURS_24))
    books.take(a_passage(ENTRY, EIGHT - HOUR), a_passage(EXIT, EIGHT - minutes(30)))
    books.take(a_passage(EXIT, EIGHT + minutes(20)))
    assert books.used() == [0, None]
    books.take(a_passage(ENTRY, EIGHT))
    assert books.used() == [0, 1]
    assert books.car.free_entries_at == [EIGHT - HOUR, EIGHT]


def test_an_exit_that_carries_its_entry_counts_as_a_visit():
    gone = a_passage(EXIT, EIGHT + minutes(20), entered_at=EIGHT)
    folded = fold(HUB, a_case(gone, car=having(EIGHT - HOUR, EIGHT - 2 * HOUR)))
    assert (used(folded), fees(folded)) == ([2], [500])


def having(*entries: datetime) -> Car:
    return Car(LOT, "苏B12345/blue", free_entries_at=sorted(entries))


def test_a_car_remembers_at_most_a_hundred_visits_and_none_older_than_48_hours_before_the_newest():
    many = [EIGHT + SECOND * number for number in range(ENTRIES_MAX)]
    assert remember(many, EIGHT + HOUR) == [*many[1:], EIGHT + HOUR]
    old = [EIGHT - SECOND, EIGHT, EIGHT + SECOND]
    assert remember(old, EIGHT + REMEMBERED) == [*old[1:], EIGHT + REMEMBERED]
    assert remember([EIGHT], EIGHT - REMEMBERED - SECOND) == [EIGHT]
    assert remember([EIGHT], EIGHT) == [EIGHT]


def plainly(entries: list[datetime], quota: FreeQuota) -> list[int]:
    """Count over the whole history, which nobody forgets: slow, and plainly right."""
    numbers: list[int] = []
    for place, at in enumerate(entries):
        free = [one for one, number in zip(entries, numbers, strict=False) if number < quota.visits]
        assert len(numbers) == place
        if quota.per == QuotaPer.DAY:
            day = at.astimezone(CHINA).date()
            numbers.append(len([one for one in free if one.astimezone(CHINA).date() == day]))
        else:
            numbers.append(len([one for one in free if (at - one).total_seconds() < 86_400]))
    return numbers


@given(
    gaps=st.lists(st.integers(1, 30_000), max_size=60),
    quota=st.builds(FreeQuota, st.integers(1, 100), st.sampled_from(QuotaPer)),
)
def test_what_a_car_remembers_is_enough_to_count_as_over_its_whole_history(gaps, quota):
    entries = [EIGHT + SECOND * sum(gaps[: place + 1]) for place in range(len(gaps))]
    car, stays = having(), list[Stay]()
    for at in entries:
        stays.append(a_stay(entered_at=at))
        count_in(car, stays[-1], quota)
    assert [stay.free_visits_used for stay in stays] == plainly(entries, quota)


@pytest.mark.parametrize("quota", [TWICE, TWICE_A_DAY])
def test_a_visit_does_not_count_itself_nor_what_came_after_it(quota):
    assert used_before([EIGHT, EIGHT + SECOND], EIGHT, quota) == 0
