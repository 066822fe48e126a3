"""The archive in a real database: filed whole, read in one moment, seen by its owner."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

import asyncio
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from onepark.contexts.access.service import Audit
from onepark.contexts.registry.errors import DeviceUnknown, LotUnknown, TooManySecrets
from onepark.contexts.registry.importing import read_json
from onepark.contexts.registry.model import ImportReport, LotRow, PriceForm, Reading
from onepark.contexts.registry.rules import filings_of, positioned
from onepark.contexts.registry.service import (
    GOOD_SECRETS_MAX,
    Registry,
    RegistryImports,
    RegistryOffice,
)
from onepark.infra.db import StaffScope
from onepark.infra.settings import SecretKey
from onepark.infra.signing import decode_secret
from onepark.infra.tokens import SealError
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import RevenueKind
from onepark.simulator.demo_city import demo_city
from tests.archive import KEY, NOON, HandClock, a_lot, a_reading

CITY = Principal(1, "city", StaffRole.CITY_ADMIN, None)
CAMERA = "320281001201-X1-cam"
DAY = timedelta(hours=24)


@pytest.fixture(autouse=True)
async def emptied(database_url: str):
    """Every test begins with an empty archive."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "TRUNCATE registry.operator, registry.lot, registry.pool,"
        " registry.zone, registry.lane,"
        " registry.device, registry.device_lane, registry.device_secret"
    )
    await connection.execute("ALTER TABLE access.audit DISABLE TRIGGER audit_append_only")
    await connection.execute("DELETE FROM access.audit")
    await connection.execute("ALTER TABLE access.audit ENABLE TRIGGER audit_append_only")
    yield
    await connection.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def registry(service_db, clock) -> Registry:
    return Registry(service_db, KEY, clock)


@pytest.fixture
def imports(service_db, clock) -> RegistryImports:
    return RegistryImports(service_db, KEY, audit=Audit(), clock=clock)


@pytest.fixture
def office(staff_db, clock) -> RegistryOffice:
    return RegistryOffice(staff_db, KEY, audit=Audit(), clock=clock)


async def filed(imports: RegistryImports, *lots: dict[str, Any]) -> ImportReport:
    report = await imports.import_reading(a_reading(*lots), actor="test")
    assert not report.refused
    return report


async def trail(service_db) -> list[tuple[Any, ...]]:
    async with service_db.connection() as tx:
        rows = await tx.fetch(
            "SELECT actor, action, subject, before, after FROM access.audit ORDER BY audit_id"
        )
    return [tuple(row) for row in rows]


async def operator_ids(service_db) -> dict[str, int]:
    async with service_db.connection() as tx:
        rows = await tx.fetch("SELECT code, operator_id FROM registry.operator")
    return dict(map(tuple, rows))


async def test_what_was_filed_is_served_from_memory(imports, registry):
    ((_, lot),) = a_reading(a_lot()).lots
    report = await filed(imports, a_lot())
    await registry.load()
    directory = registry.directory
    filed_lot = replace(positioned(lot), revenue_kind=RevenueKind.COMMERCIAL)
    assert filings_of(directory) == {"320281001201": filed_lot}
    served = directory.lot("320281001201")
    assert directory.lot_by_id(served.lot_id) is served
    assert directory.operator(served.operator_id).name_en == "Alpha Parking"
    camera = directory.device(CAMERA)
    assert camera.lanes == {"320281001201-X1"}
    assert [one.secret for one in camera.secrets] == [decode_secret(report.secrets[CAMERA])]


async def test_the_whole_demonstration_is_filed_once_and_the_second_time_nothing_moves(
    imports, registry, service_db
):
    city = read_json(json.dumps(demo_city()).encode())
    first = await imports.import_reading(city, actor="test")
    assert (first.refused, first.new_lots) == ((), len(city.lots))
    assert len(first.secrets) == first.new_devices >= 2 * len(city.lots)
    await registry.load()
    written = len(await trail(service_db))
    second = await imports.import_reading(city, actor="test")
    assert second.changes_nothing
    assert second.same_lots == len(city.lots)
    assert await registry.refresh() is False, "the version stood still"
    assert len(await trail(service_db)) == written


async def test_one_bad_row_and_nothing_is_filed(imports, registry, service_db):
    before = registry.directory.version
    report = await imports.import_reading(
        a_reading(a_lot(), a_lot("320281001202", parking_type=1)), actor="test"
    )
    assert [one.row for one in report.refused] == [2]
    assert (report.new_lots, report.secrets) == (0, {})
    await registry.load()
    assert registry.directory.lots() == ()
    assert registry.directory.version != before
    assert await trail(service_db) == []


async def test_a_dry_run_says_what_it_would_do_and_does_not(imports, registry):
    report = await imports.import_reading(a_reading(a_lot()), actor="test", dry_run=True)
    assert (report.new_lots, report.new_devices, report.secrets) == (1, 2, {})
    await registry.load()
    assert registry.directory.lots() == ()


async def test_a_changed_lot_is_changed_and_its_devices_keep_their_keys(
    imports, registry, service_db
):
    await filed(imports, a_lot(zones=[{"zone": "A", "name": "甲区", "capacity": 9}]))
    await registry.load()
    keys = registry.directory.device(CAMERA).secrets
    one_lane = [{"lane": "320281001201-X1", "direction": "both", "confirms_exit": False}]
    report = await filed(
        imports, a_lot(name="新名", pools={"short_stay": 5, "charging": 3}, lanes=one_lane)
    )
    assert (report.changed_lots, report.new_devices, report.secrets) == (1, 0, {})
    assert await registry.refresh() is True
    lot = registry.directory.lot("320281001201")
    assert (lot.name, lot.pools, lot.zones) == ("新名", {"short_stay": 5, "charging": 3}, ())
    assert registry.directory.lane("320281001201-X1").confirms_exit is False
    assert registry.directory.lane("320281001201-E1") is not None
    assert registry.directory.device(CAMERA).secrets == keys
    *_, (actor, action, subject, before, after) = await trail(service_db)
    assert (actor, action, subject) == ("test", "registry.lot_filed", "lot 320281001201")
    assert json.loads(before)["name"] == "人民路停车场"
    assert json.loads(after)["name"] == "新名"


async def test_a_device_may_watch_another_lane_of_its_lot(imports, registry):
    await filed(imports, a_lot())
    both = ["320281001201-E1", "320281001201-X1"]
    await filed(imports, a_lot(devices=[{"device": CAMERA, "lanes": both}]))
    await filed(imports, a_lot(devices=[{"device": CAMERA, "lanes": both[:1]}]))
    await registry.load()
    assert registry.directory.device(CAMERA).lanes == {both[0]}


async def test_a_camera_is_known_by_its_model_which_the_next_file_may_change(imports, registry):
    code = "320281001277"
    for models, known, changed in (
        ({"camera_model": "HX-200"}, "HX-200", 0),
        ({"camera_model": "HX-200"}, "HX-200", 0),
        ({"camera_model": "HX-300 v2"}, "HX-300 v2", 1),
        ({}, None, 1),
    ):
        camera = {"device": f"{code}-X1-cam", "lanes": [f"{code}-X1"], **models}
        report = await filed(imports, a_lot(code, devices=[camera]))
        await registry.load()
        assert registry.directory.device(f"{code}-X1-cam").camera_model == known
        assert report.changed_lots == changed


@pytest.mark.parametrize("model", ["", " ", "型号", "x" * 65, "a\nb"])
async def test_a_camera_model_that_is_no_name_is_refused(imports, model):
    camera = {"device": CAMERA, "lanes": ["320281001201-X1"], "camera_model": model}
    reading = a_reading(a_lot(devices=[camera]))
    report = await imports.import_reading(reading, actor="test")
    assert report.refused


async def test_two_imports_at_the_same_moment_follow_each_other(imports, registry):
    files = [a_reading(a_lot(f"3202810012{n:02d}")) for n in range(1, 9)]
    reports = await asyncio.gather(*(imports.import_reading(f, actor="t") for f in files))
    assert [report.new_lots for report in reports] == [1] * 8
    same = await asyncio.gather(*(imports.import_reading(files[0], actor="t") for _ in range(4)))
    assert all(report.changes_nothing for report in same)
    await registry.load()
    assert len(registry.directory.lots()) == 8


async def test_an_empty_file_changes_nothing(imports):
    assert (await imports.import_reading(Reading(), actor="test")).changes_nothing


async def test_another_platform_key_stops_the_load(imports, service_db, clock):
    await filed(imports, a_lot())
    stranger = Registry(service_db, SecretKey(bytes(range(1, 33))), clock)
    with pytest.raises(SealError):
        await stranger.load()


async def test_a_snapshot_is_replaced_and_never_changed(imports, registry):
    await filed(imports, a_lot())
    await registry.load()
    old = registry.directory
    await filed(imports, a_lot("320281001202"))
    assert await registry.refresh() is True
    assert len(old.lots()) == 1
    assert len(registry.directory.lots()) == 2
    assert registry.directory.version > old.version


async def test_during_the_overlap_both_keys_are_good_and_then_only_the_new_one(
    imports, office, registry, clock
):
    first = decode_secret((await filed(imports, a_lot())).secrets[CAMERA])
    issued = await office.rotate_secret(CAMERA, overlap=DAY, by=CITY)
    second = decode_secret(issued.secret)
    assert issued.former_until == NOON + DAY
    assert await registry.refresh() is True
    keys = registry.directory.device(CAMERA).secrets
    assert [(one.secret, one.not_after) for one in keys] == [(second, None), (first, NOON + DAY)]
    clock.pass_by(DAY)
    await registry.load()
    assert [one.secret for one in registry.directory.device(CAMERA).secrets] == [second]


async def test_an_overlap_of_nothing_ends_every_former_key(imports, office, registry):
    await filed(imports, a_lot())
    await office.rotate_secret(CAMERA, overlap=DAY, by=CITY)
    last = await office.rotate_secret(CAMERA, overlap=timedelta(), by=CITY)
    await registry.load()
    assert [one.secret for one in registry.directory.device(CAMERA).secrets] == [
        decode_secret(last.secret)
    ]


async def test_a_device_collects_only_so_many_good_keys(imports, office):
    await filed(imports, a_lot())
    for _ in range(GOOD_SECRETS_MAX - 1):
        await office.rotate_secret(CAMERA, overlap=DAY, by=CITY)
    with pytest.raises(TooManySecrets):
        await office.rotate_secret(CAMERA, overlap=DAY, by=CITY)
    await office.rotate_secret(CAMERA, overlap=timedelta(), by=CITY)


async def test_rotations_at_the_same_moment_leave_one_present_key(imports, office, registry):
    await filed(imports, a_lot())
    outcomes = await asyncio.gather(
        *(office.rotate_secret(CAMERA, overlap=DAY, by=CITY) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, Exception) for one in outcomes) >= 1
    await registry.load()
    keys = registry.directory.device(CAMERA).secrets
    assert sum(one.not_after is None for one in keys) == 1


async def test_no_key_stands_in_the_trail_or_in_clear_in_the_database(imports, office, service_db):
    secrets = [decode_secret((await filed(imports, a_lot())).secrets[CAMERA])]
    issued = await office.rotate_secret(CAMERA, overlap=DAY, by=CITY)
    secrets.append(decode_secret(issued.secret))
    lines = await trail(service_db)
    assert lines[-1][:3] == ("city", "registry.secret_rotated", f"device {CAMERA}")
    assert issued.secret.removeprefix("whsec_") not in str(lines)
    async with service_db.connection() as tx:
        sealed = [row[0] for row in await tx.fetch("SELECT sealed FROM registry.device_secret")]
    assert not any(secret in one for secret in secrets for one in sealed)


async def test_an_operator_sees_and_rotates_its_own_and_nothing_else(imports, office, service_db):
    await filed(imports, a_lot(), a_lot("320281001202", operator="OP-B"))
    ids = await operator_ids(service_db)
    people = {
        code: Principal(2, code.lower(), StaffRole.OPERATOR_ADMIN, ids[code])
        for code in ("OP-A", "OP-B")
    }
    pages = {
        code: await office.page_of_lots(after="", limit=10, by=person)
        for code, person in people.items()
    }
    assert [lot.lot for lot in pages["OP-A"].lots] == ["320281001201"]
    assert [lot.lot for lot in pages["OP-B"].lots] == ["320281001202"]
    assert len((await office.page_of_lots(after="", limit=10, by=CITY)).lots) == 2
    assert await office.rotate_secret(CAMERA, overlap=DAY, by=people["OP-A"])
    with pytest.raises(DeviceUnknown):
        await office.rotate_secret(CAMERA, overlap=DAY, by=people["OP-B"])
    nobody = Principal(3, "x", StaffRole.OPERATOR_ADMIN, 10**9)
    assert (await office.page_of_lots(after="", limit=10, by=nobody)).lots == ()


async def test_without_a_scope_staff_see_nothing_at_all(imports, staff_db):
    await filed(imports, a_lot())
    async with staff_db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM registry.lot") == 0
    async with staff_db.transaction(StaffScope(None, city=True)) as tx:
        assert await tx.fetchval("SELECT count(*) FROM registry.lot") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sealed FROM registry.device_secret",
        "UPDATE registry.device_secret SET sealed = ''",
        "UPDATE registry.lot SET name = 'mine'",
        "DELETE FROM registry.lot",
        "UPDATE registry.version SET number = 0",
        "SELECT * FROM registry.version",
        "SELECT registry.move_version()",
        "SELECT password_hash FROM access.account",
        "UPDATE access.account SET role = 'city_admin', operator_id = NULL",
        "DELETE FROM access.audit",
        "UPDATE access.audit SET actor = 'somebody else'",
        "TRUNCATE access.audit",
    ],
)
async def test_staff_may_not_even_try(staff_db, statement):
    async with staff_db.transaction(StaffScope(None, city=True)) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.execute(statement)


async def test_pages_follow_each_other_to_the_end(imports, office):
    codes = [f"3202810012{number:02d}" for number in range(1, 6)]
    await filed(imports, *map(a_lot, codes))
    seen, after = [], ""
    for _ in range(4):
        page = await office.page_of_lots(after=after, limit=2, by=CITY)
        seen += [lot.lot for lot in page.lots]
        if page.next_after is None:
            break
        after = page.next_after
    assert seen == codes
    assert page.lots == (
        LotRow(
            lot=codes[-1],
            operator="甲停车",
            name="人民路停车场",
            name_en="Renmin Road Lot",
            town="320281001",
            price_form=PriceForm.MARKET,
            plan_key="t7_taicang",
            pools={"short_stay": 90, "disabled": 2},
        ),
    )


async def test_a_lot_is_shown_with_both_positions(imports, registry):
    await filed(imports, a_lot())
    await registry.load()
    view = registry.lot_view("320281001201")
    assert (view.lat_wgs84, view.lon_wgs84) == (31.911, 120.263)
    assert (view.lat_gcj02, view.lon_gcj02) == (31.909023, 120.267608)
    assert [lane.direction for lane in view.lanes] == ["entry", "exit"]
    with pytest.raises(LotUnknown):
        registry.lot_view("320281001299")


async def test_other_contexts_read_lots_through_the_view(imports, service_db):
    await filed(imports, a_lot())
    async with service_db.connection() as tx:
        row = await tx.fetchrow("SELECT code, plan_key FROM registry.pub_lot")
        bays = await tx.fetchval("SELECT sum(capacity) FROM registry.pub_pool")
    assert (tuple(row), bays) == (("320281001201", "t7_taicang"), 92)
