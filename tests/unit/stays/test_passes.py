"""What passes and coupons make of a stay: the fold and the slow oracle agree."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays import rules
from onepark.contexts.stays.case import CarCase, PriceOf, Seats
from onepark.contexts.stays.model import Kind, Open, OpenReason, StayAndOrder, StayState
from onepark.contexts.stays.pricing import price_stays
from onepark.contexts.tariffs.model import LineRule, Quote
from onepark.kernel.types import PlanId, Pool
from tests.builders import (
    EIGHT,
    LOT,
    NewIds,
    a_case,
    a_passage,
    a_stay,
    an_order,
    inside,
    minutes,
    run,
)
from tests.fakes.books import Books
from tests.fakes.histories import WHAT, a_passage_of, expected
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.reference.stay_oracle import Right, Visit, fee_fen, visits

PLANS = OnePlan(FIVE_AN_HOUR)
ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT
NIGHTS = (0b1111111, 18 * 60, 32 * 60)


def priced(ask: PriceOf) -> Quote:
    [quote] = price_stays(PLANS, [ask])
    return quote


def a_pass(from_minute: float = -600, until_minute: float = 600, **changes: Any) -> Benefit:
    ends = (EIGHT + minutes(from_minute), EIGHT + minutes(until_minute))
    return Benefit(1, "pass", "月卡 monthly", *ends)._replace(**changes)


def a_coupon(kind: str, value: int = 0, at: datetime = EIGHT, number: int = 9) -> Benefit:
    return Benefit(number, "coupon", "券", at, at, coupon_kind=kind, coupon_value=value)


def quote(stay_minutes: float, *benefits: Benefit, **changes: object) -> Quote:
    until_at = EIGHT + minutes(stay_minutes)
    return priced(PriceOf(a_stay(**changes), until_at, benefits=benefits))


def fold(case: CarCase):
    folding = rules.fold(
        case, new_ids=NewIds(), plan_for=lambda _: PlanId(1), quota_of=lambda _: None
    )
    return run(folding, priced)


@pytest.mark.parametrize(
    ("from_minute", "until_minute", "fee"),
    [
        (-600, 600, 0),  # all of it
        (0, 180, 0),  # to the second
        (-600, 120, 500),  # it ends an hour before the car leaves
        (60, 600, 500),  # it begins an hour after the car came
        (60, 120, 1000),
        (10, 20, 1500),  # two begun hours and more beside it cost more: it makes nothing dearer
        (200, 600, 1500),  # after the stay
        (-600, 0, 1500),
    ],
)
def test_a_pass_covers_the_part_of_a_stay_that_lies_in_it(from_minute, until_minute, fee):
    assert quote(180, a_pass(from_minute, until_minute)).amount_fen == fee


def test_a_line_names_the_pass_and_the_lines_add_up():
    half = quote(180, a_pass(-600, 120))
    [line] = [one for one in half.lines if one.rule == LineRule.PASS]
    assert (line.window, line.amount_fen) == ("月卡 monthly", -1000)
    assert sum(one.amount_fen for one in half.lines) == half.amount_fen == 500
    [whole] = quote(180, a_pass()).lines
    assert (whole.rule, whole.window, whole.amount_fen) == (LineRule.PASS, "月卡 monthly", 0)


@pytest.mark.parametrize(("zone", "fee"), [("B2", 0), (None, 1500), ("A1", 1500)])
def test_a_pass_of_a_zone_covers_who_came_into_it(zone, fee):
    assert quote(180, a_pass(zone="B2"), zone=zone).amount_fen == fee


def test_a_night_pass_covers_nights_over_midnight_and_no_day():
    nights = a_pass(-6_000, 60_000, windows=NIGHTS)
    assert quote(24 * 60, nights).amount_fen == 10 * 500, "from eight to six in the evening"


def test_more_nights_than_the_engine_takes_at_once_are_covered_all_the_same():
    nights = a_pass(-6_000, 60_000, windows=NIGHTS)
    assert quote(20 * 24 * 60, nights).amount_fen == 20 * 10 * 500


def test_a_pass_of_a_year_covers_a_car_that_is_left_for_months():
    stay = quote(200 * 24 * 60, a_pass(24 * 60, 400 * 24 * 60))
    assert stay.amount_fen == 24 * 500


def test_two_passes_that_follow_each_other_are_one():
    assert quote(180, a_pass(-60, 90), a_pass(90, 600)).amount_fen == 0


@pytest.mark.parametrize(
    ("kind", "value", "fee"),
    [("minutes", 60, 1000), ("off_permille", 500, 750), ("amount_fen", 700, 800), ("full", 0, 0)],
)
def test_a_coupon_of_each_kind_lowers_the_fee(kind, value, fee):
    assert quote(180, a_coupon(kind, value)).amount_fen == fee


def test_a_coupon_of_another_visit_lowers_nothing():
    early = a_coupon("full", at=EIGHT - minutes(1))
    assert quote(180, early).amount_fen == 1500


def test_a_pass_outlives_more_coupons_than_the_plan_takes():
    many = [a_coupon("amount_fen", 100, number=n) for n in range(12)]
    assert quote(180, *many).amount_fen == 1500 - 800, "eight count"


def test_an_exit_under_a_pass_opens_for_it():
    ask = a_passage(ASK, EIGHT + minutes(90))
    [kept] = fold(a_case(ask, benefits=(a_pass(),), **inside())).kept
    assert isinstance(kept.answer.decision, Open)
    assert (kept.answer.decision.reason, kept.answer.due_fen) == (OpenReason.PASS, 0)


def test_a_pass_may_put_its_car_into_the_contract_pool():
    came = fold(a_case(a_passage(), benefits=(a_pass(pool=Pool.CONTRACT.value),)))
    [stay] = came.stays.values()
    assert (stay.pool, came.deltas) == (Pool.CONTRACT, [(stay, 1)])
    later = fold(a_case(a_passage(), benefits=(a_pass(1, pool=Pool.CONTRACT.value),)))
    assert [stay.pool for stay in later.stays.values()] == [Pool.SHORT_STAY]


def test_cars_of_a_fleet_take_its_seats_and_the_next_one_pays():
    fleet, seats = a_pass(fleet_id=5, seats=2), Seats({(LOT, 5): 1})
    took = []
    for _ in range(2):
        came = fold(a_case(a_passage(), benefits=(fleet,), seats=seats))
        [stay] = came.stays.values()
        took.append(stay.fleet_id)
        until_at = EIGHT + minutes(60)
        fee = priced(PriceOf(stay, until_at, benefits=(fleet,))).amount_fen
        assert fee == (0 if stay.fleet_id else 500)
    assert took == [5, None]


def test_a_car_with_a_pass_of_its_own_takes_no_seat():
    seats = Seats({(LOT, 5): 0})
    fold(a_case(a_passage(), benefits=(a_pass(fleet_id=5, seats=1), a_pass()), seats=seats))
    assert seats.take(LOT, a_pass(fleet_id=5, seats=1), EIGHT)


def test_a_late_passage_leaves_a_seat_with_who_had_it():
    fleet = a_pass(fleet_id=5, seats=1)
    books = Books(price=priced, benefits=(fleet,))
    entry = a_passage(ENTRY, EIGHT)
    books.take(entry)
    [stay] = books.real()
    stay.fleet_id = 5
    books.take(a_passage(EXIT, EIGHT + minutes(90), lane="X"))
    books.take(a_passage(EXIT, EIGHT + minutes(45), lane="X"))
    [first] = [one for one in books.real() if one.state == StayState.CLOSED]
    assert (first.fleet_id, books.fees()) == (5, [0])


def test_nothing_is_raised_when_a_late_entry_moves_a_stay_out_of_its_pass():
    books = Books(price=priced, benefits=(a_pass(0, 600),))
    books.take(a_passage(ENTRY, EIGHT), a_passage(EXIT, EIGHT + minutes(60), lane="X"))
    books.take(a_passage(ENTRY, EIGHT - minutes(1), lane="E"))
    [stay] = [one for one in books.real() if one.state == StayState.CLOSED]
    order = books.orders[stay.stay_id]
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (500, 0, 500)


# -- the oracle ------------------------------------------------------------------------------------

whole_minutes = st.integers(-120, 400)
passes = st.builds(
    lambda start, length, day, begin, width: Right(
        EIGHT + minutes(start),
        EIGHT + minutes(start + length),
        day,
        (0, 1_440) if day is None else (begin, min(begin + width, 1_440)),
    ),
    whole_minutes,
    st.integers(1, 500),
    st.one_of(st.none(), st.integers(3, 5)),
    st.integers(300, 1_000),
    st.integers(1, 400),
)
coupon_kinds = st.sampled_from(
    [("minutes", 30), ("minutes", 60), ("off_permille", 300), ("amount_fen", 700), ("full", 0)]
)
instants = st.integers(0, 240).map(lambda n: EIGHT + minutes(n))
told = st.lists(st.tuples(st.sampled_from(WHAT), instants), min_size=1, max_size=10)


def as_benefit(number: int, one: Right) -> Benefit:
    if one.coupon is not None:
        return a_coupon(*one.coupon, at=one.from_at, number=number)
    mask = 0b1111111 if one.weekday is None else 1 << one.weekday
    windows = None if one.weekday is None else (mask, *one.minutes)
    return Benefit(number, "pass", "卡", one.from_at, one.until_at, windows=windows)


@settings(max_examples=400, deadline=None)
@given(told, st.lists(passes, max_size=4), st.lists(coupon_kinds, max_size=3), st.data())
def test_any_passages_under_any_passes_and_coupons_cost_what_the_oracle_says(
    told, rights, kinds, data
):
    """However they are shuffled and split; each coupon is of a visit, by its beginning."""
    history = [a_passage_of(what, at) for what, at in told]
    wanted, _, _ = expected(history)
    begun = sorted({one.entered_at for one in wanted if one.entered_at is not None})
    if begun:
        rights = [
            *rights,
            *(
                Right(at, at, coupon=kind)
                for kind in kinds
                for at in [data.draw(st.sampled_from(begun))]
            ),
        ]
    books = Books(price=priced, benefits=tuple(as_benefit(n, one) for n, one in enumerate(rights)))
    data.draw(st.randoms(use_true_random=False)).shuffle(history)
    size = data.draw(st.integers(1, 4))
    for start in range(0, len(history), size):
        books.take(*history[start : start + size])
    closed = [one for one in visits(history) if one.state == "closed"]
    assert books.visits() == wanted
    assert books.fees() == [fee_fen(one, rights) for one in closed]


def test_the_harness_catches_a_pass_that_covers_a_minute_too_much():
    """The control."""
    visit = Visit("closed", EIGHT, "E", EIGHT + minutes(121), "X", derived=False)
    right = Right(EIGHT, EIGHT + minutes(60))
    wrong = as_benefit(1, right)._replace(until_at=EIGHT + minutes(61))
    assert quote(121, as_benefit(1, right)).amount_fen == fee_fen(visit, [right])
    assert quote(121, wrong).amount_fen != fee_fen(visit, [right])


def test_a_stay_of_before_is_what_an_exit_confirms_under_a_pass_too():
    """A derived exit ended it; nothing is priced again."""
    stay = a_stay(state=StayState.CLOSED, exited_at=EIGHT + timedelta(hours=1), exit_derived=True)
    case = a_case(a_passage(EXIT, EIGHT + minutes(61)), benefits=(a_pass(),))
    case.last = StayAndOrder(stay, an_order())
    assert fold(case).orders == {}
