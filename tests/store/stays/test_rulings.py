"""People put passages right, with a reason; the cars are folded again and money only goes back."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.errors import (
    PassageRuled,
    PassageUnknown,
    RulingImpossible,
    StayConfirmed,
    StayUnknown,
)
from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.stays.rulings import Confirmation, Correction, Rulings, Voiding
from onepark.contexts.stays.service import Stays
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId, PlateColor
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots

ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
OTHER = Principal(3, "other", StaffRole.OPERATOR_CLERK, OperatorId(8))
plates = count(10_000)


@pytest.fixture
def rulings(staff_db, batch_db, stays: Stays, clock: HandClock) -> Rulings:
    return Rulings(
        staff_db, batch_db, stays=stays, archive=NumberedLots, audit=Audit(), clock=clock
    )


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(300))


@pytest.fixture
def plate() -> str:
    return f"苏BR{next(plates)}"


def ref(passage: Passage, **more: Any) -> dict[str, Any]:
    told = {"lot": f"{passage.lot_id:012d}", "device": passage.device_id}
    told |= {"passage_id": passage.passage_id, "plate": passage.plate}
    return {**told, "plate_color": PlateColor.BLUE, "reason": "looked at the image", **more}


async def stays_of(owner, lot: LotId) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        """
        SELECT s.plate, s.state, (extract(epoch FROM s.exited_at - s.entered_at) / 60)::int,
            o.fee_fen, o.owed_fen
        FROM stays.stay AS s LEFT JOIN stays.stay_order AS o USING (lot_id, stay_id)
        WHERE lot_id = $1 ORDER BY coalesce(s.entered_at, s.exited_at), s.stay_id
        """,
        lot,
    )
    return [tuple(row) for row in rows]


async def occupied(owner, lot: LotId) -> int:
    held: int = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    return held


async def test_a_voided_entry_takes_its_stay_and_its_place_with_it(
    rulings, stays, owner, lot, plate
):
    entry = a_passage(ENTRY, lot_id=lot, plate=plate)
    await stays.take([entry])
    ruled = await rulings.void(Voiding(**ref(entry)), by=CLERK)
    assert ruled.stays_changed == 1
    assert await stays_of(owner, lot) == [(plate, "void", None, 0, 0)]
    assert await occupied(owner, lot) == 0
    trail = await owner.fetchrow(
        "SELECT actor, action, subject FROM access.audit WHERE subject = $1",
        f"passage cam/{entry.passage_id}",
    )
    assert tuple(trail) == ("clerk", "stays.void", f"passage cam/{entry.passage_id}")
    with pytest.raises(PassageRuled):
        await rulings.void(Voiding(**ref(entry)), by=CLERK)


async def test_a_voided_exit_lets_the_car_be_inside_again(rulings, stays, owner, lot, plate):
    gone = a_passage(EXIT, EIGHT + minutes(30), lot_id=lot, plate=plate)
    await stays.take([a_passage(ENTRY, lot_id=lot, plate=plate), gone])
    await rulings.void(Voiding(**ref(gone)), by=CLERK)
    assert await stays_of(owner, lot) == [(plate, "open", None, None, None)]
    assert await occupied(owner, lot) == 1
    await stays.take([a_passage(EXIT, EIGHT + minutes(61), lot_id=lot, plate=plate)])
    assert await stays_of(owner, lot) == [(plate, "closed", 61, 1000, 1000)]


async def test_an_entry_that_was_misread_is_given_to_the_car_that_it_was_of(
    rulings, stays, owner, lot, plate
):
    """The exit waited without an entry; the misread entry stood open for ever."""
    true = f"沪C7X{next(plates)}"
    misread = a_passage(ENTRY, lot_id=lot, plate=plate)
    await stays.take([misread])
    await stays.take([a_passage(EXIT, EIGHT + minutes(61), lot_id=lot, plate=true)])
    ruled = await rulings.correct(Correction(**ref(misread), true_plate=true), by=CLERK)
    assert ruled.stays_changed == 2
    assert await stays_of(owner, lot) == [
        (plate, "void", None, 0, 0),
        (true, "closed", 61, 1000, 1000),
    ]
    assert await occupied(owner, lot) == 0
    raw = await owner.fetch(
        "SELECT plate_raw, state FROM stays.passage WHERE lot_id = $1 AND kind = 'entry'"
        " ORDER BY received_at",
        lot,
    )
    assert [row["state"] for row in raw] == ["void", "folded"], "what was said is kept"


async def test_a_moment_that_was_wrong_is_put_right_and_money_only_goes_back(
    rulings, stays, owner, lot, plate
):
    entry = a_passage(ENTRY, EIGHT, lot_id=lot, plate=plate)
    await stays.take([entry, a_passage(EXIT, EIGHT + minutes(170), lot_id=lot, plate=plate)])
    assert await stays_of(owner, lot) == [(plate, "closed", 170, 1500, 1500)]
    later = EIGHT + minutes(120)
    ruled = await rulings.correct(Correction(**ref(entry), true_seen_at=later), by=CLERK)
    assert await stays_of(owner, lot) == [(plate, "closed", 50, 500, 500)]
    corrected = a_passage(
        ENTRY,
        later,
        lot_id=lot,
        plate=plate,
        device_id=":ruling",
        passage_id=ruled.true_passage_id,
    )
    await rulings.correct(Correction(**ref(corrected), true_seen_at=EIGHT), by=CLERK)
    assert await stays_of(owner, lot) == [(plate, "closed", 170, 1500, 500)], "nothing is raised"


async def test_who_may_not_see_a_passage_cannot_rule_on_it(rulings, stays, owner, lot, plate):
    entry = a_passage(ENTRY, lot_id=lot, plate=plate)
    await stays.take([entry])
    for by, told in ((OTHER, ref(entry)), (CLERK, ref(entry, passage_id="another"))):
        with pytest.raises(PassageUnknown):
            await rulings.void(Voiding(**told), by=by)
    for never in (EIGHT + timedelta(days=30), EIGHT - timedelta(days=40 * 365)):
        with pytest.raises(RulingImpossible):
            await rulings.correct(Correction(**ref(entry), true_seen_at=never), by=CLERK)
    for field in ("device", "passage_id", "plate", "reason"):
        with pytest.raises(RulingImpossible) as refused:
            await rulings.void(Voiding(**ref(entry, **{field: "a\0bc"})), by=CLERK)
        assert refused.value.facts == {"field": field}
    assert await stays_of(owner, lot) == [(plate, "open", None, None, None)]


async def test_two_stays_that_were_one_keep_the_one_that_was_paid(
    rulings, stays, owner, lot, plate
):
    """An entry in the middle never was: the visit is that of the exit, the other never was one."""
    wrong = a_passage(ENTRY, EIGHT + minutes(100), lot_id=lot, plate=plate)
    first, gone = (
        a_passage(ENTRY, EIGHT, lot_id=lot, plate=plate),
        a_passage(EXIT, EIGHT + minutes(170), lot_id=lot, plate=plate),
    )
    await stays.take([first, wrong, gone])
    assert [one[1] for one in await stays_of(owner, lot)] == ["exit_missing", "closed"]
    await rulings.void(Voiding(**ref(wrong)), by=CLERK)
    states = sorted(await stays_of(owner, lot), key=lambda one: one[1])
    assert states == [(plate, "closed", 170, 1500, 1000), (plate, "void", None, 0, 0)], (
        "what was owed was 10 yuan, and nothing is raised"
    )


async def test_a_corrected_exit_is_no_misread_one_however_often_it_is_folded(
    rulings, stays, owner, lot, plate
):
    gone = a_passage(EXIT, EIGHT + minutes(60), lot_id=lot, plate=plate)
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=plate), gone])
    moved = EIGHT + minutes(50)
    await rulings.correct(Correction(**ref(gone), true_seen_at=moved), by=CLERK)
    await stays.take([a_passage(ENTRY, EIGHT - minutes(1), lot_id=lot, plate=plate)])
    row = await owner.fetchrow(
        "SELECT entered_at, exited_at, marks FROM stays.stay WHERE lot_id = $1", lot
    )
    assert tuple(row) == (EIGHT - minutes(1), moved, [])


async def test_an_exit_is_not_moved_before_the_entry_that_it_carries(rulings, stays, lot, plate):
    gone = a_passage(EXIT, EIGHT + minutes(60), lot_id=lot, plate=plate, entered_at=EIGHT)
    await stays.take([gone])
    early = Correction(**ref(gone), true_seen_at=EIGHT - minutes(1))
    with pytest.raises(RulingImpossible):
        await rulings.correct(early, by=CLERK)


async def test_odd_stays_wait_with_an_owner_and_a_clock_until_somebody_confirms_them(
    rulings, stays, owner, lot, plate
):
    await stays.take(
        [
            a_passage(EXIT, EIGHT, lot_id=lot, plate=plate),
            a_passage(ENTRY, EIGHT, lot_id=lot, plate="??", plate_suspect=True),
            a_passage(ENTRY, EIGHT, lot_id=lot, plate=f"沪C7X{next(plates)}"),
        ]
    )
    asked = {"lot": LotCode(f"{lot:012d}"), "after": 0, "limit": 10}
    page = await rulings.odd_stays(**asked, by=CLERK)
    assert {one.oddities for one in page.stays} == {("entry_missing",), ("plate_suspect",)}
    assert {(one.operator_id, one.due_at) for one in page.stays} == {(7, EIGHT + timedelta(days=1))}
    assert (await rulings.odd_stays(**asked, by=OTHER)).stays == ()
    for one in page.stays:
        await rulings.confirm(
            asked["lot"], one.stay_id, Confirmation("it was a tow truck"), by=CLERK
        )
    assert (await rulings.odd_stays(**asked, by=CLERK)).stays == ()
    with pytest.raises(StayConfirmed):
        await rulings.confirm(asked["lot"], page.stays[0].stay_id, Confirmation("again"), by=CLERK)
    with pytest.raises(StayUnknown):
        await rulings.confirm(asked["lot"], 1, Confirmation("no such"), by=CLERK)
