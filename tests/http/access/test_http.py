"""Staff log in over HTTP, and a handler that forgot its permission lets nobody in."""

import asyncpg
import pytest
from litestar import get
from litestar.di import NamedDependency

from onepark.contexts.access import account_http
from onepark.contexts.access.http import HANDLERS
from onepark.infra import totp
from onepark.kernel.staff import Principal
from tests.archive import HandClock
from tests.fakes.staff import PASSWORD, SECRET, Crew, a_crew
from tests.http.staff_app import bearer, served


@get("/forgetful")
async def forgetful(principal: NamedDependency[Principal]) -> str:
    return principal.login


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def crew(service_db, staff_db, redis, clock) -> Crew:
    return a_crew(service_db, staff_db, redis, clock=clock, login_per_minute_max=3)


@pytest.fixture(autouse=True)
async def emptied(database_url: str):
    yield
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE access.account CASCADE")
    await connection.close()


@pytest.fixture
async def client(crew, clock):
    """The app with every token believed, or, as a person logs in, with its session."""
    staff = crew.staff
    peers = {"access": staff.access, "accounts": staff.accounts, "trail": staff.trail}
    handlers = [*HANDLERS, *account_http.HANDLERS, forgetful]
    async with served(handlers, clock, peers) as client:
        yield client


def headers_of(answer) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['token']}"}


async def test_log_in_look_at_oneself_and_give_an_account(client, crew):
    await crew.appoint("boss", "operator_admin", 3)
    answer = await client.post("/v1/staff/sessions", json={"login": "boss", "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["second_factor"] == "not_enrolled"
    headers = headers_of(answer)
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
    told = (await client.get("/v1/staff/accounts?limit=1", headers=headers)).json()
    assert [one["login"] for one in told["accounts"]] == ["boss"]
    assert told["next_after"] == told["accounts"][0]["account_id"]
    audit = (await client.get("/v1/audit?actor=boss&action=access.", headers=headers)).json()
    assert [line["subject"] for line in audit["entries"]] == ["account clerk"]
    assert audit["entries"][0]["after"]["role"] == "operator_clerk"


async def test_a_code_is_bound_given_and_bought_again(client, crew, clock):
    await crew.appoint("finance", "operator_finance", 3)
    body = {"login": "finance", "password": PASSWORD}
    headers = headers_of(await client.post("/v1/staff/sessions", json=body))
    shown = await client.post(
        "/v1/staff/me/second-factor", json={"password": PASSWORD}, headers=headers
    )
    assert (shown.status_code, shown.json()["secret"]) == (201, totp.shown(SECRET))
    code = {"code": totp.code_at(SECRET, totp.step_at(clock.now()))}
    path = "/v1/staff/me/second-factor/confirmations"
    confirmed = (await client.post(path, json=code, headers=headers)).json()
    assert len(confirmed["recovery_codes"]) == 10
    assert confirmed["session"]["second_factor"] == "given"
    path = "/v1/staff/sessions/current/codes"
    again = await client.post(path, json=code, headers=headers)
    assert (again.status_code, again.json()["code"]) == (401, "access.code_wrong")
    recovered = {"code": confirmed["recovery_codes"][0]}
    assert (await client.post(path, json=recovered, headers=headers)).status_code == 201
    session = (await client.post("/v1/staff/sessions", json=body)).json()
    assert session["second_factor"] == "needed"
    path, shown_token = "/v1/staff/sessions/refreshes", {"refresh_token": session["refresh_token"]}
    assert (await client.post(path, json=shown_token)).status_code == 201
    assert (await client.post(path, json=shown_token)).status_code == 401


async def test_an_admin_disables_enables_and_helps(client, crew, clock):
    await crew.appoint("clerk", "operator_clerk", 3)
    headers, path = bearer(clock, "city_admin"), "/v1/staff/accounts/clerk"
    shut = await client.post(f"{path}/disablings", headers=headers)
    assert (shut.status_code, shut.json()["disabled_at"]) == (200, "2026-03-02T04:00:00Z")
    opened = await client.post(f"{path}/enablings", headers=headers)
    assert opened.json()["disabled_at"] is None
    new = {"new_password": "staple battery horse"}
    assert (await client.post(f"{path}/passwords", json=new, headers=headers)).status_code == 200
    reset = await client.post(f"{path}/second-factor-resets", headers=headers)
    assert reset.json()["second_factor"] is False
    nobody = await client.post("/v1/staff/accounts/nobody/disablings", headers=headers)
    assert (nobody.status_code, nobody.json()["code"]) == (404, "access.account_unknown")


async def test_a_password_is_changed_and_a_session_ended(client, crew):
    await crew.appoint("clerk", "operator_clerk", 3)
    body = {"login": "clerk", "password": PASSWORD}
    headers = headers_of(await client.post("/v1/staff/sessions", json=body))
    change = {"password": PASSWORD, "new_password": "staple battery horse"}
    changed = await client.post("/v1/staff/me/password", json=change, headers=headers)
    assert changed.status_code == 200
    gone = await client.delete("/v1/staff/sessions/current", headers=headers_of(changed))
    assert gone.status_code == 204
    assert (await client.post("/v1/staff/sessions", json=body)).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=many",
        "before=0",
        "before=9223372036854775808",
        "since=yesterday",
        "since=2026-03-02T04:00:00",
        "action=Oops",
        "action=a.b;c",
        "operator_id=0",
        "operator_id=x",
        f"actor={'x' * 201}",
        "actor=a%00b",
        "subject=a%00b",
        "limit=5&limit=6",
    ],
)
async def test_a_question_to_the_trail_that_is_none_is_refused(client, clock, query):
    answer = await client.get(f"/v1/audit?{query}", headers=bearer(clock, "auditor"))
    assert answer.status_code == 400, answer.text


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
        {"login": "boss", "password": "x", "code": "12345"},
        {"login": "boss", "password": "x", "code": "１２３４５６"},
        {"login": "boss", "password": "x", "code": "100-aaaa-bbbb-cccc-dddd"},
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
    assert answers[-1].json()["code"] == "access.too_many_logins"


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
