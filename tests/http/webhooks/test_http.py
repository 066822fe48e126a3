"""Webhooks over HTTP: who may, what is shown once, and what is refused by field."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.webhooks import http
from onepark.contexts.webhooks.service import WebhookOffice
from onepark.infra.db import Database
from onepark.infra.settings import SecretKey
from onepark.integrations.webhooks.poster import open_poster
from tests.archive import HandClock
from tests.http.staff_app import bearer, served

URL = "/v1/webhooks/endpoints"
clock = HandClock()
operators = count(80_000)


@pytest.fixture
async def client(staff_db: Database) -> AsyncIterator[Any]:
    async with open_poster(loopback=False) as poster:
        office = WebhookOffice(
            staff_db, SecretKey(bytes(range(32))), posts=poster, audit=Audit(), clock=clock
        )
        async with served(http.HANDLERS, clock, {"webhook_office": office}) as client:
            yield client


@pytest.fixture
def admin() -> dict[str, str]:
    return bearer(clock, "operator_admin", next(operators))


async def test_an_endpoint_is_added_shown_rotated_and_ended(client, admin):
    made = await client.post(URL, json={"url": "https://x.cn/a"}, headers=admin)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["secret"].startswith("whsec_")
    number = made.json()["endpoint_id"]
    shown = (await client.get(URL, headers=admin)).json()["endpoints"]
    [mine] = [one for one in shown if one["endpoint_id"] == number]
    assert "secret" not in mine
    assert mine["facts"] == ["payments.attempt_succeeded.v1", "payments.refund_succeeded.v1"]
    rotated = await client.post(f"{URL}/{number}/secrets?overlap_h=0", headers=admin)
    assert rotated.json()["secret"] != made.json()["secret"]
    assert (await client.delete(f"{URL}/{number}", headers=admin)).status_code == 204
    assert (await client.delete(f"{URL}/{number}", headers=admin)).status_code == 404
    assert (await client.get("/v1/webhooks/deliveries", headers=admin)).json()["deliveries"] == []
    gone = await client.post("/v1/webhooks/deliveries/1/retries", headers=admin)
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"url": 5}, 400),
        ({"url": "https://x.cn/", "facts": []}, 400),
        ({"url": "https://x.cn/", "facts": ["stays.left.v1"]}, 400),
        ({"url": "https://x.cn/", "more": 1}, 400),
        ({"url": "http://x.cn/"}, 422),
        ({"url": "https://127.0.0.1/"}, 422),
        ({"url": "x" * 501}, 400),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(client, admin, body, status):
    assert (await client.post(URL, json=body, headers=admin)).status_code == status


@pytest.mark.parametrize("role", ["operator_clerk", "operator_finance"])
async def test_who_does_not_manage_an_operator_adds_no_endpoint(client, role):
    refused = await client.post(URL, json={"url": "https://x.cn/"}, headers=bearer(clock, role, 7))
    assert refused.status_code == 403
