"""The use cases of the books.

Owns: posting journals once, inside the transaction of what they are about.
Never: opens a transaction to post, changes what was posted, or seals while somebody pays.
"""

from collections.abc import Sequence
from datetime import date

from onepark.contexts.ledger import rules, store
from onepark.contexts.ledger.errors import BusinessKeyReused
from onepark.contexts.ledger.model import Account, Journal
from onepark.infra.db import Tx
from onepark.kernel.types import Fen, OperatorId


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


def _key(journal: Journal) -> str:
    return journal.business_key


def _demand_same(kept: Journal, posted: Journal) -> None:
    if rules.contents(kept) != rules.contents(posted):
        raise BusinessKeyReused(f"{posted.business_key} was posted before with another content.")
