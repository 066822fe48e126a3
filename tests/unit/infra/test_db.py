"""Which ends of a transaction nobody knows."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from onepark.infra.db import Database, Role
from onepark.infra.metrics import REGISTRY


class FallsAtCommit:
    """A pool, its one connection and its transaction: the commit raises."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.rolled_back = self.lent = False

    def get_size(self) -> int:
        return 1

    def get_idle_size(self) -> int:
        return int(not self.lent)

    def get_max_size(self) -> int:
        return 1

    async def acquire(self, **_: float) -> "FallsAtCommit":
        self.lent = True
        return self

    async def release(self, _: Any) -> None:
        self.lent = False

    def transaction(self) -> "FallsAtCommit":
        return self

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.rolled_back = kind is not None
        if kind is None and self.error is not None:
            raise self.error


def told(name: str) -> float:
    return REGISTRY.get_sample_value(f"parking_{name}", {"pool": Role.STAFF}) or 0.0


def a_database(pool: Any) -> Database:
    return Database(pool, Role.STAFF)


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (None, 0),
        (asyncpg.ConnectionDoesNotExistError("gone"), 1),
        (TimeoutError(), 1),
        (OSError("reset"), 1),
        (asyncio.CancelledError(), 1),
        (asyncpg.DeadlockDetectedError("rolled back"), 0),
        (asyncpg.UniqueViolationError("deferred"), 0),
    ],
)
async def test_a_commit_is_unknown_when_its_answer_is_lost(error, unknown):
    before = told("commit_unknown_total")
    raised = type(error) if error else ()
    with suppress(*[raised] if raised else []):
        async with a_database(FallsAtCommit(error)).transaction():
            pass
    assert told("commit_unknown_total") - before == unknown


async def test_what_failed_before_the_commit_is_rolled_back_and_known():
    before, pool = told("commit_unknown_total"), FallsAtCommit(OSError("never reached"))
    with pytest.raises(OSError, match="the line is gone"):
        async with a_database(pool).transaction():
            raise OSError("the line is gone")
    assert pool.rolled_back
    assert told("commit_unknown_total") == before


async def test_a_pool_says_what_is_in_use_and_how_long_one_waited():
    pool = FallsAtCommit(None)
    database = a_database(pool)
    before = told("db_pool_wait_seconds_count")
    async with database.connection():
        assert (told("db_pool_in_use"), told("db_pool_size_max")) == (1, 1)
    assert told("db_pool_in_use") == 0
    assert told("db_pool_wait_seconds_count") == before + 1
