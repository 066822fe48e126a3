"""The past of a lot out of the real database: equal to a recount of the raw passages, always."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import asyncpg
import pytest

from onepark.contexts.stays.model import Kind, Outcome
from onepark.contexts.stays.service import Stays
from onepark.contexts.vacancies import past_rules, past_store
from onepark.contexts.vacancies.errors import HistoryBusy, HistoryTooLarge, LotUnknown
from onepark.contexts.vacancies.model import (
    CountPair,
    HistoryMoment,
    HistoryQuery,
    HistorySpan,
    PoolMoment,
    StatisticsQuery,
)
from onepark.contexts.vacancies.past import PastOfLots
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotId, Pool
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.fakes.days import a_day, a_snapshot
from tests.fakes.plans import NoPlans

ENTRY, EXIT = Kind.ENTRY, Kind.EXIT
NOW = EIGHT + timedelta(hours=12)
CITY = Principal(1, "city", StaffRole.CITY_SUPERVISOR, None)
numbers = count(1)
Row = Any


@pytest.fixture
def lot() -> LotId:
    """A lot of this test's own."""
    return LotId(next(numbers))


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def stays(batch_db, service_db) -> Stays:
    return Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock(NOW))


@pytest.fixture
def past_of(service_db, staff_db) -> Callable[..., PastOfLots]:
    archive = Archive([a_city_lot(number) for number in range(1, 99)])
    clock = HandClock(NOW)
    return partial(PastOfLots, service_db, staff_db, directory_source=archive, clock=clock)


@pytest.fixture
def past(past_of) -> PastOfLots:
    made: PastOfLots = past_of()
    return made


def code(lot: LotId) -> str:
    return f"3202810011{lot:02}"


async def moment(past: PastOfLots, lot: LotId, at: datetime) -> PoolMoment:
    told = await past.history(code(lot), HistoryQuery(at=at))
    assert isinstance(told, HistoryMoment)
    return told.pools[Pool.SHORT_STAY]


async def span(past: PastOfLots, lot: LotId, **asked: Any) -> HistorySpan:
    told = await past.history(code(lot), HistoryQuery(**asked))
    assert isinstance(told, HistorySpan)
    return told


RAW = """
    SELECT stay_id, car_key, kind, state, seen_at, entered_at FROM stays.passage
    WHERE lot_id = $1 AND stay_id IS NOT NULL
        AND (state IN ('folded', 'misread_exit') OR (state = 'held' AND kind = 'exit'))
    ORDER BY kind <> 'entry'
"""


async def visits_of_raw_passages(owner: Any, lot: LotId) -> list[tuple[datetime, datetime | None]]:
    """Read the visits off the raw passages alone, without a look at a stay."""
    came: dict[int, datetime] = {}
    went: dict[int, datetime] = {}
    carried: dict[int, datetime] = {}
    car_of: dict[int, str] = {}  # as it was read on its way in, if it was
    for row in await owner.fetch(RAW, lot):
        number = row["stay_id"]
        car_of.setdefault(number, row["car_key"])
        (came if row["kind"] == "entry" else went)[number] = row["seen_at"]
        if row["entered_at"] is not None:
            carried[number] = row["entered_at"]
    began = {number: came.get(number, carried.get(number)) for number in car_of}
    seen: dict[str, list[datetime]] = defaultdict(list)
    for number, car in car_of.items():
        seen[car].append(began[number] or went[number])
    visits: list[tuple[datetime, datetime | None]] = []
    for number, start in began.items():
        if start is not None:
            later = [at for at in seen[car_of[number]] if at > start]
            visits.append((start, went.get(number) or min(later, default=None)))
    return visits


def whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def inside(visits: list[tuple[datetime, datetime | None]], at: datetime) -> int:
    return sum(whole(came) <= at and (went is None or at < whole(went)) for came, went in visits)


@pytest.mark.parametrize("seed", range(6))
async def test_every_instant_equals_a_recount_of_the_raw_passages(past, stays, owner, lot, seed):
    for batch in a_day(lot, seed):
        await stays.take(batch)
    visits = await visits_of_raw_passages(owner, lot)
    assert len(visits) > 20
    for minute in range(0, 720, 37):
        at = EIGHT + minutes(minute)
        assert (await moment(past, lot, at)).raw == inside(visits, at), at
    shown = await span(past, lot, from_at=EIGHT, step_s=1_800)
    for step in (shown.steps[3], shown.steps[9]):
        levels = step.pools[Pool.SHORT_STAY]
        seconds = [step.begins_at + timedelta(seconds=n) for n in range(1_800)]
        held = [inside(visits, at) for at in seconds]
        assert (levels.raw.first, levels.raw.last) == (held[0], held[-1])
        assert (levels.raw.min, levels.raw.max) == (min(held), max(held))
        assert levels.raw.mean == round(sum(held) / 1_800, 3)


@pytest.mark.parametrize("seed", [7, 8])
async def test_the_present_equals_the_live_count_and_the_open_stays(past, stays, owner, lot, seed):
    for batch in a_day(lot, seed):
        await stays.take(batch)
        live = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
        assert (await moment(past, lot, NOW)).raw == live


async def test_what_a_gate_sends_after_days_offline_changes_the_past(past, stays, lot):
    came, went = EIGHT - timedelta(days=2), EIGHT - timedelta(days=2) + minutes(90)
    between = came + minutes(30)
    assert (await moment(past, lot, between)).raw == 0
    await stays.take([a_passage(EXIT, went, lot_id=lot)])
    assert (await moment(past, lot, between)).raw == 0
    await stays.take([a_passage(ENTRY, came, lot_id=lot)])
    assert [(await moment(past, lot, at)).raw for at in (came, between, went)] == [1, 1, 0]


async def test_a_car_that_was_given_up_was_inside_until_it_was_seen_again(past, stays, lot):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot)])
    await stays.take([a_passage(ENTRY, EIGHT + minutes(60), lot_id=lot)])
    levels = [(await moment(past, lot, EIGHT + minutes(m))).raw for m in (-1, 0, 59, 60, 700)]
    assert levels == [0, 1, 1, 1, 1]


async def test_a_car_that_stays_for_months_is_still_seen(past, stays, lot):
    long_ago = EIGHT - timedelta(days=100)
    await stays.take(
        [
            a_passage(ENTRY, long_ago, lot_id=lot),
            a_passage(ENTRY, long_ago, lot_id=lot, plate="苏B00001"),
            a_passage(EXIT, EIGHT - timedelta(days=50), lot_id=lot, plate="苏B00001"),
        ]
    )
    days = (101, 99, 60, 51, 49, 0)
    levels = [(await moment(past, lot, EIGHT - timedelta(days=n))).raw for n in days]
    assert levels == [0, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("statement", [past_store.VISITS, past_store.VISITS_WITH_ORDERS])
async def test_a_span_is_read_by_its_indexes_and_never_by_the_whole_history(owner, statement):
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    asked = (1, EIGHT, NOW, ["short_stay"], past_rules.STILL_INSIDE, 10, ["L1"], [1], False)
    plans = [await owner.fetch(f"EXPLAIN {statement}", *asked)]
    # In a table of this size the planner likes any index that begins with the lot.
    await owner.execute("DROP INDEX stays.stay_by_entry, stays.stay_of_car")
    await owner.execute("ALTER TABLE stays.stay DROP CONSTRAINT stay_key CASCADE")
    plans.append(await owner.fetch(f"EXPLAIN {statement}", *asked))
    await transaction.rollback()
    lines = [" ".join(row[0] for row in plan) for plan in plans]
    assert "Index Scan using stay_by_entry" in lines[0]
    assert "Index Scan using stay_long" in lines[1]


# --- snapshots


async def test_raw_calibrated_and_drift_are_all_kept(past, stays, lot):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot)])
    await past.keep_snapshots([a_snapshot(lot, EIGHT + minutes(30), 4)])
    await stays.take([a_passage(ENTRY, EIGHT + minutes(40), lot_id=lot, plate="苏B00001")])
    at = EIGHT + minutes(50)
    taken_at = EIGHT + minutes(30)
    assert await moment(past, lot, at) == PoolMoment(100, 2, 5, 3, taken_at, 95)
    late = a_passage(ENTRY, EIGHT + minutes(10), lot_id=lot, plate="苏B00002")
    await stays.take([late])
    assert await moment(past, lot, at) == PoolMoment(100, 3, 5, 2, taken_at, 95)
    assert await moment(past, lot, EIGHT + minutes(29)) == PoolMoment(100, 2, None, None, None, 98)


async def test_a_span_begins_with_the_last_snapshot_before_it_and_takes_those_within(
    past, stays, lot
):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot)])
    await past.keep_snapshots(
        [
            a_snapshot(lot, EIGHT + minutes(10), 7),
            a_snapshot(lot, EIGHT - timedelta(days=2), 9),
            a_snapshot(lot, EIGHT + minutes(90), 2),
            a_snapshot(lot, EIGHT + minutes(20), 1, pool=Pool.CHARGING),
        ]
    )
    asked = {"from_at": EIGHT + minutes(60), "until_at": EIGHT + minutes(120), "step_s": 1_800}
    shown = [step.pools[Pool.SHORT_STAY] for step in (await span(past, lot, **asked)).steps]
    assert [(one.drift, one.calibrated and one.calibrated.last) for one in shown] == [
        (6, 7),
        (1, 2),
    ]


async def test_a_snapshot_of_more_than_a_month_ago_calibrates_nothing(past, lot):
    await past.keep_snapshots([a_snapshot(lot, EIGHT - timedelta(days=40), 9)])
    assert (await moment(past, lot, EIGHT)).calibrated is None
    assert (await moment(past, lot, EIGHT - timedelta(days=10))).calibrated == 9


async def test_one_id_keeps_its_first_content_for_ever(past, lot):
    first, second = a_snapshot(lot, EIGHT, 3), a_snapshot(lot, EIGHT, 5)
    assert await past.keep_snapshots([first, second, first]) == [
        "accepted",
        "accepted",
        "duplicate",
    ]
    assert await past.keep_snapshots([first]) == [Outcome.DUPLICATE]
    other = a_snapshot(lot, EIGHT, 8, snapshot_id=first.snapshot_id)
    assert await past.keep_snapshots([other, first]) == [Outcome.CONFLICT, Outcome.DUPLICATE]


async def test_one_id_sent_from_many_connections_is_accepted_once(past, lot):
    snapshot = a_snapshot(lot, EIGHT, 3)
    told = await asyncio.gather(*(past.keep_snapshots([snapshot]) for _ in range(12)))
    assert sorted(outcome for [outcome] in told) == ["accepted"] + ["duplicate"] * 11


# --- a recount of everything


async def test_a_recount_of_everything_equals_what_deltas_kept(past, stays, owner, lot):
    for batch in a_day(lot, 12):
        await stays.take(batch)
    told = await past.recount()
    assert told.wrong == []
    assert told.visits == await owner.fetchval(
        "SELECT count(*) FROM stays.stay WHERE entered_at IS NOT NULL"
    )
    live = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    assert CountPair(lot, Pool.SHORT_STAY, live, live) in told.pairs


async def test_a_count_that_went_wrong_is_found_and_left_as_it_is(past, stays, owner, lot):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot)])
    await owner.execute("UPDATE stays.count SET occupied = 5 WHERE lot_id = $1", lot)
    assert (await past.recount()).wrong == [CountPair(lot, Pool.SHORT_STAY, 5, 1)]
    assert (await past.recount()).wrong == [CountPair(lot, Pool.SHORT_STAY, 5, 1)]
    await owner.execute("DELETE FROM stays.count WHERE lot_id = $1", lot)
    assert (await past.recount()).wrong == [CountPair(lot, Pool.SHORT_STAY, 0, 1)]
    await owner.execute("INSERT INTO stays.count VALUES ($1, 'short_stay', 7, 9, 1, now())", lot)


# --- statistics, and who sees them


async def test_a_days_statistics_equal_a_recount_of_the_raw_passages(past, stays, owner, lot):
    for batch in a_day(lot, 11):
        await stays.take(batch)
    visits = await visits_of_raw_passages(owner, lot)
    closed = await owner.fetchval(
        "SELECT count(*) FROM stays.stay WHERE lot_id = $1 AND state = 'closed'", lot
    )
    [day] = (await past.statistics(code(lot), StatisticsQuery(EIGHT.date()), by=CITY)).days
    told = day.pools[Pool.SHORT_STAY]
    assert (told.entries, told.orders) == (len(visits), closed)
    assert told.exits == sum(went is not None for _, went in visits)
    assert told.turnover == round(closed / 100, 4)
    seconds = [EIGHT + timedelta(seconds=n) for n in range(0, 12 * 3_600, 60)]
    assert told.peak >= max(inside(visits, at) for at in seconds)


async def test_an_operator_sees_the_statistics_of_its_own_lots_alone(past, stays, lot):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot)])
    asked = StatisticsQuery(EIGHT.date())
    own = Principal(2, "clerk", StaffRole.OPERATOR_CLERK, a_city_lot().operator_id)
    [day] = (await past.statistics(code(lot), asked, by=own)).days
    assert day.pools[Pool.SHORT_STAY].entries == 1
    foreign = Principal(3, "other", StaffRole.OPERATOR_ADMIN, a_city_lot(operator_id=8).operator_id)
    with pytest.raises(LotUnknown):
        await past.statistics(code(lot), asked, by=foreign)


# --- bounds


async def test_a_lot_that_nobody_filed_has_no_past(past):
    with pytest.raises(LotUnknown):
        await past.history("320281009999", HistoryQuery(at=EIGHT))


async def test_a_span_with_more_visits_than_one_answer_looks_at_is_refused(past_of, stays, lot):
    await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=f"苏C{n:05}") for n in range(4)])
    assert (await moment(past_of(visits_max=4), lot, NOW)).raw == 4
    with pytest.raises(HistoryTooLarge):
        await moment(past_of(visits_max=3), lot, NOW)


async def test_too_many_questions_at_once_are_told_to_come_back(past, lot):
    asked = [past.history(code(lot), HistoryQuery(at=EIGHT)) for _ in range(60)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    busy = [one for one in told if isinstance(one, HistoryBusy)]
    assert 0 < len(busy) < 60
    assert all(isinstance(one, HistoryMoment | HistoryBusy) for one in told)
    assert (await moment(past, lot, EIGHT.astimezone(UTC))).raw == 0
