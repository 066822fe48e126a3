"""Chains over committed journals, against the real database."""

import asyncio
from datetime import timedelta

import pytest

from onepark.contexts.ledger.meters import LedgerMeters
from onepark.contexts.ledger.model import Journal
from onepark.contexts.ledger.service import Ledger, Sealer
from onepark.infra.db import Database
from onepark.infra.metrics import REGISTRY
from onepark.kernel.types import OperatorId
from tests.builders import EIGHT
from tests.fakes.clock import HandClock
from tests.store.ledger.conftest import a_journal

LEDGER = Ledger()


@pytest.fixture
def sealer(service_db: Database) -> Sealer:
    return Sealer(service_db, HandClock(EIGHT))


async def post(db: Database, *journals: Journal) -> None:
    async with db.transaction() as tx:
        await LEDGER.post(tx, journals)


async def chain_of(owner, operator_id: OperatorId) -> list[tuple[int, str]]:
    rows = await owner.fetch(
        "SELECT sequence, business_key FROM ledger.seal JOIN ledger.journal USING (journal_id)"
        " WHERE seal.operator_id = $1 ORDER BY sequence",
        operator_id,
    )
    return [tuple(row) for row in rows]


async def test_every_operator_has_a_chain_of_its_own(
    sealer: Sealer, service_db: Database, owner, operator_id: OperatorId
):
    other = OperatorId(operator_id + 10_000)
    made = [a_journal(operator_id=one) for one in (operator_id, other, operator_id)]
    await post(service_db, *made)
    assert await sealer.seal_waiting() >= 3
    assert await chain_of(owner, operator_id) == [
        (1, made[0].business_key),
        (2, made[2].business_key),
    ]
    assert await chain_of(owner, other) == [(1, made[1].business_key)]


async def test_a_journal_that_commits_late_is_sealed_behind_those_with_higher_numbers(
    sealer: Sealer, service_db: Database, owner, operator_id: OperatorId
):
    late, early = a_journal(operator_id=operator_id), a_journal(operator_id=operator_id)
    async with service_db.transaction() as slow:
        await LEDGER.post(slow, [late])
        await post(service_db, early)
        await sealer.seal_waiting()
        assert await chain_of(owner, operator_id) == [(1, early.business_key)]
    await sealer.seal_waiting()
    assert await chain_of(owner, operator_id) == [(1, early.business_key), (2, late.business_key)]


async def test_what_is_rolled_back_is_never_sealed(
    sealer: Sealer, service_db: Database, owner, operator_id: OperatorId
):
    async def fail() -> None:
        async with service_db.transaction() as tx:
            await LEDGER.post(tx, [a_journal(operator_id=operator_id)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await sealer.seal_waiting()
    assert await chain_of(owner, operator_id) == []


async def test_workers_at_once_make_one_chain_without_gaps(
    service_db: Database, owner, operator_id: OperatorId
):
    workers = [Sealer(service_db, HandClock(EIGHT)) for _ in range(4)]

    async def payments() -> None:
        for _ in range(40):
            await post(service_db, a_journal(operator_id=operator_id))

    async def sealing(worker: Sealer) -> None:
        for _ in range(40):
            await worker.seal_waiting()

    await asyncio.gather(payments(), payments(), *map(sealing, workers))
    while await workers[0].seal_waiting():
        pass
    chain = await chain_of(owner, operator_id)
    assert [sequence for sequence, _ in chain] == list(range(1, 81))
    assert await owner.fetchval("SELECT count(*) FROM ledger.unsealed") == 0


async def test_a_broken_chain_holds_up_no_other(
    sealer: Sealer, service_db: Database, owner, operator_id: OperatorId
):
    other = OperatorId(operator_id + 10_000)
    await post(service_db, a_journal(operator_id=operator_id), a_journal(operator_id=other))
    await owner.execute(
        "INSERT INTO ledger.seal SELECT $1, 9, journal_id, sha256('a'), sha256('b'), now()"
        " FROM ledger.journal WHERE operator_id = $1",
        operator_id,
    )
    assert await sealer.seal_waiting() == 1
    assert len(await chain_of(owner, other)) == 1
    await owner.execute("DELETE FROM ledger.unsealed WHERE operator_id = $1", operator_id)


async def test_how_long_a_journal_waits_is_shown(
    sealer: Sealer, service_db: Database, owner, operator_id: OperatorId
):
    def told() -> float | None:
        return REGISTRY.get_sample_value("parking_ledger_unsealed_age_seconds")

    meters = LedgerMeters(service_db)
    await meters.measure()
    assert told() == 0
    await post(service_db, a_journal(operator_id=operator_id))
    await owner.execute("UPDATE ledger.unsealed SET posted_at = posted_at - interval '90 s'")
    await meters.measure()
    assert told() == pytest.approx(90, abs=5)
    await sealer.seal_waiting()
    await meters.measure()
    assert told() == 0


async def test_a_day_of_shanghai_has_one_anchor_over_the_one_before(service_db: Database, owner):
    clock = HandClock(EIGHT)
    sealer = Sealer(service_db, clock)
    assert [await sealer.anchor_today() for _ in range(2)] == [True, False]
    first = await sealer.anchor()
    assert first is not None
    clock.at += timedelta(days=1)
    done = await asyncio.gather(*(sealer.anchor_today() for _ in range(3)))
    assert sorted(done) == [False, False, True]
    second = await sealer.anchor()
    assert second is not None
    assert (second.anchor_day - first.anchor_day, second.previous) == (
        timedelta(days=1),
        first.digest,
    )
    assert await sealer.anchor(first.anchor_day) == first
