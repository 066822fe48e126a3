"""Drivers with a telephone in their hand.

Owns: looking up what is due, beginning a payment, and how patient a driver is.
Never: opens a barrier, or believes that a payment is done before the platform says so.
"""

import asyncio
from uuid import uuid4

from onepark.simulator.city.books import Books
from onepark.simulator.city.car import Car
from onepark.simulator.city.client import Api, Failed, Refused
from onepark.simulator.city.device import backoff_s
from onepark.simulator.city.wire import Payment

LOOK_UP_EVERY_S = 3.0  # all drivers share one address, and an address has 30 a minute
NOTHING_DUE = "stays.nothing_due"
DECLINED = "payments.channel_declined"


class Drivers:
    """All drivers of the city; they share the limit of one address."""

    def __init__(self, api: Api, books: Books) -> None:
        self._api, self._books = api, books
        self._look_up_at = 0.0

    async def look_up(self, car: Car, order_no: str) -> None:
        """See whether the plate alone finds the order, unless somebody asked a moment ago."""
        now = asyncio.get_running_loop().time()
        if now < self._look_up_at:
            return
        self._look_up_at = now + LOOK_UP_EVERY_S
        try:
            found = await self._api.dues(car.plate)
        except Failed as failure:
            self._books.errors[failure.kind] += 1
            return
        if order_no not in found:
            self._books.errors["order_not_among_dues"] += 1

    async def begin(self, car: Car, order_no: str) -> Payment | None:
        """Begin a payment, however often it takes; None when nothing is due after all."""
        key, tries = uuid4().hex, 0
        while True:
            try:
                payment = await self._api.pay(order_no, car.channel, key=key)
            except Failed as failure:
                code = failure.code if isinstance(failure, Refused) else ""
                if code == NOTHING_DUE:
                    return None
                self._books.errors[failure.kind] += 1
                key = uuid4().hex if code == DECLINED else key  # that attempt is over
            else:
                self._books.begun(payment)
                return payment
            await asyncio.sleep(backoff_s(tries))
            tries += 1

    async def is_paid(self, payment: Payment) -> bool:
        """Ask the platform whether a payment has arrived after all."""
        try:
            return (await self._api.order(payment.order_no)).state == "paid"
        except Failed as failure:
            self._books.errors[failure.kind] += 1
            return False
