"""Each role at each endpoint of the whole app: what the table of permissions says, and no more."""

import base64
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, NamedTuple, cast

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import get
from litestar.routes import HTTPRoute

from onepark.app.asgi import HANDLERS, Served, create_app
from onepark.app.wiring import open_platform
from onepark.contexts.access.rules import MATRIX, MONEY, OPERATOR_ROLES
from onepark.contexts.access.service import TOKEN_AUDIENCE
from onepark.infra.clock import SystemClock
from onepark.infra.limits import Limit
from onepark.infra.settings import Settings
from onepark.infra.tokens import Tokens
from onepark.kernel.staff import Permission, StaffRole
from tests.archive import KEY

# What answers without an account, and who asks there.
OPEN = {
    "POST /v1/staff/sessions": "who logs in",
    "POST /v1/staff/sessions/refreshes": "who shows a refresh token",
    "GET /v1/calendar": "everybody",
    "GET /v1/dues": "citizens",
    "GET /v1/orders/{order_no:str}": "citizens",
    "GET /v1/lots/{lot:str}": "citizens",
    "GET /v1/lots/{lot:str}/tariff": "citizens",
    "GET /v1/tariffs/plans/{plan_hash:str}": "everybody",
    "GET /v1/tariffs/schema": "everybody",
    "POST /v1/tariffs/quote": "everybody",
    "POST /v1/tariffs/check": "everybody",
    "POST /v1/payments": "citizens",
    "POST /v1/payments/notices/{channel:str}": "providers, signed",
    "GET /v1/passes": "citizens: whether a plate is covered, and no more",
    "GET /v1/passes/offers": "citizens",
    "POST /v1/passes": "citizens",
    "GET /v1/passes/orders/{order_no:str}": "citizens who know the number",
    "POST /v1/coupons/redeem": "citizens who know the coupon",
    "POST /v1/invoices": "citizens who have paid",
    "GET /v1/invoices/{invoice_no:str}": "citizens who know the number",
    "GET /v1/invoices/{invoice_no:str}/file": "citizens who know the number",
    "POST /v1/invoices/titles": "citizens",
    "GET /v1/invoices/titles/{title_token:str}": "citizens who hold the token",
    "DELETE /v1/invoices/titles/{title_token:str}": "citizens who hold the token",
    "GET /v1/vacancies": "citizens",
    "GET /v1/vacancies/stream": "citizens",
    "GET /v1/vacancies/{lot:str}": "citizens",
    "GET /v1/vacancies/{lot:str}/history": "citizens",
}
OPEN_ABOVE = ("/schema", "/v1/gate/", "/livez", "/readyz", "/metrics")
PARAMETERS = {"str": "320281001201", "int": "1", "date": "2026-03-02"}
LONG = timedelta(hours=1)


class Endpoint(NamedTuple):
    """One method of one route."""

    name: str
    permission: Permission | None

    def request(self) -> tuple[str, str]:
        method, path = self.name.split()
        return method, re.sub(r"\{\w+:(\w+)\}", lambda kind: PARAMETERS[kind[1]], path)


def endpoints(served: Served) -> Iterator[Endpoint]:
    """Every endpoint that the app serves."""
    for route in served.app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    yield Endpoint(f"{method} {route.path}", handler.opt.get("permission"))


def settings(database_url: str = "", redis_url: str = "redis://") -> Settings:
    key = base64.b64encode(KEY.raw).decode()
    return Settings(database_url=database_url, redis_url=redis_url, secret_key=key)


def unexplained(served: Served) -> list[str]:
    """Endpoints that neither ask for a permission nor are said to be open."""
    return [
        endpoint.name
        for endpoint in endpoints(served)
        if endpoint.permission is None
        and endpoint.name not in OPEN
        and not endpoint.request()[1].startswith(OPEN_ABOVE)
    ]


def test_every_endpoint_asks_for_a_permission_or_is_said_to_be_open():
    assert unexplained(create_app(settings())) == []


def test_what_is_said_to_be_open_is_there_and_is_open():
    served = {one.name: one.permission for one in endpoints(create_app(settings()))}
    assert {name: served.get(name, "missing") for name in OPEN} == dict.fromkeys(OPEN)


def test_every_permission_is_one_of_the_closed_list():
    asked = {one.permission for one in endpoints(create_app(settings()))} - {None}
    assert all(isinstance(one, Permission) for one in asked)
    assert len(asked) > 10, "the routes were walked"


def test_a_planted_endpoint_without_a_permission_is_found(monkeypatch):
    @get("/v1/planted")
    async def planted() -> None: ...

    monkeypatch.setattr("onepark.app.asgi.HANDLERS", [*HANDLERS, planted])
    assert unexplained(create_app(settings())) == ["GET /v1/planted"]


@pytest.fixture
async def served(database_url, servers, redis) -> AsyncIterator[Served]:
    own = settings(database_url, servers[1])
    served = create_app(own)
    async with open_platform(own) as platform:
        served._parts.platform = platform
        yield served


@pytest.fixture
async def client(served) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(cast("Any", served))
    async with AsyncClient(transport=transport, base_url="http://onepark") as client:
        yield client


@pytest.fixture
async def headers(service_db):
    """Headers of a person with a role, each time in a session of its own."""
    clock = SystemClock()
    tokens, at = Tokens(KEY, clock, audience=TOKEN_AUDIENCE), clock.now()
    ids = {}
    async with service_db.transaction() as tx:
        for role in StaffRole:
            ids[role] = await tx.fetchval(
                "INSERT INTO access.account (login, name, role, operator_id, password_hash,"
                " created_at) VALUES ($1, '人', $2, $3, '-', now()) ON CONFLICT (login)"
                " DO UPDATE SET password_hash = '-' RETURNING account_id",
                f"matrix.{role.value}",
                role.value,
                1 if role in OPERATOR_ROLES else None,
            )

    async def of(role: StaffRole, *, code: bool = True) -> dict[str, str]:
        async with service_db.transaction() as tx:
            session_id = await tx.fetchval(
                "INSERT INTO access.session (account_id, operator_id, token_version,"
                " address_hash, started_at, ends_at, refresh_hash)"
                " SELECT account_id, operator_id, token_version, '', $2, $3, ''"
                " FROM access.account WHERE account_id = $1 RETURNING session_id",
                ids[role],
                at,
                at + LONG,
            )
        claims = {
            "login": f"matrix.{role.value}",
            "role": role.value,
            "operator_id": 1 if role in OPERATOR_ROLES else None,
            "sid": session_id,
            "amr": ["pwd", "otp"] if code else ["pwd"],
            "second_factor_at": at.timestamp() if code else None,
        }
        token = tokens.issue(str(ids[role]), claims)
        return {"authorization": f"Bearer {token}"}

    return of


async def code_of(client: AsyncClient, endpoint: Endpoint, headers: dict[str, str]) -> str:
    """The code of a refusal of the door; "" when the request got past it."""
    method, path = endpoint.request()
    answer = await client.request(method, path, headers=headers)
    assert answer.status_code < 500, f"{endpoint.name}: {answer.text}"
    if answer.status_code not in {401, 403}:
        return ""
    return str(answer.json()["code"])


@pytest.mark.parametrize("role", StaffRole)
async def test_each_role_gets_past_the_door_where_the_table_says_so(served, client, headers, role):
    wrong = {}
    for endpoint in endpoints(served):
        if endpoint.permission is not None:
            expected = "" if endpoint.permission in MATRIX[role] else "access.not_allowed"
            said = await code_of(client, endpoint, await headers(role))
            if said != expected:
                wrong[endpoint.name] = said
    assert wrong == {}


@pytest.mark.parametrize("role", StaffRole)
async def test_without_a_code_no_role_gets_at_money(served, client, headers, role):
    wrong = {}
    for endpoint in endpoints(served):
        if endpoint.permission in MONEY & MATRIX[role]:
            said = await code_of(client, endpoint, await headers(role, code=False))
            if said != "access.second_factor_needed":
                wrong[endpoint.name] = said
    assert wrong == {}


async def test_nobody_gets_past_the_door_without_a_token(served, client):
    said = {
        endpoint.name: await code_of(client, endpoint, {})
        for endpoint in endpoints(served)
        if endpoint.permission is not None
    }
    assert set(said.values()) == {"access.login_required"}


async def test_who_guesses_a_password_is_told_as_a_problem_when_to_come_back(client):
    body = {"login": "nobody", "password": "wrong"}
    for _ in range(11):
        answer = await client.post("/v1/staff/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "access.too_many_logins")
    assert answer.headers["content-type"] == "application/problem+json"
    assert 0 < int(answer.headers["retry-after"]) <= 6
    assert answer.json()["retry_after_s"] == int(answer.headers["retry-after"])


async def test_a_person_who_asks_too_much_is_told_so_at_any_staff_endpoint(client, headers, served):
    pace = served._parts.platform.staff.doorkeeper._pace
    own = await headers(StaffRole.AUDITOR)
    pace._limit = Limit("staff-test", 2, open_when_down=True)
    answers = [await client.get("/v1/audit", headers=own) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "access.too_many_requests"
    assert int(answers[-1].headers["retry-after"]) > 0
