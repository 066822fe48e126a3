"""Visits that are given free minutes, counted on the real database and priced again."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onepark.contexts.stays.model import Kind, Open, OpenReason, Pay
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
HOUR = timedelta(hours=1)
TRUE, READ = "苏B31585", "苏B3158S"  # 5 and S look alike
T4 = (Path(__file__).parents[2] / "vectors/tariffs/T4_wuxi_hub.json").read_text("utf-8")


@pytest.fixture(scope="module")
def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(T4), clock=HandClock())


async def visit(stays: Stays, lot: LotId, at: datetime, **changes: Any) -> Any:
    """Come, ask to leave after twenty minutes, and go; what the exit was answered."""
    changes["lot_id"] = lot
    await stays.take([a_passage(ENTRY, at, **changes)])
    asked = await stays.take([a_passage(ASK, at + minutes(20), **changes)])
    await stays.take([a_passage(EXIT, at + minutes(21), **changes)])
    return asked.taken[0].answer


async def counted(owner, lot: LotId) -> list[tuple[int | None, int | None]]:
    """What every visit of a lot had used, and its fee, in order of time."""
    rows = await owner.fetch(
        "SELECT s.free_visits_used, o.fee_fen FROM stays.stay s"
        " JOIN stays.stay_order o USING (lot_id, stay_id) WHERE s.lot_id = $1"
        " ORDER BY s.entered_at",
        lot,
    )
    return [tuple(row) for row in rows]


async def remembered(owner, lot: LotId) -> list[datetime] | None:
    entries: list[datetime] | None = await owner.fetchval(
        "SELECT free_entries_at FROM stays.car WHERE lot_id = $1", lot
    )
    return entries


async def test_the_third_visit_within_24_hours_pays_and_all_cost_the_same_when_priced_again(
    stays, owner, lot
):
    answers = [await visit(stays, lot, EIGHT + HOUR * number) for number in range(3)]
    assert [type(answer.decision) for answer in answers] == [Open, Open, Pay]
    assert answers[0].decision.reason == OpenReason.FREE
    assert answers[2].due_fen == 500
    assert await counted(owner, lot) == [(0, 0), (1, 0), (2, 500)]
    assert await remembered(owner, lot) == [EIGHT, EIGHT + HOUR]
    again = [await stays.due(answer.order_no) for answer in answers]
    assert [sum(line.amount_fen for line in due.lines) for due in again] == [0, 0, 500]
    assert [due.fee_fen for due in again] == [0, 0, 500]


async def test_one_batch_counts_as_many_batches_do(stays, owner, lot):
    batch = []
    for number in range(4):
        at = EIGHT + HOUR * number
        batch.append(a_passage(ENTRY, at, lot_id=lot))
        batch.append(a_passage(EXIT, at + minutes(20), lot_id=lot))
    await stays.take(batch)
    assert await counted(owner, lot) == [(0, 0), (1, 0), (2, 500), (2, 500)]


async def test_every_car_and_every_lot_has_its_own_visits(stays, owner, lot):
    await visit(stays, lot, EIGHT)
    await visit(stays, lot, EIGHT + HOUR)
    await visit(stays, lot, EIGHT + HOUR * 2, plate="苏B54321")
    other = LotId(lot + 500_000)
    await visit(stays, other, EIGHT + HOUR * 2)
    assert await counted(owner, lot) == [(0, 0), (1, 0), (0, 0)]
    assert await counted(owner, other) == [(0, 0)]


async def test_a_misread_exit_forgets_no_visit_of_the_car_that_it_is_of(stays, owner, lot):
    for number in range(2):
        at = EIGHT + HOUR * number
        await stays.take([a_passage(ENTRY, at, lot_id=lot, plate=TRUE)])
        taken = await stays.take([a_passage(EXIT, at + minutes(20), lot_id=lot, plate=READ)])
        assert taken.taken[0].answer.reason == "misread_exit"
    answer = await visit(stays, lot, EIGHT + HOUR * 2, plate=TRUE)
    assert isinstance(answer.decision, Pay)
    assert await counted(owner, lot) == [(0, 0), (1, 0), (2, 500)]


async def test_a_late_visit_counts_for_those_after_it_and_raises_nothing_that_was_owed(
    stays, owner, lot
):
    await visit(stays, lot, EIGHT)
    await visit(stays, lot, EIGHT + HOUR * 2)
    late = {"lot_id": lot, "received_at": EIGHT + HOUR * 3}
    await stays.take(
        [
            a_passage(ENTRY, EIGHT + HOUR, **late),
            a_passage(EXIT, EIGHT + HOUR + minutes(20), **late),
        ]
    )
    await visit(stays, lot, EIGHT + HOUR * 4)
    assert await counted(owner, lot) == [(0, 0), (1, 0), (2, 500), (2, 500)]
    owed = await owner.fetch(
        "SELECT owed_fen FROM stays.stay_order WHERE lot_id = $1 ORDER BY opened_at", lot
    )
    assert [row["owed_fen"] for row in owed] == [0, 0, 0, 500], "the third had left for nothing"


async def test_an_entry_after_its_exit_keeps_what_it_counted_with_the_stay(stays, owner, lot):
    await visit(stays, lot, EIGHT)
    await stays.take([a_passage(EXIT, EIGHT + HOUR + minutes(20), lot_id=lot)])
    await stays.take([a_passage(ENTRY, EIGHT + HOUR, lot_id=lot)])
    assert await counted(owner, lot) == [(0, 0), (1, 0)]
    assert await remembered(owner, lot) == [EIGHT, EIGHT + HOUR]


async def test_batches_at_once_give_free_minutes_to_no_visit_too_many(stays, owner, lot):
    """Whoever holds the car's row first counts first; nobody counts from an older row."""
    await visit(stays, lot, EIGHT)
    for number in range(1, 6):
        at = EIGHT + HOUR * number
        entry = a_passage(ENTRY, at, lot_id=lot)
        other = a_passage(ENTRY, at, lot_id=lot, plate=f"苏B5432{number}")
        await asyncio.gather(stays.take([entry, other]), stays.take([other, entry]))
        await stays.take([a_passage(EXIT, at + minutes(20), lot_id=lot)])
    mine = await owner.fetch(
        "SELECT free_visits_used FROM stays.stay WHERE lot_id = $1 AND plate = '苏B12345'"
        " ORDER BY entered_at",
        lot,
    )
    assert [row[0] for row in mine] == [0, 1, 2, 2, 2, 2]


async def test_without_a_quota_nothing_is_counted_or_remembered(batch_db, service_db, owner, lot):
    plain = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=HandClock())
    await visit(plain, lot, EIGHT)
    assert await counted(owner, lot) == [(None, 500)]
    assert await remembered(owner, lot) is None


async def test_rows_of_the_code_of_yesterday_are_still_saved(owner, lot):
    """Until every process is new, the old ones save without the new columns."""
    await owner.execute(
        "INSERT INTO stays.stay SELECT * FROM unnest(ARRAY[ROW("
        "$1::bigint, 1, 1, 'k', '苏B12345', 'blue', 'small', 'short_stay', NULL, 'open', '{}',"
        " now(), 'L1', NULL, NULL, false, NULL, NULL)::stays.stay_row])",
        lot,
    )
    row = await owner.fetchrow(
        "SELECT state, free_visits_used FROM stays.stay WHERE lot_id=$1", lot
    )
    assert tuple(row) == ("open", None)
