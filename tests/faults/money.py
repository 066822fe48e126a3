"""What must hold of money when the traffic has stopped: ours, the provider's, and what was told.

Owns: one function an invariant, each returning what breaks it.
Never: mends, or believes one of the three more than the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import asyncpg

from onepark.app.ledger_audit import audit
from onepark.simulator.city.wire import Trade
from tests.faults.traffic import Car

ORDERS = """
    SELECT order_no, coalesce(owed_fen, 0) AS owed_fen, paid_fen + (
            SELECT coalesce(sum(amount_fen), 0) FROM payments.refund
            WHERE refund.order_no = stay_order.order_no AND state = 'success' AND NOT surplus)
        AS paid_fen
    FROM stays.stay_order
    WHERE paid_fen > 0 OR order_no IN (SELECT order_no FROM payments.attempt)
"""
SETTLED = """
    SELECT order_no, charge_no, amount_fen, settled_by FROM stays.charge WHERE settled_by <> ''
"""
TAKEN = """
    SELECT attempt_no, order_no, charge_no, amount_fen, surplus FROM payments.attempt
    WHERE state = 'success'
"""
LEFT = """
    SELECT attempt_no, concat_ws(' ', channel, state, 'since', created_at, 'asked', queries, 'next',
        next_query_at, 'now', now(), (
            SELECT string_agg(concat(event_type, ' ', verdict, ' ', received_at), ',')
            FROM payments.notice WHERE fact LIKE '%' || attempt_no || '%')) AS standing
    FROM payments.attempt WHERE state <> 'success'
"""
BACK = """
    SELECT attempt_no, sum(amount_fen)::bigint AS back_fen FROM payments.refund
    WHERE state <> 'closed' GROUP BY attempt_no
"""
WAITING = "SELECT notice_id FROM payments.notice WHERE handled_at IS NULL"


class Order(NamedTuple):
    """What was ever paid for an order, what of it went back included, and what it owes."""

    order_no: str
    paid_fen: int
    owed_fen: int


class Settled(NamedTuple):
    """A charge that was settled, and by which attempt."""

    order_no: str
    charge_no: int
    amount_fen: int
    settled_by: str


class Taken(NamedTuple):
    """An attempt that succeeded."""

    attempt_no: str
    order_no: str
    charge_no: int
    amount_fen: int
    surplus: bool


class Money(NamedTuple):
    """Our books of money at rest, and the providers'."""

    orders: Sequence[Order] = ()
    settled: Sequence[Settled] = ()
    taken: Sequence[Taken] = ()
    waiting: Sequence[int] = ()
    provider: Mapping[str, int] = {}  # what was paid, by number
    books: Sequence[str] = ()  # what a stranger finds wrong with the journals
    back: Mapping[str, int] = {}  # what went back, by number, as we say and as the provider says
    provider_back: Mapping[str, int] = {}
    left: Mapping[str, str] = {}  # how attempts stand that did not succeed, for whoever looks


NO_MONEY = Money()


async def money_of(
    connection: "asyncpg.Connection[asyncpg.Record]", trades: Sequence[Trade]
) -> Money:
    """Read everything once."""
    return Money(
        [Order(**row) for row in await connection.fetch(ORDERS)],
        [Settled(*row) for row in await connection.fetch(SETTLED)],
        [Taken(*row) for row in await connection.fetch(TAKEN)],
        [row["notice_id"] for row in await connection.fetch(WAITING)],
        {trade.out_trade_no: trade.amount_fen for trade in trades if trade.state == "paid"},
        [fault.what for fault in (await audit(connection)).faults],
        {row["attempt_no"]: row["back_fen"] for row in await connection.fetch(BACK)},
        {trade.out_trade_no: trade.refunded_fen for trade in trades if trade.refunded_fen},
        {row["attempt_no"]: row["standing"] for row in await connection.fetch(LEFT)},
    )


def the_books_are_right(_cars: Sequence[Car], money: Money) -> list[str]:
    """I1, I11: each journal balances, each payment has its journal, and the chains hold."""
    return list(money.books)


def paid_is_what_was_settled(_cars: Sequence[Car], money: Money) -> list[str]:
    """I2: an order is paid by what its settled charges come to, and by nothing else."""
    sums = Counter[str]()
    for one in money.settled:
        sums[one.order_no] += one.amount_fen
    paid = {order.order_no: order.paid_fen for order in money.orders}
    return [
        f"order {number}: {paid.get(number, 0)} fen paid, {sums[number]} settled"
        for number in paid.keys() | sums.keys()
        if paid.get(number, 0) != sums[number]
    ]


def a_charge_is_settled_once(_cars: Sequence[Car], money: Money) -> list[str]:
    """I3: each settled charge has one attempt that paid it whole, and each of these a charge."""
    by_attempt = {
        (one.settled_by, one.order_no, one.charge_no, one.amount_fen) for one in money.settled
    }
    paying = [
        (one.attempt_no, one.order_no, one.charge_no, one.amount_fen)
        for one in money.taken
        if not one.surplus
    ]
    charges = Counter((one.order_no, one.charge_no) for one in money.taken if not one.surplus)
    twice = [f"charge {charge} is settled {n} times" for charge, n in charges.items() if n > 1]
    return twice + [f"{one} is in one book only" for one in by_attempt ^ set(paying)]


def nobody_pays_twice(_cars: Sequence[Car], money: Money) -> list[str]:
    """I3: cars of this traffic pay once: no surplus, no second payment, nothing owed after it."""
    times = Counter(one.order_no for one in money.taken)
    twice = [f"order {number} is paid {n} times" for number, n in times.items() if n > 1]
    surplus = [f"{one.attempt_no} is surplus" for one in money.taken if one.surplus]
    owed = [
        f"order {one.order_no} is paid and owes {one.owed_fen} fen"
        for one in money.orders
        if one.paid_fen and one.owed_fen
    ]
    return twice + surplus + owed


def providers_agree(_cars: Sequence[Car], money: Money) -> list[str]:
    """I2: what the providers took is what we call paid, each to the fen; no notice is left."""
    ours = {one.attempt_no: one.amount_fen for one in money.taken}
    differ = [
        f"attempt {number}: the provider took {money.provider.get(number)} fen, "
        f"we were paid {ours.get(number)} {money.left.get(number, '')}"
        for number in ours.keys() | money.provider.keys()
        if ours.get(number) != money.provider.get(number)
    ]
    return differ + [f"notice {number} waits" for number in money.waiting]


def what_went_back_agrees(_cars: Sequence[Car], money: Money) -> list[str]:
    """I2: what we gave back is what the providers gave, and never more than came in."""
    paid = {one.attempt_no: one.amount_fen for one in money.taken}
    return [
        f"attempt {number}: {money.back.get(number, 0)} fen went back with us, "
        f"{money.provider_back.get(number, 0)} at the provider, of {paid.get(number, 0)}"
        for number in money.back.keys() | money.provider_back.keys()
        if money.back.get(number, 0) != money.provider_back.get(number, 0)
        or money.back.get(number, 0) > paid.get(number, 0)
    ]


def told_paid_is_paid(cars: Sequence[Car], money: Money) -> list[str]:
    """I9: whoever was told that an order is paid, has paid it, with what was asked."""
    paid = {order.order_no: order.paid_fen for order in money.orders}
    return [
        f"order {car.order_no}: {car.asked_fen} fen asked and called paid, "
        f"{paid.get(car.order_no, 0)} in the books"
        for car in cars
        if car.is_paid and paid.get(car.order_no, 0) != car.asked_fen
    ]


MONEY: Mapping[str, Callable[[Sequence[Car], Money], list[str]]] = {
    "I1": the_books_are_right,
    "I2": paid_is_what_was_settled,
    "I2p": providers_agree,
    "I2r": what_went_back_agrees,
    "I3": a_charge_is_settled_once,
    "I3b": nobody_pays_twice,
    "I9p": told_paid_is_paid,
}
