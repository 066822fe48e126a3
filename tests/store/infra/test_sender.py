"""What is said to somebody elsewhere is said at least once, and in the order of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from onepark.infra.clock import SystemClock
from onepark.infra.db import Database, Role, open_database
from onepark.infra.outbox import Outbox, Waiting
from onepark.infra.relay import Sender
from tests.builders import EIGHT
from tests.fakes.clock import HandClock
from tests.fakes.outbox import EFFECT, KIND, counted, effects, make_tables, post, post_all, run_all

THINGS = tuple(f"thing-{number}" for number in range(6))
SECOND = timedelta(seconds=1)


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


HEARD = "INSERT INTO test.inbox VALUES ($1) ON CONFLICT DO NOTHING RETURNING message"


class Elsewhere:
    """A receiver with a database of its own: what it heard before has no second effect."""

    def __init__(self, db: Database, *, chance: Random, fails: float) -> None:
        self._db, self._chance, self._fails, self.heard = db, chance, fails, 0

    async def say(self, one: Waiting) -> None:
        if self._chance.random() < self._fails / 2:
            raise OSError("nobody answers")
        self.heard += 1
        async with self._db.transaction() as tx:
            if await tx.fetchval(HEARD, one.id):
                number = one.payload.rpartition(" ")[2].rstrip("}")
                await tx.execute(EFFECT, one.aggregate, int(number), "elsewhere")
        if self._chance.random() < self._fails / 2:
            raise OSError("the answer was lost")


def a_sender(db: Database, elsewhere: Elsewhere, **changes: Any) -> Sender:
    given: dict[str, Any] = {
        "clock": SystemClock(),
        "waits": (timedelta(0),) * 1_000,
        "lease": timedelta(seconds=30),
    }
    return Sender(db, Outbox("test.outbox", [KIND]), elsewhere.say, **(given | changes))


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_said_twice_has_one_effect_and_order_is_kept(owner, db, seed):
    chance = Random(seed)
    elsewhere = Elsewhere(db, chance=chance, fails=0.5)
    senders: list[Any] = [a_sender(db, elsewhere) for _ in range(4)]
    await asyncio.gather(
        post_all(db, THINGS, each=8, chance=chance),
        run_all(senders, owner, total=8 * len(THINGS)),
    )
    assert await effects(owner) == {thing: [*range(8)] for thing in THINGS}
    assert elsewhere.heard > 8 * len(THINGS), "some were said twice"


async def test_a_sender_that_dies_after_it_spoke_is_followed_by_another_after_its_lease(owner, db):
    clock = HandClock(EIGHT)
    elsewhere = Elsewhere(db, chance=Random(1), fails=0)

    async def dies(one: Waiting) -> None:
        await elsewhere.say(one)
        raise SystemExit  # what no handler of failures sees

    async with db.transaction() as tx:
        await post(tx, THINGS[0], 0)
    dying = Sender(
        *(db, Outbox("test.outbox", [KIND]), dies), clock=clock, waits=[SECOND], lease=SECOND * 30
    )
    with pytest.raises(SystemExit):
        await run_apart(dying)
    sender = a_sender(db, elsewhere, clock=clock)
    assert await sender.run() == 0, "the lease of the dead one"
    clock.go(SECOND * 30)
    assert await sender.run() == 1
    assert elsewhere.heard == 2
    assert await effects(owner) == {THINGS[0]: [0]}


async def run_apart(sender: Sender) -> None:
    """Run a sender whose death must not end the loop of the tests."""
    [one] = await claimed(sender)
    await sender._say(one)


async def claimed(sender: Sender) -> list[Waiting]:
    async with sender._db.transaction() as tx:
        return await sender.outbox.claim(tx, EIGHT, lease=SECOND * 30, limit=10)


async def test_a_sender_whose_lease_has_passed_changes_nothing_when_it_comes_back(owner, db):
    clock = HandClock(EIGHT)
    elsewhere = Elsewhere(db, chance=Random(1), fails=0)
    async with db.transaction() as tx:
        await post(tx, THINGS[0], 0)
    slow = a_sender(db, elsewhere, clock=clock, waits=())
    [one] = await claimed(slow)
    clock.go(SECOND * 30)
    assert len(await claimed_at(slow, clock)) == 1, "somebody else has it now"
    await slow._fail(one, OSError())
    assert await counted(owner, "dead_at IS NOT NULL") == 0


async def claimed_at(sender: Sender, clock: HandClock) -> list[Waiting]:
    async with sender._db.transaction() as tx:
        return await sender.outbox.claim(tx, clock.now(), lease=SECOND * 30, limit=10)
