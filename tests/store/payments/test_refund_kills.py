"""A worker dies between reserve, provider and commit: the rest is done later, and nothing twice."""

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.faults import KILLED_ELSEWHERE
from tests.store.payments.conftest import City
from tests.store.payments.refunding import a_paid_order, balanced, leaves, order_of

pytestmark = pytest.mark.usefixtures("nothing_goes_back")


async def a_worker(url: str, book: Path, at: datetime, point: str) -> int:
    """Run a worker to its end, its own or at a point; how it ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.payments.refund_process"),
        *(url, str(book), at.isoformat(), point),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    return await process.wait()


@pytest.mark.parametrize("point", KILLED_ELSEWHERE)
async def test_whoever_dies_while_money_goes_back_leaves_one_refund(
    city: City, point: str, *, database_url: str, owner, tmp_path: Path
):
    book = tmp_path / "book"
    book.touch()
    order_no, _ = await a_paid_order(city)
    await leaves(city, order_no, after=30)
    assert await a_worker(database_url, book, city.clock.at, point) == -signal.SIGKILL
    later = city.clock.at + timedelta(hours=1)
    assert await a_worker(database_url, book, later, "") == 0
    rows = await owner.fetch("SELECT * FROM payments.refund WHERE order_no = $1", order_no)
    assert [(row["state"], row["amount_fen"]) for row in rows] == [("success", 500)]
    assert book.read_text() == f"{rows[0]['refund_no']} 500\n"
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.refund_due_fen, balanced(order)) == (500, 0, True)
    journals = await owner.fetch(
        "SELECT kind FROM ledger.journal WHERE order_no = $1 AND kind LIKE 'refund%'", order_no
    )
    assert sorted(row["kind"] for row in journals) == ["refund_paid", "refund_reserved"]
