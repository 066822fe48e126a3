"""Whether two sides say the same.

Owns: the comparisons at the end of a run: counts, orders, providers' books, repeats.
Never: asks anybody; both sides are given.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from onepark.simulator.city.wire import OrderStanding, Payment, Trade

SHOWN_MAX = 20


class Check(NamedTuple):
    """One comparison: what was compared, and where the sides differ."""

    name: str
    numbers: str
    differences: list[str]

    def __str__(self) -> str:
        """Return the verdict with its numbers and its first differences."""
        lines = [f"{'FAILED' if self.differences else 'ok    '} {self.name}: {self.numbers}"]
        lines += [f"         {difference}" for difference in self.differences[:SHOWN_MAX]]
        if len(self.differences) > SHOWN_MAX:
            lines.append(f"         … and {len(self.differences) - SHOWN_MAX} more")
        return "\n".join(lines)


def check_counts(
    before: Mapping[str, int], after: Mapping[str, int], *, moved: Mapping[str, int]
) -> Check:
    """The count of every lot moved by our entries less our exits, and by nothing else."""
    differences = [
        f"lot {lot}: {before[lot]} at the start, {after.get(lot)} now, "
        f"but {moved.get(lot, 0):+d} by our own cars"
        for lot in before
        if after.get(lot) != before[lot] + moved.get(lot, 0)
    ]
    now, then = sum(after.values()), sum(before.values())
    numbers = f"{len(before)} lots, {then} cars inside before, {now} now, {now - then:+d} moved"
    return Check("counts", numbers, differences)


def check_orders(
    payments: Collection[Payment], orders: Mapping[str, OrderStanding | None]
) -> Check:
    """Every order that we paid is paid, with exactly the money of our payments."""
    given: Counter[str] = Counter()
    for payment in payments:
        given[payment.order_no] += payment.amount_fen
    differences = [
        difference
        for order_no, paid_fen in given.items()
        if (difference := _of_order(order_no, paid_fen, orders.get(order_no)))
    ]
    numbers = f"{len(given)} orders, {given.total()} fen in {len(payments)} payments"
    return Check("orders", numbers, differences)


def _of_order(order_no: str, paid_fen: int, order: OrderStanding | None) -> str | None:
    if order is None:
        return f"order {order_no}: not found, but {paid_fen} fen were paid"
    if order.paid_fen != paid_fen:
        return f"order {order_no}: {order.paid_fen} fen, but {paid_fen} fen were paid"
    if order.state == "paid" or (order.inside and order.state == "partly_paid"):
        return None
    return f"order {order_no}: {order.state}, but {paid_fen} fen were paid"


def check_providers(
    payments: Collection[Payment], trades: Iterable[Trade], *, known: Collection[str]
) -> Check:
    """One successful trade stands in the providers' books for each paid charge, and no other.

    ``known`` are the numbers of trades that were there before we came.
    """
    paid = [trade for trade in trades if trade.state == "paid" and trade.out_trade_no not in known]
    times = Counter(trade.out_trade_no for trade in paid)
    amounts = {trade.out_trade_no: trade.amount_fen for trade in paid}
    ours = {payment.payment_no: payment.amount_fen for payment in payments}
    differences = [
        f"payment {number}: {times[number]} successful trades of {amounts.get(number)} fen, "
        f"but one of {amount_fen} fen is ours"
        for number, amount_fen in ours.items()
        if times[number] != 1 or amounts[number] != amount_fen
    ]
    differences += [
        f"payment {number}: {amounts[number]} fen at the provider, but no order is paid by it"
        for number in amounts
        if number not in ours
    ]
    theirs_fen = sum(trade.amount_fen for trade in paid)
    numbers = (
        f"{len(ours)} payments of {sum(ours.values())} fen, {len(paid)} trades of {theirs_fen} fen"
    )
    return Check("providers", numbers, differences)


def check_repeats(repeats: int, wrong: list[str]) -> Check:
    """Every passage that was sent twice got its first answer again."""
    return Check("repeats", f"{repeats} passages were sent twice", wrong)


def check_nothing_lost(*, unfinished: int, errors: Mapping[str, int]) -> Check:
    """Every passage was answered, and none was taken for another or for none."""
    lost = {kind: n for kind, n in errors.items() if kind.startswith(("conflict", "rejected"))}
    differences = [f"{n} passages: {kind}" for kind, n in sorted(lost.items())]
    if unfinished:
        differences.append(f"{unfinished} cars are still at a gate")
    return Check("passages", f"{unfinished} cars unfinished", differences)
