"""Misread exits against the real database and the real matcher, with real concurrency."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from operator import ne
from typing import Any

import pytest

from onepark.contexts.stays import task_store
from onepark.contexts.stays.model import (
    Hold,
    HoldReason,
    Kind,
    Outcome,
    Passage,
    Pay,
)
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database, Role, Tx, open_database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, NoPlans, OnePlan

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
NINE = EIGHT + minutes(60)
TRUE, READ = "苏B31585", "苏B3158S"  # 5 and S look alike
OTHER, FAR = "苏B90427", "苏B66013"
TWIN = "苏B3158Z"  # as near to what was read as makes a person necessary


@pytest.fixture(scope="module")
def stays(batch_db: Database, service_db: Database) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=HandClock())


async def enter(stays: Stays, lot: LotId, *plates: str) -> list[Any]:
    batch = await stays.take([a_passage(ENTRY, EIGHT, lot_id=lot, plate=one) for one in plates])
    return [taken.answer for taken in batch.taken]


def read(lot: LotId, plate: str = READ, kind: Kind = EXIT, at: datetime = NINE, **changes: Any):
    return a_passage(kind, at, lot_id=lot, plate=plate, **changes)


async def states(owner, lot: LotId) -> dict[str, str]:
    rows = await owner.fetch("SELECT plate, state FROM stays.stay WHERE lot_id = $1", lot)
    return {row["plate"]: row["state"] for row in rows}


async def occupied(owner, lot: LotId) -> int:
    held: int = await owner.fetchval("SELECT occupied FROM stays.count WHERE lot_id = $1", lot)
    return held


async def test_a_misread_exit_closes_the_stay_that_it_is_of_and_answers_so_for_ever(
    stays, owner, lot
):
    [entry, _] = await enter(stays, lot, TRUE, OTHER)
    gone = read(lot)
    batch = await stays.take([gone])
    [taken] = batch.taken
    assert (taken.answer.stay_id, taken.answer.reason) == (entry.stay_id, "misread_exit")
    assert [(count.n, count.occupied) for count in batch.counts] == [(2, 1)]
    assert await states(owner, lot) == {TRUE: "closed", OTHER: "open"}
    row = await owner.fetchrow(
        "SELECT state, stay_id, car_key FROM stays.passage WHERE passage_id = $1 AND lot_id = $2",
        *(gone.passage_id, lot),
    )
    assert tuple(row) == ("misread_exit", entry.stay_id, f"{READ}/blue")
    marks = await owner.fetchval("SELECT marks FROM stays.stay WHERE stay_id = $1", entry.stay_id)
    assert marks == ["misread_exit"]
    again = await stays.take([gone])
    assert again.taken == [taken._replace(outcome=Outcome.DUPLICATE)]
    assert await occupied(owner, lot) == 1


async def test_a_misread_request_names_the_order_of_the_car_that_stands_there(stays, owner, lot):
    [entry, _] = await enter(stays, lot, TRUE, OTHER)
    [taken] = (await stays.take([read(lot, kind=ASK, device_id="out")])).taken
    assert isinstance(taken.answer.decision, Pay)
    assert (taken.answer.order_no, taken.answer.due_fen) == (entry.order_no, 500)
    asked = await owner.fetchrow(
        "SELECT asked_device_id, quoted_fen FROM stays.stay_order WHERE order_no = $1",
        entry.order_no,
    )
    assert tuple(asked) == ("out", 500)
    assert await states(owner, lot) == {TRUE: "open", OTHER: "open"}


async def test_a_plate_that_is_inside_is_itself_however_like_another_it_is(stays, owner, lot):
    await enter(stays, lot, TRUE, READ)
    await stays.take([read(lot)])
    assert await states(owner, lot) == {TRUE: "open", READ: "closed"}


async def test_a_car_in_another_lot_is_nobodys_exit_here(stays, owner, lot):
    await enter(stays, LotId(lot + 1_000_000), TRUE)
    [taken] = (await stays.take([read(lot)])).taken
    assert taken.answer.decision == Hold(HoldReason.ENTRY_MISSING)


async def test_between_two_that_look_alike_a_person_decides(stays, owner, lot):
    await enter(stays, lot, TRUE, TWIN)
    [taken] = (await stays.take([read(lot, camera_model="cam-1")])).taken
    assert taken.answer.decision == Hold(HoldReason.MISREAD_EXIT)
    assert await states(owner, lot) == {TRUE: "open", TWIN: "open", READ: "entry_missing"}
    task = await owner.fetchrow("SELECT * FROM stays.task WHERE lot_id = $1", lot)
    assert (task["verdict"], task["passage_kind"], task["camera_model"]) == (
        *("ambiguous", "exit"),
        "cam-1",
    )
    assert task["stay_id"] == taken.answer.stay_id
    assert TRUE in task["candidates"]
    assert TWIN in task["candidates"]


async def test_a_car_that_asks_again_and_again_is_one_task_about_its_last_request(
    stays, owner, lot
):
    await enter(stays, lot, TRUE, TWIN)
    asks = [read(lot, kind=ASK, at=NINE + minutes(n)) for n in range(3)]
    for ask in asks:
        await stays.take([ask])
    rows = await owner.fetch("SELECT passage_id FROM stays.task WHERE lot_id = $1", lot)
    assert [row["passage_id"] for row in rows] == [asks[-1].passage_id]


@pytest.mark.parametrize("whole", [True, False])
async def test_an_entry_and_its_misread_exit_are_one_stay_in_one_batch_or_two(
    stays, owner, lot, whole
):
    passages = [a_passage(ENTRY, EIGHT, lot_id=lot, plate=TRUE), read(lot)]
    for batch in [passages] if whole else [[one] for one in passages]:
        await stays.take(batch)
    assert await states(owner, lot) == {TRUE: "closed"}
    assert await occupied(owner, lot) == 0


async def test_the_true_car_leaving_in_the_same_batch_is_the_one_that_left(stays, owner, lot):
    await enter(stays, lot, TRUE, OTHER)
    own = read(lot, TRUE, at=NINE + minutes(30))
    batch = await stays.take([read(lot), own])
    assert batch.taken[0].answer.decision == Hold(HoldReason.MISREAD_EXIT)
    assert await states(owner, lot) == {TRUE: "closed", OTHER: "open", READ: "entry_missing"}
    left_at = await owner.fetchval(
        "SELECT exited_at FROM stays.stay WHERE lot_id = $1 AND plate = $2", lot, TRUE
    )
    assert left_at == own.seen_at


async def test_two_batches_whose_misreads_want_one_car_end_its_stay_once(stays, owner, lot):
    """Whichever is second sees that the car has just left."""
    for number in range(10):
        here = LotId(lot + 1_000_000 * number)
        await enter(stays, here, TRUE)
        exits = [[read(here)], [read(here, "苏B31S85")]]
        batches = await asyncio.gather(*(stays.take(one) for one in exits))
        told = [batch.taken[0].answer.decision for batch in batches]
        assert sorted(type(one).__name__ for one in told) == ["Hold", "Nothing"]
        found = await states(owner, here)
        assert found.pop(TRUE) == "closed"
        assert list(found.values()) == ["entry_missing"]
        assert await occupied(owner, here) == 0


LIKE = {"5": "S", "8": "B", "2": "Z", "0": "D"}


def misread(plate: str) -> str:
    """The plate with its last character that looks like another one taken for that."""
    at = max(plate.rfind(digit) for digit in LIKE)
    return plate[:at] + LIKE[plate[at]] + plate[at + 1 :]


def apart(plates: Iterable[str]) -> list[str]:
    """The plates that differ from each one before in four places, so that nobody need decide."""
    kept: list[str] = []
    for plate in plates:
        if all(sum(map(ne, plate, other)) > 3 for other in kept):
            kept.append(plate)
    return kept


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_cars_that_leave_at_once_in_many_batches_all_leave_once_and_as_themselves(
    stays, owner, lot, seed
):
    chance = random.Random(seed)
    plates = [f"苏F{(n * 48_271 + seed) % 100_000:05d}" for n in range(2_000)]
    inside = apart(one for one in plates if set(one) & set(LIKE))
    entered = dict(zip(inside, await enter(stays, lot, *inside), strict=True))
    exits = [read(lot, misread(one) if chance.random() < 0.3 else one) for one in inside]
    asks = [read(lot, one.plate, ASK, NINE - minutes(1)) for one in exits]
    for wave in (asks, exits):
        chance.shuffle(wave)
        parts = [wave[at::7] for at in range(7)]
        batches = await asyncio.gather(*(stays.take(part) for part in parts))
        for part, batch in zip(parts, batches, strict=True):
            for passage, taken in zip(part, batch.taken, strict=True):
                meant = next(one for one in inside if passage.plate in {one, misread(one)})
                assert taken.answer.stay_id == entered[meant].stay_id, passage.plate
    assert await states(owner, lot) == dict.fromkeys(inside, "closed")
    assert await occupied(owner, lot) == 0


async def until(true: Callable[[], Awaitable[object]]) -> None:
    """Wait for something that others bring about."""
    for _ in range(1_000):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


@asynccontextmanager
async def held(database: Database, lot: LotId, plate: str) -> AsyncIterator[Tx]:
    """A car's row in other hands for as long as the block lasts."""
    lock = "SELECT 1 FROM stays.car WHERE lot_id = $1 AND car_key = $2 FOR NO KEY UPDATE"
    async with database.transaction() as tx:
        assert await tx.fetchval(lock, lot, f"{plate}/blue") == 1
        yield tx


async def test_a_candidate_in_other_hands_sends_its_misread_to_the_next_batch_and_no_other(
    stays, owner, service_db, lot
):
    await enter(stays, lot, TRUE, OTHER)
    async with held(service_db, lot, TRUE):
        taking = asyncio.create_task(stays.take([read(lot), read(lot, OTHER)]))
        await until(lambda: is_closed(owner, lot, OTHER))
        assert not taking.done(), "the misread waits for its car, the other exit is kept"
        assert (await states(owner, lot))[TRUE] == "open"
    batch = await taking
    assert [taken.outcome for taken in batch.taken] == [Outcome.ACCEPTED] * 2
    assert await states(owner, lot) == {TRUE: "closed", OTHER: "closed"}
    assert [count.occupied for count in batch.counts] == [1, 0]


async def test_a_candidate_that_leaves_while_its_misread_waits_is_not_ended_twice(
    stays, owner, service_db, lot
):
    [entry] = await enter(stays, lot, TRUE)
    async with held(service_db, lot, TRUE) as tx:
        taking = asyncio.create_task(stays.take([read(lot)]))
        await waiting_for_lock(owner)
        await tx.execute(
            "UPDATE stays.stay SET state = 'closed', exited_at = $2 WHERE stay_id = $1",
            *(entry.stay_id, NINE - minutes(1)),
        )
        await tx.execute(
            "UPDATE stays.stay_order SET fee_fen = 500, owed_fen = 500 WHERE stay_id = $1",
            entry.stay_id,
        )
        await tx.execute(
            "UPDATE stays.car SET open_stay_id = NULL, last_stay_id = $1 WHERE open_stay_id = $1",
            entry.stay_id,
        )
    [taken] = (await taking).taken
    assert taken.answer.decision == Hold(HoldReason.MISREAD_EXIT)
    left_at = await owner.fetchval(
        "SELECT exited_at FROM stays.stay WHERE stay_id = $1", entry.stay_id
    )
    assert left_at == NINE - minutes(1)


async def is_closed(owner, lot: LotId, plate: str) -> bool:
    return (await states(owner, lot))[plate] == "closed"


async def waiting_for_lock(owner) -> None:
    """Wait until somebody waits for a row of a car."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await until(lambda: owner.fetchval(waits))


async def test_a_payment_that_comes_between_is_never_overwritten(stays, owner, service_db, lot):
    """A payment locks the car's row and changes only the order: both are locked and read anew."""
    [entry] = await enter(stays, lot, TRUE)
    async with held(service_db, lot, TRUE) as tx:
        taking = asyncio.create_task(stays.take([read(lot)]))
        await waiting_for_lock(owner)
        await tx.execute(
            "UPDATE stays.stay_order SET paid_fen = 500, state = 'paid', covered_until_at = $2"
            " WHERE order_no = $1",
            *(entry.order_no, NINE),
        )
    await taking
    row = await owner.fetchrow(
        "SELECT fee_fen, owed_fen, paid_fen, settled FROM stays.stay_order WHERE order_no = $1",
        entry.order_no,
    )
    assert tuple(row) == (500, 0, 500, True)


NAPPING = "FROM (SELECT pg_sleep(0.4)) AS nap, unnest"
PAY = "UPDATE stays.stay_order SET paid_fen = 500 WHERE order_no = $1"


@pytest.mark.parametrize(("locks", "paid_fen"), [("car, inside, inside_order", 500), ("car", 0)])
async def test_what_is_locked_is_read_as_it_is_then_and_nothing_else_is(
    stays, batch_db, service_db, lot, locks, paid_fen
):
    """A payment commits after the statement began and before it locks; the control reads it not."""
    [entry] = await enter(stays, lot, TRUE)
    slow = task_store.LOCK_INSIDE.replace("FROM unnest", NAPPING)
    slow = slow.replace("OF car, inside, inside_order", f"OF {locks}")
    assert NAPPING in slow

    async def lock() -> int:
        async with batch_db.transaction() as tx:
            [row] = await tx.fetch(slow, [lot], [f"{TRUE}/blue"], [entry.stay_id], 32)
            paid: int = row["inside_order"]["paid_fen"]
            return paid

    async def pay() -> None:
        await asyncio.sleep(0.15)
        async with held(service_db, lot, TRUE) as tx:
            await tx.execute(PAY, entry.order_no)

    seen, _ = await asyncio.gather(lock(), pay())
    assert seen == paid_fen


async def statements(database_url: str, service_db: Database, passages: list[Passage]) -> list[str]:
    """What a batch asks of the database between its begin and its commit."""
    seen: list[str] = []
    batch_db = await open_database(database_url, Role.BATCH, connections=1)
    stays = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=HandClock())
    await stays.take([a_passage(lot_id=LotId(passages[0].lot_id + 1_000_000))])  # prepares
    async with batch_db.connection() as connection:
        real: Any = connection._con  # type: ignore[attr-defined]  # the pool lends a proxy and drops its loggers on release
    real.add_query_logger(lambda record: seen.append(record.query.strip()))
    await stays.take(passages)
    await batch_db.close()
    return [one for one in seen if not one.startswith(("BEGIN", "COMMIT")) and "stays." in one]


@pytest.mark.parametrize(
    ("exits", "most"),
    [
        ([TRUE, OTHER], 3),  # nothing is misread
        ([FAR], 3),  # nobody resembles it
        ([READ], 4),
        ([READ, "苏B9O427", "苏B9042", FAR], 4),  # two cars, an unlike one and one too many
    ],
)
async def test_a_batch_with_misread_exits_takes_one_statement_more_at_most(
    stays, database_url, service_db, lot, exits, most
):
    others = [f"苏D{(n * 48_271) % 100_000:05d}" for n in range(60)]
    await enter(stays, lot, TRUE, OTHER, *others)
    passages = [read(lot, plate) for plate in (*exits, *others[:40])]
    asked = await statements(database_url, service_db, passages)
    assert len(asked) == most, asked


async def test_in_a_full_lot_every_plate_inside_speaks_for_or_against(stays, owner, lot):
    crowd = [f"苏E{(n * 48_271) % 100_000:05d}" for n in range(800)]
    await enter(stays, lot, TRUE, *crowd)
    await stays.take([read(lot)])
    found = await states(owner, lot)
    assert (found.pop(TRUE), set(found.values())) == ("closed", {"open"})


async def test_arrears_of_cars_that_left_are_no_candidates(stays, owner, lot):
    await enter(stays, lot, TRUE)
    await stays.take([read(lot, TRUE)])
    [taken] = (await stays.take([read(lot, at=NINE + minutes(30))])).taken
    assert taken.answer.decision == Hold(HoldReason.ENTRY_MISSING)


class Odd(PlateModels):
    """A bug of ours that every misread meets."""

    def match(self, passage: Any, candidates: Any) -> Any:
        raise ZeroDivisionError


async def test_a_bug_in_the_matching_costs_no_good_passage(batch_db, service_db, owner, lot):
    clock = HandClock()
    odd = Stays(batch_db, service_db, plans=NoPlans(), clock=clock, matches=Odd(service_db, clock))
    await enter(odd, lot, TRUE, OTHER)
    batch = await odd.take([read(lot), read(lot, OTHER)])
    assert [taken.outcome for taken in batch.taken] == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert await states(owner, lot) == {TRUE: "open", OTHER: "closed"}


async def test_a_late_entry_of_the_very_plate_completes_the_exit_that_was_in_doubt(
    stays, owner, lot
):
    await enter(stays, lot, TRUE, TWIN)
    await stays.take([read(lot)])
    await stays.take([read(lot, kind=ENTRY, at=EIGHT)])
    assert await states(owner, lot) == {TRUE: "open", TWIN: "open", READ: "closed"}
