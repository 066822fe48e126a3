import re
from typing import Annotated, Any

import pytest
from litestar import Litestar, Request, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from onepark.app import problems
from onepark.app.openapi import TwoSchemas, document, openapi_config
from onepark.infra.openapi import refusals
from onepark.kernel.errors import Refusal
from tests.fakes.asgi import client_of

ANOTHER_HOST = re.compile(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}""", re.IGNORECASE)


class Nonsense(Refusal):
    code = "test.nonsense"
    status = 422
    title = "This is nonsense."
    title_zh = "内容无意义"


class Wheel(Struct):
    inches: Annotated[int, Meta(ge=10, le=30)]


class Cart(Struct):
    wheels: list[Wheel]


class Search(Struct):
    near: Annotated[float, Meta(ge=-90, le=90, description="where")]
    limit: Annotated[int, Meta(ge=1)] = 5
    name: str | None = None


@post(
    "/carts",
    opt={"body": Cart, "body_example": {"wheels": [{"inches": 14}]}},
    responses=refusals(Nonsense),
)
async def build(request: Request[Any, Any, Any]) -> Cart:
    raise Nonsense(str(len(await request.body())))


@get("/carts", opt={"query": Search})
async def find(request: Request[Any, Any, Any]) -> list[Cart]:
    return []


@post("/notices", opt={"body_raw": True})
async def notice(request: Request[Any, Any, Any]) -> None:
    await request.body()


@post("/wheels", opt={"body_example": {"inches": 14}})
async def forge(data: JSONBody[Wheel]) -> None:
    assert data.inches


@get("/plain")
async def plain(limit: FromQuery[Annotated[int, QueryParameter(ge=1)]] = 1) -> int:
    return limit


def an_app(*handlers: Any) -> Litestar:
    return Litestar(
        list(handlers),
        openapi_config=openapi_config("0.1.0"),
        exception_handlers=problems.HANDLERS,
        logging_config=None,
    )


@pytest.fixture
def app() -> Litestar:
    return an_app(build, find, notice, forge, plain)


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client


def content(whole: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    bodies: dict[str, Any] = whole["paths"][path][method]["requestBody"]["content"]
    return bodies


async def test_the_document_is_openapi_3_1_in_two_languages(client, app):
    answer = await client.get("/schema/openapi.json")
    whole = answer.json()
    assert whole == document(app)
    assert whole["openapi"].startswith("3.1")
    assert "停车一张网" in whole["info"]["title"]
    assert "The public API" in whole["info"]["description"]
    assert whole["servers"] == [{"url": "/"}]
    assert set(whole["components"]["securitySchemes"]) == {
        *("device", "message", "timestamp", "signature"),
        "staff",
    }


async def test_a_body_that_a_handler_reads_by_itself_is_documented(app):
    whole = document(app)
    assert content(whole, "/carts", "post") == {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Cart"},
            "example": {"wheels": [{"inches": 14}]},
        }
    }
    inches = whole["components"]["schemas"]["Wheel"]["properties"]["inches"]
    assert inches["type"] == "integer"
    assert set(content(whole, "/notices", "post")) == {
        "application/json",
        "application/x-www-form-urlencoded",
    }


async def test_a_body_that_the_framework_reads_shows_its_example(app):
    [media] = content(document(app), "/wheels", "post").values()
    assert media["example"] == {"inches": 14}
    assert media["schema"]


async def test_a_query_that_a_handler_reads_by_itself_is_documented(app):
    parameters = document(app)["paths"]["/carts"]["get"]["parameters"]
    assert parameters == [
        {
            "name": "near",
            "in": "query",
            "required": True,
            "description": "where",
            "schema": {"type": "number", "minimum": -90, "maximum": 90},
        },
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "limit",
            "schema": {"type": "integer", "minimum": 1, "default": 5},
        },
        {
            "name": "name",
            "in": "query",
            "required": False,
            "description": "name",
            "schema": {"type": "string"},
        },
    ]


async def test_every_refusal_is_a_problem(app):
    whole = document(app)
    responses = whole["paths"]["/carts"]["post"]["responses"]
    assert {"201", "400", "413", "422"} == set(responses)
    assert "test.nonsense" in responses["422"]["description"]
    assert "内容无意义" in responses["422"]["description"]
    plain_400 = whole["paths"]["/plain"]["get"]["responses"]["400"]["content"]
    assert plain_400 == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert "code" in whole["components"]["schemas"]["Problem"]["properties"]


async def test_two_structs_of_one_name_stop_the_document():
    class Cart(Struct):
        horses: int

    @post("/horse-carts", opt={"body": Cart})
    async def harness(request: Request[Any, Any, Any]) -> None:
        await request.body()

    with pytest.raises(TwoSchemas):
        document(an_app(find, harness))


async def test_the_pages_come_from_this_host_alone(client):
    page = await client.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    start = await client.get("/schema/ui/start.js")
    assert ANOTHER_HOST.findall(page.text) == []
    assert ANOTHER_HOST.findall(start.text) == []
    for path in re.findall(r"""(?:src|href)="(ui/[^"]+)""", page.text):
        answer = await client.get(f"/schema/{path}")
        assert answer.status_code == 200, path
        assert len(answer.content) > 100
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_no_other_file_is_shown(client):
    for name in ("swagger-ui.js", "..%2f__init__.py", "index.html"):
        assert (await client.get(f"/schema/ui/{name}")).status_code == 404
