"""What citizens ask and are told."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.di import Provide

from onepark.app import problems
from onepark.app.observe import Observed
from onepark.app.openapi import document, openapi_config
from onepark.contexts.vacancies import http
from onepark.contexts.vacancies.model import Source
from onepark.contexts.vacancies.service import Vacancies
from onepark.infra.settings import Settings
from tests.builders import EIGHT
from tests.fakes.asgi import a_scope, client_of
from tests.fakes.city import LAT, LON, Archive, a_calibration, a_city_lot, a_count, until
from tests.fakes.clock import HandClock

SETTINGS = Settings(database_url="", redis_url="", secret_key="", stream_subscribers_max=2)
CODE = "320281001101"
HERE = {"lat": str(LAT), "lon": str(LON)}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT)


@pytest.fixture
async def vacancies(redis, service_db, clock) -> AsyncIterator[Vacancies]:
    city = Vacancies(
        redis,
        service_db,
        directory_source=Archive([a_city_lot(number) for number in (1, 2, 3)]),
        clock=clock,
        settings=SETTINGS,
    )
    await city.start()
    await until(lambda: city.source is Source.LIVE)
    await city.publish([a_count(10)])
    city.board.take_changed()
    yield city
    await city.stop()


@pytest.fixture
def app(vacancies) -> Litestar:
    return Litestar(
        http.HANDLERS,
        dependencies={
            "vacancies": Provide(lambda: vacancies, sync_to_thread=False),
            "past": Provide(lambda: None, sync_to_thread=False),
            "principal": Provide(lambda: None, sync_to_thread=False),
        },
        exception_handlers=problems.HANDLERS,
        openapi_config=openapi_config("0.1.0"),
        logging_config=None,
    )


@pytest.fixture
async def client(app) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(Observed(app)) as client:
        yield client


async def test_one_lot_tells_everything_about_itself(client, clock):
    clock.go(timedelta(seconds=12))
    answer = await client.get(f"/v1/vacancies/{CODE}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {
        "lot": CODE,
        "name": "第1停车场",
        "name_en": "Car park 1",
        "address": "人民路 1 号",
        "lat_wgs84": 31.92,
        "lon_wgs84": 120.285,
        "lat_gcj02": 31.918,
        "lon_gcj02": 120.2895,
        "free": 90,
        "capacity": 100,
        "pools": {
            "short_stay": {
                "capacity": 100,
                "occupied": 10,
                "free": 90,
                "raw": 10,
                "drift": None,
                "snapshot_at": None,
            }
        },
        "open": True,
        "as_of": "2026-11-20T08:00:00+08:00",
        "age_s": 12,
        "quality": "live",
        "source": "live",
    }


async def test_a_car_that_enters_is_seen_at_once(client, vacancies):
    await vacancies.publish([a_count(11, n=2)])
    assert (await client.get(f"/v1/vacancies/{CODE}")).json()["free"] == 89


async def test_what_the_lot_says_of_itself_is_believed_and_the_raw_count_still_shown(
    client, vacancies
):
    vacancies.board.calibrate([a_calibration(15)])
    told = (await client.get(f"/v1/vacancies/{CODE}")).json()
    assert (told["free"], told["pools"]) == (
        75,
        {
            "short_stay": {
                "capacity": 100,
                "occupied": 25,
                "free": 75,
                "raw": 10,
                "drift": 15,
                "snapshot_at": "2026-11-20T08:00:00+08:00",
            }
        },
    )
    listed = (await client.get("/v1/vacancies", params=HERE)).json()
    assert listed["vacancies"][0]["free"] == 75


@pytest.mark.parametrize("code", ["320281009999", "x", "苏B12345", "1" * 500])
async def test_an_unknown_lot_is_told_so(client, code):
    answer = await client.get(f"/v1/vacancies/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "vacancies.lot_unknown")
    assert len(answer.json()["lot"]) <= 32


async def test_lots_nearby_come_nearest_first_within_the_radius(client):
    answer = await client.get("/v1/vacancies", params=HERE | {"radius_m": "1500"})
    listed = answer.json()
    shown = [(one["lot"], one["distance_m"], one["free"]) for one in listed["vacancies"]]
    assert shown == [(CODE, 0, 90), ("320281001102", 1111, 100)]
    assert listed["source"] == "live"


async def test_a_limit_keeps_the_nearest(client):
    params = HERE | {"radius_m": "20000", "limit": "1"}
    assert len((await client.get("/v1/vacancies", params=params)).json()["vacancies"]) == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "lat"),
        ({"lat": "31.9"}, "lon"),
        ({"lon": "120.2"}, "lat"),
        (HERE | {"lat": "nan"}, "lat"),
        (HERE | {"lon": "inf"}, "lon"),
        (HERE | {"lat": "-Infinity"}, "lat"),
        (HERE | {"lat": "90.1"}, "lat"),
        (HERE | {"lon": "-180.5"}, "lon"),
        (HERE | {"lat": ""}, "lat"),
        (HERE | {"lat": "31,9"}, "lat"),
        (HERE | {"radius_m": "0"}, "radius_m"),
        (HERE | {"radius_m": "20001"}, "radius_m"),
        (HERE | {"radius_m": "1.5"}, "radius_m"),
        (HERE | {"radius_m": "nan"}, "radius_m"),
        (HERE | {"limit": "101"}, "limit"),
        (HERE | {"limit": "0"}, "limit"),
        (HERE | {"limit": "null"}, "limit"),
        ([("lat", "31"), ("lat", "32"), ("lon", "120")], "lat"),
    ],
)
async def test_a_senseless_position_is_refused_by_name(client, params, field):
    answer = await client.get("/v1/vacancies", params=params)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "vacancies.query_invalid"), problem
    assert problem["field"] == field


@pytest.mark.parametrize("lat", ["90", "-90", "0"])
async def test_the_ends_of_the_world_have_no_lots(client, lat):
    answer = await client.get("/v1/vacancies", params={"lat": lat, "lon": "180"})
    assert (answer.status_code, answer.json()["vacancies"]) == (200, [])


async def test_a_silent_lot_is_late_and_then_lost(client, clock):
    seen = []
    for _ in range(3):
        answer = (await client.get(f"/v1/vacancies/{CODE}")).json()
        seen.append((answer["quality"], answer["free"]))
        clock.go(timedelta(seconds=1000))
    assert seen == [("live", 90), ("late", 90), ("lost", 90)]


async def test_a_heartbeat_makes_a_lot_live_again(client, clock, vacancies):
    clock.go(timedelta(seconds=4000))
    await vacancies.heard([a_city_lot(1).lot_id], clock.now())
    answer = (await client.get(f"/v1/vacancies/{CODE}")).json()
    assert (answer["quality"], answer["age_s"]) == ("live", 0)


async def test_answers_from_the_database_are_marked(client, vacancies):
    vacancies.board.turn_to(Source.DATABASE)
    answer = await client.get("/v1/vacancies", params=HERE)
    assert answer.status_code == 200
    assert answer.json()["source"] == "database"
    assert {one["source"] for one in answer.json()["vacancies"]} == {"database"}


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"lots": "320281001101,nope"}, 404, "vacancies.lot_unknown"),
        ({"lots": ","}, 400, "vacancies.query_invalid"),
        ({"lots": ",".join(map(str, range(101)))}, 400, "vacancies.query_invalid"),
        ({"lat": "31"}, 400, "vacancies.query_invalid"),
        ({"lat": "nan", "lon": "120"}, 400, "vacancies.query_invalid"),
        (HERE | {"lots": CODE}, 400, "vacancies.query_invalid"),
    ],
)
async def test_a_senseless_stream_is_refused_before_it_begins(client, params, status, code):
    answer = await client.get("/v1/vacancies/stream", params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_every_status_is_in_the_document(app):
    paths = document(app)["paths"]
    assert {path: set(item["get"]["responses"]) for path, item in paths.items()} == {
        "/v1/vacancies": {"200", "400"},
        "/v1/vacancies/stream": {"200", "400", "404", "503"},
        "/v1/vacancies/{lot}": {"200", "400", "404"},
        "/v1/vacancies/{lot}/history": {"200", "400", "404", "422", "503"},
        "/v1/vacancies/{lot}/statistics": {
            *("200", "400", "401", "403", "404", "422", "429", "503")
        },
    }
    names = [one["name"] for one in paths["/v1/vacancies"]["get"]["parameters"]]
    assert names == ["lat", "lon", "radius_m", "limit"]


async def test_the_example_of_the_document_is_what_is_really_told(client):
    shown = (await client.get(f"/v1/vacancies/{CODE}")).json()
    assert set(shown) == set(http.EXAMPLE)
    assert set(shown["pools"]["short_stay"]) == set(http.EXAMPLE["pools"]["short_stay"])
    assert math.isclose(http.EXAMPLE["lat_wgs84"], LAT, abs_tol=1)


# --- the stream, over the raw interface: a client that reads, stalls and leaves as it likes


class Reader:
    """One client of the stream."""

    def __init__(self, app: Any, query: str = "") -> None:
        self._left = asyncio.Event()
        self.stalled = asyncio.Event()
        self.stalled.set()
        self.status = 0
        self.text = b""
        scope = a_scope("GET", "/v1/vacancies/stream", query)
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self.stalled.wait()
            self.text += message.get("body", b"")

    def events(self) -> list[tuple[str, Any]]:
        blocks = [block.split("\n") for block in self.text.decode().split("\n\n")]
        return [
            (lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: ")))
            for lines in blocks
            if lines[0].startswith("event: ")
        ]

    async def leave(self) -> None:
        self._left.set()
        await asyncio.wait_for(self.task, 5)


async def test_a_stream_begins_with_all_and_goes_on_with_changes(app, vacancies):
    reader = Reader(app)
    await until(reader.events)
    kind, snapshot = reader.events()[0]
    assert (reader.status, kind) == (200, "snapshot")
    assert [one["free"] for one in snapshot["vacancies"]] == [90, 100, 100]
    await until(lambda: len(vacancies.hub) == 1)
    await vacancies.publish([a_count(12, n=3)])
    await until(lambda: len(reader.events()) > 1)
    kind, change = reader.events()[-1]
    assert (kind, change["lot"], change["free"]) == ("vacancy", CODE, 88)
    await reader.leave()


async def test_a_stream_tells_of_drift_that_changed_and_of_none_that_did_not(app, vacancies):
    reader = Reader(app, f"lots={CODE}")
    await until(reader.events)
    vacancies.board.calibrate([a_calibration(15)])
    await until(lambda: len(reader.events()) > 1)
    kind, change = reader.events()[-1]
    assert (kind, change["free"], change["pools"]["short_stay"]["drift"]) == ("vacancy", 75, 15)
    vacancies.board.calibrate([a_calibration(15)])
    await asyncio.sleep(0.5)
    assert len(reader.events()) == 2
    await reader.leave()


async def test_a_stream_of_named_lots_tells_of_no_other(app, vacancies):
    named = Reader(app, "lots=320281001102")
    near = Reader(app, f"lat={LAT}&lon={LON}&radius_m=100")
    await until(lambda: named.events() and near.events())
    await vacancies.publish([a_count(12, n=3)])
    await until(lambda: len(near.events()) > 1)
    assert [one["lot"] for one in near.events()[0][1]["vacancies"]] == [CODE]
    assert [one["lot"] for one in named.events()[0][1]["vacancies"]] == ["320281001102"]
    assert len(named.events()) == 1
    await named.leave()
    await near.leave()


async def test_a_slow_client_gets_the_latest_value_and_not_every_one(app, vacancies):
    reader = Reader(app, f"lots={CODE}")
    await until(reader.events)
    reader.stalled.clear()
    for n in range(2, 40):
        await vacancies.publish([a_count(n, n=n)])
        await asyncio.sleep(0.02)
    reader.stalled.set()
    await until(lambda: reader.events()[-1][1].get("free") == 61)
    assert len(reader.events()) <= 4
    await reader.leave()


async def test_a_client_that_leaves_is_forgotten(app, vacancies):
    reader = Reader(app)
    await until(reader.events)
    await reader.leave()
    await until(lambda: len(vacancies.hub) == 0)


async def test_a_client_that_leaves_while_it_is_written_to_is_forgotten(app, vacancies):
    reader = Reader(app)
    reader.stalled.clear()
    await until(lambda: reader.status)
    await reader.leave()
    await until(lambda: len(vacancies.hub) == 0)


async def test_one_listener_too_many_is_told_when_to_come_back(app, client, vacancies):
    readers = [Reader(app), Reader(app)]
    await until(lambda: all(reader.events() for reader in readers))
    answer = await client.get("/v1/vacancies/stream")
    assert (answer.status_code, answer.json()["code"]) == (503, "vacancies.stream_full")
    assert answer.headers["retry-after"] == "5"
    for reader in readers:
        await reader.leave()


async def test_going_down_ends_the_streams(app, vacancies):
    reader = Reader(app)
    await until(reader.events)
    vacancies.end_streams()
    await asyncio.wait_for(reader.task, 5)
    assert len(vacancies.hub) == 0
