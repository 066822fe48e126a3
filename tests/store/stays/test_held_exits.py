"""Held exits that are looked at again, when the entries that explain them have come."""

from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.tasks import MisreadView
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
NINE = EIGHT + minutes(60)
TRUE, READ, TWIN = "苏B31585", "苏B3158S", "苏B3158Z"
CLERK = Principal(1, "li.ming", StaffRole.OPERATOR_CLERK, OperatorId(7))


async def enter(stays: Stays, lot: LotId, *plates: str) -> None:
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=one) for one in plates])


async def hold(stays: Stays, lot: LotId, kind: Kind = EXIT) -> None:
    """A car of two that look alike at the exit, read so that it may be either."""
    await enter(stays, lot, TRUE, TWIN)
    await stays.take([a_passage(kind, NINE, lot_id=lot, plate=READ)])


async def listed(desk: MisreadDesk, lot: LotId) -> list[MisreadView]:
    page = await desk.page(lot=LotCode(f"{lot:012}"), after=0, limit=10, by=CLERK)
    return list(page.misreads)


async def states(owner, lot: LotId) -> dict[str, str]:
    rows = await owner.fetch("SELECT plate, state FROM stays.stay WHERE lot_id = $1", lot)
    return {row["plate"]: row["state"] for row in rows}


async def test_an_exit_that_came_before_the_entry_of_its_car_is_recognised_later(
    desk, stays, owner, clock, lot
):
    gone = a_passage(EXIT, NINE, lot_id=lot, plate=READ)
    await stays.take([gone])
    assert await listed(desk, lot) == [], "nobody is inside whom a person could choose"
    late = {"received_at": NINE + minutes(5)}
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=TRUE, **late)])
    clock.go(minutes(5))
    await desk.recognise_later()
    assert (await states(owner, lot))[TRUE] == "open", "it was tried a moment ago"
    clock.go(minutes(10))
    await desk.recognise_later()
    assert await states(owner, lot) == {TRUE: "closed", READ: "misread_exit"}
    row = await owner.fetchrow("SELECT * FROM stays.task WHERE lot_id = $1", lot)
    assert (row["decided_by"], row["chosen_stay_id"] is not None) == ("onepark work", True)
    taught = "SELECT count(*) FROM stays.reading WHERE task_id = $1"
    assert await owner.fetchval(taught, row["task_id"]) == 1, "as at a gate"
    trail = "SELECT actor FROM access.audit WHERE subject = $1"
    assert await owner.fetchval(trail, f"task {row['task_id']}") == "onepark work"
    held: int = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    assert held == 0


async def test_a_misread_exit_from_a_backlog_waits_for_the_entries_and_is_recognised_then(
    desk, stays, owner, clock, lot
):
    await enter(stays, lot, TRUE, "苏B90427")
    late = {"received_at": NINE + minutes(30)}
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=READ, **late)])
    assert (await states(owner, lot))[TRUE] == "open"
    assert [one.plate for one in await listed(desk, lot)] == [READ]
    clock.go(minutes(60))
    await desk.recognise_later()
    assert await states(owner, lot) == {TRUE: "closed", "苏B90427": "open", READ: "misread_exit"}


async def test_what_stays_in_doubt_is_ranked_anew_for_the_person_who_will_look(
    desk, stays, owner, clock, lot
):
    await enter(stays, lot, TRUE)
    late = {"received_at": NINE + minutes(30)}
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=READ, **late)])
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=TWIN, **late)])
    clock.go(minutes(60))
    await desk.recognise_later()
    [one] = await listed(desk, lot)
    assert [view.plate for view in one.candidates] == [TRUE, TWIN]
    assert await states(owner, lot) == {TRUE: "open", TWIN: "open", READ: "entry_missing"}


async def test_what_needs_nobody_any_more_is_closed_by_the_platform(desk, stays, owner, clock, lot):
    await hold(stays, lot)
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=READ)])
    other = LotId(lot + 1_000_000)
    await hold(stays, other, ASK)
    clock.go(minutes(60))
    await desk.recognise_later()
    decided = "SELECT decided_by FROM stays.task WHERE lot_id = $1"
    assert await owner.fetchval(decided, lot) == "onepark work"
    assert await owner.fetchval(decided, other) is None
    clock.go(minutes(60 * 24))
    await desk.recognise_later()
    assert await owner.fetchval(decided, other) == "onepark work"


async def test_an_exit_is_tried_for_three_days_and_then_left_to_people(desk, stays, clock, lot):
    await hold(stays, lot)
    clock.go(minutes(60 * 72))
    while await desk.recognise_later():
        clock.go(minutes(1))
    [one] = await listed(desk, lot)
    assert one.plate == READ


async def test_what_was_in_doubt_once_is_left_to_a_person_when_a_rival_has_gone(
    desk, stays, owner, clock, lot
):
    await hold(stays, lot)
    await stays.take([a_passage(EXIT, NINE + minutes(30), lot_id=lot, plate=TWIN)])
    clock.go(minutes(60))
    await desk.recognise_later()
    [one] = await listed(desk, lot)
    assert [view.plate for view in one.candidates] == [TRUE]
    assert await states(owner, lot) == {TRUE: "open", TWIN: "closed", READ: "entry_missing"}
