"""Cars without a plate, and cars that went in twice, can be seen and settled."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.entered_again import EnteredAgain
from onepark.contexts.stays.errors import PassageUnknown, PlateInvalid
from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.stays.oddities import AgainProof, OddStayView
from onepark.contexts.stays.rulings import Confirmation, Correction, Rulings, Voiding
from onepark.contexts.stays.service import Stays
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots
from tests.store.stays.test_rulings import ref

CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
NO_PLATE: dict[str, Any] = {"plate": "", "plate_raw": "", "plate_suspect": True}
tickets, plates = count(1), count(30_000)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(1))


@pytest.fixture
def rulings(staff_db, batch_db, stays: Stays, clock: HandClock) -> Rulings:
    return Rulings(
        *(staff_db, batch_db),
        stays=stays,
        archive=NumberedLots,
        audit=Audit(),
        clock=clock,
        no_plate_after=timedelta(hours=12),
    )


@pytest.fixture
def again(service_db, clock: HandClock) -> EnteredAgain:
    return EnteredAgain(service_db, clock)


async def odd(rulings: Rulings, lot: LotId) -> list[OddStayView]:
    page = await rulings.odd_stays(lot=LotCode(f"{lot:012d}"), after=0, limit=10, by=CLERK)
    return list(page.stays)


def with_ticket(lot: LotId, kind: Kind = Kind.ENTRY, at: Any = EIGHT, **changes: Any) -> Passage:
    ticket = changes.pop("ticket", f"T{next(tickets)}")
    car = {"ticket": ticket, "car_key": f"ticket:{ticket}"} | NO_PLATE
    return a_passage(kind, at, lot_id=lot, **(car | changes))


async def test_a_car_without_a_plate_is_odd_once_it_stays_for_long(rulings, stays, clock, lot):
    await stays.take([with_ticket(lot)])
    clock.at = EIGHT + timedelta(hours=12)
    assert await odd(rulings, lot) == [], "a ticket is ordinary"
    clock.at += minutes(1)
    [one] = await odd(rulings, lot)
    assert (one.oddities, one.owner) == (("no_plate",), "operator")
    assert one.due_at == EIGHT + timedelta(hours=36)
    said = Confirmation("it is the caretaker's trailer")
    await rulings.confirm(LotCode(f"{lot:012d}"), one.stay_id, said, by=CLERK)
    assert await odd(rulings, lot) == []


async def test_a_car_without_a_plate_that_left_needs_nobody(rulings, stays, clock, lot):
    entry = with_ticket(lot, ticket="T-left")
    await stays.take([entry, with_ticket(lot, Kind.EXIT, EIGHT + minutes(9), ticket="T-left")])
    clock.at += timedelta(hours=20)
    assert await odd(rulings, lot) == []


async def test_an_entry_by_ticket_is_voided_by_its_ticket(rulings, stays, owner, lot):
    entry = with_ticket(lot)
    await stays.take([entry])
    await rulings.void(Voiding(**ref(entry), ticket=entry.ticket), by=CLERK)
    assert await owner.fetchval("SELECT state FROM stays.stay WHERE lot_id = $1", lot) == "void"


async def test_an_entry_that_nobody_could_read_is_corrected_to_its_plate(
    rulings, stays, owner, lot
):
    entry = a_passage(lot_id=lot, passage_id=f"blind-{lot}", **NO_PLATE)
    unread = f"unread:{entry.device_id}:{entry.passage_id}"
    await stays.take(
        [a_passage(lot_id=lot, passage_id=entry.passage_id, car_key=unread, **NO_PLATE)]
    )
    with pytest.raises(PlateInvalid, match="corrected to a plate"):
        await rulings.correct(Correction(**ref(entry)), by=CLERK)
    await rulings.correct(Correction(**ref(entry), true_plate="苏B38001"), by=CLERK)
    rows = await owner.fetch("SELECT plate, state FROM stays.stay WHERE lot_id = $1", lot)
    assert sorted(map(tuple, rows)) == [("", "void"), ("苏B38001", "open")]


async def test_a_car_is_kept_under_its_plate_or_its_ticket(rulings, lot):
    entry = a_passage(lot_id=lot)
    with pytest.raises(PlateInvalid, match="not both"):
        await rulings.void(Voiding(**ref(entry), ticket="T1"), by=CLERK)
    nobody = ref(entry) | {"plate": ""}
    with pytest.raises(PassageUnknown):
        await rulings.void(Voiding(**nobody), by=CLERK)


async def test_a_second_entry_at_another_lane_is_odd_and_at_the_same_one_is_not(
    again, rulings, stays, lot
):
    plate, other = f"苏B{next(plates)}", f"苏B{next(plates)}"
    twice = a_passage(at=EIGHT + minutes(1), lot_id=lot, plate=plate, lane="L2")
    await stays.take([a_passage(lot_id=lot, plate=plate), twice])
    looked = a_passage(at=EIGHT + minutes(1), lot_id=lot, plate=other, device_id="cam2")
    await stays.take([a_passage(lot_id=lot, plate=other), looked])
    assert await again.note() == 1
    assert await again.note() == 0, "it is known"
    [one] = await odd(rulings, lot)
    assert one.oddities == ("duplicate_entry",)
    [why] = one.found
    assert why.proof == AgainProof("L2", "cam", twice.passage_id, EIGHT + minutes(1))
    await rulings.correct(Correction(**ref(twice), true_plate=f"苏B{next(plates)}"), by=CLERK)
    await again.note()
    assert await odd(rulings, lot) == [], "it was another car"


async def test_a_second_entry_is_confirmed_as_it_is(again, rulings, stays, lot):
    plate = f"苏B{next(plates)}"
    twice = a_passage(at=EIGHT + minutes(1), lot_id=lot, plate=plate, lane="L2")
    await stays.take([a_passage(lot_id=lot, plate=plate), twice])
    await again.note()
    [one] = await odd(rulings, lot)
    said = Confirmation("it turned round between the lanes")
    await rulings.confirm(LotCode(f"{lot:012d}"), one.stay_id, said, by=CLERK)
    await again.note()
    assert await odd(rulings, lot) == []
