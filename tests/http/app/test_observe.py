import asyncio

import pytest
from litestar import Litestar, get
from litestar.params import FromPath

from onepark.app import problems
from onepark.app.observe import Observed
from onepark.app.probes import show_metrics
from onepark.infra.log import request_id
from tests.fakes.asgi import client_of


@get("/observed/{lot:str}")
async def show(lot: FromPath[str]) -> str:
    return f"{lot} {request_id.get()}"


@get("/observed-slow")
async def wait() -> None:
    await asyncio.sleep(0.05)


@pytest.fixture
def observed() -> Observed:
    return Observed(
        Litestar(
            [show, wait, show_metrics],
            exception_handlers=problems.HANDLERS,
            openapi_config=None,
            logging_config=None,
        )
    )


@pytest.fixture
async def client(observed):
    async with client_of(observed) as client:
        yield client


async def test_a_plain_request_id_is_kept_and_given_back(client):
    answer = await client.get("/observed/1", headers={"X-Request-Id": "a.B-1_2:3"})
    assert answer.text == "1 a.B-1_2:3"
    assert answer.headers.get_list("x-request-id") == ["a.B-1_2:3"]


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "苏B12345".encode(), "a\tb"])
async def test_any_other_request_id_is_replaced(client, given):
    answer = await client.get("/observed/1", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] != given
    assert answer.text == f"1 {answer.headers['x-request-id']}"


async def test_each_request_has_an_id_of_its_own_and_none_is_left_behind(client):
    ids = {(await client.get("/observed/1")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert request_id.get() is None


async def test_requests_are_counted_by_route_and_not_by_lot(client):
    for lot in range(3):
        await client.get(f"/observed/{lot}")
    await client.get("/observed-nowhere/1")
    text = (await client.get("/metrics")).text
    labels = (
        'http_request_method="GET",http_response_status_code="200",http_route="/observed/{lot}"'
    )
    assert f"http_server_request_duration_seconds_count{{{labels}}}" in text
    assert 'http_route="/observed/1"' not in text
    assert "observed-nowhere" not in text
    assert 'http_response_status_code="404",http_route="(unmatched)"' in text


async def test_a_method_that_nobody_knows_makes_no_series_of_its_own(client):
    await client.request("BREW", "/observed/1")
    text = (await client.get("/metrics")).text
    assert 'http_request_method="_OTHER"' in text
    assert "BREW" not in text


async def test_requests_in_hand_are_counted(client, observed):
    request = asyncio.ensure_future(client.get("/observed-slow"))
    await asyncio.sleep(0.02)
    assert observed.in_flight == 1
    await request
    assert observed.in_flight == 0
