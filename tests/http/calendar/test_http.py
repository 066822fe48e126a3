"""Everybody may look days up; a city admin rules on days to come."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.di import Provide

from onepark.app.problems import HANDLERS as PROBLEMS
from onepark.contexts.access.http import provide_principal, staff_guard
from onepark.contexts.access.service import Audit
from onepark.contexts.calendar.http import HANDLERS
from onepark.contexts.calendar.service import Calendar
from tests.archive import HandClock
from tests.http.staff_app import a_doorkeeper, always, bearer

DAYS = "/v1/calendar/days"
RULING = {"kind": "golden_week", "reason": "国务院办公厅关于2031年部分节假日安排的通知"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2031, 3, 3, 4, tzinfo=UTC))


@pytest.fixture
async def client(service_db, clock) -> AsyncIterator[AsyncClient]:
    app = Litestar(
        HANDLERS,
        guards=[staff_guard(a_doorkeeper(clock))],
        dependencies={
            "calendar": Provide(always(Calendar(service_db, audit=Audit(), clock=clock))),
            "principal": Provide(provide_principal),
        },
        exception_handlers=PROBLEMS,
    )
    transport = ASGITransport(cast("Any", app))
    async with AsyncClient(transport=transport, base_url="http://onepark") as client:
        yield client


@pytest.fixture
def city(clock) -> dict[str, str]:
    return bearer(clock, "city_admin")


async def test_anybody_sees_the_kinds_of_days_and_what_says_so(client):
    url = "/v1/calendar?from=2026-10-07&until=2026-10-10"
    assert (await client.get(url)).json() == {
        "published_until": "2026-12-31",
        "days": [
            {"day": "2026-10-07", "kind": "golden_week", "basis": "published"},
            {"day": "2026-10-08", "kind": "workday", "basis": "published"},
            {"day": "2026-10-09", "kind": "workday", "basis": "published"},
            {"day": "2026-10-10", "kind": "makeup_workday", "basis": "published"},
        ],
    }


async def test_a_day_that_the_city_has_ruled_on_is_shown_with_the_reason(client, city):
    response = await client.put(f"{DAYS}/2031-10-01", json=RULING, headers=city)
    ruled = {"day": "2031-10-01", "basis": "ruling"} | RULING
    assert (response.status_code, response.json()) == (200, ruled)
    told = (await client.get("/v1/calendar?from=2031-10-01&until=2031-10-02")).json()
    assert told["days"] == [ruled, {"day": "2031-10-02", "kind": "workday", "basis": "weekday"}]


@pytest.mark.parametrize("role", ["city_supervisor", "operator_admin", "operator_clerk", "auditor"])
async def test_nobody_but_the_city_s_admin_rules(client, clock, role):
    own = 1 if role.startswith("operator") else None
    headers = bearer(clock, role, own)
    response = await client.put(f"{DAYS}/2031-10-03", json=RULING, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "access.not_allowed")


async def test_nobody_rules_without_a_login(client):
    assert (await client.put(f"{DAYS}/2031-10-03", json=RULING)).status_code == 401
    told = (await client.get("/v1/calendar?from=2031-10-03&until=2031-10-03")).json()
    assert told["days"][0]["basis"] == "weekday"


@pytest.mark.parametrize(
    "day", ["2031-03-03", "2031-03-02", "2026-10-01", "1999-12-31", "2101-01-01"]
)
async def test_a_day_that_has_begun_or_that_no_calendar_has_is_not_ruled_on(client, city, day):
    response = await client.put(f"{DAYS}/{day}", json=RULING, headers=city)
    told = response.json()
    assert (response.status_code, told["code"], told["field"]) == (409, "calendar.day_past", "day")


@pytest.mark.parametrize(
    ("day", "body", "field"),
    [
        ("soon", RULING, "day"),
        ("2031-02-30", RULING, "day"),
        ("2031-10-04T00:00:00", RULING, "day"),
        ("%00", RULING, "day"),
        ("2031-10-04", RULING | {"kind": "moon_festival"}, "kind"),
        ("2031-10-04", RULING | {"kind": 4}, "kind"),
        ("2031-10-04", RULING | {"reason": ""}, "reason"),
        ("2031-10-04", RULING | {"reason": "a\u0000b"}, "reason"),
        ("2031-10-04", RULING | {"reason": "通" * 201}, "reason"),
        ("2031-10-04", RULING | {"by": "somebody"}, "data"),
        ("2031-10-04", {"kind": "workday"}, "data"),
        ("2031-10-04", [], "data"),
    ],
)
async def test_nonsense_is_refused_and_the_field_is_named(client, city, day, body, field):
    response = await client.put(f"{DAYS}/{day}", json=body, headers=city)
    told = response.json()
    assert (response.status_code, told["code"]) == (400, "http.invalid_request"), told
    assert told.get("field") == field, told


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("from=soon&until=2026-01-01", 400, "from"),
        ("from=2026-01-01&until=2027-02-05", 422, "until"),  # 401 days
        ("from=2026-01-02&until=2026-01-01", 422, "until"),
        ("from=1970-01-01&until=1970-01-02", 422, "until"),
        ("from=9999-12-31&until=9999-12-31", 422, "until"),
    ],
)
async def test_days_that_cannot_be_shown_are_refused(client, query, status, field):
    response = await client.get(f"/v1/calendar?{query}")
    assert response.status_code == status, response.text
    assert response.json()["field"] == field


@pytest.mark.parametrize(
    ("query", "word"), [("until=2026-01-01", "'from'"), ("from=2026-01-01", "'until'")]
)
async def test_whoever_leaves_a_day_out_is_told_which(client, query, word):
    response = await client.get(f"/v1/calendar?{query}")
    assert (response.status_code, word in response.json()["detail"]) == (400, True)


async def test_400_days_fit_into_an_answer(client):
    told = (await client.get("/v1/calendar?from=2026-01-01&until=2027-02-04")).json()
    assert len(told["days"]) == 400
    assert told["days"][-1] == {"day": "2027-02-04", "kind": "workday", "basis": "weekday"}
