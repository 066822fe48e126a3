"""What is to be done by a calendar or because somebody asked, as PostgreSQL keeps it.

Owns: every statement on ``jobs.run``: a piece of work is due, held by one worker, done or failed.
Never: does any of it, or knows Redis.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.infra.db import Tx

TROUBLE_CHARACTERS_MAX = 500


class Run(NamedTuple):
    """One piece of work: which job, and which of its runs."""

    name: str
    key: str


class Past(NamedTuple):
    """A run as people look at it."""

    name: str
    key: str
    state: str
    due_at: datetime
    asked_by: str | None
    tries: int
    began_at: datetime | None
    ended_at: datetime | None
    trouble: str | None


class RunLevel(NamedTuple):
    """How long the oldest run of a job has been due, and how many have failed."""

    name: str
    oldest_s: float
    failed: int


PLAN = """
    INSERT INTO jobs.run (name, run_key, due_at, asked_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name, run_key) DO NOTHING RETURNING name
"""

NEWEST = "SELECT max(due_at) FROM jobs.run WHERE name = $1 AND asked_by IS NULL"

DUE = """
    SELECT name, run_key FROM jobs.run
    WHERE state = 'due' AND name = ANY ($1) AND due_at <= $2
        AND (next_try_at IS NULL OR next_try_at <= $2)
        AND (held_until_at IS NULL OR held_until_at <= $2)
    ORDER BY due_at, name, run_key LIMIT $3
"""

CLAIM = """
    UPDATE jobs.run SET tries = tries + 1, began_at = $3, held_until_at = $4
    WHERE name = $1 AND run_key = $2 AND state = 'due'
        AND (next_try_at IS NULL OR next_try_at <= $3)
        AND (held_until_at IS NULL OR held_until_at <= $3)
    RETURNING tries
"""

DONE = """
    UPDATE jobs.run SET state = 'done', ended_at = $4, held_until_at = NULL, trouble = NULL
    WHERE name = $1 AND run_key = $2 AND state = 'due' AND tries = $3
"""

TRY_AGAIN = """
    UPDATE jobs.run SET next_try_at = $4, held_until_at = NULL, trouble = $5
    WHERE name = $1 AND run_key = $2 AND state = 'due' AND tries = $3
"""

FAILED = """
    UPDATE jobs.run SET state = 'failed', ended_at = $4, held_until_at = NULL, trouble = $5
    WHERE name = $1 AND run_key = $2 AND state = 'due' AND tries = $3
"""

LET_GO = """
    UPDATE jobs.run SET tries = tries - 1, held_until_at = NULL
    WHERE name = $1 AND run_key = $2 AND state = 'due' AND tries = $3
"""

AGAIN = """
    UPDATE jobs.run SET
        state = 'due', due_at = $3, asked_by = $4, tries = 0, next_try_at = NULL, ended_at = NULL
    WHERE name = $1 AND run_key = $2 AND state <> 'due'
    RETURNING name
"""

PAST = """
    SELECT name, run_key, state, due_at, asked_by, tries, began_at, ended_at, trouble
    FROM jobs.run WHERE state = ANY ($1) ORDER BY due_at DESC, name LIMIT $2
"""

LAST = """
    SELECT DISTINCT ON (name)
        name, run_key, state, due_at, asked_by, tries, began_at, ended_at, trouble
    FROM jobs.run ORDER BY name, due_at DESC
"""

LEVELS = """
    SELECT name,
        coalesce(extract(epoch FROM $1 - min(due_at) FILTER (WHERE state = 'due')), 0)::float8,
        count(*) FILTER (WHERE state = 'failed')
    FROM jobs.run WHERE state <> 'done' GROUP BY name
"""

FORGET = """
    WITH gone AS (
        DELETE FROM jobs.run AS old WHERE state = 'done' AND ended_at < $1
            AND due_at < (SELECT max(due_at) FROM jobs.run AS newer WHERE newer.name = old.name)
        RETURNING 1)
    SELECT count(*) FROM gone
"""


async def plan(tx: Tx, run: Run, due_at: datetime, *, asked_by: str | None = None) -> bool:
    """Let a run be due; False if it was planned before."""
    return await tx.fetchval(PLAN, *run, due_at, asked_by) is not None


async def newest(tx: Tx, name: str) -> datetime | None:
    """Return the latest moment of its calendar for which a job was planned."""
    at: datetime | None = await tx.fetchval(NEWEST, name)
    return at


async def due(tx: Tx, names: Sequence[str], now: datetime, *, limit: int) -> list[Run]:
    """Return the runs of these jobs that nobody holds and that may be tried now."""
    return [Run(*row) for row in await tx.fetch(DUE, names, now, limit)]


async def claim(tx: Tx, run: Run, now: datetime, *, held_until_at: datetime) -> int | None:
    """Take a run for a while; return how often it was taken, None if it is not to be done now."""
    tries: int | None = await tx.fetchval(CLAIM, *run, now, held_until_at)
    return tries


async def done(tx: Tx, run: Run, tries: int, at: datetime) -> None:
    """Note that a run was done, unless somebody else has taken it since."""
    await tx.execute(DONE, *run, tries, at)


async def failed(
    tx: Tx, run: Run, tries: int, *, trouble: str, at: datetime, again_at: datetime | None
) -> None:
    """Note that a run failed; without a time to try again it is a person's."""
    text = trouble[:TROUBLE_CHARACTERS_MAX]
    if again_at is None:
        await tx.execute(FAILED, *run, tries, at, text)
    else:
        await tx.execute(TRY_AGAIN, *run, tries, again_at, text)


async def let_go(tx: Tx, run: Run, tries: int) -> None:
    """Give a run back as if it had not been begun."""
    await tx.execute(LET_GO, *run, tries)


async def again(tx: Tx, run: Run, at: datetime, *, asked_by: str) -> bool:
    """Let a run that has ended be due again; False if there is none such."""
    return await tx.fetchval(AGAIN, *run, at, asked_by) is not None


async def past(tx: Tx, states: Sequence[str], *, limit: int) -> list[Past]:
    """Return the latest runs in these states."""
    return [Past(*row) for row in await tx.fetch(PAST, states, limit)]


async def last(tx: Tx) -> dict[str, Past]:
    """Return the latest run of each job."""
    return {row["name"]: Past(*row) for row in await tx.fetch(LAST)}


async def levels(tx: Tx, now: datetime) -> list[RunLevel]:
    """Return of each job with runs that are due or failed how it stands."""
    return [RunLevel(*row) for row in await tx.fetch(LEVELS, now)]


async def forget(tx: Tx, before: datetime) -> int:
    """Delete runs that were done before a moment, but for the latest of each job."""
    forgotten: int = await tx.fetchval(FORGET, before)
    return forgotten
