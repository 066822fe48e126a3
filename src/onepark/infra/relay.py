"""Facts on their way from the table that keeps them to those who act on them.

Owns: at least once, in the order of each aggregate, and what happens to a fact that fails: it waits
longer each time, holds nobody up but its own aggregate, and is a person's in the end.
Never: knows a fact, holds a transaction open while it waits for a peer, or remembers how far it
has come.

A ``Relay`` calls consumers of the same database: what they write, and that the fact was handed on,
commit together, so the effect is there exactly once. A ``Sender`` speaks to whoever is elsewhere:
it says the same thing twice after a crash, under the same key, and the receiver keeps an inbox.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import structlog

from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import OUTAGES, Database, Tx
from onepark.infra.metrics import Rows, counter
from onepark.infra.outbox import Level, Outbox, Waiting
from onepark.infra.schedule import Job

AT_ONCE = 100
CONSUMER_S = 5.0
ALONE_AT_ONCE = 10
ALONE = timedelta(seconds=120)  # longer than so many consumers may take
WAITS = tuple(
    timedelta(seconds=wait_s) for wait_s in (1, 2, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200)
)
MEASURE_EVERY_S = 15
FORGET_AT_ONCE = 5_000

OLDEST = Rows(
    "outbox_oldest_seconds", "Age of the oldest fact that waits to be acted on.", ("fact",)
)
WAITING = Rows("outbox_waiting", "Facts that wait to be acted on.", ("fact",))
DEAD = Rows("outbox_dead", "Facts that nobody could act on: they wait for a person.", ("fact",))
FAILURES = counter(
    "outbox_failures", "Tries to hand a fact on that came to nothing.", ("outbox", "fact")
)

log = structlog.get_logger(__name__)

Consume = Callable[[Tx, Any], Awaitable[None]]
Say = Callable[[Waiting], Awaitable[None]]


class Route(NamedTuple):
    """Who acts on facts of one kind, and how they are read."""

    kind: Any  # a type that msgspec decodes
    consume: Consume


class Relay:
    """Hands the facts of one table to consumers of the same database."""

    def __init__(
        self,
        db: Database,
        table: str,
        routes: Mapping[str, Route],
        *,
        clock: Clock,
        waits: Sequence[timedelta] = WAITS,
    ) -> None:
        self.outbox = Outbox(table, routes)
        self._db, self._routes, self._clock, self._waits = db, routes, clock, waits
        for fact in routes:
            FAILURES.labels(table, fact)

    async def run(self) -> int:
        """Hand on what may be handed on now; return how much was taken up.

        Facts are handed on together; where that costs the connection, each is tried by itself, so
        that the guilty one is found, counts its tries and holds nobody up.
        """
        try:
            return await self._together()
        except OUTAGES as error:
            log.warning("relay.apart", outbox=self.outbox.table, error=type(error).__name__)
            return await self._apart()

    async def _together(self) -> int:
        now = self._clock.now()
        async with self._db.transaction() as tx:
            taken = await self.outbox.take(tx, now, limit=AT_ONCE)
            if not taken:
                return 0
            faults.point("relay.taken")
            done = [one.id for one in taken if await self._hand_on(tx, one)]
            faults.point("relay.handed_on")
            if done:
                await self.outbox.delivered(tx, done, now)
        faults.point("relay.committed")
        return len(taken)

    async def _apart(self) -> int:
        now = self._clock.now()
        async with self._db.transaction() as tx:
            taken = await self.outbox.claim(tx, now, lease=ALONE, limit=ALONE_AT_ONCE)
        for one in taken:
            try:
                await self._alone(one)
            except OUTAGES as error:
                async with self._db.transaction() as tx:
                    await self._fail(tx, one, error)
        return len(taken)

    async def _alone(self, one: Waiting) -> None:
        async with self._db.transaction() as tx:
            if await self.outbox.still_held(tx, one) and await self._hand_on(tx, one):
                await self.outbox.delivered(tx, [one.id], self._clock.now())

    async def _hand_on(self, tx: Tx, one: Waiting) -> bool:
        """Let one fact have its effect, or none: a failure is undone and told of."""
        route = self._routes[one.fact]
        try:
            async with tx.transaction(), asyncio.timeout(CONSUMER_S):
                await route.consume(tx, msgspec.json.decode(one.payload, type=route.kind))
        except Exception as error:
            if tx.is_closed():
                raise
            await self._fail(tx, one, error)
            return False
        return True

    async def _fail(self, tx: Tx, one: Waiting, error: Exception) -> None:
        now, tries = self._clock.now(), one.tries + 1
        again_at = next_try_at(self._waits, tries, now)
        note_failure(self.outbox.table, one, error, dead=again_at is None)
        await self.outbox.failed(
            tx, one, trouble=trouble_of(error), again_at=again_at, at=now, tries=tries
        )


class Sender:
    """Says the rows of one table to somebody elsewhere, who may hear one of them twice."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        say: Say,
        *,
        clock: Clock,
        waits: Sequence[timedelta],
        lease: timedelta,
        at_once: int = AT_ONCE,
    ) -> None:
        self.outbox, self._db, self._say, self._clock = outbox, db, say, clock
        self._waits, self._lease, self._at_once = waits, lease, at_once
        for fact in outbox.facts:
            FAILURES.labels(outbox.table, fact)

    async def run(self) -> int:
        """Say what may be said now; return how much was taken up."""
        async with self._db.transaction() as tx:
            taken = await self.outbox.claim(
                tx, self._clock.now(), lease=self._lease, limit=self._at_once
            )
        await asyncio.gather(*(self._try(one) for one in taken))
        return len(taken)

    async def _try(self, one: Waiting) -> None:
        try:
            async with asyncio.timeout(self._lease.total_seconds() / 2):
                await self._say(one)
        except Exception as error:  # noqa: BLE001  whatever it is, the row is tried again
            await self._fail(one, error)
            return
        async with self._db.transaction() as tx:
            await self.outbox.delivered(tx, [one.id], self._clock.now())

    async def _fail(self, one: Waiting, error: Exception) -> None:
        now, tries = self._clock.now(), one.tries + 1
        again_at = next_try_at(self._waits, tries, now)
        note_failure(self.outbox.table, one, error, dead=again_at is None)
        async with self._db.transaction() as tx:
            await self.outbox.failed(
                tx, one, trouble=trouble_of(error), again_at=again_at, at=now, tries=tries
            )


class Unusable(Exception):
    """What a consumer or a receiver says of a fact that it cannot use; its words may be kept."""


def next_try_at(waits: Sequence[timedelta], tries: int, now: datetime) -> datetime | None:
    """Return when a fact is tried again after so many tries; None when it has had them all."""
    return None if tries > len(waits) else now + waits[tries - 1]


def trouble_of(error: Exception) -> str:
    """Name a failure; the words of an error may hold a plate, so only our own are kept."""
    return str(error) if isinstance(error, Unusable) else type(error).__name__


def note_failure(table: str, one: Waiting, error: Exception, *, dead: bool) -> None:
    """Count and tell a try that came to nothing."""
    FAILURES.labels(table, one.fact).inc()
    told = {"outbox": table, "id": one.id, "fact": one.fact, "tries": one.tries + 1}
    if dead:
        log.error("relay.dead", **told, error=type(error).__name__)
    else:
        log.warning("relay.failed", **told, error=type(error).__name__, exc_info=error)


class OutboxMeters:
    """Reads from the database how much waits in which table."""

    def __init__(self, db: Database, outboxes: Sequence[Outbox]) -> None:
        self._db, self._outboxes = db, outboxes

    async def measure(self) -> int:
        """Show anew what waits and what is dead."""
        levels: dict[str, Level] = {}
        async with self._db.connection() as tx:
            for outbox in self._outboxes:
                levels |= {fact: Level(fact, 0, 0.0, 0) for fact in outbox.facts}
                levels |= {one.fact: one for one in await outbox.levels(tx)}
        OLDEST.replace({(one.fact,): max(one.oldest_s, 0.0) for one in levels.values()})
        WAITING.replace({(one.fact,): float(one.waiting) for one in levels.values()})
        DEAD.replace({(one.fact,): float(one.dead) for one in levels.values()})
        return 0

    def jobs(self) -> list[Job]:
        """Return the reading as recurring work."""
        return [Job("outbox.measure", MEASURE_EVERY_S, self.measure)]


async def forget_delivered(db: Database, outbox: Outbox, before: datetime) -> int:
    """Delete what was handed on before a moment, a bounded number in a transaction."""
    forgotten = 0
    while True:
        async with db.transaction() as tx:
            gone = await outbox.forget(tx, before, limit=FORGET_AT_ONCE)
        forgotten += gone
        if gone < FORGET_AT_ONCE:
            return forgotten
