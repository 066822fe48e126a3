"""Keeping files with what they say.

Owns: that a file, its lines and its totals go into the books in one transaction.
Never: opens one, or reads a file.
"""

import hashlib
from datetime import datetime

from onepark.contexts.reconciliation import store
from onepark.contexts.reconciliation.errors import BillRefused
from onepark.contexts.reconciliation.model import (
    AccountBill,
    BillLine,
    DayKey,
    Fetched,
    LineKind,
    Movement,
    TradeBill,
)
from onepark.contexts.reconciliation.store import KeptFile, Totals
from onepark.infra.db import Tx


async def keep(
    tx: Tx, key: DayKey, fetched: Fetched, bill: TradeBill | AccountBill, *, at: datetime, by: str
) -> bool:
    """Keep a file that adds up, with its lines; False if the day went by that file before."""
    sha256 = hashlib.sha256(fetched.body).digest()
    file_id = await store.keep_file(tx, key, fetched, sha256, at=at, by=by, refused=None)
    if not await store.has_rows(tx, file_id):
        if isinstance(bill, TradeBill):
            await store.add_lines(tx, file_id, key, bill.lines)
        else:
            await store.add_movements(tx, file_id, key, bill.movements)
    return await store.read(tx, key, KeptFile(file_id, sha256), totals_of(bill), at=at)


async def keep_refused(
    tx: Tx, key: DayKey, fetched: Fetched, refused: BillRefused, *, at: datetime, by: str
) -> None:
    """Keep a file that cannot be believed, as evidence and without its lines."""
    sha256 = hashlib.sha256(fetched.body).digest()
    await store.keep_file(tx, key, fetched, sha256, at=at, by=by, refused=refused.reason)


def totals_of(bill: TradeBill | AccountBill) -> Totals:
    """Return what a file adds up to."""
    if isinstance(bill, TradeBill):
        return Totals(
            len(bill.lines),
            _settled(bill.lines, LineKind.TRADE),
            _settled(bill.lines, LineKind.REFUND),
            sum(line.fee_fen for line in bill.lines),
        )
    return Totals(
        len(bill.movements),
        _moved(bill.movements, LineKind.TRADE),
        -_moved(bill.movements, LineKind.REFUND),
        -_moved(bill.movements, LineKind.FEE),
    )


def _settled(lines: list[BillLine], kind: LineKind) -> int:
    return sum(line.settled_fen for line in lines if line.kind is kind)


def _moved(movements: list[Movement], kind: LineKind) -> int:
    return sum(one.amount_fen for one in movements if one.kind is kind)
