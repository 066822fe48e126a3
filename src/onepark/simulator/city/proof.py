"""Bringing both sides of the final comparison together.

Owns: what is asked of the platform and of the providers before and after a run.
Never: compares; ``check`` does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from onepark.simulator.city.books import Books
from onepark.simulator.city.check import (
    Check,
    check_counts,
    check_nothing_lost,
    check_orders,
    check_providers,
    check_repeats,
)
from onepark.simulator.city.client import Api, Failed, Refused
from onepark.simulator.city.device import backoff_s
from onepark.simulator.city.wire import OrderStanding, Trade

AT_ONCE = 8
TRIES_MAX = 10
PAID_WITHIN_S = 20.0  # a notice may come late, or have to be asked for
LOOK_EVERY_S = 1.0
NOT_FOUND = 404

Key = TypeVar("Key")
Told = TypeVar("Told")


async def ask_all(keys: Iterable[Key], ask: Callable[[Key], Awaitable[Told]]) -> dict[Key, Told]:
    """Ask one question about many, a few at a time, and not give up at the first trouble."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(key: Key) -> tuple[Key, Told]:
        async with free:
            return key, await patiently(lambda: ask(key))

    return dict(await asyncio.gather(*map(one, keys)))


async def patiently(ask: Callable[[], Awaitable[Told]]) -> Told:
    """Ask until an answer comes, a bounded number of times."""
    for tries in range(TRIES_MAX):
        try:
            return await ask()
        except Failed:
            await asyncio.sleep(backoff_s(tries))
    return await ask()


async def occupied_in(api: Api, lots: Iterable[str]) -> dict[str, int]:
    """Return how many cars the platform counts in each lot."""

    async def occupied(lot: str) -> int:
        return (await api.vacancy(lot)).short_stay.raw or 0

    return await ask_all(lots, occupied)


class Proof:
    """What was there before the run, and the checks after it."""

    def __init__(self, api: Api, books: Books, *, occupied: dict[str, int]) -> None:
        self._api, self._books, self._before = api, books, occupied
        self._known: set[str] = set()

    async def begin(self) -> None:
        """Note which trades the providers know already."""
        self._known = {trade.out_trade_no for trade in await self._trades()}

    async def checks(self, *, unfinished: int, shown_within_s: float) -> list[Check]:
        """Ask both sides and compare them, until they agree or have had their time."""
        counts = await _until_it_agrees(self._counts, within_s=shown_within_s)
        orders = await _until_it_agrees(self._orders, within_s=shown_within_s + PAID_WITHIN_S)
        paid = list(self._books.payments.paid.values())
        return [
            check_nothing_lost(unfinished=unfinished, errors=self._books.errors),
            counts,
            orders,
            check_providers(paid, await self._trades(), known=self._known),
            check_repeats(self._books.repeats, self._books.repeats_wrong),
        ]

    async def _counts(self) -> Check:
        after = await occupied_in(self._api, self._before)
        return check_counts(self._before, after, moved=self._books.moved())

    async def _orders(self) -> Check:
        """Compare all orders that money was given for; what a provider took counts as given."""
        payments = self._books.payments
        taken = {trade.out_trade_no for trade in await self._trades() if trade.state == "paid"}
        for number in taken & payments.begun.keys():
            self._books.paid(payments.begun[number])  # its driver had given up
        paid = list(payments.paid.values())
        orders = await ask_all({payment.order_no for payment in paid}, self._order)
        return check_orders(paid, orders)

    async def _order(self, order_no: str) -> OrderStanding | None:
        try:
            return await self._api.order(order_no)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    async def _trades(self) -> list[Trade]:
        return (await patiently(self._api.provider_books)).trades


async def _until_it_agrees(compare: Callable[[], Awaitable[Check]], *, within_s: float) -> Check:
    """Compare again while the sides differ, for news takes a moment; return the last verdict."""
    end = asyncio.get_running_loop().time() + within_s
    while True:
        check = await compare()
        if not check.differences or asyncio.get_running_loop().time() > end:
            return check
        await asyncio.sleep(LOOK_EVERY_S)
