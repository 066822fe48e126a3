"""Cars that left unseen end by what shows that they have gone, unless they are seen after all."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from onepark.contexts.stays.errors import LotUnknown
from onepark.contexts.stays.ghosts import GhostPage, Ghosts, LotCount, OpenBarrier
from onepark.contexts.stays.model import Emptied, Kind, LeftOpen
from onepark.contexts.stays.service import Stays
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId, Pool
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan

ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
WAITS = timedelta(hours=6)
CITY = Principal(1, "city", StaffRole.CITY_ADMIN, None)
CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
plates = count(10_000)


@pytest.fixture
def plate() -> str:
    return f"苏BG{next(plates)}"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(120))


@pytest.fixture
def stays(batch_db, service_db, clock) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)


@pytest.fixture
def ghosts(service_db, staff_db, stays: Stays, clock: HandClock) -> Ghosts:
    return Ghosts(service_db, staff_db, stays=stays, archive=NumberedLots, clock=clock, waits=WAITS)


async def enters(stays: Stays, lot: LotId, plate: str, at: Any = EIGHT, **changes: Any) -> None:
    await stays.take([a_passage(ENTRY, at, lot_id=lot, plate=plate, **changes)])


async def leaves(stays: Stays, lot: LotId, plate: str, at: Any) -> None:
    await stays.take([a_passage(EXIT, at, lot_id=lot, plate=plate)])


async def of_lot(ghosts: Ghosts, lot: LotId, by: Principal = CITY) -> GhostPage:
    return await ghosts.page(lot=LotCode(f"{lot:012d}"), after=0, limit=10, by=by)


async def stay(owner, lot: LotId) -> tuple[Any, ...]:
    row = await owner.fetchrow(
        """
        SELECT s.state, s.exited_at, o.fee_fen, o.owed_fen, o.written_off_fen,
            (SELECT occupied FROM stays.count WHERE lot_id = $1) AS occupied
        FROM stays.stay AS s JOIN stays.stay_order AS o USING (lot_id, stay_id) WHERE lot_id = $1
        """,
        lot,
    )
    return tuple(row)


async def test_a_car_that_went_in_elsewhere_has_left_by_then(
    ghosts, stays, clock, owner, lot, plate
):
    other, seen_at = LotId(lot + 50_000), EIGHT + minutes(90)
    await enters(stays, lot, plate)
    assert await ghosts.note_elsewhere() == 0
    await enters(stays, other, plate, seen_at)
    assert await ghosts.note_elsewhere() == 1
    assert await ghosts.note_elsewhere() == 0, "it is known"
    [ghost] = (await of_lot(ghosts, lot)).ghosts
    assert (ghost.evidence, ghost.gone_by_at, ghost.state) == ("elsewhere", seen_at, "waiting")
    assert ghost.other_lot == f"{other:012d}"

    clock.at += WAITS - minutes(1)
    await ghosts.end()
    assert (await stay(owner, lot))[0] == "open", "its exit may still be heard of"
    clock.at += minutes(1)
    await ghosts.end()
    assert await stay(owner, lot) == ("exit_missing", seen_at, 0, 0, 0, 0)
    assert [one.state for one in (await of_lot(ghosts, lot)).ghosts] == ["ended"]
    assert (await stay(owner, other))[0] == "open", "it is there"


async def test_an_exit_that_is_heard_of_in_time_is_charged_as_ever(
    ghosts, stays, clock, owner, lot, plate
):
    await enters(stays, lot, plate)
    await enters(stays, LotId(lot + 50_000), plate, EIGHT + minutes(90))
    await ghosts.note_elsewhere()
    await leaves(stays, lot, plate, EIGHT + minutes(61))
    clock.at += WAITS
    await ghosts.end()
    assert await stay(owner, lot) == ("closed", EIGHT + minutes(61), 1000, 1000, 0, 0)
    assert [one.state for one in (await of_lot(ghosts, lot)).ghosts] == ["overtaken"]


@pytest.mark.parametrize(
    ("left_after", "state"), [(minutes(61), "overtaken"), (minutes(100), "contradicted")]
)
async def test_an_exit_that_is_heard_of_later_is_believed_and_not_charged_any_more(
    ghosts, stays, clock, owner, lot, plate, left_after, state
):
    await enters(stays, lot, plate)
    await enters(stays, LotId(lot + 50_000), plate, EIGHT + minutes(90))
    await ghosts.note_elsewhere()
    clock.at += WAITS
    await ghosts.end()
    await leaves(stays, lot, plate, EIGHT + left_after)
    assert await stay(owner, lot) == ("closed", EIGHT + left_after, 1000, 0, 1000, 0)
    assert [one.state for one in (await of_lot(ghosts, lot)).ghosts] == [state]


@pytest.mark.parametrize(
    "changes", [{"plate_suspect": True}, {"clock_suspect": True}, {"plate_color": "yellow"}]
)
async def test_what_cannot_be_believed_shows_nothing(ghosts, stays, lot, plate, changes):
    await enters(stays, lot, plate)
    if "plate_color" in changes:
        changes = changes | {"car_key": f"{plate}/yellow"}
    await enters(stays, LotId(lot + 50_000), plate, EIGHT + minutes(90), **changes)
    await ghosts.note_elsewhere()
    assert (await of_lot(ghosts, lot)).ghosts == ()


async def test_a_lot_that_says_it_is_empty_holds_none_of_those_that_came_before(
    ghosts, stays, clock, owner, lot, plate
):
    await enters(stays, lot, plate)
    await enters(stays, lot, f"{plate}7", EIGHT + minutes(98))
    empty = Emptied(lot, Pool.SHORT_STAY, EIGHT + minutes(100), "cam")
    assert await ghosts.note_empty(empty) == 1, "one that has just come may be missing in the count"
    assert await ghosts.note_empty(empty._replace(pool=Pool.CHARGING)) == 0
    clock.at += WAITS
    await ghosts.end()
    states = await owner.fetch(
        "SELECT state, exited_at FROM stays.stay WHERE lot_id = $1 ORDER BY entered_at", lot
    )
    assert [tuple(row) for row in states] == [
        ("exit_missing", EIGHT + minutes(100)),
        ("open", None),
    ]


def left_open(lot: LotId, **changes: Any) -> LeftOpen:
    """Ten minutes of an open barrier from 8:50 on, and nobody inside an hour later."""
    values: dict[str, Any] = {
        "lot_id": lot,
        "pool": Pool.SHORT_STAY,
        "lane": "X1",
        "raised_by": "hand",
        "raised_at": EIGHT + minutes(50),
        "lowered_at": EIGHT + minutes(60),
        "counted_at": EIGHT + minutes(110),
        "counted": 0,
        "told_by": "cam",
    }
    return LeftOpen(**(values | changes))


async def test_who_came_before_a_barrier_was_lowered_and_is_not_counted_after_it_has_left(
    ghosts, stays, clock, owner, lot, plate
):
    await enters(stays, lot, plate)
    await enters(stays, lot, f"{plate}7", EIGHT + minutes(70))
    assert await ghosts.note_left_open(left_open(lot, counted=2)) == 0, "both may be inside"
    assert await ghosts.note_left_open(left_open(lot, counted=1, pool=Pool.CHARGING)) == 0
    assert await ghosts.note_left_open(left_open(lot, counted=1)) == 1
    assert await ghosts.note_left_open(left_open(lot, counted=1)) == 0, "it is known"
    [ghost] = (await of_lot(ghosts, lot)).ghosts
    assert (ghost.evidence, ghost.gone_by_at) == ("gate_left_open", EIGHT + minutes(60))
    assert ghost.barrier == OpenBarrier("X1", "hand", EIGHT + minutes(50), EIGHT + minutes(60))
    assert ghost.snapshot == LotCount(EIGHT + minutes(110), 1, "cam")
    clock.at += WAITS
    await ghosts.end()
    states = await owner.fetch(
        "SELECT state, exited_at FROM stays.stay WHERE lot_id = $1 ORDER BY entered_at", lot
    )
    assert [tuple(row) for row in states] == [
        ("exit_missing", EIGHT + minutes(60)),
        ("open", None),
    ]


@pytest.mark.parametrize(
    ("came_after", "counted_after", "noted"),
    [
        (minutes(60), minutes(66), 1),
        (minutes(60), minutes(65), 0),
        (minutes(61), minutes(110), 0),
    ],
)
async def test_who_has_just_come_may_be_missing_in_a_count(
    ghosts, stays, lot, plate, came_after, counted_after, noted
):
    await enters(stays, lot, plate, EIGHT + came_after)
    told = left_open(lot, counted_at=EIGHT + counted_after)
    assert await ghosts.note_left_open(told) == noted


@pytest.mark.parametrize("came_after", [minutes(106), minutes(59)])
async def test_a_car_that_is_surely_in_the_count_came_after_the_barrier_and_well_before_the_count(
    ghosts, stays, lot, plate, came_after
):
    await enters(stays, lot, plate)
    await enters(stays, lot, f"{plate}7", EIGHT + came_after)
    assert await ghosts.note_left_open(left_open(lot, counted=1)) == 0


async def test_a_car_that_left_just_after_the_count_may_be_missing_in_it(ghosts, stays, lot, plate):
    await enters(stays, lot, plate)
    await enters(stays, lot, f"{plate}7", EIGHT + minutes(70))
    await leaves(stays, lot, f"{plate}7", EIGHT + minutes(114))
    assert await ghosts.note_left_open(left_open(lot, counted=1)) == 0
    earlier = left_open(lot, counted=1, counted_at=EIGHT + minutes(100))
    assert await ghosts.note_left_open(earlier) == 1


async def test_a_car_that_asked_to_leave_after_the_barrier_was_lowered_was_there_until_then(
    ghosts, stays, lot, plate
):
    await enters(stays, lot, plate)
    asked = a_passage(Kind.EXIT_REQUEST, EIGHT + minutes(63), lot_id=lot, plate=plate)
    await stays.take([asked])
    assert await ghosts.note_left_open(left_open(lot, counted_at=EIGHT + minutes(62))) == 0
    assert await ghosts.note_left_open(left_open(lot)) == 1
    [ghost] = (await of_lot(ghosts, lot)).ghosts
    assert ghost.gone_by_at == EIGHT + minutes(63)


async def test_an_exit_is_believed_more_than_an_open_barrier(
    ghosts, stays, clock, owner, lot, plate
):
    await enters(stays, lot, plate)
    await ghosts.note_left_open(left_open(lot))
    await leaves(stays, lot, plate, EIGHT + minutes(55))
    clock.at += WAITS
    await ghosts.end()
    assert await stay(owner, lot) == ("closed", EIGHT + minutes(55), 500, 500, 0, 0)
    assert [one.state for one in (await of_lot(ghosts, lot)).ghosts] == ["overtaken"]


async def test_an_operator_sees_its_own_ghosts_and_not_where_else_a_car_went(
    ghosts, stays, lot, plate
):
    await enters(stays, lot, plate)
    await enters(stays, LotId(lot + 50_000), plate, EIGHT + minutes(90))
    await ghosts.note_elsewhere()
    [ghost] = (await of_lot(ghosts, lot, CLERK)).ghosts
    assert (ghost.plate, ghost.other_lot) == (plate, None)
    [masked] = (await of_lot(ghosts, lot)).ghosts
    assert masked.plate != plate
    foreign = Principal(3, "other", StaffRole.OPERATOR_CLERK, OperatorId(8))
    assert (await of_lot(ghosts, lot, foreign)).ghosts == ()
    with pytest.raises(LotUnknown):
        await ghosts.page(lot=LotCode("000000000000"), after=0, limit=1, by=CITY)
