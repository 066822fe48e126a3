"""Gates that were offline for six hours and come back with all that they saw.

Usage: beside gates that were online all the time, in the storm: see README.md.
"""

from datetime import UTC, datetime, timedelta
from random import Random

from locust import FastHttpUser, constant, task
from locust.exception import StopUser

from loadtests.common.gate_client import GateClient
from loadtests.common.wiring import PROCESS
from onepark.simulator.city.wire import Report

AWAY = timedelta(hours=6)
VISITS = 240  # forty an hour
STAY_MINUTES = (5, 90)
REQUEST_MAX = 500
NAME = "/v1/gate/passages (backlog)"


class ReconnectingGate(FastHttpUser):
    """The devices of one lot; each sends its backlog once, as fast as it is taken."""

    host = PROCESS.city.base_url
    fixed_count = max(1, len(PROCESS.city.lots) // 10)
    wait_time = constant(0)

    @task
    def come_back(self) -> None:
        """Send the entries of six hours, then the exits, as two devices that wake up do."""
        gates = GateClient(self.client, PROCESS.next_lot(reconnecting=True), name=NAME)
        seen = self._seen(gates)
        for kind in ("entry", "exit"):
            reports = [one for one in seen if one.kind == kind]
            for first in range(0, len(reports), REQUEST_MAX):
                gates.send(reports[first : first + REQUEST_MAX])
        raise StopUser

    def _seen(self, gates: GateClient) -> list[Report]:
        random = Random(f"{PROCESS.asked.seed} {gates.lot.lot}")
        began, cars = datetime.now(UTC) - AWAY, PROCESS.plates()
        seen = []
        for _ in range(VISITS):
            came = began + random.random() * (AWAY - timedelta(minutes=STAY_MINUTES[1]))
            left, plate = came + timedelta(minutes=random.uniform(*STAY_MINUTES)), next(cars)
            seen += [gates.report("entry", plate, came), gates.report("exit", plate, left)]
        return sorted(seen, key=lambda one: one.seen_at)
