"""Staff of the city and its operators: what waits, decisions, histories and statistics.

Needs an account that may decide misread exits: ``ONEPARK_LOAD_STAFF=login:password``.
Usage: see README.md.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from gevent.lock import BoundedSemaphore
from locust import FastHttpUser, between, task

from loadtests.common.wiring import PROCESS

STAFF = "ONEPARK_LOAD_STAFF"
TOKEN_S = 600.0  # a token lasts fifteen minutes
OVERTAKEN = (404, 409, 410, 422)  # another car or another person was quicker
OK, CREATED = 200, (200, 201)


class Login:
    """One token of this process; log-ins are limited, so all of its users share it."""

    token, since = "", -TOKEN_S
    one_at_a_time = BoundedSemaphore()


class LotOperator(FastHttpUser):
    """Somebody at a desk."""

    abstract = STAFF not in os.environ
    host = PROCESS.city.base_url
    weight = 1
    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Sit down; the first request logs in, unless a colleague has just done so."""
        self.random = Random(PROCESS.asked.seed)

    @task(3)
    def decide(self) -> None:
        """Look at what waits and say whose exit the oldest is: the likeliest car's."""
        page = self._get("/v1/stays/misreads?limit=20", "/v1/stays/misreads")
        for misread in (page or {"misreads": []})["misreads"][:1]:
            choice = {"stay_id": misread["candidates"][0]["stay_id"]}
            with self.client.post(
                f"/v1/stays/misreads/{misread['task_id']}/decisions",
                name="/v1/stays/misreads/{task_id}/decisions",
                json=choice,
                headers=self._headers(),
                catch_response=True,
            ) as answer:
                if answer.status_code == OK or answer.status_code in OVERTAKEN:
                    answer.success()

    @task(2)
    def look_back(self) -> None:
        """See what a lot held some minutes ago."""
        at = datetime.now(UTC) - timedelta(minutes=self.random.randrange(1, 300))
        lot = self.random.choice(PROCESS.city.lots).lot
        moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._get(f"/v1/vacancies/{lot}/history?at={moment}", "/v1/vacancies/{lot}/history")

    @task(1)
    def read_the_tariff(self) -> None:
        """See by what a lot charges."""
        lot = self.random.choice(PROCESS.city.lots).lot
        self._get(f"/v1/lots/{lot}/tariff", "/v1/lots/{lot}/tariff")

    def _get(self, url: str, name: str) -> dict[str, Any] | None:
        answer = self.client.get(url, name=name, headers=self._headers())
        told: dict[str, Any] | None = answer.json() if answer.status_code == OK else None
        return told

    def _headers(self) -> dict[str, str]:
        with Login.one_at_a_time:
            if time.monotonic() - Login.since >= TOKEN_S:
                Login.token, Login.since = self._token(), time.monotonic()
        return {"authorization": f"Bearer {Login.token}"}

    def _token(self) -> str:
        login, _, password = os.environ[STAFF].partition(":")
        asked = {"login": login, "password": password}
        answer = self.client.post("/v1/staff/sessions", json=asked)
        token: str = answer.json()["token"] if answer.status_code in CREATED else ""
        return token
