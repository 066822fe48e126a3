"""Citizens with the app: where is a bay free, how full is this lot, what does it charge.

Usage: see README.md; with a served city, ``locust -f loadtests/citizen.py``.
"""

from random import Random

from locust import FastHttpUser, between, task

from loadtests.common.wiring import PROCESS

JIANGYIN = (31.91, 120.28)  # WGS-84, the old town
SPREAD_DEGREES = 0.06


class Citizen(FastHttpUser):
    """Somebody who looks for a bay."""

    host = PROCESS.city.base_url
    weight = 20
    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        """Stand somewhere in the city."""
        self.plate = next(PROCESS.plates())
        self.random = Random(self.plate)

    @task(10)
    def look_around(self) -> None:
        """Ask for free bays near a place, with the map moved a little each time."""
        lat, lon = (at + self.random.uniform(-1, 1) * SPREAD_DEGREES for at in JIANGYIN)
        self.client.get(f"/v1/vacancies?lat={lat:.5f}&lon={lon:.5f}", name="/v1/vacancies")

    @task(5)
    def look_at_a_lot(self) -> None:
        """Look at one lot."""
        lot = self.random.choice(PROCESS.city.lots).lot
        self.client.get(f"/v1/vacancies/{lot}", name="/v1/vacancies/{lot}")

    @task(1)
    def read_the_tariff(self) -> None:
        """See what a lot charges."""
        lot = self.random.choice(PROCESS.city.lots).lot
        self.client.get(f"/v1/lots/{lot}/tariff", name="/v1/lots/{lot}/tariff")

    @task(1)
    def look_up_a_plate(self) -> None:
        """Ask what a car owes; this one owes nothing."""
        self.client.get(f"/v1/dues?plate={self.plate}", name="/v1/dues")
