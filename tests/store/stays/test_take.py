"""A batch of passages against the real database, with real concurrency."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from onepark.contexts.stays.errors import StoreUnavailable
from onepark.contexts.stays.model import Hold, HoldReason, Kind, Outcome, Passage, Taken
from onepark.contexts.stays.service import Batch, Stays
from onepark.infra.db import Database, Role, open_database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
lots = count(1000)


@pytest.fixture
def lot() -> LotId:
    """A lot of this test's own."""
    return LotId(next(lots))


@pytest.fixture(scope="module")
async def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock())


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that sees and may do everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def outcomes(taken: list[Taken]) -> list[Outcome]:
    return [one.outcome for one in taken]


async def occupied(owner, lot: LotId) -> int:
    held: int | None = await owner.fetchval(
        "SELECT occupied FROM stays.count WHERE lot_id = $1", lot
    )
    return held or 0


async def open_stays(owner, lot: LotId) -> int:
    inside: int = await owner.fetchval(
        "SELECT count(*) FROM stays.stay WHERE lot_id = $1 AND state = 'open'", lot
    )
    return inside


async def test_an_entry_is_kept_counted_and_answered(stays, owner, lot):
    batch = await stays.take([a_passage(lot_id=lot)])
    assert outcomes(batch.taken) == [Outcome.ACCEPTED]
    [shown] = batch.counts
    assert (shown.lot_id, shown.n, shown.occupied) == (lot, 1, 1)
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 1


async def test_the_same_passage_gets_the_same_answer_for_ever(stays, owner, lot):
    entry = a_passage(lot_id=lot)
    first = await stays.take([entry])
    again = await stays.take([entry])
    assert outcomes(again.taken) == [Outcome.DUPLICATE]
    assert again.taken[0].answer == first.taken[0].answer
    assert again.counts == []
    assert await occupied(owner, lot) == 1


async def test_another_body_under_an_old_id_is_a_conflict_and_changes_nothing(stays, owner, lot):
    entry = a_passage(lot_id=lot)
    await stays.take([entry])
    other = a_passage(EXIT, lot_id=lot, passage_id=entry.passage_id)
    batch = await stays.take([other])
    assert outcomes(batch.taken) == [Outcome.CONFLICT]
    assert await open_stays(owner, lot) == 1


async def test_a_repeat_inside_one_batch_is_joined_before_the_database_is_asked(stays, owner, lot):
    entry = a_passage(lot_id=lot)
    other_body = a_passage(EXIT, lot_id=lot, passage_id=entry.passage_id)
    batches = await asyncio.gather(*(stays.take([entry, entry, other_body]) for _ in range(8)))
    told = sorted(outcomes(batch.taken) for batch in batches)
    repeated = [Outcome.DUPLICATE, Outcome.DUPLICATE, Outcome.CONFLICT]
    assert told == [[Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.CONFLICT], *[repeated] * 7]
    assert await occupied(owner, lot) == 1


async def test_an_exit_and_a_reentry_in_one_batch_leave_one_open_stay(stays, owner, lot):
    await stays.take([a_passage(lot_id=lot)])
    out = a_passage(EXIT, EIGHT + minutes(30), lot_id=lot)
    back = a_passage(ENTRY, EIGHT + minutes(40), lot_id=lot)
    ask = a_passage(ASK, EIGHT + minutes(29), lot_id=lot)
    batch, *_ = await asyncio.gather(
        stays.take([back, out]), stays.take([ask]), *(stays.take([back, out]) for _ in range(4))
    )
    assert {one.outcome for one in batch.taken} <= {Outcome.ACCEPTED, Outcome.DUPLICATE}
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 1
    opened = await owner.fetchval(
        "SELECT entered_at FROM stays.stay WHERE lot_id = $1 AND state = 'open'", lot
    )
    assert opened == EIGHT + minutes(40)


async def test_two_batches_that_hold_the_same_car_at_once_meet_at_its_row(stays, owner, lot):
    """Whichever commits first, the stay is closed or the exit is kept: never open for ever."""
    for number in range(20):
        plate = f"苏B{number:05d}"
        entry = a_passage(lot_id=lot, plate=plate)
        out = a_passage(EXIT, EIGHT + minutes(30), lot_id=lot, plate=plate)
        await asyncio.gather(stays.take([entry]), stays.take([out]))
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 0
    states = await owner.fetch("SELECT DISTINCT state FROM stays.stay WHERE lot_id = $1", lot)
    assert [row["state"] for row in states] == ["closed"]


async def test_one_id_in_many_batches_at_once_is_accepted_once(stays, owner, lot):
    entry = a_passage(lot_id=lot)
    batches = await asyncio.gather(*(stays.take([entry]) for _ in range(16)))
    told = sorted(batch.taken[0].outcome for batch in batches)
    assert told == [Outcome.ACCEPTED] + [Outcome.DUPLICATE] * 15
    assert len({batch.taken[0].answer.stay_id for batch in batches}) == 1
    assert await occupied(owner, lot) == 1


async def test_one_id_for_many_cars_at_once_is_one_car_s_and_a_conflict_for_the_others(
    stays, owner, lot
):
    """Their rows are apart, so that the batches meet at the claim alone, when they are saved."""
    entries = [a_passage(lot_id=lot, plate=f"苏D{n:05d}", passage_id="twice") for n in range(8)]
    entries = [replace(one, fingerprint=bytes([n])) for n, one in enumerate(entries)]
    batches = await asyncio.gather(*(stays.take([entry]) for entry in entries))
    told = sorted(batch.taken[0].outcome for batch in batches)
    assert told == [Outcome.ACCEPTED] + [Outcome.CONFLICT] * 7
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 1


async def test_many_cars_in_crossing_batches_never_wait_for_each_other_in_a_ring(stays, owner, lot):
    """Locks are taken in key order, so that the only cost of meeting is waiting."""
    plates = [f"苏C{number:05d}" for number in range(40)]

    def crossing(kind: Kind, at, seed: int) -> list[Passage]:
        shuffled = random.Random(seed).sample(plates, len(plates))
        return [a_passage(kind, at, lot_id=lot, plate=plate) for plate in shuffled]

    for hour in range(3):
        start = EIGHT + timedelta(hours=hour)
        await asyncio.gather(
            stays.take(crossing(ENTRY, start, 1)), stays.take(crossing(EXIT, start + minutes(9), 2))
        )
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 0


@pytest.fixture
async def poison(owner) -> AsyncIterator[str]:
    """A plate that the database itself refuses."""
    await owner.execute("""
        CREATE FUNCTION stays.refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.plate = '苏B66666' THEN RAISE EXCEPTION 'poison'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse_poison BEFORE INSERT ON stays.stay
            FOR EACH ROW EXECUTE FUNCTION stays.refuse_poison();
    """)
    yield "苏B66666"
    await owner.execute("DROP FUNCTION stays.refuse_poison CASCADE")


async def test_one_poisonous_passage_costs_none_of_a_thousand_good_ones(stays, owner, poison, lot):
    good = [
        a_passage(lot_id=LotId(lot + n % 7), plate=f"苏D{n:05d}", device_id=f"cam{n % 7}")
        for n in range(1000)
    ]
    bad = a_passage(lot_id=lot, plate=poison)
    batch, others = await asyncio.gather(
        stays.take([*good[:300], bad, *good[300:600]]), stays.take(good[600:])
    )
    assert outcomes(batch.taken) == (
        [Outcome.ACCEPTED] * 300 + [Outcome.REJECTED] + [Outcome.ACCEPTED] * 300
    )
    assert outcomes(others.taken) == [Outcome.ACCEPTED] * 400
    assert sum([await open_stays(owner, LotId(lot + n)) for n in range(7)]) == 1000
    await owner.execute("DROP TRIGGER refuse_poison ON stays.stay")
    healed = await stays.take([bad])
    assert outcomes(healed.taken) == [Outcome.ACCEPTED], "a rejected id stays free"
    next(number for number in lots if number > lot + 7)


async def test_a_batch_takes_three_statements_between_begin_and_commit(
    database_url, service_db, lot
):
    seen: list[str] = []
    batch_db = await open_database(database_url, Role.BATCH, connections=1)
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=HandClock())
    await stays.take([a_passage(lot_id=lot, plate="苏E99999")])
    async with batch_db.connection() as connection:
        real: Any = connection._con  # type: ignore[attr-defined]  # the pool lends a proxy and drops its loggers on release
    real.add_query_logger(lambda record: seen.append(record.query.strip()))
    passages = [
        a_passage(kind, EIGHT + minutes(10 * at), lot_id=lot, plate=f"苏E{n:05d}")
        for n in range(50)
        for at, kind in enumerate((ENTRY, ASK, EXIT))
    ]
    await stays.take(passages)
    await batch_db.close()
    work = [q for q in seen if not q.startswith(("BEGIN", "COMMIT", "SELECT pg_advisory_unlock"))]
    assert len(work) == 3, work


async def test_a_server_that_dies_in_the_middle_is_asked_again_and_answers_once(
    stays, owner, database_url, lot
):
    """The outcome of a cut connection is unknown; the claim tells."""
    passages = [a_passage(lot_id=lot, plate=f"苏F{n:05d}") for n in range(200)]

    async def cut() -> int:
        cuts = 0
        for _ in range(12):
            done = await owner.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'onepark_batch' AND datname = current_database()"
                " AND state <> 'idle'"
            )
            cuts += len(done)
            await asyncio.sleep(0.005)
        return cuts

    async def take(one: Passage) -> list[Taken]:
        while True:
            try:
                batch: Batch = await stays.take([one])
            except StoreUnavailable:
                await asyncio.sleep(0.01)
            else:
                return batch.taken

    taken, cuts = await asyncio.gather(asyncio.gather(*(take(one) for one in passages)), cut())
    assert cuts > 0, "nothing was cut: the test proved nothing"
    assert {one[0].outcome for one in taken} <= {Outcome.ACCEPTED, Outcome.DUPLICATE}
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 200


async def test_an_odd_passage_gets_a_state_and_is_never_lost(stays, owner, lot):
    unseen = a_passage(ASK, lot_id=lot, plate="苏G00001")
    nonsense = a_passage(lot_id=lot, plate="??", plate_suspect=True)
    early = a_passage(lot_id=lot, plate="苏G00002")
    await stays.take([early])
    before = a_passage(
        EXIT, EIGHT - minutes(60), lot_id=lot, plate="苏G00002", received_at=EIGHT + minutes(9)
    )
    batch = await stays.take([unseen, nonsense, before])
    assert outcomes(batch.taken) == [Outcome.ACCEPTED] * 3
    assert batch.taken[2].answer.decision == Hold(HoldReason.ENTRY_MISSING)
    kept = await owner.fetch(
        "SELECT state FROM stays.passage WHERE lot_id = $1 ORDER BY state", lot
    )
    assert [row["state"] for row in kept] == ["folded", "folded", "held", "held"]
    marks = await owner.fetchval(
        "SELECT marks FROM stays.stay WHERE lot_id = $1 AND plate = '??'", lot
    )
    assert marks == ["plate_suspect"]


async def fees(owner, lot: LotId) -> list[tuple[str, int]]:
    """State of each stay of a lot and its minutes, in order of time."""
    rows = await owner.fetch(
        "SELECT state, (extract(epoch FROM exited_at - entered_at) / 60)::int AS minutes"
        " FROM stays.stay WHERE lot_id = $1 ORDER BY coalesce(entered_at, exited_at)",
        lot,
    )
    return [(row["state"], row["minutes"]) for row in rows]


@pytest.mark.parametrize("entries_first", [True, False])
@pytest.mark.parametrize("whole", [True, False])
async def test_a_weekend_offline_gives_the_same_visits_whichever_lane_sends_first(
    stays, owner, lot, entries_first, whole
):
    days = [EIGHT + timedelta(days=day) for day in range(4)]
    entries = [a_passage(ENTRY, at, lot_id=lot, device_id="in") for at in days]
    exits = [a_passage(EXIT, at + minutes(60), lot_id=lot, device_id="out") for at in days]
    for side in (entries, exits) if entries_first else (exits, entries):
        for batch in [side] if whole else [[one] for one in side]:
            await stays.take(batch)
    assert await fees(owner, lot) == [("closed", 60)] * 4
    assert await open_stays(owner, lot) == await occupied(owner, lot) == 0


async def test_a_column_that_a_later_version_adds_troubles_no_passage(stays, owner, lot):
    await stays.take([a_passage(lot_id=lot)])
    await owner.execute("ALTER TABLE stays.stay ADD COLUMN later_version text")
    try:
        batch = await stays.take([a_passage(EXIT, EIGHT + minutes(9), lot_id=lot)])
    finally:
        await owner.execute("ALTER TABLE stays.stay DROP COLUMN later_version")
    assert outcomes(batch.taken) == [Outcome.ACCEPTED]
    assert await occupied(owner, lot) == 0


class BrokenPlans(NoPlans):
    """A bug of ours that every passage meets."""

    def plan_at(self, lot_id: LotId, at: Any) -> Any:
        raise ZeroDivisionError


async def test_a_bug_of_ours_tells_no_device_that_its_passages_are_none(
    batch_db, service_db, owner, lot
):
    broken = Stays(batch_db, service_db, plans=BrokenPlans(), clock=HandClock())
    entries = [a_passage(lot_id=lot, plate=f"苏H{n:05d}") for n in range(3)]
    with pytest.raises(StoreUnavailable):
        await broken.take(entries)
    assert await open_stays(owner, lot) == 0
