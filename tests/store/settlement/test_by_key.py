"""What clearing reads grows with the journals that it takes, and with nothing else."""

import json
from typing import Any

from onepark.contexts.ledger.model import Journal, JournalKind, Posting
from onepark.contexts.settlement import store
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, RevenueKind
from tests.store.settlement.conftest import FIRST, RECEIVABLE, REVENUE, Rig, noon_of

MANY, A_JOURNAL = 400, 20  # rows that a journal may touch on its way
AS_IT_RUNS = "EXPLAIN (ANALYZE, FORMAT JSON) "
OF_EACH_ANOTHER = """
    SELECT count(*) FROM ledger.pub_journal AS one CROSS JOIN ledger.pub_journal AS other
"""


def touched(node: dict[str, Any]) -> int:
    """The rows that a plan has seen, those that it threw away included."""
    rows = node["Actual Rows"] + sum(
        value for name, value in node.items() if name.startswith("Rows Removed by")
    )
    here = int(rows * node["Actual Loops"])
    return here + sum(touched(below) for below in node.get("Plans", ()))


def a_receipt(number: int) -> Journal:
    fen = Fen(100 + number)
    return Journal(
        kind=JournalKind.RECEIPT,
        business_key=f"many:{number}",
        operator_id=OperatorId(7),
        occurred_at=noon_of(FIRST),
        revenue_kind=RevenueKind.COMMERCIAL,
        order_no=OrderNo(f"M{number}"),
        lot_id=LotId(1),
        postings=(Posting(RECEIVABLE, fen), Posting(REVENUE, Fen(-fen))),
    )


async def test_taking_facts_touches_so_many_rows_a_journal_and_no_more(rig: Rig) -> None:
    await rig.contract()
    await rig.post(*map(a_receipt, range(MANY)))
    async with rig.db.transaction() as tx:
        await tx.execute(store.WORK_TABLE)
        given = (0, FIRST, MANY, list(store.ASIDE))
        plan = json.loads(await tx.fetchval(AS_IT_RUNS + store.TAKE_FACTS, *given))
        assert await tx.fetchval("SELECT count(*) FROM settlement_facts") == MANY
        square = json.loads(await tx.fetchval(AS_IT_RUNS + OF_EACH_ANOTHER))
    assert touched(plan[0]["Plan"]) < MANY * A_JOURNAL
    assert touched(square[0]["Plan"]) > MANY * MANY, "what grows with the square is seen"
