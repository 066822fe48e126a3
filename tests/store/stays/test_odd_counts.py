"""A count over its capacity is the operator's to look at, until it is possible again."""

from datetime import timedelta
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.errors import LotUnknown, OddCountConfirmed, OddCountUnknown
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.odd_counts import OddCounts, OddCountView
from onepark.contexts.stays.rulings import Confirmation
from onepark.contexts.stays.service import Stays
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots

CLERK = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, OperatorId(7))
OTHER = Principal(3, "other", StaffRole.OPERATOR_CLERK, OperatorId(8))
LOT = """
    INSERT INTO registry.lot (
        lot_id, code, operator_id, name, name_en, town, address, lat_wgs84, lon_wgs84, lat_gcj02,
        lon_gcj02, parking_type, parking_locate, build_type, price_form, opening_hours)
    OVERRIDING SYSTEM VALUE
    VALUES ($1, $2, 7, '一', 'One', '320281001', '人民路1号', 31.9, 120.2, 31.9, 120.2, 2, 1, 1,
        'market', '"24h"')
"""
SAID = Confirmation("two motorcycles share a bay")


@pytest.fixture
def counts(service_db, staff_db, clock: HandClock) -> OddCounts:
    return OddCounts(
        *(service_db, staff_db),
        archive=NumberedLots,
        audit=Audit(),
        clock=clock,
        lasts=timedelta(hours=1),
    )


@pytest.fixture
async def bays(owner, lot: LotId) -> int:
    """Two bays."""
    await owner.execute(
        """
        INSERT INTO registry.operator (operator_id, code, name, name_en)
        OVERRIDING SYSTEM VALUE VALUES (7, 'OP7', '七', 'Seven') ON CONFLICT DO NOTHING
        """
    )
    await owner.execute(LOT, lot, f"{lot:012d}")
    await owner.execute("INSERT INTO registry.pool VALUES ($1, 'short_stay', 7, 2)", lot)
    return 2


async def come(stays: Stays, lot: LotId, cars: range) -> None:
    await stays.take([a_passage(lot_id=lot, plate=f"苏B2{car:04d}") for car in cars])


async def leaves(stays: Stays, lot: LotId, car: int) -> None:
    gone = a_passage(Kind.EXIT, EIGHT + minutes(30), lot_id=lot, plate=f"苏B2{car:04d}")
    await stays.take([gone])


async def odd(counts: OddCounts, lot: LotId, by: Principal = CLERK) -> list[OddCountView]:
    page = await counts.page(lot=LotCode(f"{lot:012d}"), after=0, limit=10, by=by)
    return list(page.counts)


@pytest.mark.usefixtures("bays")
async def test_more_cars_than_bays_for_a_while_are_the_operators_to_look_at(
    counts, stays, clock, lot
):
    since_at = clock.at
    await come(stays, lot, range(2))
    await counts.note()
    clock.at += minutes(60)
    assert await odd(counts, lot) == [], "it is full"
    await come(stays, lot, range(2, 5))
    await counts.note()
    assert await odd(counts, lot) == [], "for a moment"
    clock.at += minutes(60)
    await leaves(stays, lot, 0)
    await counts.note()
    [one] = await odd(counts, lot)
    assert (one.owner, one.occupied, one.capacity, one.free) == ("operator", 4, 2, -2)
    assert (one.off_by_max, one.since_at) == (3, since_at + minutes(60))
    assert one.due_at == one.since_at + timedelta(hours=25)
    assert await odd(counts, lot, OTHER) == []


@pytest.mark.usefixtures("bays")
async def test_a_count_that_is_possible_again_needs_nobody(counts, stays, clock, lot):
    await come(stays, lot, range(3))
    await counts.note()
    clock.at += minutes(60)
    assert len(await odd(counts, lot)) == 1
    await leaves(stays, lot, 0)
    await counts.note()
    assert await odd(counts, lot) == []
    await come(stays, lot, range(5, 6))
    await counts.note()
    assert await odd(counts, lot) == [], "it counts from anew"


@pytest.mark.usefixtures("bays")
async def test_a_confirmed_count_is_listed_again_only_when_it_was_possible_between(
    counts, stays, clock, owner, lot
):
    await come(stays, lot, range(3))
    await counts.note()
    clock.at += minutes(60)
    [one] = await odd(counts, lot)
    with pytest.raises(OddCountUnknown):
        await counts.confirm(one.odd_count_id, SAID, by=OTHER)
    await counts.confirm(one.odd_count_id, SAID, by=CLERK)
    with pytest.raises(OddCountConfirmed):
        await counts.confirm(one.odd_count_id, SAID, by=CLERK)
    await counts.note()
    assert await odd(counts, lot) == []
    action: Any = await owner.fetchval(
        "SELECT action FROM access.audit WHERE subject = $1", f"odd count {one.odd_count_id}"
    )
    assert action == "stays.count_confirmed"
    await leaves(stays, lot, 0)
    await counts.note()
    await come(stays, lot, range(5, 6))
    await counts.note()
    clock.at += minutes(60)
    assert len(await odd(counts, lot)) == 1


async def test_a_lot_that_is_not_there_is_refused_by_its_field(counts):
    with pytest.raises(LotUnknown):
        await counts.page(lot=LotCode("000000000000"), after=0, limit=1, by=CLERK)
