"""What citizens and staff ask about the past of a lot, and are told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.di import Provide

from onepark.app import problems
from onepark.app.openapi import document, openapi_config
from onepark.contexts.access.http import provide_principal, staff_guard
from onepark.contexts.registry.model import Direction, Lane, Zone
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.contexts.vacancies import http
from onepark.contexts.vacancies.model import Snapshot
from onepark.contexts.vacancies.past import PastOfLots
from onepark.kernel.types import LaneCode, LotId, Pool
from tests.archive import HandClock as StaffClock
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans
from tests.http.staff_app import a_doorkeeper, always, bearer

CODE = "320281001101"
HISTORY = f"/v1/vacancies/{CODE}/history"
STATISTICS = f"/v1/vacancies/{CODE}/statistics"
DAY = {"from_day": "2026-11-20"}
STAFF = StaffClock(EIGHT)


@pytest.fixture(scope="module")
async def past(batch_db, service_db, staff_db) -> PastOfLots:
    """Lot 1: a car from eight to half past, one since ten past; a snapshot at twenty past.

    Both came by the lane into zone A; no lane leads into zone B.
    """
    clock = HandClock(EIGHT + timedelta(hours=2))
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=clock)
    lot = LotId(1)
    await stays.take(
        [
            a_passage(lot_id=lot),
            a_passage(Kind.EXIT, EIGHT + minutes(30), lot_id=lot),
            a_passage(Kind.ENTRY, EIGHT + minutes(10), lot_id=lot, plate="苏B00001"),
        ]
    )
    zoned = a_city_lot(1, zones=(Zone("A", "甲区", 30), Zone("B", "乙区", 70)))
    lane = Lane(LaneCode("L1"), lot, Direction.BOTH, confirms_exit=True, zone="A")
    archive = Archive([zoned], [lane])
    past = PastOfLots(service_db, staff_db, directory_source=archive, clock=clock)
    taken_at = EIGHT + minutes(20)
    counted = {Pool.SHORT_STAY: 5}
    await past.keep_snapshots([Snapshot(lot, 7, "cam", "s", taken_at, taken_at, b"", counted)])
    return past


@pytest.fixture
def app(past) -> Litestar:
    return Litestar(
        http.HANDLERS,
        guards=[staff_guard(a_doorkeeper(STAFF))],
        dependencies={
            "past": Provide(always(past)),
            "vacancies": Provide(always(None)),
            "principal": Provide(provide_principal),
        },
        exception_handlers=problems.HANDLERS,
        openapi_config=openapi_config("0.1.0"),
        logging_config=None,
    )


@pytest.fixture
async def client(app) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(cast("Any", app))
    async with AsyncClient(transport=transport, base_url="http://onepark") as client:
        yield client


async def ask(client: AsyncClient, path: str = HISTORY, **params: str) -> tuple[int, Any]:
    answer = await client.get(path, params=params)
    return answer.status_code, answer.json()


async def test_a_moment_is_told_with_all_three_counts(client):
    status, told = await ask(client, at="2026-11-20T08:40:00+08:00")
    assert (status, told) == (
        200,
        {
            "lot": CODE,
            "at": "2026-11-20T08:40:00+08:00",
            "open": True,
            "pools": {
                "short_stay": {
                    "capacity": 100,
                    "raw": 1,
                    "calibrated": 4,
                    "drift": 3,
                    "snapshot_at": "2026-11-20T08:20:00+08:00",
                    "free": 96,
                }
            },
            "zones": {
                "A": {"capacity": 30, "raw": 1, "free": 29, "pools": {"short_stay": 1}},
                "B": {"capacity": 70, "raw": 0, "free": 70, "pools": {"short_stay": 0}},
            },
        },
    )


async def test_a_span_is_told_step_by_step(client):
    asked = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T00:40:00Z", "step_s": "1200"}
    status, told = await ask(client, **asked)
    assert status == 200
    assert (told["from"], told["to"]) == ("2026-11-20T08:00:00+08:00", "2026-11-20T08:40:00+08:00")
    assert told["capacities"] == {"short_stay": 100}
    first, second = (step["pools"]["short_stay"] for step in told["steps"])
    assert first == {
        "entries": 2,
        "exits": 0,
        "raw": {"first": 1, "last": 2, "min": 1, "max": 2, "mean": 1.5},
        "calibrated": None,
        "drift": None,
    }
    assert second["calibrated"] == {"first": 5, "last": 4, "min": 4, "max": 5, "mean": 4.5}
    assert (second["exits"], second["drift"]) == (1, 3)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-11-20T08:40:00"}, "at"),
        ({"at": "2026-11-20T08:40:00 08:00"}, "at"),
        ({"at": ""}, "at"),
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
        ({"at": "0001-01-01T00:00:00+12:00"}, "at"),
        ({"from": "2026-11-20T08:00:00"}, "from"),
        ({"from": "9999-12-31T23:59:59-12:00"}, "from"),
        ({"from": "2026-11-20T00:00:00Z", "to": "soon"}, "to"),
        ({"from": "2026-11-20T00:00:00Z", "step_s": "0"}, "step_s"),
        ({"from": "2026-11-20T00:00:00Z", "step_s": "99999999"}, "step_s"),
        ({"from": "2026-11-20T00:00:00Z", "step_s": "1h"}, "step_s"),
        ({"from": "2026-11-20T00:00:00Z", "step_s": "1"}, "step_s"),
        ({"from": "2026-01-01T00:00:00Z"}, "from"),
        ({"at": "2026-11-20T00:00:00Z", "zone": "C"}, "zone"),
        ({"at": "2026-11-20T00:00:00Z", "zone": ""}, "zone"),
        ({"at": "2026-11-20T00:00:00Z", "zone": "乙区"}, "zone"),
        ({"from": "2026-11-20T00:00:00Z", "zone": "A\n"}, "zone"),
        ({"from": "2026-11-20T00:00:00Z", "zone": "A" * 17}, "zone"),
    ],
)
async def test_a_senseless_past_is_refused_by_name(client, params, field):
    status, problem = await ask(client, **params)
    assert (status, problem["code"]) == (400, "vacancies.query_invalid"), problem
    assert problem["field"] == field


@pytest.mark.parametrize("code", ["320281009999", "x", "苏B12345", "1" * 500])
async def test_an_unknown_lot_has_no_past(client, code):
    status, problem = await ask(client, f"/v1/vacancies/{code}/history", at="2026-11-20T00:00:00Z")
    assert (status, problem["code"]) == (404, "vacancies.lot_unknown")


async def staff(
    client: AsyncClient, role: str, operator: int | None, **params: str
) -> httpx.Response:
    return await client.get(STATISTICS, params=params, headers=bearer(STAFF, role, operator))


async def test_staff_see_what_a_day_adds_up_to(client):
    answer = await staff(client, "city_supervisor", None, **DAY)
    [day] = answer.json()["days"]
    assert (answer.status_code, day["day"]) == (200, "2026-11-20")
    told = day["pools"]["short_stay"]
    assert set(told) == set(http.EXAMPLE_STATISTICS["days"][0]["pools"]["short_stay"])  # type: ignore[index]
    assert (told["entries"], told["exits"], told["orders"]) == (2, 1, 1)
    assert (told["mean_stay_s"], told["turnover"], told["peak"]) == (1800.0, 0.01, 2)


@pytest.mark.parametrize(
    ("role", "operator", "status"),
    [("operator_clerk", 7, 200), ("operator_admin", 8, 404), ("auditor", None, 200)],
)
async def test_an_operator_sees_its_own_lots_alone(client, role, operator, status):
    assert (await staff(client, role, operator, **DAY)).status_code == status


async def test_a_stranger_sees_no_statistics(client):
    assert (await client.get(STATISTICS, params=DAY)).status_code == 401


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "from_day"),
        ({"from_day": "20 November"}, "from_day"),
        ({"from_day": "2026-11-31"}, "from_day"),
        ({"from_day": "9999-12-31"}, "from_day"),
        ({"from_day": "2026-11-20", "until_day": "2026-11-19"}, "until_day"),
        ({"from_day": "2026-11-20", "zone": "C"}, "zone"),
        ({"from_day": "2026-11-20", "zone": "'; --"}, "zone"),
    ],
)
async def test_senseless_days_are_refused_by_name(client, params, field):
    answer = await staff(client, "auditor", None, **params)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_one_zone_is_told_alone_and_as_a_whole(client):
    status, told = await ask(client, at="2026-11-20T00:15:00Z", zone="A")
    assert (status, told["zone"]) == (200, {"zone": "A", "name": "甲区", "capacity": 30})
    assert (told["pools"]["short_stay"]["raw"], told["whole"]["free"]) == (2, 28)
    asked = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T00:40:00Z", "step_s": "2400"}
    status, told = await ask(client, **asked, zone="B")
    assert (status, told["zone"]["zone"], told["capacities"]) == (200, "B", {})
    assert [step["whole"]["entries"] for step in told["steps"]] == [0]
    answer = await staff(client, "auditor", None, **DAY, zone="A")
    assert answer.json()["zone"]["name"] == "甲区"
    [day] = answer.json()["days"]
    assert (day["whole"]["entries"], day["whole"]["turnover"]) == (2, 0.0333)
    assert day["pools"]["short_stay"]["turnover"] is None


async def test_what_is_told_of_a_whole_lot_names_no_zone(client):
    _, told = await ask(client, **{"from": "2026-11-20T00:00:00Z"})
    assert "zone" not in told
    assert "whole" not in told["steps"][0]
    days = (await staff(client, "auditor", None, **DAY)).json()
    assert "zone" not in days
    assert "whole" not in days["days"][0]


async def test_the_examples_have_the_shape_of_what_is_told(client, app):
    _, moment = await ask(client, at="2026-11-20T00:40:00Z")
    assert set(moment) == set(http.EXAMPLE_MOMENT)
    assert set(moment["pools"]["short_stay"]) == set(http.EXAMPLE_MOMENT["pools"]["short_stay"])  # type: ignore[index]
    assert set(moment["zones"]["A"]) == set(http.EXAMPLE_MOMENT["zones"]["B1"])  # type: ignore[index]
    _, zone = await ask(client, at="2026-11-20T00:40:00Z", zone="A")
    assert set(zone) == set(http.EXAMPLE_ZONE_MOMENT)
    _, span = await ask(client, **{"from": "2026-11-20T00:00:00Z"})
    assert set(span) == set(http.EXAMPLE_SPAN)
    operation = document(app)["paths"]["/v1/vacancies/{lot}/history"]["get"]
    assert [one["name"] for one in operation["parameters"] if one["in"] == "query"] == [
        *("at", "from", "to", "step_s", "zone")
    ]
