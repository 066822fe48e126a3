"""Facts reach who acts on them: none is lost, each has its effect once, in the order of its own."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onepark.infra.clock import SystemClock
from onepark.infra.db import Database, Role, Tx, open_database
from onepark.infra.metrics import REGISTRY
from onepark.infra.outbox import Outbox
from onepark.infra.relay import (
    WAITS,
    OutboxMeters,
    Relay,
    Route,
    Unusable,
    forget_delivered,
)
from tests.architecture.source import ROOT
from tests.builders import EIGHT
from tests.fakes.clock import HandClock
from tests.fakes.outbox import (
    EFFECT,
    KIND,
    Chances,
    Happened,
    a_relay,
    counted,
    effects,
    make_tables,
    post,
    post_all,
    run_all,
)

THINGS = tuple(f"thing-{number}" for number in range(6))
SECOND = timedelta(seconds=1)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"parking_{name}", labels) or 0.0


@pytest.fixture(scope="module")
async def db(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, Role.SERVICE, connections=12)
    yield database
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    await make_tables(connection, THINGS)
    yield connection
    await connection.close()


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    relays=st.integers(1, 5),
    things=st.integers(1, 6),
    each=st.integers(1, 12),
    fails=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 2**32),
)
async def test_whatever_fails_nothing_is_lost_or_doubled_and_order_is_kept(
    owner, db, *, relays, things, each, fails, seed
):
    await make_tables(owner, THINGS)
    chance = Random(seed)
    chances = Chances(fails, takes_s=0.003)
    working = [
        a_relay(db, SystemClock(), name=str(one), chance=Random(seed + one), chances=chances)
        for one in range(relays)
    ]
    await asyncio.gather(
        post_all(db, THINGS[:things], each=each, chance=chance),
        run_all(working, owner, total=things * each),
    )
    assert await effects(owner) == {thing: [*range(each)] for thing in THINGS[:things]}


async def test_a_fact_that_commits_after_a_later_one_is_handed_on_and_a_cursor_would_lose_it(
    owner, db
):
    seen_by_cursor, last = [], 0

    async def read_by_cursor() -> None:
        nonlocal last
        for row in await owner.fetch(
            "SELECT id, aggregate FROM test.outbox WHERE id > $1 ORDER BY id", last
        ):
            seen_by_cursor.append(row["aggregate"])
            last = row["id"]

    relay = a_relay(db, SystemClock())
    async with db.transaction() as late:
        await post(late, THINGS[0], 0)  # takes the lower number
        async with db.transaction() as early:
            await post(early, THINGS[1], 0)
        await read_by_cursor()
        assert await relay.run() == 1
    await read_by_cursor()
    assert await relay.run() == 1
    assert await effects(owner) == {THINGS[1]: [0], THINGS[0]: [0]}
    assert seen_by_cursor == [THINGS[1]], "the control loses what committed late"


async def test_a_fact_waits_while_an_earlier_one_of_its_own_is_in_other_hands(owner, db):
    for number in range(2):
        async with db.transaction() as tx:
            await post(tx, THINGS[0], number)
    outbox = Outbox("test.outbox", [KIND])
    async with db.transaction() as held:
        [first] = await outbox.take(held, EIGHT, limit=10)
        assert await a_relay(db, SystemClock()).run() == 0
        await outbox.delivered(held, [first.id], EIGHT)
    assert await a_relay(db, SystemClock()).run() == 1
    assert await effects(owner) == {THINGS[0]: [1]}


async def refuses(_tx: Tx, _fact: Happened) -> None:
    raise Unusable("it names nobody")


def a_refusing(db: Database, clock: HandClock, thing: str, **changes: Any) -> Relay:
    """A relay that can use every fact but those of one thing."""

    async def consume(tx: Tx, fact: Happened) -> None:
        await tx.execute(EFFECT, fact.thing, fact.number, "one")
        if fact.thing == thing:
            await refuses(tx, fact)

    return Relay(db, "test.outbox", {KIND: Route(Happened, consume)}, clock=clock, **changes)


async def all_handed_on(relay: Relay) -> int:
    taken = 0
    while did := await relay.run():
        taken += did
    return taken


async def test_a_fact_that_fails_waits_longer_each_time_and_holds_up_its_own_alone(owner, db):
    clock = HandClock(EIGHT)
    for thing in THINGS[:2]:
        for number in range(2):
            async with db.transaction() as tx:
                await post(tx, thing, number)
    relay = a_refusing(db, clock, THINGS[0])
    assert await all_handed_on(relay) == 3, "the guilty one once, the other thing's both"
    assert await effects(owner) == {THINGS[1]: [0, 1]}
    tries = 1
    for wait in WAITS:
        clock.go(wait - SECOND / 2)
        assert await relay.run() == 0
        clock.go(SECOND / 2)
        assert await relay.run() == 1
        tries += 1
    clock.go(timedelta(days=365))
    assert await relay.run() == 0, "a person's now, and what comes after it waits"
    async with db.transaction() as tx:
        [dead] = await relay.outbox.dead(tx, limit=10)
    assert (dead.tries, dead.trouble, dead.aggregate) == (tries, "it names nobody", THINGS[0])
    assert told("outbox_failures_total", outbox="test.outbox", fact=KIND) >= tries


@pytest.mark.parametrize(("ruling", "expected"), [("retry", [0, 1]), ("skip", [1])])
async def test_a_person_lets_a_dead_fact_be_tried_again_or_gives_it_up(owner, db, ruling, expected):
    clock = HandClock(EIGHT)
    for number in range(2):
        async with db.transaction() as tx:
            await post(tx, THINGS[0], number)
    await a_refusing(db, clock, THINGS[0], waits=()).run()
    relay = a_relay(db, clock)
    assert await relay.run() == 0
    async with db.transaction() as tx:
        [dead] = await relay.outbox.dead(tx, limit=10)
        if ruling == "retry":
            assert await relay.outbox.retry(tx, dead.id, by="li")
        else:
            assert await relay.outbox.skip(tx, dead.id, by="li", at=clock.now())
        assert not await relay.outbox.retry(tx, dead.id, by="li"), "it is dead no more"
    await all_handed_on(relay)
    assert await effects(owner) == {THINGS[0]: expected}


async def test_a_consumer_that_takes_too_long_has_failed(owner, db, monkeypatch):
    monkeypatch.setattr("onepark.infra.relay.CONSUMER_S", 0.05)

    async def sleeps(tx: Tx, _fact: Happened) -> None:
        await tx.execute("SELECT pg_sleep(30)")

    async with db.transaction() as tx:
        await post(tx, THINGS[0], 0)
    clock = HandClock(EIGHT)
    relay = Relay(db, "test.outbox", {KIND: Route(Happened, sleeps)}, clock=clock, waits=())
    assert await relay.run() == 1
    async with db.transaction() as tx:
        [dead] = await relay.outbox.dead(tx, limit=1)
    assert dead.trouble == "TimeoutError"


async def test_a_fact_that_costs_the_connection_is_found_and_holds_nobody_up(owner, db):
    clock = HandClock(EIGHT)

    async def consume(tx: Tx, fact: Happened) -> None:
        if fact.thing == THINGS[0]:
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        await tx.execute(EFFECT, fact.thing, fact.number, "one")

    for thing in THINGS[:3]:
        async with db.transaction() as tx:
            await post(tx, thing, 0)
    route = {KIND: Route(Happened, consume)}
    relay = Relay(db, "test.outbox", route, clock=clock, waits=[SECOND])
    assert await relay.run() == 3
    assert await effects(owner) == {THINGS[1]: [0], THINGS[2]: [0]}
    clock.go(SECOND)
    await relay.run()
    async with db.transaction() as tx:
        assert len(await relay.outbox.dead(tx, limit=9)) == 1


DIES = """
import asyncio, sys
from onepark.infra import faults
from onepark.infra.clock import SystemClock
from onepark.infra.db import Role, open_database
from tests.fakes.outbox import a_relay

async def main() -> None:
    db = await open_database(sys.argv[1], Role.SERVICE, connections=2)
    faults.arm(sys.argv[2])
    await a_relay(db, SystemClock()).run()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("point", "there"), [("relay.taken", 0), ("relay.handed_on", 0), ("relay.committed", 6)]
)
async def test_a_relay_that_dies_at_any_point_leaves_each_effect_whole_and_once(
    owner, db, database_url, point, there
):
    await post_all(db, THINGS, each=1, chance=Random(1))
    program = [sys.executable, "-c", DIES, database_url, point]
    done = await asyncio.to_thread(
        subprocess.run, program, cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(await effects(owner)) == there
    relay = a_relay(db, SystemClock())
    while await counted(owner, "delivered_at IS NOT NULL") < len(THINGS):
        await relay.run()  # until the server has seen that the dead one has gone
    assert await effects(owner) == {thing: [0] for thing in THINGS}


async def test_what_waits_and_what_is_dead_is_shown(owner, db):
    clock = HandClock(EIGHT)
    relay = a_refusing(db, clock, THINGS[0], waits=())
    meters = OutboxMeters(db, [relay.outbox])
    await meters.measure()
    assert told("outbox_waiting", fact=KIND) == told("outbox_oldest_seconds", fact=KIND) == 0
    for number in range(2):
        async with db.transaction() as tx:
            await post(tx, THINGS[0], number)
    await owner.execute("UPDATE test.outbox SET recorded_at = recorded_at - interval '90 s'")
    await relay.run()
    await meters.measure()
    assert told("outbox_waiting", fact=KIND) == told("outbox_dead", fact=KIND) == 1
    assert 90 <= told("outbox_oldest_seconds", fact=KIND) < 150


async def test_what_was_handed_on_long_ago_is_forgotten_and_nothing_else(owner, db):
    clock = HandClock(EIGHT)
    await post_all(db, THINGS[:3], each=1, chance=Random(1))
    relay = a_refusing(db, clock, THINGS[0])
    await relay.run()
    async with db.transaction() as tx:
        await post(tx, THINGS[1], 1)
    clock.go(timedelta(days=1))
    await relay.run()
    assert await forget_delivered(db, relay.outbox, EIGHT + SECOND) == 2
    assert await counted(owner, "true") == 2
