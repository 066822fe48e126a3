"""What every locustfile sets up once in a process.

Owns: reading the run and the city, numbering users, thresholds and books.
Never: drives a car.
"""

from collections.abc import Iterator
from itertools import count

from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.common import reporting, verdict
from loadtests.common.cars import plates
from loadtests.common.city import city_of, lots_of
from loadtests.common.settings import asked
from onepark.simulator.city.wire import Demo, DemoLot


class Process:
    """This process of the run: its number, its lots and its users so far."""

    def __init__(self) -> None:
        self.asked = asked()
        self.city: Demo = city_of(self.asked.city)
        self.number, self.processes = 0, 1
        self._users, self._gates, self._reconnecting = count(), count(), count()

    def join(self, runner: object) -> None:
        """Learn which of how many workers this is."""
        if isinstance(runner, WorkerRunner):
            self.number = max(runner.worker_index, 0)
            self.processes = self.asked.processes

    def plates(self) -> Iterator[str]:
        """Return the cars of the next user."""
        return plates(self.asked.seed, next(self._users) * self.processes + self.number)

    def next_lot(self, *, reconnecting: bool = False) -> DemoLot:
        """Return the lot of the next gate; more gates than lots share them."""
        mine = lots_of(
            self.city.lots,
            process=self.number,
            processes=self.processes,
            reconnecting=reconnecting,
        )
        numbers = self._reconnecting if reconnecting else self._gates
        return mine[next(numbers) % len(mine)]


PROCESS = Process()


@events.init.add_listener
def _begin(environment: Environment, **_: object) -> None:
    reporting.keep(environment, PROCESS.asked.books)
    if isinstance(environment.runner, LocalRunner | MasterRunner):
        verdict.watch(environment, PROCESS.asked.scenario, PROCESS.asked.thresholds)


@events.test_start.add_listener
def _start(environment: Environment, **_: object) -> None:
    PROCESS.join(environment.runner)
