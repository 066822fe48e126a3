"""What of a pass is earned.

Owns: when prepaid money becomes revenue: at the end of each month of its term, day by day.
Never: earns what goes back.
"""

from datetime import datetime

from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership import rules, store
from onepark.contexts.membership.model import EVERY_LOT, Pass
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.kernel.types import Fen, RevenueKind

EARNED_AT_ONCE = 500


class Earning:
    """Passes that earn as time goes by."""

    def __init__(self, service_db: Database, *, ledger: Ledger, clock: Clock) -> None:
        self._db, self._ledger, self._clock = service_db, ledger, clock

    async def earn(self) -> int:
        """Let what was prepaid and is used up be revenue; return of how many passes."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            found = await store.to_earn(tx, now, limit=EARNED_AT_ONCE)
            journals: list[Journal] = []
            for one, before_fen in found:
                earned_fen = rules.earned(one, now)
                next_at = rules.earned_next_at(now, one)
                await store.earned(tx, one.pass_id, earned_fen, next_at=next_at)
                if earned_fen != before_fen:
                    journals.append(_journal(one, Fen(earned_fen - before_fen), earned_fen, now))
            await self._ledger.post(tx, journals)
        return len(found)


def _journal(one: Pass, more_fen: Fen, earned_fen: Fen, now: datetime) -> Journal:
    """Move money from what was prepaid to what is earned, or back when more went back."""
    prepaid = Account(AccountKind.PREPAID, "pass")
    revenue = Account(AccountKind.PARKING_REVENUE, RevenueKind.COMMERCIAL.value)
    return Journal(
        kind=JournalKind.PREPAYMENT_USED,
        business_key=f"pass:{one.order_no}:{earned_fen}:{int(now.timestamp())}",
        operator_id=one.operator_id,
        occurred_at=now,
        revenue_kind=RevenueKind.COMMERCIAL,
        postings=(Posting(prepaid, more_fen), Posting(revenue, Fen(-more_fen))),
        order_no=one.order_no,
        lot_id=EVERY_LOT,
    )
