"""Payments over HTTP: who may tell of cash, and how a payer says how he pays."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient

from onepark.contexts.access.service import Audit
from onepark.contexts.payments.http import HANDLERS
from onepark.contexts.payments.model import PayInstruction, PayKind, Terms
from onepark.contexts.payments.receipts import Receipts
from tests.archive import HandClock
from tests.fakes.city import Archive, a_city_lot
from tests.http.staff_app import bearer, served
from tests.store.payments.conftest import City, a_car_inside, city, key

__all__ = ["city"]  # the fixture of the store's tests

RECEIPTS = "/v1/payments/receipts"


@pytest.fixture
async def client(city: City, service_db: Any) -> AsyncIterator[AsyncClient]:
    archive = Archive([a_city_lot(7)])
    receipts = Receipts(
        service_db, payments=city.payments, archive=archive, audit=Audit(), clock=city.clock
    )
    peers = {"payments": city.payments, "notices": city.notices, "receipts": receipts}
    async with served(HANDLERS, HandClock(), peers) as opened:
        yield opened


async def a_body(city: City, **changes: Any) -> dict[str, Any]:
    body = {
        "lot": a_city_lot(7).code,
        "receipt_no": key(),
        "order_no": await a_car_inside(city),
        "channel": "cash",
        "amount_fen": 1000,
        "paid_at": city.clock.now().isoformat(),
    }
    return {**body, **changes}


@pytest.mark.parametrize(
    ("role", "operator_id", "status"),
    [
        ("operator_admin", 7, 200),
        ("operator_clerk", 7, 200),
        ("operator_clerk", 8, 404),
        ("city_admin", None, 403),
        ("city_supervisor", None, 403),
        ("auditor", None, 403),
    ],
)
async def test_who_runs_a_lot_may_tell_of_its_cash(city, client, role, operator_id, status):
    headers = bearer(HandClock(), role, operator_id)
    answer = await client.post(RECEIPTS, json=await a_body(city), headers=headers)
    assert answer.status_code == status, answer.text


async def test_nobody_tells_of_cash_without_an_account(city, client):
    assert (await client.post(RECEIPTS, json=await a_body(city))).status_code == 401


async def test_a_receipt_again_is_answered_alike(city, client):
    body, headers = await a_body(city), bearer(HandClock(), "operator_clerk", 7)
    first = await client.post(RECEIPTS, json=body, headers=headers)
    again = await client.post(RECEIPTS, json=body, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.json()["amount_fen"] == 1000


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": 0},
        {"amount_fen": -5},
        {"amount_fen": 10.5},
        {"amount_fen": 10**12},
        {"channel": "wechat"},
        {"lot": "32028100110"},
        {"receipt_no": ""},
        {"receipt_no": "a b"},
        {"receipt_no": "x\n"},
        {"order_no": "P1"},
        {"paid_at": "2026-05-01T12:00:00"},
        {"paid_at": "yesterday"},
        {"surcharge_fen": 1},
    ],
    ids=str,
)
async def test_a_receipt_out_of_form_is_refused_by_its_field(city, client, change):
    headers = bearer(HandClock(), "operator_clerk", 7)
    answer = await client.post(RECEIPTS, json=await a_body(city, **change), headers=headers)
    assert answer.status_code == 400
    assert next(iter(change)) in answer.text


async def test_an_amount_in_yuan_is_not_taken_for_fen(city, client):
    headers = bearer(HandClock(), "operator_clerk", 7)
    answer = await client.post(
        RECEIPTS, json=await a_body(city, amount_fen="10.00"), headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "payments.receipt_amount_differs")


async def test_a_payer_in_the_app_is_handed_its_call(city, client):
    channel = city.channel
    channel.terms = Terms(kinds=(PayKind.QR, PayKind.REDIRECT))
    handed: list[Any] = []

    async def create(request):
        handed.append(request)
        return PayInstruction(request.kind, "https://wx.tenpay.com/x")

    channel.create = create
    body = {"order_no": await a_car_inside(city), "channel": "open", "kind": "redirect"}
    answer = await client.post("/v1/payments", json=body, headers={"Idempotency-Key": key()})
    pay = answer.json()["pay"]
    assert (pay["kind"], pay["code_url"]) == ("redirect", "https://wx.tenpay.com/x")
    assert handed[0].payer_address == "127.0.0.1"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "jsapi"}, 422),
        ({"kind": "counter"}, 422),
        ({"payer_id": "o-1"}, 422),
        ({"kind": "card"}, 400),
        ({"payer_id": "o 1"}, 400),
        ({"channel": "cash"}, 404),
        ({"amount_fen": 1}, 400),
    ],
    ids=str,
)
async def test_a_way_of_paying_that_is_none_is_refused(city, client, change, status):
    body = {"order_no": await a_car_inside(city), "channel": "open", **change}
    answer = await client.post("/v1/payments", json=body, headers={"Idempotency-Key": key()})
    assert answer.status_code == status, answer.text
