"""How the database finds what a batch needs."""

import asyncio

import pytest

from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.infra.db import PLANNED_ANEW_AT, Role, open_database
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan

# Of the tables of the passage path and their parts; the one row of the incarnation is read whole.
WHOLE_READS = """
    SELECT relname, seq_scan FROM pg_stat_user_tables
    WHERE schemaname = 'stays' AND seq_scan > 0
        AND relname SIMILAR TO 'car|stay|stay_order|claim%|passage%|count|sequence|task'
"""


@pytest.fixture
async def own_stays(database_url, service_db):
    """Stays whose connections end with the test, and tell only then what they have read."""
    batch_db = await open_database(database_url, Role.BATCH, connections=1)
    clock = HandClock(EIGHT + minutes(61))
    yield Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock), batch_db
    await batch_db.close()


async def whole_reads(owner) -> dict[str, int]:
    await owner.execute("SELECT pg_stat_clear_snapshot()")
    return dict([tuple(row) for row in await owner.fetch(WHOLE_READS)])


async def test_no_batch_reads_a_whole_table_however_small_it_is(own_stays, owner, lot):
    stays, batch_db = own_stays
    before = await whole_reads(owner)
    for n in range(40):
        at, plate = EIGHT + minutes(n), f"苏E{n:05d}"
        await stays.take([a_passage(Kind.ENTRY, at, lot_id=lot, plate=plate)])
        await stays.take([a_passage(Kind.EXIT, at + minutes(1), lot_id=lot, plate=plate)])
        await stays.take([a_passage(Kind.EXIT, at - minutes(1), lot_id=lot, plate=plate)])  # late
    await batch_db.close()
    await asyncio.sleep(0.5)  # what a session has read is told at its end
    assert await whole_reads(owner) == before


async def test_plans_of_empty_tables_are_let_go_as_they_grow(own_stays, lot):
    stays, batch_db = own_stays
    sessions = set()
    for n in range(min(PLANNED_ANEW_AT) + 1):
        await stays.take([a_passage(lot_id=lot, plate=f"苏F{n:05d}")])
        async with batch_db.connection() as tx:
            sessions.add(await tx.fetchval("SELECT pg_backend_pid()"))
    assert len(sessions) > 1
