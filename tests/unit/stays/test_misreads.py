"""Whose exit it is when no car of its plate came in."""

from datetime import timedelta
from typing import Any

import pytest

from onepark.contexts.stays import misreads, rules
from onepark.contexts.stays.case import CarCase, Folded
from onepark.contexts.stays.events import LetOut
from onepark.contexts.stays.model import (
    Candidate,
    Car,
    Hold,
    HoldReason,
    Kind,
    Nothing,
    Open,
    OpenReason,
    Passage,
    PassageState,
    Pay,
    Stay,
    StayAndOrder,
    StayState,
    Verdict,
)
from onepark.kernel.types import OrderNo, PlanId, StayId
from tests.builders import EIGHT, LOT, NewIds, a_passage, a_stay, an_order, minutes, run
from tests.fakes.books import Books
from tests.fakes.matches import Resembles

ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT
TRUE, READ, THIRD = "苏B12345", "苏B1234S", "苏B1234Z"
NINE = EIGHT + minutes(60)


def inside(plate: str = TRUE, stay_id: int = 1, **changes: Any) -> CarCase:
    """A car that is inside since eight, and nothing new of it."""
    key = f"{plate}/blue"
    stay = a_stay(stay_id=StayId(stay_id), car_key=key, plate=plate)
    number = OrderNo(f"P0000042{'ABCDEFG'[stay_id] * 24}")
    order = an_order(order_no=number, stay_id=StayId(stay_id), car_key=key, plate=plate, **changes)
    return CarCase(Car(LOT, key, open_stay_id=stay.stay_id), [], StayAndOrder(stay, order))


def unknown(*passages: Passage, last: Stay | None = None) -> CarCase:
    """A car of which these passages are all that is known."""
    before = None if last is None else StayAndOrder(last, None)
    return CarCase(Car(LOT, passages[0].car_key), list(passages), None, before)


def plates(*cases: CarCase) -> list[Candidate]:
    """The cars as the database tells them."""
    stays = [case.open.stay for case in cases if case.open is not None]
    return [
        Candidate(s.stay_id, s.car_key, s.plate, s.plate_color, s.vehicle, int(EIGHT.timestamp()))
        for s in stays
    ]


def take(
    *cases: CarCase,
    others: tuple[CarCase, ...] = (),
    matches: Resembles | None = None,
) -> dict[str, Folded]:
    """Take the cases of one batch beside cars inside; what each plate came to."""
    batch, at_hand = list(cases), [case for case in cases if case.open is not None]
    matches = matches or Resembles({READ: TRUE})
    recognised = misreads.judge(batch, {LOT: plates(*others, *at_hand)}, matches)
    wanted = {one.car for one in recognised}
    locked = [case for case in others if (LOT, case.car.car_key) in wanted]
    todo = misreads.hand_over(batch, recognised, locked)
    new_ids = NewIds()
    folds = [
        run(rules.fold(one, new_ids=new_ids, plan_for=lambda _: PlanId(1), quota_of=lambda _: None))
        for one in todo
    ]
    misreads.name_stays(folds)
    return {fold.car.car_key.partition("/")[0]: fold for fold in folds}


def told(folded: Folded) -> list[tuple[PassageState, Any]]:
    return [(kept.state, kept.answer.decision) for kept in folded.kept]


def read(kind: Kind = EXIT, at: Any = NINE, **changes: Any) -> Passage:
    """The exit of the car inside, its last character misread."""
    return a_passage(kind, at, **({"plate": READ} | changes))


def test_a_misread_exit_ends_the_stay_of_the_car_inside_which_says_so():
    folds = take(unknown(read()), others=(inside(),))
    assert list(folds) == [TRUE], "the plate that was read has no visit"
    [stay], [order] = folds[TRUE].stays.values(), folds[TRUE].orders.values()
    assert (stay.state, stay.exited_at, stay.marks) == (StayState.CLOSED, NINE, ["misread_exit"])
    assert (order.fee_fen, order.owed_fen) == (500, 500)
    [kept] = folds[TRUE].kept
    assert (kept.passage.car_key, kept.stay_id) == (f"{READ}/blue", stay.stay_id)
    assert (kept.state, kept.answer.reason) == (PassageState.MISREAD_EXIT, "misread_exit")
    assert [delta for _, delta in folds[TRUE].deltas] == [-1]


def test_a_misread_car_at_the_exit_is_told_what_it_owes_and_stays_inside():
    folds = take(unknown(read(ASK)), others=(inside(),))
    [kept] = folds[TRUE].kept
    assert isinstance(kept.answer.decision, Pay)
    assert (kept.answer.due_fen, kept.state) == (500, PassageState.MISREAD_EXIT)
    [order] = folds[TRUE].orders.values()
    assert order.asked_passage_id == kept.passage.passage_id, "the lane to be opened is known"
    assert (folds[TRUE].stays, folds[TRUE].deltas) == ({}, [])


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (unknown(read(entered_at=EIGHT)), "it carries its own entry"),
        (unknown(read(derived=True)), "nobody read it"),
        (unknown(read(plate="", car_key="ticket:7")), "there is no plate to be misread"),
        (unknown(read(plate="", car_key="unread:cam:p")), "there is no plate to be misread"),
        (unknown(read(decided_for=("cam", "p1"))), "a person has decided"),
        (unknown(read(ENTRY)), "an entry is a new car"),
        (unknown(read(ENTRY, EIGHT), read()), "its entry is in the same batch"),
        (inside(READ), "it is inside"),
    ],
)
def test_what_stands_for_itself_is_never_matched(case, why):
    matches = Resembles({READ: TRUE})
    take(case, others=(inside(),), matches=matches)
    assert matches.asked == [], why


@pytest.mark.parametrize(("after", "asked"), [(minutes(10), 0), (minutes(10.1), 1)])
def test_an_exit_just_after_the_cars_own_exit_is_its_own(after, asked):
    gone = a_stay(stay_id=StayId(9), plate=READ, state=StayState.CLOSED, exited_at=NINE)
    matches = Resembles()
    take(unknown(read(at=NINE + after), last=gone), others=(inside(),), matches=matches)
    assert len(matches.asked) == asked


def test_an_exit_of_a_visit_that_was_given_up_is_its_own():
    ghost = a_stay(stay_id=StayId(9), car_key=f"{READ}/blue", state=StayState.EXIT_MISSING)
    matches = Resembles()
    case = CarCase(Car(LOT, f"{READ}/blue"), [read()], None, StayAndOrder(ghost, an_order()))
    take(case, others=(inside(),), matches=matches)
    assert matches.asked == []


def test_a_car_that_came_after_the_exit_is_no_candidate():
    matches = Resembles()
    take(unknown(read(at=EIGHT - minutes(1))), others=(inside(),), matches=matches)
    assert matches.asked == []


@pytest.mark.parametrize(
    ("matches", "verdict", "reason"),
    [
        (Resembles({READ: f"{TRUE} {THIRD}"}), Verdict.AMBIGUOUS, HoldReason.MISREAD_EXIT),
        (Resembles({READ: TRUE}, unlikely=True), Verdict.NONE, HoldReason.ENTRY_MISSING),
    ],
)
@pytest.mark.parametrize("kind", [ASK, EXIT])
def test_a_doubtful_exit_is_held_with_its_candidates_for_a_person(kind, matches, verdict, reason):
    folds = take(unknown(read(kind)), others=(inside(), inside(THIRD, 2)), matches=matches)
    assert told(folds[READ]) == [(PassageState.HELD, Hold(reason))]
    [doubt] = folds[READ].doubts
    assert doubt.suspicion.verdict == verdict
    assert doubt.suspicion.candidates[0].plate == TRUE
    kept_for = [stay.stay_id for stay in folds[READ].stays.values()]
    assert kept_for == ([] if kind == ASK else [doubt.stay_id])


def test_a_car_that_resembles_nobody_is_held_as_one_without_an_entry():
    folds = take(unknown(read()), others=(inside(),), matches=Resembles())
    assert told(folds[READ]) == [(PassageState.HELD, Hold(HoldReason.ENTRY_MISSING))]
    [doubt] = folds[READ].doubts
    assert doubt.suspicion == misreads.NOBODY, "its car may be heard of later"


def test_a_request_of_a_car_that_resembles_nobody_is_nothing_to_choose_about():
    folds = take(unknown(read(ASK)), others=(inside(),), matches=Resembles())
    assert told(folds[READ]) == [(PassageState.HELD, Hold(HoldReason.ENTRY_MISSING))]
    assert folds[READ].doubts == []


def test_a_car_that_asks_twice_in_a_batch_is_one_thing_to_look_at():
    case = unknown(read(ASK), read(ASK, NINE + minutes(1)), read(EXIT, NINE + minutes(2)))
    doubtful = Resembles({READ: TRUE}, unlikely=True)
    folds = take(case, others=(inside(),), matches=doubtful)
    seen = [(doubt.passage.kind, doubt.passage.seen_at) for doubt in folds[READ].doubts]
    assert seen == [(ASK, NINE + minutes(1)), (EXIT, NINE + minutes(2))]
    deadlines = [doubt.due_at - doubt.passage.received_at for doubt in folds[READ].doubts]
    assert deadlines == [minutes(15), timedelta(hours=24)]


def test_a_car_that_leaves_under_its_own_plate_is_not_taken_for_another_exit():
    leaves = inside()
    leaves.passages.append(a_passage(EXIT, NINE + minutes(30), plate=TRUE))
    matches = Resembles({READ: TRUE})
    folds = take(unknown(read()), leaves, others=(inside(THIRD, 2),), matches=matches)
    assert matches.asked == [(READ, [TRUE, THIRD])], "its plate speaks against all others"
    [stay] = folds[TRUE].stays.values()
    assert (stay.exited_at, stay.marks) == (NINE + minutes(30), [])
    assert told(folds[READ]) == [(PassageState.HELD, Hold(HoldReason.MISREAD_EXIT))]
    assert folds[READ].doubts[0].suspicion.verdict == Verdict.AMBIGUOUS, "nor taken for one later"


def test_a_car_that_asks_under_its_own_plate_later_on_has_not_left_before():
    asks = inside()
    asks.passages.append(a_passage(ASK, NINE + minutes(30), plate=TRUE))
    folds = take(unknown(read()), asks)
    assert folds[TRUE].stays == {}
    assert told(folds[READ])[0][0] == PassageState.HELD


def test_two_misread_exits_that_want_one_car_are_one_exit_and_one_question():
    other = "苏B123A5"
    wants = Resembles({READ: TRUE, other: TRUE})
    cases = (unknown(read()), unknown(read(at=NINE + minutes(1), plate=other)))
    folds = take(*cases, others=(inside(),), matches=wants)
    kept = {one.passage.plate: one.state for fold in folds.values() for one in fold.kept}
    assert kept == {READ: PassageState.MISREAD_EXIT, other: PassageState.HELD}
    assert [stay.exited_at for stay in folds[TRUE].stays.values()] == [NINE]


@pytest.mark.parametrize(
    ("after", "suspect", "state"),
    [
        (minutes(2), True, PassageState.DUPLICATE_EXIT),
        (minutes(3), True, PassageState.HELD),
        (minutes(2), False, PassageState.HELD),  # its own entry may be on the way
    ],
)
def test_a_car_that_left_by_its_own_plate_is_no_other_when_a_second_camera_misreads_it(
    after, suspect, state
):
    leaves = inside()
    leaves.passages.append(a_passage(EXIT, NINE, plate=TRUE))
    second = unknown(read(at=NINE + after, plate_suspect=suspect))
    folds = take(second, leaves, others=(inside(THIRD, 2),))
    assert told(folds[READ])[0][0] == state
    assert THIRD not in folds


@pytest.mark.parametrize(
    ("after", "state"),
    [(minutes(2), PassageState.DUPLICATE_EXIT), (minutes(2.1), PassageState.HELD)],
)
def test_a_misread_exit_that_a_second_camera_misreads_alike_is_no_second_exit(after, state):
    case = unknown(read(), read(at=NINE + after, device_id="cam-2"))
    folds = take(case, others=(inside(), inside("苏B99999", 2)))
    kept = [kept for fold in folds.values() for kept in fold.kept]
    [second] = [one for one in kept if one.passage.device_id == "cam-2"]
    assert second.state == state
    assert [stay.exited_at for stay in folds[TRUE].stays.values()] == [NINE]


def test_a_misread_request_and_the_misread_exit_after_it_are_one_cars():
    case = unknown(read(ASK), read(EXIT, NINE + minutes(1)))
    folds = take(case, others=(inside(),))
    assert [kept.state for kept in folds[TRUE].kept] == [PassageState.MISREAD_EXIT] * 2
    assert [stay.exited_at for stay in folds[TRUE].stays.values()] == [NINE + minutes(1)]


def test_an_entry_and_its_misread_exit_may_come_in_one_batch():
    came = unknown(a_passage(ENTRY, EIGHT, plate=TRUE))
    folds = take(came, unknown(read()))
    [stay] = folds[TRUE].stays.values()
    assert (stay.state, stay.entered_at, stay.exited_at) == (StayState.CLOSED, EIGHT, NINE)
    assert folds[TRUE].deltas == [(stay, 1), (stay, -1)]


def test_a_car_that_comes_again_after_its_misread_exit_is_inside_anew():
    again = inside()
    again.passages.append(a_passage(ENTRY, NINE + minutes(30), plate=TRUE))
    folds = take(unknown(read()), again)
    stays = sorted(folds[TRUE].stays.values(), key=lambda stay: stay.first_at)
    assert [stay.state for stay in stays] == [StayState.CLOSED, StayState.OPEN]
    assert sum(delta for _, delta in folds[TRUE].deltas) == 0


@pytest.mark.parametrize(("changes", "recognised"), [({}, False), ({"plate_suspect": True}, True)])
def test_from_a_backlog_only_a_plate_that_nobody_carries_is_taken_for_another(changes, recognised):
    """The entry of a well-read plate may be on its way still: exits often come first."""
    folds = take(unknown(read(received_at=NINE + minutes(30), **changes)), others=(inside(),))
    assert (TRUE in folds) is recognised
    assert recognised or folds[READ].doubts[0].suspicion.candidates[0].plate == TRUE


def test_in_a_lot_with_more_plates_than_are_loaded_nothing_is_taken_for_granted(monkeypatch):
    monkeypatch.setattr(misreads, "CANDIDATES_MAX", 2)
    folds = take(unknown(read()), others=(inside(), inside("苏B99999", 2)))
    assert told(folds[READ]) == [(PassageState.HELD, Hold(HoldReason.MISREAD_EXIT))]


def test_whoever_waits_is_matched_before_a_backlog_that_fills_the_batch(monkeypatch):
    monkeypatch.setattr(misreads, "COMPARED_MAX", 5)
    backlog = [
        unknown(read(at=EIGHT + minutes(n), plate=f"苏A0000{n}", received_at=NINE + minutes(9)))
        for n in range(3)
    ]
    folds = take(*backlog, unknown(read()), others=(inside(),))
    assert told(folds[TRUE])[0][0] == PassageState.MISREAD_EXIT
    assert all(told(folds[f"苏A0000{n}"])[0][0] == PassageState.HELD for n in range(3))


def test_a_lot_whose_plates_were_not_loaded_is_left_alone():
    matches = Resembles({READ: TRUE})
    assert misreads.judge([unknown(read()), inside()], {}, matches) == []
    assert matches.asked == []


def test_a_candidate_whose_stay_begins_in_the_batch_is_kept_with_its_number():
    came = unknown(a_passage(ENTRY, EIGHT, plate=TRUE))
    doubtful = Resembles({READ: TRUE}, unlikely=True)
    folds = take(came, unknown(read()), matches=doubtful)
    [candidate] = folds[READ].doubts[0].suspicion.candidates
    assert candidate.stay_id == folds[TRUE].car.open_stay_id


def test_a_candidate_that_left_later_in_the_batch_is_nothing_to_ask_about():
    came = [unknown(a_passage(ENTRY, EIGHT, plate=plate)) for plate in (TRUE, THIRD)]
    doubtful = unknown(read(ASK, plate="苏B1234?"))
    leaves = unknown(read(at=NINE + minutes(1)))
    matches = Resembles({READ: TRUE, "苏B1234?": f"{TRUE} {THIRD}"})
    folds = take(*came, doubtful, leaves, matches=matches)
    [doubt] = folds["苏B1234?"].doubts
    assert [one.plate for one in doubt.suspicion.candidates] == [THIRD]


def test_a_recognised_exit_of_a_car_that_is_gone_after_all_is_held_and_moves_nothing():
    gone = a_stay(state=StayState.CLOSED, exited_at=NINE)
    case = CarCase(
        Car(LOT, gone.car_key), [read(at=NINE + minutes(30))], None, StayAndOrder(gone, None)
    )
    folded = run(
        rules.fold(case, new_ids=NewIds(), plan_for=lambda _: PlanId(1), quota_of=lambda _: None)
    )
    assert told(folded) == [(PassageState.HELD, Hold(HoldReason.MISREAD_EXIT))]
    assert (folded.stays, folded.deltas) == ({}, [])


def a_decided(kind: Kind, at: Any = NINE, **changes: Any) -> Passage:
    """What a person said a held passage was."""
    decided = {"device_id": ":desk", "passage_id": "decided:7", "decided_for": ("out", "p7")}
    return a_passage(kind, at, plate=TRUE, **decided, **changes)


def fold(case: CarCase) -> Folded:
    return run(
        rules.fold(case, new_ids=NewIds(), plan_for=lambda _: PlanId(1), quota_of=lambda _: None)
    )


def test_a_decided_exit_ends_the_stay_at_the_moment_when_it_was_seen():
    case = inside()
    case.passages.append(a_decided(EXIT, received_at=NINE + minutes(300)))
    folded = fold(case)
    [stay], [order] = folded.stays.values(), folded.orders.values()
    assert (stay.exited_at, stay.marks, order.fee_fen) == (NINE, ["misread_exit"], 500)


@pytest.mark.parametrize(("after", "waits"), [(minutes(3), True), (minutes(3.1), False)])
def test_a_decided_car_that_owes_nothing_is_let_out_while_it_is_believed_to_wait(after, waits):
    case = inside(paid_fen=500, covered_until_at=NINE + minutes(5))
    case.passages.append(a_decided(ASK, received_at=NINE + after))
    folded = fold(case)
    [kept] = folded.kept
    let_out = [fact for fact in folded.facts if isinstance(fact, LetOut)]
    if not waits:
        assert (kept.answer.decision, let_out) == (Nothing(), [])
        return
    assert isinstance(kept.answer.decision, Open)
    assert kept.answer.decision.reason == OpenReason.PAID
    [fact] = let_out
    assert (fact.asked_device_id, fact.asked_passage_id) == ("out", "p7"), "the request that waits"
    assert (fact.plate, fact.stay_id, folded.stays) == (TRUE, StayId(1), {})


def test_a_decided_car_that_owes_is_told_its_dues_and_its_lane_is_remembered():
    case = inside()
    case.passages.append(a_decided(ASK))
    folded = fold(case)
    assert isinstance(folded.kept[0].answer.decision, Pay)
    [order] = folded.orders.values()
    assert (order.asked_device_id, order.asked_passage_id) == ("out", "p7")
    assert [fact for fact in folded.facts if isinstance(fact, LetOut)] == []


def test_a_decided_exit_of_a_visit_that_was_given_up_raises_nothing():
    books = Books()
    books.take(a_passage(ENTRY), a_passage(ENTRY, EIGHT + minutes(300)))
    books.take(a_decided(EXIT))
    ghost, _ = books.real()
    order = books.orders[ghost.stay_id]
    assert (ghost.state, ghost.marks) == (StayState.CLOSED, ["misread_exit"])
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (500, 0, 500)
