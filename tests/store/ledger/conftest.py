"""Journals to post, and whoever owns the database."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest

from onepark.contexts.ledger.model import (
    Account,
    AccountKind,
    Journal,
    JournalKind,
    Posting,
)
from onepark.kernel.types import Fen, OperatorId, RevenueKind
from tests.builders import EIGHT

RECEIVABLE = Account(AccountKind.CHANNEL_RECEIVABLE, "wechat")
REVENUE = Account(AccountKind.PARKING_REVENUE, "commercial")
numbers = count(1)
operators = count(1000)


def moved(fen: int, *, to: Account = RECEIVABLE, out_of: Account = REVENUE) -> tuple[Posting, ...]:
    return Posting(to, Fen(fen)), Posting(out_of, Fen(-fen))


def a_journal(fen: int = 500, **changes: Any) -> Journal:
    """Somebody paid 5 yuan through a channel at eight."""
    values: dict[str, Any] = {
        "kind": JournalKind.RECEIPT,
        "business_key": f"attempt:{next(numbers)}",
        "operator_id": OperatorId(7),
        "occurred_at": EIGHT,
        "revenue_kind": RevenueKind.COMMERCIAL,
        "postings": moved(fen),
    }
    return Journal(**(values | changes))


@pytest.fixture
def operator_id() -> OperatorId:
    """Nobody else's operator, so that every test has books of its own."""
    return OperatorId(next(operators))


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
