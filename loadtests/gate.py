"""Gates that are online: cars drive in, and leave some later.

Usage: see README.md; with a served city, ``locust -f loadtests/gate.py``.
"""

from collections import deque
from random import Random

from locust import FastHttpUser, constant_throughput, task

from loadtests.common.gate_client import GateClient
from loadtests.common.wiring import PROCESS

INSIDE_MAX = 40  # beyond it a gate lets cars out first
REPEATED = 0.02  # of all passages are sent twice
MISREAD = 0.02  # of all cars are misread when they ask to leave, and asked again
LOOKS_LIKE = "DTZ8ASGTB8"  # what each digit is taken for
TOGETHER = (1, 1, 1, 2, 5)  # passages in one request: mostly one, now and then a small heap


def misread(plate: str) -> str:
    """Return the plate with its last digit taken for what looks like it."""
    return plate[:-1] + LOOKS_LIKE[int(plate[-1])]


class Gate(FastHttpUser):
    """The devices of one lot."""

    host = PROCESS.city.base_url
    weight = 10
    wait_time = constant_throughput(2)  # requests a second of one gate

    def on_start(self) -> None:
        """Take the next lot and the next cars."""
        self.gates = GateClient(self.client, PROCESS.next_lot())
        self.cars = PROCESS.plates()
        self.inside: deque[str] = deque()
        self.random = Random(f"{PROCESS.asked.seed} {self.gates.lot.lot}")

    @task(1)
    def come(self) -> None:
        """Some cars drive in together."""
        if len(self.inside) >= INSIDE_MAX:
            self.leave()
            return
        plates = [next(self.cars) for _ in range(self.random.choice(TOGETHER))]
        reports = [self.gates.report("entry", plate) for plate in plates]
        answers = self.gates.send(reports)
        self.inside.extend(plates)
        if self.random.random() < REPEATED:
            self.gates.repeat(reports, answers)

    @task(1)
    def leave(self) -> None:
        """The car that came first asks, and drives off if it may: its free minutes last."""
        if not self.inside:
            return
        plate = self.inside.popleft()
        if self.random.random() < MISREAD:
            self.gates.send([self.gates.report("exit_request", misread(plate))])
        self.gates.send([self.gates.report("exit_request", plate)])
        self.gates.send([self.gates.report("exit", plate)])

    def on_stop(self) -> None:
        """Let everybody out, so that another run finds the city as this one did."""
        reports = [self.gates.report("exit", plate) for plate in self.inside]
        if reports:
            self.gates.send(reports)
        self.inside.clear()
