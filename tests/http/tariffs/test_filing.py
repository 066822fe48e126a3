"""Staff file tariffs over HTTP, each as far as their role goes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient

from onepark.contexts.access.service import Audit
from onepark.contexts.tariffs.filing_http import EXAMPLE, HANDLERS
from onepark.contexts.tariffs.office import Checks, TariffOffice
from onepark.contexts.tariffs.service import Tariffs
from onepark.infra.limits import Limiter
from tests.archive import HandClock
from tests.fakes.lots import Lots
from tests.http.staff_app import served, tokens_of

LOT = "320281001101"
DRAFT = {"plan_key": "office_day", "name": "办公楼日间", "body": EXAMPLE["body"]}
DRAFTS = "/v1/tariffs/drafts"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2031, 3, 3, 4, tzinfo=UTC))


@pytest.fixture
async def client(service_db, staff_db, redis, clock) -> AsyncIterator[AsyncClient]:
    tariffs = Tariffs(service_db, clock)
    await tariffs.load()
    office = TariffOffice(
        staff_db, tariffs=tariffs, checks=Checks(Limiter(redis)), audit=Audit(), clock=clock
    )
    peers = {"tariff_office": office, "directory": Lots(of=1, lot_320281001101=1)}
    async with served(HANDLERS, clock, peers) as client:
        yield client


def person(clock: HandClock, number: int, role: str = "operator_admin") -> dict[str, str]:
    """Headers of one of the operator's people."""
    own = None if role in {"city_admin", "city_supervisor", "auditor"} else 1
    claims = {"login": f"person.{number}", "role": role, "operator_id": own, "sid": number}
    return {"authorization": f"Bearer {tokens_of(clock).issue(str(number), claims)}"}


@pytest.fixture
def li(clock) -> dict[str, str]:
    return person(clock, 1, "operator_clerk")


@pytest.fixture
def wang(clock) -> dict[str, str]:
    return person(clock, 2)


async def drafted(client: AsyncClient, who: dict[str, str], **changes: Any) -> dict[str, Any]:
    response = await client.post(DRAFTS, json=DRAFT | changes, headers=who)
    assert response.status_code == 201, response.text
    draft: dict[str, Any] = response.json()
    return draft


async def test_a_tariff_goes_all_the_way(client, li, wang):
    draft = await drafted(client, li)
    url = f"{DRAFTS}/{draft['draft_id']}"
    assert set(draft) == set(EXAMPLE)
    assert (draft["state"], draft["text_zh"], draft["findings"]) == ("draft", [], None)
    checked = (await client.post(f"{url}/check", headers=li)).json()
    assert (checked["state"], checked["findings"]) == ("checked", [])
    assert set(EXAMPLE["text_zh"]) <= set(checked["text_zh"])
    published = await client.post(f"{url}/publish", json={}, headers=wang)
    assert published.status_code == 200, published.text
    assert (published.json()["state"], published.json()["publisher"]) == ("published", "person.2")
    plan_id = published.json()["plan_id"]
    version = (await client.get(f"/v1/tariffs/versions/{plan_id}", headers=li)).json()
    assert (version["body"], version["version"]) == (DRAFT["body"], 1)
    assignment = {"plan_key": "office_day", "lots": [LOT]}
    assigned = await client.post("/v1/tariffs/assignments", json=assignment, headers=wang)
    assert (assigned.status_code, assigned.json()["lots"]) == (201, [LOT])
    page = (await client.get(f"{DRAFTS}?draft_state=published", headers=li)).json()
    assert draft["draft_id"] in [one["draft_id"] for one in page["drafts"]]
    page = (await client.get("/v1/tariffs/versions?plan_key=office_day", headers=li)).json()
    assert plan_id in [one["plan_id"] for one in page["versions"]]


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("POST", DRAFTS, "auditor"),
        ("POST", DRAFTS, "city_supervisor"),
        ("POST", f"{DRAFTS}/1/check", "auditor"),
        ("POST", f"{DRAFTS}/1/publish", "operator_clerk"),
        ("POST", f"{DRAFTS}/1/withdraw", "city_supervisor"),
        ("POST", "/v1/tariffs/assignments", "operator_clerk"),
    ],
)
async def test_a_role_goes_no_further_than_its_work(client, clock, method, path, role):
    response = await client.request(method, path, json={}, headers=person(clock, 3, role))
    assert (response.status_code, response.json()["code"]) == (403, "access.not_allowed")


async def test_nobody_files_without_a_login(client):
    for method, path in (("POST", DRAFTS), ("GET", DRAFTS), ("GET", "/v1/tariffs/versions")):
        assert (await client.request(method, path, json={})).status_code == 401


async def test_the_author_does_not_publish(client, wang):
    draft = await drafted(client, wang, plan_key="own")
    url = f"{DRAFTS}/{draft['draft_id']}"
    await client.post(f"{url}/check", headers=wang)
    response = await client.post(f"{url}/publish", json={}, headers=wang)
    assert (response.status_code, response.json()["code"]) == (403, "tariffs.second_person_needed")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"valid_from_at": "2031-03-03T11:59:59+08:00"}, 422, "tariffs.date_invalid"),
        ({"valid_from_at": "9999-12-31T23:59:59+00:00"}, 422, "tariffs.date_invalid"),
        ({"valid_from_at": "0001-01-01T00:00:00+14:00"}, 422, "tariffs.date_invalid"),
        ({"valid_from_at": "2031-03-04T00:00:00"}, 400, None),
        ({"valid_from_at": "soon"}, 400, None),
        ({"from": "2031-03-04T00:00:00+08:00"}, 400, None),
    ],
)
async def test_a_date_that_cannot_be_is_refused(client, li, wang, asked, status, code):
    draft = await drafted(client, li, plan_key="dates")
    url = f"{DRAFTS}/{draft['draft_id']}"
    await client.post(f"{url}/check", headers=li)
    response = await client.post(f"{url}/publish", json=asked, headers=wang)
    assert (response.status_code, response.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"plan_key": "Not a key"}, 400, None),
        ({"plan_key": "a" * 65}, 400, None),
        ({"name": ""}, 400, None),
        ({"name": "a\u0000b"}, 400, None),
        ({"body": []}, 400, None),
        ({"body": {"source": "\u0000"}}, 422, "tariffs.plan_invalid"),
        ({"operator_id": 2}, 422, "tariffs.operator_not_named"),
        ({"operator_id": 0}, 400, None),
        ({"colour": "red"}, 400, None),
    ],
)
async def test_a_draft_that_cannot_be_kept_is_refused(client, li, changes, status, code):
    response = await client.post(DRAFTS, json=DRAFT | changes, headers=li)
    assert (response.status_code, response.json().get("code")) == (status, code), response.text


@pytest.mark.parametrize("path", ["/0", "/-1", "/9007199254740992", "/x", "/1e3"])
async def test_a_number_that_no_draft_has_is_refused(client, li, path):
    response = await client.get(f"{DRAFTS}{path}", headers=li)
    assert response.status_code in {400, 404}


async def test_a_draft_that_is_not_there_is_unknown(client, li):
    response = await client.get(f"{DRAFTS}/9007199254740991", headers=li)
    assert (response.status_code, response.json()["code"]) == (404, "tariffs.draft_unknown")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "before=0", "draft_state=gone", "limit=x"]
)
async def test_a_page_that_cannot_be_is_refused(client, li, query):
    assert (await client.get(f"{DRAFTS}?{query}", headers=li)).status_code == 400


@pytest.mark.parametrize("lots", [[], ["x"], [LOT] * 201, "x"])
async def test_an_assignment_names_one_to_two_hundred_lots(client, wang, lots):
    asked = {"plan_key": "office_day", "lots": lots}
    response = await client.post("/v1/tariffs/assignments", json=asked, headers=wang)
    assert response.status_code == 400
