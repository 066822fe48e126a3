"""What an order owes.

Owns: the money of one order: fee = paid + owed + written off - to be refunded.
Never: awaits, reads the clock, or prices by itself.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from onepark.contexts.stays.model import Charge, Due, Order, OrderState, Stay, StayState
from onepark.contexts.tariffs.model import Quote
from onepark.kernel.types import Fen, OrderNo

QUOTE_HOLDS = timedelta(minutes=5)  # the amount told at an exit stands that long


def is_covered(order: Order, at: datetime) -> bool:
    return order.covered_until_at is not None and at <= order.covered_until_at


def open_order(stay: Stay, order_no: OrderNo) -> Order:
    """Return the order of a stay that has begun; nothing is owed yet."""
    assert stay.entered_at is not None, "an order counts from an entry"
    return Order(
        lot_id=stay.lot_id,
        order_no=order_no,
        stay_id=stay.stay_id,
        operator_id=stay.operator_id,
        car_key=stay.car_key,
        plate=stay.plate,
        state=OrderState.OPEN,
        opened_at=stay.entered_at,
    )


def void(order: Order) -> None:
    """Charge no more than was paid for time that nobody watched."""
    close(order, fee_fen=order.paid_fen, at=order.opened_at)
    if order.paid_fen == 0:
        order.state = OrderState.VOID


def close(order: Order, *, fee_fen: Fen, at: datetime) -> None:
    """Fix the fee of an ended stay; a paid car that left in its grace owes nothing more."""
    rest = fee_fen - order.paid_fen
    order.fee_fen = fee_fen
    order.written_off_fen = Fen(max(rest, 0) if is_covered(order, at) else 0)
    _balance(order)


def close_again(order: Order, *, fee_fen: Fen, at: datetime) -> None:
    """Fix another fee of a stay that had ended: what was not owed once is not owed now."""
    assert order.owed_fen is not None, "the fee was fixed"
    rest = max(fee_fen - order.paid_fen, 0)
    owed = 0 if is_covered(order, at) else min(order.owed_fen, rest)
    order.fee_fen, order.written_off_fen = fee_fen, Fen(rest - owed)
    _balance(order)


def reopen(order: Order) -> None:
    """Let an order go on whose stay had not ended after all."""
    order.fee_fen = order.owed_fen = None
    order.written_off_fen = order.refund_due_fen = Fen(0)
    order.settled = False
    order.state = OrderState.PAID if order.paid_fen else OrderState.OPEN


def cancel(order: Order) -> None:
    """Owe nothing for a stay that never was; what was paid for it goes back."""
    order.written_off_fen = Fen(0)
    order.fee_fen = Fen(0)
    _balance(order)
    if order.paid_fen == 0:
        order.state = OrderState.VOID


def write_off(order: Order) -> None:
    """Ask for nothing of a fee that was fixed."""
    assert order.owed_fen is not None, "the fee was fixed"
    order.written_off_fen = Fen(order.written_off_fen + order.owed_fen)
    _balance(order)


def give_back(order: Order, stay: Stay, *, amount_fen: Fen) -> None:
    """Count out what went back; more than was to be refunded is never asked for again.

    A car that is still inside has its fee before it: with all its money back, it has paid nothing.
    """
    order.paid_fen = Fen(order.paid_fen - amount_fen)
    if order.fee_fen is None:
        if order.paid_fen == 0:
            order.covered_until_at, order.state = None, OrderState.OPEN
        return
    beyond = max(amount_fen - order.refund_due_fen, 0)
    order.written_off_fen = Fen(order.written_off_fen + beyond)
    _balance(order)
    if order.paid_fen == 0 and stay.state == StayState.VOID:
        order.state = OrderState.VOID


def nothing_due(due: Due) -> Due:
    """Say that nothing is asked for now, whatever the fee is."""
    return replace(due, due_fen=Fen(0))


def _balance(order: Order) -> None:
    """Keep fee = paid + owed + written off - to be refunded."""
    assert order.fee_fen is not None, "the fee is fixed"
    rest = order.fee_fen - order.paid_fen
    order.written_off_fen = Fen(min(order.written_off_fen, max(rest, 0)))
    order.owed_fen = Fen(max(rest, 0) - order.written_off_fen)
    order.refund_due_fen = Fen(max(-rest, 0))
    order.settled = order.owed_fen == 0
    order.state = _state(order, order.owed_fen)


def _state(order: Order, due_fen: int) -> OrderState:
    if due_fen == 0 and (order.paid_fen or order.settled):
        return OrderState.PAID
    return OrderState.PARTLY_PAID if order.paid_fen else OrderState.OPEN


def due_of(order: Order, stay: Stay, quote: Quote, *, at: datetime) -> Due:
    """Say what an order owes at a moment; the quote prices its stay up to then, or to its end."""
    if order.fee_fen is not None:
        fee, due = order.fee_fen, order.owed_fen or Fen(0)
        state = order.state
    else:
        fee = quote.amount_fen
        free = is_covered(order, at) or not stay.is_billed
        due = Fen(0 if free else max(fee - order.paid_fen, 0))
        state = _state(order, due)
    until_at = stay.exited_at or at
    return Due(order, stay, fee, due, state, quote.lines, until_at)


def charge_of(due: Due) -> Charge:
    """Return what an order owes as a charge that has no number yet."""
    return Charge(
        lot_id=due.order.lot_id,
        order_no=due.order.order_no,
        charge_no=0,
        operator_id=due.order.operator_id,
        amount_fen=due.due_fen,
        priced_until_at=due.priced_until_at,
        plan_id=due.stay.plan_id,
        lines=due.lines,
    )


def priced_until(order: Order, stay: Stay, now: datetime) -> datetime:
    """Return up to when an order is priced now: its end, or the amount told at the exit."""
    if stay.exited_at is not None:
        return stay.exited_at
    told_at = order.quoted_at
    if told_at is not None and timedelta(0) <= now - told_at <= QUOTE_HOLDS:
        return told_at
    assert stay.entered_at is not None, "an order counts from an entry"
    return max(now, stay.entered_at)


def settle(
    order: Order, stay: Stay, *, amount_fen: Fen, paid_at: datetime, grace: timedelta
) -> None:
    """Count a payment in; a car may leave until the grace after it has passed.

    The order in which a payment and an exit are heard of makes no difference: a car that left in
    the grace owes nothing more.
    """
    order.paid_fen = Fen(order.paid_fen + amount_fen)
    covered_until_at = paid_at + grace
    if order.covered_until_at is None or order.covered_until_at < covered_until_at:
        order.covered_until_at = covered_until_at
    if order.fee_fen is None:
        order.state = OrderState.PAID
        return
    if stay.exited_at is not None and is_covered(order, stay.exited_at):
        order.written_off_fen = Fen(max(order.fee_fen - order.paid_fen, 0))
    _balance(order)
