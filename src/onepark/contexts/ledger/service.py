"""The use cases of the books.

Owns: posting journals once, inside the transaction of what they are about; sealing and anchoring
what is committed, in transactions of its own.
Never: opens a transaction to post, changes what was posted, or seals while somebody pays.
"""

from collections.abc import Sequence
from datetime import date

import structlog

from onepark.contexts.ledger import rules, store
from onepark.contexts.ledger.errors import BusinessKeyReused
from onepark.contexts.ledger.model import Account, Anchor, Journal
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.types import CHINA, Fen, OperatorId

OPERATORS_AT_ONCE = 100
SEALS_AT_ONCE = 1_000

log = structlog.get_logger(__name__)


class Ledger:
    """The books of every operator; it keeps nothing of its own."""

    async def post(self, tx: Tx, journals: Sequence[Journal]) -> None:
        """Add journals to the books with this transaction, after every other lock of it.

        What was posted before under the same key is not posted again; something else under that key
        raises BusinessKeyReused, and a journal that does not balance JournalUnsound.
        """
        for journal in journals:
            rules.demand_sound(journal)
        by_key = {one.business_key: one for one in sorted(journals, key=_key)}
        for journal in journals:
            _demand_same(by_key[journal.business_key], journal)
        if not by_key:
            return
        added = await store.add_journals(tx, list(by_key.values()))
        if added:
            await store.add_postings(tx, [(no, by_key[key]) for key, no in added.items()])
        for kept in await self._kept(tx, by_key.keys() - added.keys()):
            _demand_same(kept, by_key[kept.business_key])

    async def balances(
        self, tx: Tx, operator_id: OperatorId, *, until: date | None = None
    ) -> dict[Account, Fen]:
        """Return what is on each account of an operator now, or after a clearing day."""
        found = await (
            store.balances(tx, operator_id)
            if until is None
            else store.balances_until(tx, operator_id, until)
        )
        return {one.account: one.balance_fen for one in found}

    async def journal(self, tx: Tx, business_key: str) -> Journal | None:
        """Return what was posted under a key, if anything was."""
        kept = await store.journals_of(tx, [business_key])
        return kept[0].journal if kept else None

    async def _kept(self, tx: Tx, keys: set[str]) -> list[Journal]:
        if not keys:
            return []
        return [kept.journal for kept in await store.journals_of(tx, keys)]


class Sealer:
    """Ties committed journals into chains, and the chains into anchors."""

    def __init__(self, service_db: Database, clock: Clock) -> None:
        self._db, self._clock = service_db, clock

    async def seal_waiting(self) -> int:
        """Seal journals that wait, a bounded number of each operator; return how many."""
        async with self._db.connection() as tx:
            operators = await store.operators_waiting(tx, limit=OPERATORS_AT_ONCE)
        return sum([await self._seal_or_log(operator_id) for operator_id in operators])

    async def _seal_or_log(self, operator_id: OperatorId) -> int:
        """Seal for one operator; one whose chain is broken holds up no other."""
        try:
            async with self._db.transaction() as tx:
                return await self._seal(tx, operator_id)
        except Exception:
            log.exception("ledger.not_sealed", operator_id=operator_id)
            return 0

    async def _seal(self, tx: Tx, operator_id: OperatorId) -> int:
        if not await store.lock_chain(tx, operator_id):
            return 0
        head = await store.head(tx, operator_id) or rules.no_head(operator_id)
        waiting = await store.unsealed(tx, operator_id, limit=SEALS_AT_ONCE)
        if waiting:
            await store.add_seals(tx, operator_id, rules.chain(head, waiting))
        return len(waiting)

    async def anchor_today(self) -> bool:
        """Anchor every chain once a day of Asia/Shanghai; say whether this did it."""
        now = self._clock.now()
        today = now.astimezone(CHINA).date()
        async with self._db.transaction() as tx:
            last = await store.last_anchor(tx)
            if last is not None and last.anchor_day >= today:
                return False
            made = rules.anchor(today, now, last=last, heads=await store.heads(tx))
            kept = await store.add_anchor(tx, made)
        if kept:
            log.info("ledger.anchored", day=today.isoformat(), digest=made.digest.hex())
        return kept

    async def anchor(self, day: date | None = None) -> Anchor | None:
        """Return the kept anchor of a day, or the newest one."""
        async with self._db.connection() as tx:
            return await (store.last_anchor(tx) if day is None else store.anchor_of(tx, day))

    async def anchor_now(self) -> Anchor:
        """Return what an anchor of this moment would be, and keep none."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            last, heads = await store.last_anchor(tx), await store.heads(tx)
        return rules.anchor(now.astimezone(CHINA).date(), now, last=last, heads=heads)


def _key(journal: Journal) -> str:
    return journal.business_key


def _demand_same(kept: Journal, posted: Journal) -> None:
    if rules.contents(kept) != rules.contents(posted):
        raise BusinessKeyReused(f"{posted.business_key} was posted before with another content.")
