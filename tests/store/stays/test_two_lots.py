"""One plate that really was in two lots at once is the city's to judge."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.errors import PairDecided, PairUnknown, RulingImpossible
from onepark.contexts.stays.ghosts import Ghosts
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.oddities import OddStayView, TwoLotsProof
from onepark.contexts.stays.rulings import Correction, Rulings
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.two_lots import PairDecision, PairVerdict, PairView, TwoLots
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots
from tests.store.stays.test_rulings import ref

ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
CITY = Principal(1, "city", StaffRole.CITY_SUPERVISOR, None)
AUDITOR = Principal(4, "auditor", StaffRole.AUDITOR, None)
CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
OTHER = Principal(3, "other", StaffRole.OPERATOR_CLERK, OperatorId(8))
CLONED = PairDecision(PairVerdict.CLONED_PLATE, "two cars on the images")
MISREAD = PairDecision(PairVerdict.MISREAD, "an 8 was read as a B")
HALF_PAST_NINE = EIGHT + minutes(90)
plates = count(10_000)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(120))


@pytest.fixture
def plate() -> str:
    return f"苏B2{next(plates) % 10_000:04d}"


@pytest.fixture
def ghosts(service_db, staff_db, stays: Stays, clock: HandClock) -> Ghosts:
    return Ghosts(
        *(service_db, staff_db),
        stays=stays,
        archive=NumberedLots,
        clock=clock,
        waits=timedelta(hours=6),
    )


@pytest.fixture
def two_lots(service_db, staff_db, clock: HandClock) -> TwoLots:
    return TwoLots(service_db, staff_db, archive=NumberedLots, audit=Audit(), clock=clock)


@pytest.fixture
def rulings(staff_db, batch_db, stays: Stays, clock: HandClock) -> Rulings:
    return Rulings(
        staff_db, batch_db, stays=stays, archive=NumberedLots, audit=Audit(), clock=clock
    )


async def is_in_both(
    stays: Stays,
    ghosts: Ghosts,
    lot: LotId,
    plate: str,
    *,
    first_left_at: datetime = HALF_PAST_NINE,
    **changes: Any,
) -> None:
    """Inside one lot from eight on, and inside another of another operator from nine to ten."""
    other = {"lot_id": LotId(lot + 50_000), "operator_id": 8, "plate": plate, **changes}
    await stays.take([a_passage(ENTRY, lot_id=lot, plate=plate)])
    await stays.take([a_passage(ENTRY, EIGHT + minutes(60), **other)])
    await ghosts.note_elsewhere()
    await stays.take([a_passage(EXIT, EIGHT + minutes(120), **other)])
    await stays.take([a_passage(EXIT, first_left_at, lot_id=lot, plate=plate)])


async def pairs(two_lots: TwoLots, lot: LotId, by: Principal = CITY) -> list[PairView]:
    page = await two_lots.page(after=0, limit=100, by=by)
    return [one for one in page.pairs if one.visits[0].lot == f"{lot:012d}"]


async def odd(rulings: Rulings, lot: int, by: Principal) -> list[OddStayView]:
    page = await rulings.odd_stays(lot=LotCode(f"{lot:012d}"), after=0, limit=10, by=by)
    return [one for one in page.stays if "plate_in_two_lots" in one.oddities]


async def test_two_real_visits_at_once_are_the_citys_to_judge(
    two_lots, stays, ghosts, clock, lot, plate
):
    await is_in_both(stays, ghosts, lot, plate)
    assert await two_lots.note() == 1
    assert await two_lots.note() == 0, "they are known"
    [pair] = await pairs(two_lots, lot)
    assert (pair.plate, pair.owner, pair.due_at) == (plate, "city", clock.at + minutes(1440))
    assert (pair.overlap_from_at, pair.overlap_until_at) == (
        EIGHT + minutes(60),
        EIGHT + minutes(90),
    )
    assert [(one.lot, one.operator_id) for one in pair.visits] == [
        (f"{lot:012d}", 7),
        (f"{lot + 50_000:012d}", 8),
    ]
    [masked] = await pairs(two_lots, lot, AUDITOR)
    assert masked.plate != plate


async def test_an_operator_sees_its_own_half_and_that_there_is_another(
    two_lots, stays, ghosts, rulings, lot, plate
):
    await is_in_both(stays, ghosts, lot, plate)
    await two_lots.note()
    assert await pairs(two_lots, lot, CLERK) == []
    [mine] = await odd(rulings, lot, CLERK)
    [why] = [one for one in mine.found if one.oddity == "plate_in_two_lots"]
    assert why.owner == "city"
    assert isinstance(why.proof, TwoLotsProof)
    assert why.proof.overlap_until_at == EIGHT + minutes(90)
    assert await odd(rulings, lot + 50_000, CLERK) == []
    [other] = await odd(rulings, lot + 50_000, OTHER)
    assert other.stay_id != mine.stay_id


@pytest.mark.parametrize(
    "changes",
    [
        {"first_left_at": EIGHT + minutes(65)},
        {"clock_suspect": True},
        {"plate_suspect": True},
    ],
)
async def test_what_a_clock_or_a_bad_reading_explains_is_no_pair(
    two_lots, stays, ghosts, lot, plate, changes
):
    await is_in_both(stays, ghosts, lot, plate, **changes)
    await two_lots.note()
    assert await pairs(two_lots, lot) == []


async def test_a_stay_that_was_only_given_up_is_no_real_visit(
    two_lots, stays, ghosts, clock, lot, plate
):
    await stays.take([a_passage(ENTRY, lot_id=lot, plate=plate)])
    other = {"lot_id": LotId(lot + 50_000), "plate": plate}
    await stays.take([a_passage(ENTRY, EIGHT + minutes(60), **other)])
    await ghosts.note_elsewhere()
    clock.at += timedelta(hours=6)
    await ghosts.end()
    await stays.take([a_passage(EXIT, EIGHT + minutes(120), **other)])
    await two_lots.note()
    assert await pairs(two_lots, lot) == []


async def test_a_cloned_plate_leaves_nothing_to_look_at(
    two_lots, stays, ghosts, rulings, owner, lot, plate
):
    await is_in_both(stays, ghosts, lot, plate)
    await two_lots.note()
    [pair] = await pairs(two_lots, lot)
    ruled = await two_lots.decide(pair.pair_id, CLONED, by=CITY)
    assert await two_lots.decide(pair.pair_id, CLONED, by=CITY) == ruled
    with pytest.raises(PairDecided):
        await two_lots.decide(pair.pair_id, MISREAD, by=CITY)
    assert await pairs(two_lots, lot) == []
    assert await odd(rulings, lot, CLERK) == []
    trail = await owner.fetchrow(
        "SELECT actor, action, operator_id, after FROM access.audit WHERE subject = $1",
        f"pair {pair.pair_id}",
    )
    assert tuple(trail)[:3] == ("city", "stays.two_lots_decided", None)
    assert CLONED.reason in trail["after"]
    await two_lots.note()
    assert await odd(rulings, lot, CLERK) == [], "it stays decided"


async def test_a_misread_plate_is_handed_on_to_the_operators_until_it_is_corrected(
    two_lots, stays, ghosts, rulings, owner, lot, plate
):
    await is_in_both(stays, ghosts, lot, plate)
    await two_lots.note()
    [pair] = await pairs(two_lots, lot)
    await two_lots.decide(pair.pair_id, MISREAD, by=CITY)
    [mine] = await odd(rulings, lot, CLERK)
    assert mine.owner == "operator"
    row = await owner.fetchrow(
        "SELECT passage_id FROM stays.passage WHERE lot_id = $1 AND kind = 'exit'", lot
    )
    told = a_passage(EXIT, lot_id=lot, plate=plate, passage_id=row["passage_id"])
    await rulings.correct(Correction(**ref(told), true_plate="苏B99999"), by=CLERK)
    assert await odd(rulings, lot, CLERK) == []


async def test_a_pair_goes_when_the_visits_turn_out_to_lie_apart(
    two_lots, stays, ghosts, rulings, owner, lot, plate
):
    await is_in_both(stays, ghosts, lot, plate)
    await two_lots.note()
    row = await owner.fetchrow(
        "SELECT passage_id FROM stays.passage WHERE lot_id = $1 AND kind = 'exit'", lot
    )
    told = a_passage(EXIT, lot_id=lot, plate=plate, passage_id=row["passage_id"])
    moved = Correction(**ref(told), true_seen_at=EIGHT + minutes(95))
    await rulings.correct(moved, by=CLERK)
    assert await odd(rulings, lot, CLERK) == []
    await two_lots.note()
    assert [one.exited_at for one in await odd(rulings, lot, CLERK)] == [EIGHT + minutes(95)]


async def test_a_pair_that_nobody_may_see_is_unknown(two_lots, stays, ghosts, lot, plate):
    await is_in_both(stays, ghosts, lot, plate)
    await two_lots.note()
    [pair] = await pairs(two_lots, lot)
    with pytest.raises(PairUnknown):
        await two_lots.decide(pair.pair_id, CLONED, by=CLERK)
    with pytest.raises(PairUnknown):
        await two_lots.decide(10**9, CLONED, by=CITY)
    with pytest.raises(RulingImpossible):
        await two_lots.decide(pair.pair_id, PairDecision(PairVerdict.MISREAD, "a\nb"), by=CITY)
