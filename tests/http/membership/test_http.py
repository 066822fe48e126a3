"""Members over HTTP: who may what, and how little a plate reveals."""

import pytest

from onepark.contexts.membership import http, list_http, staff_http
from tests.archive import HandClock
from tests.builders import EIGHT, minutes
from tests.http.staff_app import bearer, served
from tests.store.membership.conftest import Town

CODE = "000000000001"
PRODUCT = {"kind": "monthly", "name": "月卡", "price_fen": 30_000, "lots": [CODE]}
BATCH = {
    "merchant": "mall",
    "name": "满减",
    "kind": "amount_fen",
    "value": 300,
    "lots": [CODE],
    "count": 2,
    "budget_fen": 600,
    "until_at": "2027-06-01T00:00:00+08:00",
}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(61))


@pytest.fixture
async def client(town: Town, clock):
    peers = {
        "passes": town.passes,
        "pass_office": town.office,
        "lists": town.lists,
        "coupons": town.coupons,
        "coupon_office": town.coupon_office,
    }
    handlers = [*http.HANDLERS, *staff_http.HANDLERS, *list_http.HANDLERS]
    async with served(handlers, clock, peers) as client:
        yield client


async def test_a_plate_reveals_whether_it_is_covered_and_nothing_else(client, clock, plate):
    asked = {"plate": plate, "lot": CODE}
    assert (await client.get("/v1/passes", params=asked)).json() == {"covered": False}
    body = {
        "plate": plate,
        "plate_color": "blue",
        "reason": "执行任务车辆",
        "until_at": "2027-01-01T00:00:00+08:00",
        "lots": [CODE],
    }
    headers = bearer(clock, "operator_clerk", 7)
    assert (
        await client.post("/v1/passes/white-list", json=body, headers=headers)
    ).status_code == 201
    assert (await client.get("/v1/passes", params=asked)).json() == {"covered": True}


async def test_a_pass_is_bought_as_an_order_that_is_to_be_paid(client, clock, plate):
    headers = bearer(clock, "operator_admin", 7)
    made = await client.post("/v1/passes/products", json=PRODUCT, headers=headers)
    product_id = made.json()["product"]["product_id"]
    offers = (await client.get("/v1/passes/offers", params={"lot": CODE})).json()
    assert product_id in [one["product_id"] for one in offers]
    asked = {"product_id": product_id, "plate": plate, "plate_color": "blue"}
    order = (await client.post("/v1/passes", json=asked)).json()
    assert (order["state"], order["amount_fen"]) == ("unpaid", 30_000)
    assert order["order_no"].startswith("P0000000")
    shown = await client.get(f"/v1/passes/orders/{order['order_no']}")
    assert shown.json() | {"from_at": 0, "until_at": 0} == order | {"from_at": 0, "until_at": 0}


FAR = ("9999-12-31T20:00:00-10:00", "9999-12-31T23:00:00-10:00")


async def test_a_term_at_the_end_of_all_days_is_refused(client, clock, plate):
    headers = bearer(clock, "operator_admin", 7)
    made = await client.post("/v1/passes/products", json=PRODUCT, headers=headers)
    asked = {"plate": plate, "plate_color": "blue", "from_at": FAR[0]}
    bought = await client.post(
        "/v1/passes", json=asked | {"product_id": made.json()["product"]["product_id"]}
    )
    entry = asked | {"until_at": FAR[1], "reason": "执行任务车辆", "lots": [CODE]}
    let_in = await client.post("/v1/passes/white-list", json=entry, headers=headers)
    codes = [answer.json()["code"] for answer in (bought, let_in)]
    assert codes == ["membership.sold_out", "membership.term_invalid"]


@pytest.mark.parametrize("number", ["%00", "P0000000", "x" * 400])
async def test_what_is_no_number_of_an_order_is_no_fault_of_ours(client, number):
    assert (await client.get(f"/v1/passes/orders/{number}")).status_code in {400, 404}


@pytest.mark.parametrize(
    ("role", "operator_id", "status"),
    [
        ("operator_admin", 7, 201),
        ("operator_clerk", 7, 201),
        ("operator_admin", 8, 404),
        ("auditor", None, 403),
        ("city_supervisor", None, 403),
    ],
)
async def test_only_those_who_run_a_lot_sell_passes_for_it(
    client, clock, role, operator_id, status
):
    headers = bearer(clock, role, operator_id)
    made = await client.post("/v1/passes/products", json=PRODUCT, headers=headers)
    assert made.status_code == status


@pytest.mark.parametrize(
    ("role", "operator_id", "status"),
    [("operator_admin", 7, 201), ("operator_clerk", 7, 403), ("auditor", None, 403)],
)
async def test_coupons_are_issued_by_who_keeps_the_books(client, clock, role, operator_id, status):
    headers = bearer(clock, role, operator_id)
    made = await client.post("/v1/coupons/batches", json=BATCH, headers=headers)
    assert made.status_code == status
    if status == 201:
        assert len(made.json()["codes"]) == 2


async def test_a_code_that_nobody_issued_is_refused(client):
    wrong = await client.post("/v1/coupons/redeem", json={"code": "A" * 16, "plate": "苏B00000"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "membership.order_not_open")


@pytest.mark.parametrize(
    "path", ["products", "issued", "white-list", "fleets", "../coupons/batches"]
)
async def test_an_auditor_reads_everything(client, clock, path):
    headers = bearer(clock, "auditor")
    assert (await client.get(f"/v1/passes/{path}", headers=headers)).status_code == 200
