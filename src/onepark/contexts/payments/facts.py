"""One way to believe a provider.

Owns: applying what providers say of trades under the locks of their attempts, one fact or as many
as came together: the charge, the attempt and the books move with one transaction.
Never: opens a transaction, asks a provider, or takes a word that rules.py does not.
"""

from collections.abc import Mapping, Sequence

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments import meters, rules, store
from onepark.contexts.payments.errors import ChannelUnknown
from onepark.contexts.payments.events import attempt_succeeded_of
from onepark.contexts.payments.model import Attempt, Told, TradeFact, Verdict
from onepark.contexts.payments.ports import Channel, Payable
from onepark.infra.clock import Clock
from onepark.infra.db import Tx
from onepark.kernel.types import LotId, PaidCharge


class Facts:
    """What providers say of trades."""

    def __init__(
        self, *, payable: Payable, channels: Mapping[str, Channel], ledger: Ledger, clock: Clock
    ) -> None:
        self._payable, self._channels = payable, channels
        self._ledger, self._clock = ledger, clock

    def channel(self, name: str) -> Channel:
        """Return an open channel."""
        channel = self._channels.get(name)
        if channel is None:
            raise ChannelUnknown("No such channel is open here.", channels=sorted(self._channels))
        return channel

    async def apply(self, tx: Tx, told: Sequence[Told]) -> list[Verdict | None]:
        """Apply facts in their order, wherever they came from; None: no such attempt."""
        numbers = {one.fact.out_trade_no for one in told}
        locked = await store.lock_attempts(tx, list(numbers))
        payers = await store.payers_of(tx, [one.txn for one in told if one.txn is not None])
        channels = {one.channel: self.channel(one.channel) for one in told}
        sides = {name: (one.merchant, one.app) for name, one in channels.items()}
        folded = rules.fold(told, {one.attempt_no: one for one in locked}, payers, sides=sides)
        if folded.ended:
            await store.attempts_ended(tx, folded.ended)
        if folded.paid:
            await self.succeed(tx, folded.paid)
        for one, verdict in zip(told, folded.verdicts, strict=True):
            if verdict is not None:
                meters.FACTS.labels(one.channel, verdict.value).inc()
        return folded.verdicts

    async def succeed(self, tx: Tx, paid: Sequence[tuple[Attempt, TradeFact]]) -> None:
        """Count locked attempts as paid and settle their charges: the one way to do so."""
        now = self._clock.now()
        charges = [
            PaidCharge(
                LotId(one.lot_id), one.order_no, one.charge_no, one.attempt_no, fact.paid_at or now
            )
            for one, fact in paid
        ]
        settled = await self._payable.settle(tx, charges)
        rows = [
            store.Paid(one.attempt_no, fact.provider_txn, charge.paid_at, surplus=not owed)
            for (one, fact), charge, owed in zip(paid, charges, settled, strict=True)
        ]
        await store.attempts_succeeded(tx, rows)
        receipts = [
            rules.receipt(one, paid_at=charge.paid_at, owed=owed)
            for (one, _), charge, owed in zip(paid, charges, settled, strict=True)
        ]
        await self._ledger.post(tx, receipts)
        facts = [
            attempt_succeeded_of(one, paid_at=charge.paid_at, surplus=not owed)
            for (one, _), charge, owed in zip(paid, charges, settled, strict=True)
        ]
        await store.post(tx, facts)
