"""Payments: cars that owe, their payment, and the provider's notices, some of them twice.

The simulated providers pay what was begun and call the platform back with signed notices, late,
repeated and sometimes before the platform's own call has returned. Against a city without them
this file has nothing to do.
Usage: see README.md; with a served city, ``locust -f loadtests/payment_provider.py``.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import uuid4

import gevent
import msgspec
from locust import FastHttpUser, constant_throughput, task

from loadtests.common.books import BOOKS
from loadtests.common.gate_client import GateClient
from loadtests.common.wiring import PROCESS
from onepark.simulator.city.wire import OrderStanding, Payment

PARKED = timedelta(hours=2)
CHANNELS = ("wechat", "alipay")
REPEATED = 0.2  # of all notices are sent once more by us, beside the provider's own repeats
ASK_EVERY_S, ASK_TIMES = 0.5, 60
OK = (200, 201)


class PaymentProvider(FastHttpUser):
    """Drivers who pay at the exit, one after the other, and what their providers send."""

    host = PROCESS.city.base_url
    weight = 3
    wait_time = constant_throughput(0.5)

    def on_start(self) -> None:
        """Take a lot and cars of its own."""
        self.gates = GateClient(self.client, PROCESS.next_lot())
        self.cars = PROCESS.plates()
        self.random = Random(f"{PROCESS.asked.seed} {self.gates.lot.lot} pays")

    @task
    def pay_and_leave(self) -> None:
        """One car: in two hours ago, asks to leave, pays, and drives off."""
        plate = next(self.cars)
        self.gates.send([self.gates.report("entry", plate, datetime.now(UTC) - PARKED)])
        [answer] = self.gates.send([self.gates.report("exit_request", plate)])
        if answer.order_no is not None and answer.due_fen:
            self._pay(answer.order_no)
        self.gates.send([self.gates.report("exit", plate)])

    def _pay(self, order_no: str) -> None:
        payment = self._begin(order_no)
        if payment is None:
            return
        if self._is_paid(order_no):
            BOOKS.payments += 1
            BOOKS.paid_fen += payment.amount_fen
        if self.random.random() < REPEATED:
            self._repeat(payment)

    def _begin(self, order_no: str) -> Payment | None:
        asked = {"order_no": order_no, "channel": self.random.choice(CHANNELS)}
        headers = {"idempotency-key": uuid4().hex}
        with self.client.post(
            "/v1/payments", json=asked, headers=headers, catch_response=True
        ) as answer:
            if answer.status_code not in OK or answer.content is None:
                answer.failure(f"status {answer.status_code}")
                return None
            answer.success()
            return msgspec.json.decode(answer.content, type=Payment)

    def _is_paid(self, order_no: str) -> bool:
        """Ask until the notice has arrived; one that never does is a failure."""
        for _ in range(ASK_TIMES):
            answer = self.client.get(f"/v1/orders/{order_no}", name="/v1/orders/{order_no}")
            body = answer.content if answer.status_code in OK else None
            if body and msgspec.json.decode(body, type=OrderStanding).state == "paid":
                return True
            gevent.sleep(ASK_EVERY_S)
        return False

    def _repeat(self, payment: Payment) -> None:
        """Let the provider send its notice once more; it moves nothing."""
        url = f"{PROCESS.city.provider_url}/_simulator/trades/{payment.payment_no}/repeat"
        self.client.post(url, name="notice, repeated")
