"""Staff log in over HTTP, and a handler that forgot its permission lets nobody in."""

import pytest
from argon2 import PasswordHasher
from litestar import get
from litestar.di import NamedDependency

from onepark.contexts.access.http import HANDLERS
from onepark.contexts.access.model import NewAccount
from onepark.contexts.access.service import Access
from onepark.infra.limits import Limiter
from onepark.infra.tokens import Passwords
from onepark.kernel.staff import Principal, StaffRole
from tests.archive import HandClock
from tests.http.staff_app import bearer, served, tokens_of

PASSWORD = "correct horse battery"


@get("/forgetful")
async def forgetful(principal: NamedDependency[Principal]) -> str:
    return principal.login


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def access(service_db, staff_db, redis, clock) -> Access:
    return Access(
        service_db=service_db,
        staff_db=staff_db,
        passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=64)),
        tokens=tokens_of(clock),
        limiter=Limiter(redis),
        clock=clock,
        logins_per_minute=3,
    )


@pytest.fixture
async def client(access, clock):
    async with served([*HANDLERS, forgetful], clock, {"access": access}) as client:
        yield client


async def test_log_in_look_at_oneself_and_give_an_account(client, access):
    await access.appoint(
        NewAccount("boss", PASSWORD, "李明", StaffRole.OPERATOR_ADMIN, 3), actor="test"
    )
    answer = await client.post("/v1/staff/sessions", json={"login": "boss", "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    headers = {"authorization": f"Bearer {answer.json()['token']}"}
    me = (await client.get("/v1/staff/me", headers=headers)).json()
    assert (me["login"], me["role"], me["operator_id"]) == ("boss", "operator_admin", 3)
    clerk = {
        "login": "clerk",
        "password": PASSWORD,
        "name": "王芳",
        "role": "operator_clerk",
        "operator_id": 3,
    }
    made = await client.post("/v1/staff/accounts", json=clerk, headers=headers)
    assert made.status_code == 201
    assert "password" not in made.text
    again = await client.post("/v1/staff/accounts", json=clerk, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "access.login_taken")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "boss"},
        {"login": "boss", "password": 7},
        {"login": "boss\u0000", "password": "x"},
        {"login": "boss\n", "password": "x"},
        {"login": "b" * 65, "password": "x"},
        {"login": "boss", "password": "x" * 129},
        {"login": "boss", "password": "x", "remember": True},
        [],
        "boss",
    ],
)
async def test_a_login_that_is_none_is_refused_before_any_password_is_checked(client, body):
    assert (await client.post("/v1/staff/sessions", json=body)).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "short"},
        {"role": "emperor"},
        {"operator_id": "three"},
        {"operator_id": 0},
        {"operator_id": 2**63},
        {"name": "a\u0000b"},
        {"login": "Boss"},
    ],
)
async def test_an_account_that_cannot_be_is_refused(client, clock, changes):
    body = {"login": "clerk", "password": PASSWORD, "name": "王芳", "role": "auditor", **changes}
    headers = bearer(clock, "city_admin")
    answer = await client.post("/v1/staff/accounts", json=body, headers=headers)
    assert answer.status_code == 400


async def test_the_fourth_wrong_password_in_a_minute_is_too_many(client):
    body = {"login": "nobody", "password": "wrong"}
    answers = [await client.post("/v1/staff/sessions", json=body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 403), ("operator_clerk", 403), ("city_admin", 400)]
)
async def test_only_admins_may_give_accounts(client, clock, role, status):
    answer = await client.post("/v1/staff/accounts", json={}, headers=bearer(clock, role))
    assert answer.status_code == status


async def test_without_a_token_no_staff_endpoint_answers(client):
    assert (await client.get("/v1/staff/me")).json()["code"] == "access.login_required"
    assert (await client.post("/v1/staff/accounts", json={})).status_code == 401


async def test_a_handler_that_forgot_its_permission_lets_nobody_in(client, clock):
    answer = await client.get("/forgetful", headers=bearer(clock, "city_admin"))
    assert answer.json()["code"] == "access.login_required"


async def test_the_openapi_document_names_scheme_and_refusals(client):
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    me, accounts = paths["/v1/staff/me"]["get"], paths["/v1/staff/accounts"]["post"]
    assert me["security"] == [{"staff": []}]
    assert set(accounts["responses"]) >= {"201", "400", "401", "403", "409", "422", "503"}
