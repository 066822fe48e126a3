"""Exits that nobody opened for are found in the books, whatever comes first."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.registry.model import ParkingLocate
from onepark.contexts.stays.model import Kind, LaneMoment, LaneThen, Lift, StayState
from onepark.contexts.stays.oddities import OddStayView, UnopenedProof
from onepark.contexts.stays.rulings import Confirmation, Rulings, Voiding
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.unopened import Unopened
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import Fen, LotCode, LotId, OperatorId, OrderNo, PaidCharge
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.store.stays.test_rulings import ref

ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT
CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
NINE = EIGHT + minutes(60)
plates = count(10_000)


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


class FakeLanes:
    """What the gate knows of every lane."""

    def __init__(self) -> None:
        self.commanded: dict[OrderNo, datetime] = {}
        self.lifts: tuple[Lift, ...] = ()

    async def lanes_then(self, tx: Any, asked: Any) -> list[LaneThen]:
        assert all(isinstance(one, LaneMoment) for one in asked)
        return [LaneThen(self.commanded, self.lifts) for _ in asked]


@pytest.fixture
def lanes() -> FakeLanes:
    return FakeLanes()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NINE + minutes(1))


class Roadside(NumberedLots):
    """Lots without a barrier."""

    parking_locate = ParkingLocate.ON_STREET


@pytest.fixture
def archive() -> type[NumberedLots]:
    return NumberedLots


@pytest.fixture
def unopened(service_db, lanes: FakeLanes, archive, clock: HandClock) -> Unopened:
    return Unopened(
        service_db,
        plans=OnePlan(FIVE_AN_HOUR),
        lanes=lanes,
        archive=archive,
        clock=clock,
        within=seconds(10),
    )


@pytest.fixture
def rulings(staff_db, batch_db, stays: Stays, clock: HandClock) -> Rulings:
    return Rulings(
        staff_db, batch_db, stays=stays, archive=NumberedLots, audit=Audit(), clock=clock
    )


@pytest.fixture
def plate() -> str:
    return f"苏BU{next(plates)}"


async def odd(rulings: Rulings, lot: LotId) -> list[OddStayView]:
    page = await rulings.odd_stays(lot=LotCode(f"{lot:012d}"), after=0, limit=10, by=CLERK)
    return list(page.stays)


async def found(rulings: Rulings, lot: LotId) -> list[str]:
    return [why.value for stay in await odd(rulings, lot) for why in stay.oddities]


def proof_of(one: OddStayView) -> UnopenedProof:
    [proof] = [found.proof for found in one.found]
    assert isinstance(proof, UnopenedProof)
    return proof


async def comes_and_leaves(
    stays: Stays, lot: LotId, plate: str, at: datetime = NINE, *, since: datetime = EIGHT
) -> None:
    entry = a_passage(ENTRY, since, lot_id=lot, plate=plate)
    await stays.take([entry, a_passage(EXIT, at, lot_id=lot, plate=plate)])


async def test_a_car_that_owed_and_that_nobody_opened_for_is_the_operators_to_look_at(
    unopened, stays, rulings, clock, owner, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    [one] = await odd(rulings, lot)
    [why] = one.found
    assert (one.oddities, one.owner, one.due_at) == (
        ("unopened_exit",),
        "operator",
        clock.at + timedelta(hours=24),
    )
    assert why.proof == UnopenedProof("L1", NINE, Fen(500))
    owed = await owner.fetchval("SELECT owed_fen FROM stays.stay_order WHERE lot_id = $1", lot)
    assert owed == 500, "it is owed as ever"
    foreign = Principal(3, "other", StaffRole.OPERATOR_CLERK, OperatorId(8))
    page = await rulings.odd_stays(lot=LotCode(f"{lot:012d}"), after=0, limit=9, by=foreign)
    assert page.stays == ()


async def test_a_car_that_was_let_out_before_is_named_by_its_stay(
    unopened, stays, rulings, owner, lot, plate
):
    await comes_and_leaves(stays, lot, f"{plate}7", NINE - seconds(4), since=NINE - seconds(4))
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    [one] = await odd(rulings, lot)
    [why] = one.found
    before = await owner.fetchval(
        "SELECT stay_id FROM stays.stay WHERE lot_id = $1 AND plate = $2", lot, f"{plate}7"
    )
    assert why.oddity == "tailgate"
    assert (proof_of(one).other_stay_id, proof_of(one).seconds_behind) == (before, 4)


async def test_what_is_told_later_explains_an_exit_otherwise(
    unopened, stays, rulings, clock, lanes, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    lanes.lifts = (Lift("hand", NINE - seconds(3), NINE + seconds(9)),)
    await unopened.judge()
    assert await found(rulings, lot) == ["unopened_exit"], "it was looked at a moment ago"
    clock.at += minutes(11)
    await unopened.judge()
    assert await found(rulings, lot) == ["manual_lift"]
    [one] = await odd(rulings, lot)
    assert proof_of(one).barrier is not None


async def test_a_car_that_paid_before_it_left_or_asked_and_was_let_out_is_not_odd(
    unopened, stays, rulings, lot, plate
):
    await stays.take([a_passage(ENTRY, NINE, lot_id=lot, plate=plate)])
    asked = a_passage(ASK, NINE, lot_id=lot, plate=plate)
    await stays.take([asked])
    await stays.take([a_passage(EXIT, NINE + minutes(1), lot_id=lot, plate=plate)])
    await unopened.judge()
    assert await found(rulings, lot) == []


async def test_an_answer_lets_a_car_out_for_ten_minutes(unopened, stays, rulings, lot, plate):
    """It was free as it asked, and left when an hour was due."""
    free = EIGHT
    other = f"{plate}7"
    for one, left_at in ((plate, EIGHT + minutes(9)), (other, EIGHT + minutes(12))):
        await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=one)])
        await stays.take([a_passage(ASK, free, lot_id=lot, plate=one)])
        await stays.take([a_passage(EXIT, left_at, lot_id=lot, plate=one)])
    await unopened.judge()
    [left] = await odd(rulings, lot)
    assert left.exited_at == EIGHT + minutes(12)


async def test_a_command_lets_a_car_out(unopened, stays, rulings, lanes, owner, lot, plate):
    await stays.take([a_passage(ENTRY, lot_id=lot, plate=plate)])
    number = await owner.fetchval("SELECT order_no FROM stays.stay_order WHERE lot_id = $1", lot)
    lanes.commanded = {OrderNo(number): NINE - seconds(20)}
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=plate)])
    await unopened.judge()
    assert await found(rulings, lot) == []


async def test_a_car_that_is_inside_by_the_books_and_was_let_out_may_have_been_followed(
    unopened, stays, rulings, lot, plate
):
    await stays.take([a_passage(ENTRY, NINE - seconds(6), lot_id=lot, plate=f"{plate}7")])
    await stays.take([a_passage(ASK, NINE - seconds(6), lot_id=lot, plate=f"{plate}7")])
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    [one] = [one for one in await odd(rulings, lot) if one.found]
    assert (one.found[0].oddity, proof_of(one).seconds_behind) == ("tailgate", 6)


async def test_a_mark_goes_with_the_exit_that_it_was_of(
    unopened, stays, rulings, clock, owner, lot, plate
):
    gone = a_passage(EXIT, NINE, lot_id=lot, plate=plate)
    await stays.take([a_passage(ENTRY, lot_id=lot, plate=plate), gone])
    await unopened.judge()
    await rulings.void(Voiding(**ref(gone)), by=CLERK)
    assert "unopened_exit" not in await found(rulings, lot), "the car is inside"
    clock.at += minutes(11)
    await unopened.judge()
    assert await owner.fetchval("SELECT count(*) FROM stays.oddity WHERE lot_id = $1", lot) == 0
    await stays.take([a_passage(EXIT, NINE + minutes(9), lot_id=lot, plate=plate)])
    await unopened.judge()
    assert [one.exited_at for one in await odd(rulings, lot)] == [NINE + minutes(9)]


async def test_what_a_person_confirmed_is_not_looked_at_again(
    unopened, stays, rulings, clock, lanes, owner, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    [one] = await odd(rulings, lot)
    said = Confirmation("its driver rang, the attendant opened")
    await rulings.confirm(LotCode(f"{lot:012d}"), one.stay_id, said, by=CLERK)
    assert await found(rulings, lot) == []
    lanes.lifts = (Lift("hand", NINE, NINE),)
    clock.at += minutes(11)
    await unopened.judge()
    kinds = await owner.fetch("SELECT kind FROM stays.oddity WHERE lot_id = $1", lot)
    assert [row["kind"] for row in kinds] == ["unopened_exit"]


async def test_what_is_paid_after_an_exit_does_not_tell_that_it_was_opened_for(
    unopened, stays, rulings, service_db, owner, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    number = await owner.fetchval("SELECT order_no FROM stays.stay_order WHERE lot_id = $1", lot)
    key = (lot, OrderNo(number), 1)
    await owner.execute(
        """
        INSERT INTO stays.charge VALUES ($1, $2, 1, 7, 500, $3, 1, '[]', 'live', $3)
        """,
        *(lot, number, NINE),
    )
    async with service_db.transaction() as tx:
        paid = PaidCharge(*key, settled_by="t", paid_at=NINE + minutes(2))
        assert await stays.settle(tx, [paid]) == [True]
    await unopened.judge()
    [one] = await odd(rulings, lot)
    assert proof_of(one).owed_fen == Fen(500)


@pytest.mark.parametrize("archive", [Roadside])
async def test_by_the_roadside_nobody_opens(unopened, stays, rulings, lot, plate):
    await comes_and_leaves(stays, lot, plate)
    await unopened.judge()
    assert await found(rulings, lot) == []


async def test_an_odd_stay_that_was_found_stands_among_those_that_are_odd_by_themselves(
    unopened, stays, rulings, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    await stays.take([a_passage(EXIT, NINE, lot_id=lot, plate=f"{plate}7")])
    await unopened.judge()
    both = await odd(rulings, lot)
    assert sorted(why.value for one in both for why in one.oddities) == [
        StayState.ENTRY_MISSING.value,
        "unopened_exit",
    ]
    after = both[0].stay_id
    page = await rulings.odd_stays(lot=LotCode(f"{lot:012d}"), after=after, limit=1, by=CLERK)
    assert [one.stay_id for one in page.stays] == [both[1].stay_id]


async def test_who_left_while_the_worker_was_away_is_judged_when_it_is_back(
    unopened, stays, rulings, owner, lot, plate
):
    await comes_and_leaves(stays, lot, plate)
    await owner.execute("UPDATE stays.outbox SET recorded_at = recorded_at - interval '1 day'")
    latest = await owner.fetchval("SELECT max(recorded_at) FROM stays.outbox")
    await stays.drop_facts(before=latest + timedelta(hours=1))
    await unopened.judge()
    assert await found(rulings, lot) == ["unopened_exit"]
    facts = {row["fact"] for row in await owner.fetch("SELECT fact FROM stays.outbox")}
    assert not facts & {"stays.left.v1", "stays.entered.v1"}, "who came in interests nobody"
