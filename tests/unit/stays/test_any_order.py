"""The same passages come to the same stays, fees and counts, in whatever order they arrive."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark.contexts.stays.case import PriceOf
from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.tariffs.model import FreeQuota, QuotaPer, Quote
from onepark.kernel.types import Fen
from tests.builders import EIGHT, a_passage, five_an_hour, minutes
from tests.fakes.books import Books
from tests.fakes.histories import WHAT, State, a_history, a_passage_of, expected, splits
from tests.reference.stay_oracle import in_time

ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT
TWICE_A_DAY = FreeQuota(2, QuotaPer.HOURS_24)

GAPS = (1, 5, 30)  # minutes: within a second look, within a confirmation, and neither


def outcome(books: Books) -> State:
    return books.visits(), books.fees(), books.occupied


def one_by_one(history: Sequence[Passage]) -> Books:
    books = Books()
    for passage in history:
        books.take(passage)
    return books


@pytest.mark.parametrize("length", [1, 2, 3])
def test_every_short_history_comes_to_the_same_in_every_order(length):
    for kinds in product(WHAT, repeat=length):
        for gaps in product(GAPS, repeat=length - 1):
            history = a_history(kinds, gaps)
            wanted = expected(history)
            for order in permutations(history):
                assert outcome(one_by_one(order)) == wanted, (kinds, gaps, order)


def some_histories(length: int, *, many: int, seed: int) -> list[tuple[list[str], list[int]]]:
    chance = random.Random(seed)
    return [
        (chance.choices(WHAT, (6, 5, 2, 2, 2), k=length), chance.choices(GAPS, k=length - 1))
        for _ in range(many)
    ]


@pytest.mark.parametrize(
    ("kinds", "gaps"),
    [
        *some_histories(4, many=120, seed=4),
        *some_histories(5, many=24, seed=5),
        *some_histories(6, many=4, seed=6),
        *some_histories(7, many=1, seed=7),
    ],
)
def test_longer_histories_come_to_the_same_in_every_order(kinds, gaps):
    history = a_history(kinds, gaps)
    wanted = expected(history)
    for order in permutations(history):
        assert outcome(one_by_one(order)) == wanted, order


@pytest.mark.parametrize(("kinds", "gaps"), some_histories(4, many=25, seed=44))
def test_every_order_in_every_split_into_batches_comes_to_the_same(kinds, gaps):
    history = a_history(kinds, gaps)
    wanted = expected(history)
    for order in permutations(history):
        for batches in splits(order):
            books = Books()
            for batch in batches:
                books.take(*batch)
            assert outcome(books) == wanted, batches


instants = st.integers(0, 240).map(lambda n: EIGHT + minutes(n / 2))
passages = st.lists(st.tuples(st.sampled_from(WHAT), instants), min_size=1, max_size=12)


@settings(max_examples=400, deadline=None)
@given(passages, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_passages_come_to_what_the_oracle_says_however_shuffled_repeated_and_split(
    told, chance, size
):
    """Also where two of them were seen in one and the same moment."""
    history = [a_passage_of(what, at) for what, at in told]
    sent = [*history, *chance.sample(history, len(history) // 2)]
    chance.shuffle(sent)
    books = Books()
    for start in range(0, len(sent), size):
        books.take(*sent[start : start + size])
    assert outcome(books) == expected(history)


@settings(max_examples=200, deadline=None)
@given(passages, st.randoms(use_true_random=False))
def test_what_a_visit_had_used_up_is_counted_over_all_that_came_before_it(told, chance):
    """Free visits of a quota, and a cap that spans visits, whenever each visit is heard of."""
    history = [a_passage_of(what, at) for what, at in told]
    in_order, shuffled = Books(quota=TWICE_A_DAY), Books(quota=TWICE_A_DAY)
    for passage in in_time(history):
        in_order.take(passage)
    chance.shuffle(history)
    for passage in history:
        shuffled.take(passage)
    assert shuffled.used() == in_order.used()


def test_the_harness_catches_a_fold_that_takes_passages_as_they_come():
    """The control: without the moment up to which a car is known, order would matter."""
    entry, gone, back = a_history(["entry", "exit", "entry"], [30, 30])
    books = Books()
    for passage in (entry, back, gone):
        books.car.known_until_at = None
        books.take(passage)
    assert outcome(books) != expected([entry, gone, back])


def test_a_weekend_of_exits_is_completed_by_the_entries_that_come_on_monday():
    days = [EIGHT + timedelta(days=day) for day in range(3)]
    books = Books()
    books.take(*(a_passage(EXIT, at + minutes(60), lane="X") for at in days))
    books.take(*(a_passage(ENTRY, at, lane="E") for at in reversed(days)))
    assert books.fees() == [500, 500, 500]
    assert [order.owed_fen for order in books.orders.values()] == [500, 500, 500]


def test_two_lanes_offline_apart_from_each_other_pair_the_right_halves():
    """Each lane sends its weekend; in the end no exit is paired with another visit's entry."""
    days = [EIGHT + timedelta(days=day) for day in range(3)]
    books = Books()
    books.take(
        a_passage(ENTRY, days[0], lane="E"), a_passage(EXIT, days[2] + minutes(60), lane="X")
    )
    assert [visit.state for visit in books.visits()] == ["closed"], "as far as is known"
    books.take(*(a_passage(EXIT, at + minutes(60), lane="X") for at in days[:2]))
    books.take(*(a_passage(ENTRY, at, lane="E") for at in days[1:]))
    assert [visit.state for visit in books.visits()] == ["closed"] * 3
    assert books.fees() == [500, 500, 500]


def test_a_late_visit_beside_the_one_of_now_moves_no_count():
    books = one_by_one(a_history(["entry"], []))
    early = [a_passage(ENTRY, EIGHT - minutes(60)), a_passage(EXIT, EIGHT - minutes(30))]
    folded = books.take(*early)
    assert folded is not None
    assert (len(folded.stays), folded.deltas, books.occupied) == (1, [], 1)


def test_who_asked_to_leave_in_a_visit_that_has_ended_waits_no_more():
    books = one_by_one(a_history(["exit"], []))
    ask = a_passage(ASK, EIGHT - minutes(5), received_at=EIGHT + minutes(600))
    books.take(a_passage(ENTRY, EIGHT - minutes(30)), ask)
    assert books.passages[ask.key].state == "asked"
    assert books.answers[ask.key].stay_id == books.real()[0].stay_id


def test_a_live_entry_is_let_in_though_something_later_is_known():
    """The clock of another lane is a minute ahead: a car still stands at the barrier."""
    books = one_by_one(a_history(["entry", "exit"], [30]))
    live = a_passage(ENTRY, EIGHT + minutes(29.5), lane="E")
    books.take(live)
    assert books.answers[live.key].decision.__struct_config__.tag == "open"


# -- money -----------------------------------------------------------------------------------------


def test_a_late_entry_between_lowers_the_fee_and_what_was_paid_goes_back():
    """A car came, left unseen, came again and paid for all the time from its first entry on."""
    books = one_by_one(a_history(["entry", "exit"], [180]))
    [stay] = books.real()
    order = books.orders[stay.stay_id]
    order.paid_fen, order.owed_fen, order.settled = Fen(1500), Fen(0), True
    books.take(a_passage(ENTRY, EIGHT + minutes(130), lane="E"))
    ghost, paid = sorted(books.real(), key=lambda one: one.first_at)
    assert (ghost.state, paid.state) == ("exit_missing", "closed")
    assert paid.stay_id == stay.stay_id, "who has left is known by the exit where it was paid"
    order = books.orders[paid.stay_id]
    assert (order.fee_fen, order.owed_fen, order.refund_due_fen) == (500, 0, 1000)
    assert (books.orders[ghost.stay_id].owed_fen, books.occupied) == (0, 0)


def test_a_late_exit_between_keeps_the_payment_with_the_visit_that_has_an_entry():
    books = one_by_one(a_history(["entry", "exit"], [180]))
    [stay] = books.real()
    order = books.orders[stay.stay_id]
    order.paid_fen, order.owed_fen, order.settled = Fen(1500), Fen(0), True
    books.take(a_passage(EXIT, EIGHT + minutes(50), lane="X"))
    first, second = sorted(books.real(), key=lambda one: one.first_at)
    assert (first.stay_id, first.state, second.state) == (stay.stay_id, "closed", "entry_missing")
    assert books.orders[first.stay_id].refund_due_fen == 1000
    assert second.stay_id not in books.orders


def test_a_car_that_was_given_up_is_not_charged_for_an_exit_heard_of_later():
    books = one_by_one(a_history(["entry", "entry"], [300]))
    books.take(a_passage(EXIT, EIGHT + minutes(30), lane="X"))
    gone, _ = sorted(books.real(), key=lambda one: one.first_at)
    order = books.orders[gone.stay_id]
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (500, 0, 500)


def test_a_longer_stay_than_was_known_is_priced_and_written_off():
    """The first entry camera was offline: the car was told of less, and nothing is raised."""
    books = one_by_one(a_history(["entry", "exit"], [50]))
    books.take(a_passage(ENTRY, EIGHT - minutes(1.5), lane="E"))
    books.take(a_passage(EXIT, EIGHT + minutes(70), lane="X"))
    [stay] = [one for one in books.real() if one.state == "closed"]
    order = books.orders[stay.stay_id]
    assert stay.entered_at == EIGHT - minutes(1.5)
    assert (order.fee_fen, order.owed_fen) == (500, 500)


def test_nothing_that_a_late_passage_does_not_change_is_saved_again():
    books = one_by_one(a_history(["entry", "exit", "entry", "exit"], [60, 60, 60]))
    folded = books.take(a_passage(EXIT, EIGHT + minutes(61), lane="X2"))
    assert folded is not None
    assert (folded.stays, folded.orders, folded.amended, folded.deltas) == ({}, {}, [], [])
    assert [kept.state for kept in folded.kept] == ["duplicate_exit"]


def test_an_open_order_whose_stay_goes_on_after_all_is_open_again():
    """Its exit was another visit's: the entry before that exit comes late."""
    books = one_by_one(a_history(["entry", "exit"], [60]))
    books.take(a_passage(EXIT, EIGHT - minutes(30), lane="X"))
    assert [stay.state for stay in sorted(books.real(), key=lambda one: one.first_at)] == [
        "entry_missing",
        "closed",
    ]


def test_a_price_is_asked_for_every_visit_that_is_folded_again_and_for_no_other():
    asked: list[datetime] = []

    def price(ask: PriceOf) -> Quote:
        asked.append(ask.until_at)
        return five_an_hour(ask)

    books = Books(price=price)
    days = [EIGHT + timedelta(days=day) for day in range(5)]
    for at in days:
        books.take(a_passage(ENTRY, at, lane="E"), a_passage(EXIT, at + minutes(60), lane="X"))
    asked.clear()
    books.take(a_passage(EXIT, days[3] + minutes(59), lane="X"))
    assert asked == [days[3] + minutes(59), days[4] + minutes(60)]
