"""A table of facts that no context owns, those who post in it, and those who act on them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

import asyncpg
from msgspec import Struct

from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.infra.relay import Relay, Route, Sender

KIND = "test.happened.v1"
TABLES = """
    CREATE SCHEMA IF NOT EXISTS test;
    DROP TABLE IF EXISTS test.outbox, test.effect, test.inbox, test.thing;
    CREATE TABLE test.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, aggregate text, fact text NOT NULL,
        payload text NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(),
        tries integer NOT NULL DEFAULT 0, next_try_at timestamptz, trouble text,
        delivered_at timestamptz, dead_at timestamptz, ruled_by text, ruling text);
    CREATE TABLE test.thing (name text PRIMARY KEY);
    CREATE TABLE test.effect (
        place bigint GENERATED ALWAYS AS IDENTITY, thing text, number integer, by text);
    CREATE TABLE test.inbox (message bigint PRIMARY KEY);
    GRANT USAGE ON SCHEMA test TO onepark_service;
    GRANT ALL ON ALL TABLES IN SCHEMA test TO onepark_service;
"""
# A fact takes its number from the sequence and, like every number, may commit after a later one.
POST = "INSERT INTO test.outbox (aggregate, fact, payload) VALUES ($1, $2, $3)"
EFFECT = "INSERT INTO test.effect (thing, number, by) VALUES ($1, $2, $3)"
EFFECTS = "SELECT thing, number FROM test.effect ORDER BY place"
ONE_AT_A_TIME = asyncio.Lock()  # a connection is asked by one
LOCK = "SELECT FROM test.thing WHERE name = $1 FOR UPDATE"


class Happened(Struct, frozen=True):
    """The ``number``-th thing that happened to a thing."""

    thing: str
    number: int


class Chances(NamedTuple):
    """How often a consumer fails, before or after its effect, and how long it takes."""

    fails: float = 0.0
    takes_s: float = 0.0


async def make_tables(owner: "asyncpg.Connection[Any]", things: Sequence[str]) -> None:
    await owner.execute(TABLES)
    await owner.executemany("INSERT INTO test.thing VALUES ($1)", [(name,) for name in things])


async def post(tx: Tx, thing: str, number: int) -> None:
    """Publish a fact; whoever posts of a thing holds its lock."""
    await tx.execute(LOCK, thing)
    payload = f'{{"thing": "{thing}", "number": {number}}}'
    await tx.execute(POST, thing, KIND, payload)


async def post_all(db: Database, things: Sequence[str], *, each: int, chance: Random) -> None:
    """Post of all things at once, each transaction open for as long as chance has it."""

    async def of(thing: str) -> None:
        for number in range(each):
            async with db.transaction() as tx:
                await post(tx, thing, number)
                await asyncio.sleep(chance.random() * 0.01)

    await asyncio.gather(*(of(thing) for thing in things))


def a_relay(
    db: Database,
    clock: Clock,
    *,
    name: str = "one",
    chance: Random | None = None,
    chances: Chances = Chances(),  # noqa: B008  frozen
    waits: Sequence[timedelta] = (timedelta(0),) * 1_000,
) -> Relay:
    """A relay whose consumer writes what it was told, and fails now and then."""
    random = chance or Random(1)

    async def consume(tx: Tx, fact: Happened) -> None:
        if random.random() < chances.fails / 2:
            raise ValueError("before")
        await tx.execute(EFFECT, fact.thing, fact.number, name)
        await asyncio.sleep(chances.takes_s * random.random())
        if random.random() < chances.fails / 2:
            raise ValueError("after")

    return Relay(db, "test.outbox", {KIND: Route(Happened, consume)}, clock=clock, waits=waits)


async def counted(owner: "asyncpg.Connection[Any]", what: str) -> int:
    """How many facts are so."""
    async with ONE_AT_A_TIME:
        found: int = await owner.fetchval(f"SELECT count(*) FROM test.outbox WHERE {what}")
        return found


async def run_all(
    working: Sequence[Relay | Sender], owner: "asyncpg.Connection[Any]", *, total: int
) -> None:
    """Let them run beside each other until everything was handed on."""

    async def one(relay: Relay | Sender) -> None:
        while await counted(owner, "delivered_at IS NOT NULL") < total:
            if not await relay.run():
                await asyncio.sleep(0.002)

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(relay) for relay in working))


async def effects(owner: "asyncpg.Connection[Any]") -> dict[str, list[int]]:
    """What came of the facts, of each thing in the order in which it came."""
    found: dict[str, list[int]] = {}
    for thing, number in await owner.fetch(EFFECTS):
        found.setdefault(thing, []).append(number)
    return found
