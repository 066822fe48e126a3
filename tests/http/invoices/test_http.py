"""Wrong requests for invoices are named by their field; right ones are answered in full."""

from typing import Any

import pytest

from onepark.contexts.invoices import http, staff_http
from onepark.contexts.invoices.service import InvoiceCounter
from onepark.contexts.payments.kept import KeptMoney
from onepark.infra.limits import Limiter
from onepark.kernel.types import OrderNo
from tests.archive import HandClock
from tests.http.staff_app import bearer, served
from tests.store.invoices import conftest as bureaus
from tests.store.invoices.conftest import a_paid_order

bureau, owner = bureaus.bureau, bureaus.owner
ORDER, PAYMENT = "P0000007" + "A" * 24, "A" * 32
TITLE = {"kind": "organisation", "name": "某某公司", "tax_id": "91350100M000100Y43"}
PERSON = {"kind": "individual", "name": "张三"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def client(bureau, redis, clock):
    limiter = Limiter(redis, key=b"k")
    peers = {
        "invoices": bureau.invoices,
        "invoice_counter": InvoiceCounter(
            bureau.invoices, titles=bureau.titles, limiter=limiter, per_minute=30
        ),
        "invoice_desk": bureau.desk,
        "seller_office": bureau.office,
        "title_book": bureau.titles,
    }
    async with served([*http.HANDLERS, *staff_http.HANDLERS], clock, peers) as client:
        yield client


async def paid(bureau, order_no: OrderNo) -> dict[str, Any]:
    """An order with the number of its payment, as whoever has paid knows it."""
    async with bureau.db.transaction() as tx:
        [kept] = await KeptMoney().lock(tx, [order_no])
    return {"order_nos": [order_no], "payment_nos": [kept.payments[0].payment_no]}


async def test_who_knows_a_plate_but_has_not_paid_gets_no_invoice(client, bureau):
    body = await paid(bureau, await a_paid_order(bureau)) | {"title": PERSON}
    other = await paid(bureau, await a_paid_order(bureau))
    for wrong in (["B" * 32], other["payment_nos"]):
        refused = await client.post("/v1/invoices", json=body | {"payment_nos": wrong})
        assert (refused.status_code, refused.json()["code"]) == (404, "invoices.payment_unknown")
    both = body | {"order_nos": body["order_nos"] + other["order_nos"]}
    assert (await client.post("/v1/invoices", json=both)).status_code == 404
    both["payment_nos"] = body["payment_nos"] + other["payment_nos"]
    assert (await client.post("/v1/invoices", json=both)).status_code == 201


async def test_a_citizen_asks_sees_and_downloads(client, bureau):
    order_no = await a_paid_order(bureau)
    body = await paid(bureau, order_no) | {"title": TITLE, "contact": {"email": "a@b.example"}}
    asked = await client.post("/v1/invoices", json=body)
    assert asked.status_code == 201, asked.text
    number = asked.json()["invoice_no"]
    assert (asked.json()["state"], asked.json()["total_fen"]) == ("requested", 1000)
    early = await client.get(f"/v1/invoices/{number}/file")
    assert (early.status_code, early.json()["code"]) == (404, "invoices.file_missing")
    await bureau.work(2)
    shown = (await client.get(f"/v1/invoices/{number}")).json()
    assert (shown["state"], len(shown["number"])) == ("issued", 20)
    assert "contact" not in shown
    file = await client.get(f"/v1/invoices/{number}/file?format=pdf")
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert number in file.headers["content-disposition"]


async def test_a_title_is_kept_and_named_by_its_token(client, bureau):
    kept = (await client.post("/v1/invoices/titles", json=TITLE)).json()
    token = kept["title_token"]
    assert (await client.get(f"/v1/invoices/titles/{token}")).json()["title"] == TITLE
    order_no = await a_paid_order(bureau)
    body = await paid(bureau, order_no) | {"title_token": token}
    assert (await client.post("/v1/invoices", json=body)).json()["buyer_name"] == "某某公司"
    assert (await client.delete(f"/v1/invoices/titles/{token}")).status_code == 204
    gone = await client.get(f"/v1/invoices/titles/{token}")
    assert (gone.status_code, gone.json()["code"]) == (404, "invoices.title_unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "order_nos"),
        ({"order_nos": [], "title": PERSON}, "order_nos"),
        ({"order_nos": ["x"], "title": PERSON}, "order_nos"),
        ({"order_nos": [ORDER + "\n"], "title": PERSON}, "order_nos"),
        ({"order_nos": [ORDER], "title": {"kind": "king", "name": "张三"}}, "kind"),
        ({"order_nos": [ORDER], "title": {"kind": "individual"}}, "name"),
        ({"order_nos": [ORDER], "title": PERSON, "contact": {"email": "x"}}, "email"),
        ({"order_nos": [ORDER], "title": PERSON, "contact": {"email": "a@b.c\nBcc: d"}}, "email"),
        ({"order_nos": [ORDER], "title": PERSON, "contact": {"phone": "1"}}, "phone"),
        ({"order_nos": [ORDER], "title": PERSON, "document": "vat"}, "document"),
        ({"order_nos": [ORDER], "title": PERSON, "extra": 1}, "extra"),
    ],
)
async def test_a_body_that_cannot_be_read_says_where(client, body: dict[str, Any], field):
    paid = {"payment_nos": [PAYMENT]} if body else {}
    answer = await client.post("/v1/invoices", json=body | paid)
    assert answer.status_code == 400
    assert field in answer.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"order_nos": [ORDER]}, 422, "invoices.request_invalid"),
        ({"order_nos": [ORDER], "title": PERSON, "title_token": "A" * 32}, 422,
         "invoices.request_invalid"),
        ({"order_nos": [ORDER, ORDER], "title": PERSON}, 422, "invoices.request_invalid"),
        ({"order_nos": [ORDER], "title_token": "A" * 32}, 404, "invoices.title_unknown"),
        ({"order_nos": [ORDER], "title": {**TITLE, "tax_id": "91350100M000100Y44"}}, 422,
         "invoices.title_invalid"),
        ({"order_nos": [ORDER], "title": PERSON}, 404, "stays.order_unknown"),
    ],
)  # fmt: skip
async def test_a_request_that_cannot_be_is_refused(client, body, status, code):
    answer = await client.post("/v1/invoices", json=body | {"payment_nos": [PAYMENT]})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_street_gets_a_receipt_and_a_clear_refusal_of_an_invoice(client, bureau):
    order_no = await a_paid_order(bureau, lot_id=bureaus.STREET)
    body = await paid(bureau, order_no) | {"title": TITLE, "document": "special"}
    refused = await client.post("/v1/invoices", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "invoices.fiscal_receipt_only")
    body["document"] = None
    assert (await client.post("/v1/invoices", json=body)).json()["document"] == "fiscal"


@pytest.mark.parametrize("number", ["x", "I" + "A" * 25, "I" + "A" * 26, "%00", "I" + "1" * 26])
async def test_an_invoice_that_is_not_there_is_unknown(client, number):
    answer = await client.get(f"/v1/invoices/{number}")
    assert answer.status_code in {400, 404}
    assert answer.status_code == 400 or answer.json()["code"] == "invoices.invoice_unknown"


async def test_one_address_asks_so_often_and_no_more(client):
    body = {"order_nos": [ORDER], "payment_nos": [PAYMENT], "title": PERSON}
    codes = [(await client.post("/v1/invoices", json=body)).status_code for _ in range(31)]
    assert (codes[0], codes[-1]) == (404, 429)


async def test_staff_need_the_permission_and_see_their_own(client, bureau, clock):
    made = await bureaus.ask(bureau, await a_paid_order(bureau))
    assert (await client.get("/v1/invoices")).status_code == 401
    clerk = await client.get("/v1/invoices", headers=bearer(clock, "operator_clerk", 7))
    assert clerk.status_code == 403
    listed = await client.get("/v1/invoices", headers=bearer(clock, "operator_admin", 7))
    assert [one["invoice"]["invoice_no"] for one in listed.json()["invoices"]] == [made.invoice_no]
    other = await client.get("/v1/invoices", headers=bearer(clock, "operator_admin", 70))
    assert other.json()["invoices"] == []
    detail = f"/v1/invoices/{made.invoice_no}/detail"
    shown = await client.get(detail, headers=bearer(clock, "auditor"))
    assert shown.json()["lease"][0]["lease_from"] == "2026-11-20 08:00"
    assert (await client.get(detail, headers=bearer(clock, "auditor", None))).status_code == 200


LISTENER = {"url": "https://parking.example/x"}
FLEET = {"name": "某某公司", "tax_id": TITLE["tax_id"]}
RESULTS = f"I{'A' * 26}/results"
MADE = {"number": "123456"}


@pytest.mark.parametrize(
    ("way", "path", "body", "field"),
    [
        ("PUT", "listener", LISTENER | {"operator_id": 2**64}, "operator_id"),
        ("PUT", "listener", LISTENER, "operator_id"),
        ("PUT", "listener", {"url": "https://intranet/", "operator_id": 7}, "url"),
        ("POST", "fleet-titles", FLEET | {"operator_id": 2**64}, "operator_id"),
        ("POST", "fleet-titles", FLEET, "operator_id"),
        ("POST", "fleet-titles", FLEET | {"operator_id": 7, "plates": ["\0苏B1234"]}, "plates"),
        ("GET", "fleet-titles?plate=%00aaaaa", None, "plate"),
        ("POST", RESULTS, MADE | {"at": "0001-01-01T00:00:00+08:00"}, "at"),
        ("POST", RESULTS, MADE | {"at": "9999-12-31T23:00:00-10:00"}, "at"),
    ],
)
async def test_what_no_book_could_hold_is_refused_by_its_field(
    client, clock, *, way: str, path: str, body: dict[str, Any] | None, field: str
):
    headers = bearer(clock, "city_finance")
    answer = await client.request(way, f"/v1/invoices/{path}", json=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert f"{field}:" in answer.text or f'"{field}"' in answer.text
