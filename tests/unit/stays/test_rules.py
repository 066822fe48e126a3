"""What a passage means for its car."""

import pytest

from onepark.contexts.stays import rules
from onepark.contexts.stays.case import CarCase, Folded
from onepark.contexts.stays.model import (
    Car,
    Hold,
    HoldReason,
    Kind,
    Nothing,
    Open,
    OpenReason,
    OrderState,
    PassageState,
    Pay,
    StayAndOrder,
    StayState,
)
from onepark.kernel.types import PlanId, StayId
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

FIRST = StayId(1)
ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT


def fold(case: CarCase) -> Folded:
    return run(
        rules.fold(case, new_ids=NewIds(), plan_for=lambda _: PlanId(1), quota_of=lambda _: None)
    )


def told(folded: Folded, place: int = -1):
    return folded.kept[place].answer


def test_an_entry_opens_a_stay_with_an_order_and_takes_a_bay():
    folded = fold(a_case(a_passage(ENTRY)))
    [stay] = folded.stays.values()
    [order] = folded.orders.values()
    assert (stay.state, stay.entered_at) == (StayState.OPEN, EIGHT)
    assert (order.stay_id, order.state, order.fee_fen) == (stay.stay_id, OrderState.OPEN, None)
    assert [delta for _, delta in folded.deltas] == [1]
    assert folded.car.open_stay_id == stay.stay_id
    assert told(folded).decision == Open(OpenReason.ENTERED, EIGHT + minutes(3) + minutes(2 / 60))


def test_nobody_waits_for_the_answer_to_an_entry_of_yesterday():
    late = a_passage(ENTRY, received_at=EIGHT + minutes(60 * 24))
    assert told(fold(a_case(late))).decision == Nothing()


@pytest.mark.parametrize(
    ("after", "state", "deltas"),
    [
        (minutes(2), PassageState.DUPLICATE_ENTRY, []),
        (minutes(2.1), PassageState.FOLDED, [-1, 1]),
    ],
)
def test_a_second_entry_is_a_reread_at_first_and_then_proves_a_missed_exit(after, state, deltas):
    folded = fold(a_case(a_passage(ENTRY, EIGHT + after), **inside()))
    assert folded.kept[0].state == state
    assert [delta for _, delta in folded.deltas] == deltas


def test_a_stay_whose_exit_nobody_saw_charges_only_what_was_paid():
    folded = fold(a_case(a_passage(ENTRY, EIGHT + minutes(600)), **inside()))
    ghost, order = folded.stays[FIRST], next(iter(folded.orders.values()))
    assert (ghost.state, ghost.exited_at) == (StayState.EXIT_MISSING, None)
    assert {one.state for one in folded.orders.values()} == {OrderState.VOID, OrderState.OPEN}
    assert (order.fee_fen, order.owed_fen, order.settled) == (0, 0, True)


def test_a_car_at_the_exit_is_told_what_it_owes_and_stays_inside():
    folded = fold(a_case(a_passage(ASK, EIGHT + minutes(61)), **inside()))
    answer = told(folded)
    assert isinstance(answer.decision, Pay)
    assert answer.due_fen == 1000
    assert (folded.stays, folded.deltas) == ({}, [])
    [order] = folded.orders.values()
    assert (order.quoted_fen, order.asked_lane) == (1000, "L1")


@pytest.mark.parametrize(("asked_after", "opens"), [(minutes(75), True), (minutes(75.1), False)])
def test_a_paid_car_may_leave_until_its_grace_has_passed(asked_after, opens):
    paid = inside(paid_fen=500, covered_until_at=EIGHT + minutes(75))
    answer = told(fold(a_case(a_passage(ASK, EIGHT + asked_after), **paid)))
    assert isinstance(answer.decision, Open) is opens


def test_after_the_grace_the_new_price_counts_less_what_was_paid():
    paid = inside(paid_fen=1000, covered_until_at=EIGHT + minutes(75))
    answer = told(fold(a_case(a_passage(ASK, EIGHT + minutes(121)), **paid)))
    assert answer.due_fen == 500


def test_an_exit_ends_the_stay_and_frees_its_bay():
    folded = fold(a_case(a_passage(EXIT, EIGHT + minutes(30)), **inside()))
    stay, order = folded.stays[FIRST], next(iter(folded.orders.values()))
    assert (stay.state, stay.exited_at) == (StayState.CLOSED, EIGHT + minutes(30))
    assert (order.fee_fen, order.owed_fen, order.settled) == (500, 500, False)
    assert [delta for _, delta in folded.deltas] == [-1]
    assert (folded.car.open_stay_id, folded.car.last_stay_id) == (None, 1)


def test_an_exit_in_its_grace_writes_the_overrun_off():
    paid = inside(paid_fen=500, covered_until_at=EIGHT + minutes(70))
    folded = fold(a_case(a_passage(EXIT, EIGHT + minutes(65)), **paid))
    [order] = folded.orders.values()
    assert (order.fee_fen, order.written_off_fen, order.owed_fen) == (1000, 500, 0)
    assert (order.state, order.settled) == (OrderState.PAID, True)


def test_an_exit_and_a_reentry_in_one_batch_are_two_stays():
    again = a_passage(ENTRY, EIGHT + minutes(40))
    folded = fold(a_case(again, a_passage(EXIT, EIGHT + minutes(30)), **inside()))
    assert [kept.state for kept in folded.kept] == [PassageState.FOLDED] * 2
    assert [stay.state for stay in folded.stays.values()] == [StayState.CLOSED, StayState.OPEN]
    assert sum(delta for _, delta in folded.deltas) == 0


def test_a_whole_visit_in_one_batch_is_folded_in_order_of_time():
    passages = [
        a_passage(EXIT, EIGHT + minutes(61)),
        a_passage(ASK, EIGHT + minutes(60)),
        a_passage(ENTRY),
    ]
    folded = fold(a_case(*passages))
    [stay] = folded.stays.values()
    assert (stay.state, stay.entered_at) == (StayState.CLOSED, EIGHT)
    assert folded.deltas == [(stay, 1), (stay, -1)]


def test_a_car_that_no_entry_told_of_is_held_at_the_exit_and_moves_nothing():
    folded = fold(a_case(a_passage(ASK)))
    assert told(folded).decision == Hold(HoldReason.ENTRY_MISSING)
    assert (folded.stays, folded.deltas) == ({}, [])
    assert folded.kept[0].state == PassageState.HELD


def test_an_exit_without_an_entry_is_kept_with_a_state():
    folded = fold(a_case(a_passage(EXIT)))
    [stay] = folded.stays.values()
    assert stay.state == StayState.ENTRY_MISSING
    assert told(folded).decision == Hold(HoldReason.ENTRY_MISSING)
    assert (folded.orders, folded.deltas) == ({}, [])


def test_an_exit_may_carry_its_entry():
    folded = fold(a_case(a_passage(EXIT, EIGHT + minutes(30), entered_at=EIGHT)))
    [stay], [order] = folded.stays.values(), folded.orders.values()
    assert (stay.state, stay.entered_at) == (StayState.CLOSED, EIGHT)
    assert (order.fee_fen, folded.deltas) == (500, [])


@pytest.mark.parametrize("kind", [ENTRY, EXIT])
def test_a_passage_that_is_late_without_its_history_is_kept_and_moves_nothing(kind):
    """More lies after it than is ever folded again: a person looks at it."""
    late = a_passage(kind, EIGHT - minutes(30))
    car = Car(LOT, "苏B12345/blue", known_until_at=EIGHT)
    folded = fold(a_case(late, car=car))
    assert [kept.state for kept in folded.kept] == [PassageState.LATE]
    assert (folded.stays, folded.orders) == ({}, {})


def test_what_is_later_than_all_that_is_known_is_folded_beside_what_is_late():
    passages = [a_passage(EXIT, EIGHT - minutes(30)), a_passage(EXIT, EIGHT + minutes(30))]
    known = inside()
    known["car"].known_until_at = EIGHT
    folded = fold(a_case(*passages, **known))
    assert [kept.state for kept in folded.kept] == [PassageState.LATE, PassageState.FOLDED]


def test_two_exit_cameras_that_carry_the_entry_tell_of_one_visit():
    first = a_passage(EXIT, EIGHT + minutes(60), entered_at=EIGHT)
    second = a_passage(EXIT, EIGHT + minutes(60.5), entered_at=EIGHT)
    folded = fold(a_case(first, second))
    assert len(folded.stays) == 1
    assert folded.kept[1].state == PassageState.DUPLICATE_EXIT


def test_a_request_from_a_backlog_does_not_hide_the_one_that_stands_there_now():
    now, old = EIGHT + minutes(60), EIGHT + minutes(40)
    live = a_passage(ASK, now, lane="X1")
    backlog = a_passage(ASK, old, lane="X9", received_at=now + minutes(1))
    first = fold(a_case(live, **inside()))
    [order] = first.orders.values()
    again = fold(a_case(backlog, car=first.car, open=StayAndOrder(a_stay(), order)))
    assert again.orders == {}
    assert order.asked_lane == "X1"


def test_an_opened_lane_stands_for_the_exit_of_the_car_inside_and_of_no_other():
    opened = a_passage(EXIT, EIGHT + minutes(60), derived=True)
    folded = fold(a_case(opened, **inside()))
    assert folded.stays[FIRST].exit_derived
    nobody = fold(a_case(a_passage(EXIT, EIGHT, derived=True)))
    assert (nobody.stays, nobody.kept[0].state) == ({}, PassageState.LATE)


def test_where_exits_are_not_confirmed_an_answered_open_ends_the_stay():
    paid = inside(paid_fen=500, covered_until_at=EIGHT + minutes(75))
    ask = a_passage(ASK, EIGHT + minutes(61), confirms_exit=False)
    folded = fold(a_case(ask, **paid))
    assert (folded.stays[FIRST].state, folded.stays[FIRST].exit_derived) == (StayState.CLOSED, True)
    assert [delta for _, delta in folded.deltas] == [-1]


@pytest.mark.parametrize(
    ("after", "state"),
    [(minutes(10), PassageState.CONFIRMED), (minutes(10.1), PassageState.HELD)],
)
def test_a_real_exit_soon_after_a_derived_one_confirms_it(after, state):
    gone = a_stay(state=StayState.CLOSED, exited_at=EIGHT, exit_derived=True)
    case = a_case(a_passage(EXIT, EIGHT + after), last=StayAndOrder(gone, an_order()))
    assert fold(case).kept[0].state == state


def test_a_car_that_asks_again_before_it_has_passed_is_let_out():
    gone = a_stay(state=StayState.CLOSED, exited_at=EIGHT, exit_derived=True)
    case = a_case(a_passage(ASK, EIGHT + minutes(1)), last=StayAndOrder(gone, an_order()))
    decision = told(fold(case)).decision
    assert isinstance(decision, Open)
    assert decision.reason == OpenReason.LEAVING


def test_an_exit_seen_by_a_second_camera_is_no_second_exit():
    gone = a_stay(state=StayState.CLOSED, exited_at=EIGHT)
    case = a_case(a_passage(EXIT, EIGHT + minutes(1)), last=StayAndOrder(gone, an_order()))
    folded = fold(case)
    assert (folded.kept[0].state, folded.stays) == (PassageState.DUPLICATE_EXIT, {})


def test_an_exit_request_before_the_entry_is_held_because_a_clock_is_wrong():
    folded = fold(a_case(a_passage(ASK, EIGHT - minutes(1)), **inside()))
    assert told(folded).decision == Hold(HoldReason.CLOCK_SUSPECT)
