"""What a person decides about a misread exit, against the real database."""

import asyncio
import json
from typing import Any

import pytest

from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.errors import (
    CandidateGone,
    CandidateUnknown,
    LotUnknown,
    MisreadDecided,
    MisreadOvertaken,
    MisreadUnknown,
)
from onepark.contexts.stays.model import Kind, Nothing, Open, Pay
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.tasks import Choice, Decided, MisreadView
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId, StayId
from tests.builders import EIGHT, a_passage, minutes

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
NINE = EIGHT + minutes(60)
TRUE, READ, TWIN = "苏B31585", "苏B3158S", "苏B3158Z"
CLERK = Principal(1, "li.ming", StaffRole.OPERATOR_CLERK, OperatorId(7))
STRANGER = Principal(2, "wang.fang", StaffRole.OPERATOR_CLERK, OperatorId(8))
AUDITOR = Principal(3, "zhao.lei", StaffRole.AUDITOR, None)
NONE = Choice(None)


async def enter(stays: Stays, lot: LotId, *plates: str) -> list[Any]:
    batch = await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=one) for one in plates])
    return [taken.answer for taken in batch.taken]


async def hold(stays: Stays, lot: LotId, kind: Kind = EXIT, **changes: Any) -> list[Any]:
    """A car of two that look alike at the exit, read so that it may be either."""
    inside = await enter(stays, lot, TRUE, TWIN)
    device = {"device_id": "out", "lane": "X1", "camera_model": "cam-1"}
    await stays.take([a_passage(kind, NINE, lot_id=lot, plate=READ, **(device | changes))])
    return inside


async def listed(desk: MisreadDesk, lot: LotId, by: Principal = CLERK) -> list[MisreadView]:
    page = await desk.page(lot=LotCode(f"{lot:012}"), after=0, limit=10, by=by)
    return list(page.misreads)


async def states(owner, lot: LotId) -> dict[str, str]:
    rows = await owner.fetch("SELECT plate, state FROM stays.stay WHERE lot_id = $1", lot)
    return {row["plate"]: row["state"] for row in rows}


async def test_what_waits_is_listed_with_its_candidates_the_likeliest_first(desk, stays, lot):
    inside = await hold(stays, lot)
    [one] = await listed(desk, lot)
    assert (one.plate, one.kind, one.lane, one.lot_name) == (READ, EXIT, "X1", "人民路停车场")
    assert [view.plate for view in one.candidates] == [TRUE, TWIN]
    assert {view.stay_id for view in one.candidates} == {answer.stay_id for answer in inside}
    assert one.candidates[0].score_milli > one.candidates[1].score_milli
    assert one.candidates[0].reasons == ("look_alike:6:5:S",)
    assert one.candidates[0].entered_at == EIGHT


async def test_who_may_not_decide_sees_no_whole_plate(desk, stays, lot):
    await hold(stays, lot, image_url="https://img.example/1.jpg")
    [one] = await listed(desk, lot, AUDITOR)
    assert (one.plate, one.image_url) == ("苏B****S", None)
    assert [(view.plate, view.reasons) for view in one.candidates] == [
        ("苏B****5", ("look_alike",)),
        ("苏B****Z", ("dissimilar",)),
    ]


async def test_another_operator_sees_and_decides_nothing(desk, stays, owner, lot):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    assert await listed(desk, lot, STRANGER) == []
    with pytest.raises(MisreadUnknown):
        await desk.decide(one.task_id, Choice(true.stay_id), by=STRANGER)
    assert (await states(owner, lot))[TRUE] == "open"


async def test_the_list_goes_on_where_a_page_ended(desk, stays, lot):
    for number in range(3):
        await enter(stays, lot, f"苏C{number}1585", f"苏C{number}158Z")
        await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=f"苏C{number}158S")])
    first = await desk.page(lot=LotCode(f"{lot:012}"), after=0, limit=2, by=CLERK)
    rest = await desk.page(
        lot=LotCode(f"{lot:012}"), after=first.next_after or 0, limit=2, by=CLERK
    )
    plates = [one.plate for page in (first, rest) for one in page.misreads]
    assert plates == ["苏C0158S", "苏C1158S", "苏C2158S"]
    assert rest.next_after is None
    with pytest.raises(LotUnknown):
        await desk.page(lot=LotCode("000000000000"), after=0, limit=2, by=CLERK)


async def test_a_chosen_car_has_left_when_it_was_seen_and_owes_what_that_costs(
    desk, stays, owner, clock, lot
):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    clock.go(minutes(300))
    told = await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    assert told == Decided(one.task_id, true.stay_id, Nothing(), true.order_no)
    assert await states(owner, lot) == {TRUE: "closed", TWIN: "open", READ: "misread_exit"}
    row = await owner.fetchrow(
        "SELECT s.exited_at, s.marks, o.fee_fen, o.owed_fen FROM stays.stay AS s"
        " JOIN stays.stay_order AS o USING (lot_id, stay_id) WHERE s.stay_id = $1",
        true.stay_id,
    )
    assert tuple(row) == (NINE, ["misread_exit"], 500, 500)
    held: int = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    assert held == 1
    assert await listed(desk, lot) == []


async def test_a_decision_leaves_a_trail_without_a_plate_and_a_reading_for_the_camera(
    desk, stays, owner, lot
):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    trail = await owner.fetchrow(
        "SELECT actor, action, operator_id, after FROM access.audit WHERE subject = $1",
        f"task {one.task_id}",
    )
    assert tuple(trail)[:3] == ("li.ming", "stays.misread_decided", 7)
    assert json.loads(trail["after"]) == {"lot_id": lot, "chosen_stay_id": true.stay_id}
    reading = await owner.fetchrow(
        "SELECT camera_model, observed, actual FROM stays.reading WHERE task_id = $1", one.task_id
    )
    assert tuple(reading) == ("cam-1", READ, TRUE)


async def test_an_entry_that_was_misread_teaches_nothing_about_the_camera_at_the_exit(
    desk, stays, owner, lot
):
    [wrong, _] = await enter(stays, lot, "苏B3158", "苏B315S5")  # the first is no plate
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=TRUE)])
    [one] = await listed(desk, lot)
    chosen = next(view for view in one.candidates if view.stay_id == wrong.stay_id)
    assert chosen.reasons[0] == "entry_misread"
    await desk.decide(one.task_id, Choice(wrong.stay_id), by=CLERK)
    assert (
        await owner.fetchval("SELECT 1 FROM stays.reading WHERE task_id = $1", one.task_id) is None
    )


async def test_none_of_them_is_a_decision_too_and_moves_nothing(desk, stays, owner, lot):
    await hold(stays, lot)
    before = await states(owner, lot)
    [one] = await listed(desk, lot)
    assert await desk.decide(one.task_id, NONE, by=CLERK) == Decided(one.task_id, None, Nothing())
    assert await states(owner, lot) == before == {TRUE: "open", TWIN: "open", READ: "entry_missing"}
    assert await listed(desk, lot) == []


async def test_the_same_decision_again_gets_the_same_answer_and_another_one_is_too_late(
    desk, stays, owner, lot
):
    [true, twin] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    choice = Choice(true.stay_id)
    told = [await desk.decide(one.task_id, choice, by=CLERK) for _ in range(2)]
    assert told[0] == told[1]
    for other in (Choice(twin.stay_id), NONE):
        with pytest.raises(MisreadDecided):
            await desk.decide(one.task_id, other, by=CLERK)
    lines = "SELECT count(*) FROM access.audit WHERE subject = $1"
    assert await owner.fetchval(lines, f"task {one.task_id}") == 1


async def test_two_people_who_decide_at_once_end_one_stay(desk, stays, owner, lot):
    [true, twin] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    choices = [Choice(true.stay_id), Choice(twin.stay_id), NONE]
    told = await asyncio.gather(
        *(desk.decide(one.task_id, choice, by=CLERK) for choice in choices * 2),
        return_exceptions=True,
    )
    done = [one for one in told if isinstance(one, Decided)]
    assert len(done) == 2
    assert done[0] == done[1]
    assert sum(isinstance(one, MisreadDecided) for one in told) == 4
    closed = [plate for plate, state in (await states(owner, lot)).items() if state == "closed"]
    assert len(closed) == (done[0].chosen_stay_id is not None)


@pytest.mark.parametrize("stay_id", [1, 2**63 - 1])
async def test_a_stay_that_is_no_candidate_cannot_be_chosen(desk, stays, lot, stay_id):
    await hold(stays, lot)
    [one] = await listed(desk, lot)
    with pytest.raises(CandidateUnknown):
        await desk.decide(one.task_id, Choice(StayId(stay_id)), by=CLERK)


async def test_a_candidate_that_has_left_meanwhile_cannot_be_chosen_but_another_can(
    desk, stays, owner, lot
):
    [true, twin] = await hold(stays, lot)
    await stays.take([a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=TRUE)])
    [one] = await listed(desk, lot)
    with pytest.raises(CandidateGone):
        await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    assert (await states(owner, lot))[READ] == "entry_missing", "a refused decision changes nothing"
    await desk.decide(one.task_id, Choice(twin.stay_id), by=CLERK)
    assert await states(owner, lot) == {TRUE: "closed", TWIN: "closed", READ: "misread_exit"}


async def test_an_exit_that_found_its_own_entry_needs_nobody(desk, stays, lot):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=READ)])
    assert await listed(desk, lot) == []
    with pytest.raises(MisreadOvertaken):
        await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)


async def test_a_stay_that_never_was_one_is_not_completed_by_a_later_entry(desk, stays, owner, lot):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    late = a_passage(ENTRY, EIGHT, lot_id=lot, plate=READ)
    await stays.take([late])
    rows = await owner.fetch(
        "SELECT state FROM stays.stay WHERE lot_id = $1 AND plate = $2 ORDER BY state", lot, READ
    )
    assert [row["state"] for row in rows] == ["misread_exit", "open"]


async def test_a_car_that_waits_is_told_its_dues_and_the_lane_where_it_waits_is_kept(
    desk, stays, owner, lot
):
    [true, _] = await hold(stays, lot, ASK, passage_id="ask-1")
    [one] = await listed(desk, lot)
    told = await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    assert isinstance(told.decision, Pay)
    assert (told.order_no, told.due_fen) == (true.order_no, 500)
    assert (await states(owner, lot))[TRUE] == "open"
    asked = await owner.fetchrow(
        "SELECT asked_device_id, asked_passage_id, asked_lane FROM stays.stay_order"
        " WHERE order_no = $1",
        true.order_no,
    )
    assert tuple(asked) == ("out", "ask-1", "X1")


@pytest.mark.parametrize(("later", "waits"), [(minutes(1), True), (minutes(3), False)])
async def test_a_car_that_owes_nothing_is_let_out_while_it_is_believed_to_wait(
    desk, stays, owner, clock, lot, later, waits
):
    [true, _] = await hold(stays, lot, ASK)
    await owner.execute(
        "UPDATE stays.stay_order SET paid_fen = 500, covered_until_at = $2 WHERE order_no = $1",
        *(true.order_no, NINE + minutes(15)),
    )
    [one] = await listed(desk, lot)
    clock.go(later)
    told = await desk.decide(one.task_id, Choice(true.stay_id), by=CLERK)
    assert isinstance(told.decision, Open) is waits
    facts = "SELECT count(*) FROM stays.outbox WHERE fact = 'stays.let_out.v1' AND payload LIKE $1"
    assert await owner.fetchval(facts, f"%{true.order_no}%") == int(waits)


async def test_a_car_that_has_long_driven_off_is_not_shown_at_the_exit(desk, stays, clock, lot):
    await hold(stays, lot, ASK)
    assert len(await listed(desk, lot)) == 1
    clock.go(minutes(15))
    assert await listed(desk, lot) == []


async def test_a_decision_and_the_chosen_cars_own_exit_at_once_end_one_stay(
    desk, stays, owner, lot
):
    [true, _] = await hold(stays, lot)
    [one] = await listed(desk, lot)
    own = a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=TRUE)
    told = await asyncio.gather(
        desk.decide(one.task_id, Choice(true.stay_id), by=CLERK),
        stays.take([own]),
        return_exceptions=True,
    )
    assert isinstance(told[0], Decided | CandidateGone)
    held: int = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    assert held == 1
