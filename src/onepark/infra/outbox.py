"""The table in which a context keeps facts until somebody was told.

Owns: its shape, and every statement on it: what may be taken now, what became of it, what a person
does with a fact that nobody could use.
Never: knows a fact, calls a consumer, or compares numbers to find out what is new: a number is
drawn before its transaction commits, so a later one may be seen first.

Such a table has the columns ``id`` (drawn from a sequence), ``aggregate`` (whose facts keep their
order; NULL: nobody's), ``fact``, ``payload``, ``recorded_at``, ``tries``, ``next_try_at``,
``trouble``, ``delivered_at``, ``dead_at``, ``ruled_by`` and ``ruling``. Who posts a fact of an
aggregate holds the lock of that aggregate, so that its facts commit in the order of their numbers.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.infra.db import Record, Tx

NAME = re.compile(r"[a-z_]+\.[a-z_]+")
FACT = re.compile(r"[a-z_]+\.[a-z_]+\.v[1-9][0-9]*")
TROUBLE_CHARACTERS_MAX = 500


class Waiting(NamedTuple):
    """A fact that was taken to be handed on."""

    id: int
    aggregate: str | None
    fact: str
    payload: str
    tries: int  # that came to nothing before


class Dead(NamedTuple):
    """A fact that waits for a person; the facts of its aggregate wait behind it."""

    id: int
    aggregate: str | None
    fact: str
    tries: int
    recorded_at: datetime
    dead_at: datetime
    trouble: str


class Level(NamedTuple):
    """How many facts of a kind wait, for how long the oldest has, and how many are dead."""

    fact: str
    waiting: int
    oldest_s: float
    dead: int


class Outbox:
    """The statements on one such table, for those facts that are handed on."""

    def __init__(self, table: str, facts: Iterable[str]) -> None:
        kinds = sorted(facts)
        assert NAME.fullmatch(table), "a name of our own"
        assert all(map(FACT.fullmatch, kinds)), "names of our own"
        assert kinds, "something is handed on"
        self.table, self.facts = table, tuple(kinds)
        names = {"table": table, "facts": ", ".join(f"'{kind}'" for kind in kinds)}
        self._free = FREE.format(**names)
        self._claim = CLAIM.format(**names, free=self._free)
        self._held = STILL_HELD.format(**names)
        self._delivered, self._failed = DELIVERED.format(**names), FAILED.format(**names)
        self._levels, self._dead = LEVELS.format(**names), DEAD.format(**names)
        self._retry, self._skip = RETRY.format(**names), SKIP.format(**names)
        self._forget = FORGET.format(**names)

    async def take(self, tx: Tx, now: datetime, *, limit: int) -> list[Waiting]:
        """Lock the facts that may be handed on now, at most one of an aggregate, oldest first."""
        return [Waiting(*row) for row in await tx.fetch(self._free, now, limit)]

    async def claim(self, tx: Tx, now: datetime, *, lease: timedelta, limit: int) -> list[Waiting]:
        """Take such facts out of everybody's reach for a while; the try is counted beforehand."""
        rows = await tx.fetch(self._claim, now, limit, now + lease)
        return sorted((Waiting(*row) for row in rows), key=lambda one: one.id)

    async def still_held(self, tx: Tx, one: Waiting) -> bool:
        """Lock a fact that was claimed; False if it was taken up by somebody else since."""
        return _is_one(await tx.fetchrow(self._held, one.id, one.tries + 1))

    async def delivered(self, tx: Tx, ids: Sequence[int], at: datetime) -> None:
        """Note that these were handed on; one that is noted twice stays as it was."""
        await tx.execute(self._delivered, ids, at)

    async def failed(
        self,
        tx: Tx,
        one: Waiting,
        *,
        trouble: str,
        again_at: datetime | None,
        at: datetime,
        tries: int,
    ) -> None:
        """Note a try that came to nothing; without a time to try again, the fact is dead."""
        dead_at = None if again_at is not None else at
        text = trouble[:TROUBLE_CHARACTERS_MAX]
        await tx.execute(self._failed, one.id, tries, again_at, text, dead_at)

    async def levels(self, tx: Tx) -> list[Level]:
        """Return how much waits, by kind; a kind of which nothing waits is left out."""
        return [Level(*row) for row in await tx.fetch(self._levels)]

    async def dead(self, tx: Tx, *, limit: int) -> list[Dead]:
        """Return the facts that wait for a person, oldest first."""
        return [Dead(*row) for row in await tx.fetch(self._dead, limit)]

    async def retry(self, tx: Tx, fact_id: int, *, by: str) -> bool:
        """Let a dead fact be tried anew; False if there is no such one."""
        return _is_one(await tx.fetchrow(self._retry, fact_id, by))

    async def skip(self, tx: Tx, fact_id: int, *, by: str, at: datetime) -> bool:
        """Give a dead fact up, so that what waits behind it goes on."""
        return _is_one(await tx.fetchrow(self._skip, fact_id, by, at))

    async def forget(self, tx: Tx, before: datetime, *, limit: int) -> int:
        """Delete facts that were handed on before a moment; return how many."""
        forgotten: int = await tx.fetchval(self._forget, before, limit)
        return forgotten


def _is_one(row: Record | None) -> bool:
    return row is not None


# An earlier fact of the aggregate stands in the way as long as it was not handed on: while another
# process holds its lock, while it waits to be tried again, and while it is dead.
FREE = """
    SELECT mine.id, mine.aggregate, mine.fact, mine.payload, mine.tries
    FROM {table} AS mine
    WHERE mine.fact IN ({facts}) AND mine.delivered_at IS NULL AND mine.dead_at IS NULL
        AND (mine.next_try_at IS NULL OR mine.next_try_at <= $1)
        AND NOT EXISTS (
            SELECT FROM {table} AS earlier
            WHERE earlier.aggregate = mine.aggregate AND earlier.id < mine.id
                AND earlier.delivered_at IS NULL)
    ORDER BY mine.id LIMIT $2 FOR UPDATE OF mine SKIP LOCKED
"""

CLAIM = """
    WITH free AS ({free})
    UPDATE {table} AS mine SET tries = mine.tries + 1, next_try_at = $3
    FROM free WHERE mine.id = free.id
    RETURNING mine.id, mine.aggregate, mine.fact, mine.payload, free.tries
"""

STILL_HELD = """
    SELECT id FROM {table}
    WHERE id = $1 AND tries = $2 AND delivered_at IS NULL AND dead_at IS NULL FOR UPDATE
"""

DELIVERED = """
    UPDATE {table} SET delivered_at = $2, dead_at = NULL
    WHERE id = ANY ($1) AND delivered_at IS NULL
"""

# Somebody who was thought dead, and comes late, changes nothing.
FAILED = """
    UPDATE {table} SET tries = $2, next_try_at = $3, trouble = $4, dead_at = $5
    WHERE id = $1 AND delivered_at IS NULL AND dead_at IS NULL AND tries <= $2
"""

LEVELS = """
    SELECT fact, count(*) FILTER (WHERE dead_at IS NULL),
        coalesce(
            extract(epoch FROM now() - min(recorded_at) FILTER (WHERE dead_at IS NULL)), 0)::float8,
        count(*) FILTER (WHERE dead_at IS NOT NULL)
    FROM {table} WHERE fact IN ({facts}) AND delivered_at IS NULL GROUP BY fact
"""

DEAD = """
    SELECT id, aggregate, fact, tries, recorded_at, dead_at, coalesce(trouble, '') FROM {table}
    WHERE fact IN ({facts}) AND delivered_at IS NULL AND dead_at IS NOT NULL ORDER BY id LIMIT $1
"""

RETRY = """
    UPDATE {table} SET
        dead_at = NULL, next_try_at = NULL, tries = 0, ruled_by = $2, ruling = 'retried'
    WHERE id = $1 AND delivered_at IS NULL AND dead_at IS NOT NULL RETURNING id
"""

SKIP = """
    UPDATE {table} SET delivered_at = $3, ruled_by = $2, ruling = 'skipped'
    WHERE id = $1 AND delivered_at IS NULL AND dead_at IS NOT NULL RETURNING id
"""

FORGET = """
    WITH gone AS (
        DELETE FROM {table} WHERE id IN (
            SELECT id FROM {table} WHERE delivered_at < $1 ORDER BY delivered_at LIMIT $2)
        RETURNING 1)
    SELECT count(*) FROM gone
"""
