"""Stays on the real database, and a look behind them."""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest

from onepark.kernel.types import LotId

lots = count(100_000)


@pytest.fixture
def lot() -> LotId:
    """A lot of this test's own."""
    return LotId(next(lots))


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that sees and may do everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
