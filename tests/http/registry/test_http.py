"""Everybody may look at a lot; staff see their own lots and rotate the keys of their devices."""

from datetime import timedelta

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.registry.http import HANDLERS
from onepark.contexts.registry.service import Registry, RegistryImports, RegistryOffice
from onepark.infra.signing import decode_secret
from tests.archive import KEY, NOON, HandClock, a_lot, a_reading
from tests.http.staff_app import bearer, served

CAMERA = "320281001201-X1-cam"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def registry(service_db, clock) -> Registry:
    registry = Registry(service_db, KEY, clock)
    imports = RegistryImports(service_db, KEY, audit=Audit(), clock=clock)
    lots = (a_lot(), a_lot("320281001202", operator="OP-B"))
    assert not (await imports.import_reading(a_reading(*lots), actor="test")).refused
    await registry.load()
    return registry


@pytest.fixture
async def client(registry, staff_db, clock):
    office = RegistryOffice(staff_db, KEY, audit=Audit(), clock=clock)
    async with served(HANDLERS, clock, {"registry": registry, "office": office}) as client:
        yield client


def owner(registry: Registry, code: str) -> int:
    return next(one.operator_id for one in registry.directory.operators() if one.code == code)


async def test_a_lot_is_shown_to_everybody_with_both_positions_named(client):
    lot = (await client.get("/v1/lots/320281001201")).json()
    assert lot["name"] == "人民路停车场"
    assert lot["operator"] == "甲停车"
    assert (lot["lat_wgs84"], lot["lon_wgs84"]) == (31.911, 120.263)
    assert (lot["lat_gcj02"], lot["lon_gcj02"]) == (31.909023, 120.267608)
    assert (lot["parking_type"], lot["parking_locate"], lot["attached_type"]) == (2, 1, None)
    assert lot["opening_hours"] == "24h"
    assert lot["pools"] == {"short_stay": 90, "disabled": 2}
    assert lot["lanes"][0] == {"lane": "320281001201-E1", "direction": "entry"}


@pytest.mark.parametrize("code", ["320281001299", "x", "%00", "%E5%81%9C", "3" * 500])
async def test_a_lot_that_is_not_there_is_unknown(client, code):
    answer = await client.get(f"/v1/lots/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "registry.lot_unknown")


async def test_a_clerk_lists_the_lots_of_the_own_operator(client, registry, clock):
    headers = bearer(clock, "operator_clerk", owner(registry, "OP-B"))
    page = (await client.get("/v1/registry/lots", headers=headers)).json()
    assert [lot["lot"] for lot in page["lots"]] == ["320281001202"]
    assert page["next_after"] is None


async def test_the_city_pages_through_every_lot(client, clock):
    headers = bearer(clock, "auditor")
    first = (await client.get("/v1/registry/lots?limit=1", headers=headers)).json()
    assert first["next_after"] == first["lots"][0]["lot"] == "320281001201"
    query = f"/v1/registry/lots?limit=1&after={first['next_after']}"
    second = (await client.get(query, headers=headers)).json()
    assert second["lots"][0]["lot"] == "320281001202"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=x", "after=%00"])
async def test_a_page_that_cannot_be_is_refused(client, clock, query):
    answer = await client.get(f"/v1/registry/lots?{query}", headers=bearer(clock, "auditor"))
    assert answer.status_code == 400


async def test_a_new_key_is_shown_once_and_the_former_one_ends_a_day_later(client, registry, clock):
    headers = bearer(clock, "operator_admin", owner(registry, "OP-A"))
    answer = await client.post(f"/v1/registry/devices/{CAMERA}/secrets", headers=headers)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    await registry.refresh()
    new, former, *_ = registry.directory.device(CAMERA).secrets
    assert new.secret == decode_secret(answer.json()["secret"])
    assert former.not_after == NOON + timedelta(hours=24)


@pytest.mark.parametrize(
    ("role", "operator", "status"),
    [
        (None, None, 401),
        ("operator_clerk", "OP-A", 403),
        ("operator_admin", "OP-B", 404),
        ("city_supervisor", None, 403),
    ],
)
async def test_nobody_else_gets_a_key(client, registry, clock, role, operator, status):
    operator_id = owner(registry, operator) if operator else None
    headers = bearer(clock, role, operator_id) if role else {}
    answer = await client.post(f"/v1/registry/devices/{CAMERA}/secrets", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nowhere-cam/secrets", 404),
        ("%00/secrets", 400),
        (f"{CAMERA}/secrets?overlap_h=-1", 400),
        (f"{CAMERA}/secrets?overlap_h=169", 400),
    ],
)
async def test_a_rotation_that_cannot_be_is_refused(client, clock, path, status):
    headers = bearer(clock, "city_admin")
    answer = await client.post(f"/v1/registry/devices/{path}", headers=headers)
    assert answer.status_code == status


async def test_keys_pile_up_only_so_far(client, clock):
    url = "/v1/registry/devices/320281001201-E1-cam/secrets"
    headers = bearer(clock, "city_admin")
    answers = [(await client.post(url, headers=headers)).status_code for _ in range(4)]
    assert answers == [201, 201, 201, 409]
    assert (await client.post(f"{url}?overlap_h=0", headers=headers)).status_code == 201
