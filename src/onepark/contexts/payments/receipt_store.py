"""The SQL of receipts.

Owns: every statement on the table of what lots took themselves.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime
from typing import NamedTuple

from onepark.contexts.payments.model import ReceiptTold
from onepark.infra.db import Tx
from onepark.kernel.types import LotId, OperatorId

RECEIPT = """
    SELECT receipt_no, order_no, channel, amount_fen, paid_at, attempt_no
    FROM payments.receipt WHERE lot_id = $1 AND receipt_no = $2
"""

KEEP = """
    INSERT INTO payments.receipt
        (lot_id, operator_id, receipt_no, channel, order_no, amount_fen, paid_at, attempt_no,
         told_by, told_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


class Known(NamedTuple):
    """A receipt that was told, without its lot, and the attempt that it paid."""

    row: tuple[str, str, str, int, datetime]
    attempt_no: str


async def receipt(tx: Tx, lot_id: LotId, receipt_no: str) -> Known | None:
    """Return the receipt that a lot told under this number."""
    row = await tx.fetchrow(RECEIPT, lot_id, receipt_no)
    return None if row is None else Known(tuple(row)[:5], row["attempt_no"])


async def keep(
    tx: Tx,
    told: ReceiptTold,
    of: tuple[LotId, OperatorId],
    attempt_no: str,
    *,
    by: str,
    at: datetime,
) -> None:
    """Keep a receipt of a lot and its operator."""
    what = (told.receipt_no, told.channel, told.order_no, told.amount_fen, told.paid_at)
    await tx.execute(KEEP, *of, *what, attempt_no, by, at)
