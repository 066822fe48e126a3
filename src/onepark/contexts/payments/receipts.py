"""Money that a lot took itself: cash at its counter, cards at its terminal.

Owns: telling a receipt once, under the lot's own number, and settling its order by it.
Never: settles another amount than what is owed, or any other way than every payment is settled.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from onepark.contexts.payments import attempts, receipt_store, rules, store
from onepark.contexts.payments.errors import (
    ReceiptAmountDiffers,
    ReceiptInvalid,
    ReceiptOfAnotherLot,
    ReceiptReused,
)
from onepark.contexts.payments.model import (
    Attempt,
    PayKind,
    ReceiptTold,
    TradeFact,
    TradeState,
)
from onepark.contexts.payments.ports import Archive, AuditTrail
from onepark.contexts.payments.service import Payments
from onepark.contexts.registry.model import Lot
from onepark.contexts.stays.numbers import lot_of
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import Fen, LotCode, OrderNo

AHEAD_MAX = timedelta(minutes=5)
BEHIND_MAX = timedelta(days=7)  # a lot without a line tells later


class ReceiptTaken(Struct, frozen=True):
    """A receipt that settled its order."""

    payment_no: str
    lot: str
    receipt_no: str
    order_no: OrderNo
    channel: str
    amount_fen: Fen
    paid_at: datetime


class Receipts:
    """Receipts of the lots of one's own operator."""

    def __init__(
        self,
        service_db: Database,
        *,
        payments: Payments,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._payments = service_db, payments
        self._archive, self._audit, self._clock = archive, audit, clock

    async def tell(self, told: ReceiptTold, *, by: Principal) -> ReceiptTaken:
        """Settle an order by what its lot took; the same receipt again changes nothing."""
        lot = self._lot(told, by)
        now = self._clock.now()
        if not now - BEHIND_MAX <= told.paid_at <= now + AHEAD_MAX:
            raise ReceiptInvalid("Nobody paid then: too long ago or yet to come.", field="paid_at")
        async with self._db.transaction() as tx:
            await store.one_payer_at_a_time(tx, f"{lot.lot_id}/{told.receipt_no}")
            known = await receipt_store.receipt(tx, lot.lot_id, told.receipt_no)
            if known is not None:
                return _same(told, known)
            attempt = await self._settle(tx, told, lot)
            row = (lot.lot_id, lot.operator_id)
            await receipt_store.keep(tx, told, row, attempt.attempt_no, by=by.login, at=now)
            await self._audit.append(tx, [_change(told, lot, by)], at=now)
        return _taken(told, attempt.attempt_no)

    def _lot(self, told: ReceiptTold, by: Principal) -> Lot:
        """Return the lot of a receipt, if it is one's own and the order's."""
        lot = self._archive().lot(LotCode(told.lot))
        if lot is None or lot.operator_id != by.operator_id:
            raise ReceiptOfAnotherLot("None of your lots has this code.", field="lot")
        if lot_of(told.order_no) != lot.lot_id:
            raise ReceiptOfAnotherLot("The order is of another lot.", field="order_no")
        return lot

    async def _settle(self, tx: Tx, told: ReceiptTold, lot: Lot) -> Attempt:
        """Make an attempt on what is owed and count it as paid, as one of a provider is."""
        now = self._clock.now()
        order_no = OrderNo(told.order_no)
        await store.one_payer_at_a_time(tx, order_no)
        live = rules.joined(await store.live_attempts(tx, order_no, now), now)
        charge = await self._payments.payable.freeze(tx, order_no, keep=bool(live))
        if charge.amount_fen != told.amount_fen:
            raise ReceiptAmountDiffers(
                "The order owes another amount; nothing was settled.",
                field="amount_fen",
                due_fen=charge.amount_fen,
            )
        made = attempts.new_attempt(charge, told.channel, now, expires_at=now)
        made = replace(made, kind=PayKind.COUNTER)
        await store.new_attempt(tx, made, next_query_at=None)
        await self._payments.facts.succeed(tx, [(made, _fact(told, made, lot))])
        return made


def _fact(told: ReceiptTold, made: Attempt, lot: Lot) -> TradeFact:
    return TradeFact(
        out_trade_no=made.attempt_no,
        state=TradeState.SUCCESS,
        merchant=lot.code,
        amount_fen=made.amount_fen,
        currency=rules.CURRENCY,
        provider_txn=f"{lot.code}:{told.receipt_no}",
        paid_at=told.paid_at,
    )


def _same(told: ReceiptTold, known: receipt_store.Known) -> ReceiptTaken:
    said = (told.receipt_no, told.order_no, told.channel, told.amount_fen, told.paid_at)
    if known.row != said:
        raise ReceiptReused(
            "Another receipt was told under this number.", field="receipt_no", lot=told.lot
        )
    return _taken(told, known.attempt_no)


def _taken(told: ReceiptTold, attempt_no: str) -> ReceiptTaken:
    return ReceiptTaken(
        payment_no=attempt_no,
        lot=told.lot,
        receipt_no=told.receipt_no,
        order_no=OrderNo(told.order_no),
        channel=told.channel,
        amount_fen=Fen(told.amount_fen),
        paid_at=told.paid_at,
    )


def _change(told: ReceiptTold, lot: Lot, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action="payments.receipt",
        subject=f"receipt {told.lot}/{told.receipt_no}",
        operator_id=lot.operator_id,
        after={
            "order_no": told.order_no,
            "channel": told.channel,
            "amount_fen": told.amount_fen,
        },
    )
