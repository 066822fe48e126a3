"""Every error of a small app is one kind of answer."""

from typing import Annotated, Any

import httpx
import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from onepark.app import problems
from onepark.app.observe import Observed
from onepark.kernel.errors import Refusal
from tests.fakes.asgi import a_scope, client_of

BODY_MAX = 1_000


class LaneClosed(Refusal):
    code = "test.lane_closed"
    status = 409
    title = "The lane is closed."
    title_zh = "车道已关闭"
    retry_after_s = 7


class Car(msgspec.Struct):
    plate: str
    color: Annotated[str, msgspec.Meta(pattern="^(blue|green)$")]


@get("/lanes/{lane:str}")
async def enter(lane: FromPath[str]) -> None:
    raise LaneClosed("Lane E1 is closed.", lane=lane, status="made up", code="made up")


@get("/cars/{number:int}")
async def find(
    number: FromPath[int], limit: FromQuery[Annotated[int, QueryParameter(ge=1, le=9)]] = 3
) -> int:
    return number + limit


@post("/cars")
async def park(data: JSONBody[Car]) -> Car:
    return data


@post("/raw")
async def read(request: Request[Any, Any, Any]) -> int:
    return len(await request.body())


@get("/bug")
async def fail() -> None:
    raise RuntimeError("the password is 12345")


@get("/framework")
async def fail_politely() -> None:
    raise HTTPException(status_code=503, detail="db-7.internal is down")


@pytest.fixture
def app() -> Litestar:
    return Litestar(
        [enter, find, park, read, fail, fail_politely],
        exception_handlers=problems.HANDLERS,
        request_max_body_size=BODY_MAX,
        openapi_config=None,
        logging_config=None,
    )


@pytest.fixture
async def client(app):
    async with client_of(Observed(app), bugs_are_raised=False) as client:
        yield client


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:onepark:problem:{body['code']}"
    assert body["title"]
    assert body["title_zh"]
    return body


async def test_a_refusal_tells_its_code_its_sentences_and_its_facts(client):
    answer = await client.get("/lanes/E1", headers={"X-Request-Id": "gate-7:1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "7")
    assert told(answer) == {
        "type": "urn:onepark:problem:test.lane_closed",
        "title": "The lane is closed.",
        "title_zh": "车道已关闭",
        "status": 409,
        "code": "test.lane_closed",
        "detail": "Lane E1 is closed.",
        "lane": "E1",
        "request_id": "gate-7:1",
    }


@pytest.mark.parametrize("path", ["/nowhere", "/cars/seven", "/%00"])
async def test_what_is_not_there_is_told_so(client, path):
    answer = await client.get(path)
    assert (answer.status_code, told(answer)["code"]) == (404, "http.not_found")


async def test_a_wrong_method_is_told_the_right_one(client):
    answer = await client.delete("/cars/1")
    assert (answer.status_code, told(answer)["code"]) == (405, "http.method_not_allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("body", "field"),
    [(b'{"plate":"A","color":"pink"}', "color"), (b'{"color":"blue"}', None), (b"{", None)],
)
async def test_a_body_that_does_not_fit_names_the_field(client, body, field):
    answer = await client.post("/cars", content=body)
    problem = told(answer)
    assert (answer.status_code, problem["code"]) == (400, "http.invalid_request")
    if field:
        assert problem["field"] == field


async def test_a_query_beyond_its_bounds_names_the_field(client):
    answer = await client.get("/cars/1?limit=10")
    problem = told(answer)
    assert (problem["status"], problem["field"]) == (400, "limit")


async def test_a_plate_in_a_wrong_request_does_not_come_back(client):
    answer = await client.post("/cars", json={"plate": ["苏B12345"], "color": "苏B12345"})
    assert "苏B12345" not in answer.text


async def test_too_large_a_body_is_refused_by_its_length_alone(client):
    answer = await client.post("/raw", content=b"x" * (BODY_MAX + 1))
    assert (answer.status_code, told(answer)["code"]) == (413, "http.body_too_large")
    assert (await client.post("/raw", content=b"x" * BODY_MAX)).json() == BODY_MAX


async def test_a_body_without_a_length_is_cut_off_at_the_limit(app):
    statuses: list[int] = []
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    observed: Any = Observed(app)
    await observed(a_scope("POST", "/raw"), receive, send)
    assert (statuses[0], pieces) == (413, BODY_MAX // 100 + 1)


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_bug_of_ours(app, capsys):
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    observed: Any = Observed(app)
    await observed(a_scope("POST", "/raw"), receive, send)
    assert statuses[0] == 400
    assert "http.internal" not in capsys.readouterr().out


async def test_a_bug_shows_nothing_of_its_inside(client):
    answer = await client.get("/bug")
    problem = told(answer)
    assert (problem["status"], problem["code"]) == (500, "http.internal")
    assert "password" not in answer.text
    assert "detail" not in problem


async def test_a_failure_of_the_framework_shows_nothing_of_its_inside(client):
    answer = await client.get("/framework")
    assert told(answer)["code"] == "http.internal"
    assert "db-7" not in answer.text
