"""Stays of a lot whose tariff prices each zone apart, on the real database."""

from typing import Any

import pytest

from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import NINE_IN_B2, OnePlan

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST


@pytest.fixture(scope="module")
def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(NINE_IN_B2), clock=HandClock())


async def kept(owner, lot: LotId) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        "SELECT s.zone, o.fee_fen FROM stays.stay s JOIN stays.stay_order o USING (lot_id, stay_id)"
        " WHERE s.lot_id = $1 ORDER BY s.entered_at",
        lot,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(("zone", "fee_fen"), [("B2", 1_800), ("B1", 1_000), (None, 1_000)])
async def test_a_stay_costs_what_the_zone_costs_that_it_came_into(stays, owner, lot, zone, fee_fen):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, zone=zone)])
    asked = await stays.take([a_passage(ASK, EIGHT + minutes(90), lot_id=lot)])
    await stays.take([a_passage(EXIT, EIGHT + minutes(91), lot_id=lot)])
    assert asked.taken[0].answer.due_fen == fee_fen
    assert await kept(owner, lot) == [(zone, fee_fen)]


async def test_a_lane_that_leads_elsewhere_later_changes_no_stay(stays, owner, lot):
    first = a_passage(ENTRY, EIGHT, lot_id=lot, zone="B2")
    await stays.take([first])
    await stays.take([a_passage(ENTRY, EIGHT + minutes(1), lot_id=lot, zone="B1")])  # read again
    await stays.take([a_passage(EXIT, EIGHT + minutes(91), lot_id=lot)])
    assert await kept(owner, lot) == [("B2", 1_800)]


async def test_an_entry_that_is_heard_of_late_brings_its_zone(stays, owner, lot):
    await stays.take([a_passage(EXIT, EIGHT + minutes(90), lot_id=lot)])
    late = {"zone": "B2", "received_at": EIGHT + minutes(95)}
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, **late)])
    assert await kept(owner, lot) == [("B2", 1_800)]
