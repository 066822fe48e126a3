"""Zones of lanes in a real database: filed, changed, and never of another lot."""

from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import ImportReport
from onepark.contexts.registry.service import Registry, RegistryImports
from onepark.infra.db import StaffScope
from onepark.kernel.types import LotCode
from tests.archive import KEY, HandClock, a_lot, a_reading

LANES = "SELECT right(lane, 2), zone FROM registry.pub_lane ORDER BY lane"


@pytest.fixture
def imports(service_db) -> RegistryImports:
    return RegistryImports(service_db, KEY, audit=Audit(), clock=HandClock())


@pytest.fixture
def registry(service_db) -> Registry:
    return Registry(service_db, KEY, HandClock())


def a_lot_with_zones(code: str = "320281001201", **leads: str) -> dict[str, Any]:
    """A lot whose entrances lead into zones of one bay each."""
    zones = [{"zone": zone, "name": zone, "capacity": 1} for zone in sorted(set(leads.values()))]
    lanes = [
        {"lane": f"{code}-{name}", "direction": "entry", "zone": zone}
        for name, zone in leads.items()
    ]
    return a_lot(code, zones=zones, lanes=lanes, devices=[])


async def filed(imports: RegistryImports, *lots: dict[str, Any]) -> ImportReport:
    return await imports.import_reading(a_reading(*lots), actor="test")


def leads_of(directory: Directory, code: str = "320281001201") -> dict[str, str | None]:
    lot = directory.lot(LotCode(code))
    assert lot is not None
    return {lane.lane[-2:]: lane.zone for lane in directory.lanes_of(lot.lot_id)}


async def test_a_lane_leads_into_its_zone_until_the_next_file_says_otherwise(imports, registry):
    for leads in ({"E1": "A", "E2": "B"}, {"E1": "B", "E2": "C"}, {"E1": "C", "E2": "C"}):
        report = await filed(imports, a_lot_with_zones(**leads))
        assert (report.refused, report.new_lots + report.changed_lots) == ((), 1)
        await registry.load()
        assert leads_of(registry.directory) == leads
        lot = registry.directory.lot(LotCode("320281001201"))
        assert lot is not None
        assert {zone.zone for zone in lot.zones} == set(leads.values())
        assert (await filed(imports, a_lot_with_zones(**leads))).changes_nothing


async def test_a_lane_into_no_zone_of_its_lot_files_nothing(imports, registry):
    other = a_lot_with_zones("320281001202", E1="A")
    lost = a_lot_with_zones("320281001203", E1="A") | {"zones": []}
    report = await filed(imports, other, lost)
    assert [(one.row, one.field) for one in report.refused] == [(2, "lanes")]
    await registry.load()
    assert registry.directory.lot(LotCode("320281001202")) is None


async def test_a_zone_with_a_lane_into_it_is_not_taken_away_in_silence(imports, registry):
    code = "320281001204"
    await filed(imports, a_lot_with_zones(code, E1="A"))
    report = await filed(imports, a_lot(code, lanes=[], devices=[]))
    assert [one.field for one in report.refused] == ["lanes"]
    report = await filed(imports, a_lot(code, devices=[]))
    assert report.changed_lots == 1
    await registry.load()
    assert leads_of(registry.directory, code) == {"E1": None, "X1": None}


async def test_staff_see_where_the_lanes_of_their_own_lots_lead(imports, service_db, staff_db):
    code = "320281001205"
    await filed(imports, a_lot_with_zones(code, E7="A"))
    async with service_db.connection() as tx:
        owner = await tx.fetchval("SELECT operator_id FROM registry.lot WHERE code = $1", code)
    async with staff_db.transaction(StaffScope(owner, city=False)) as tx:
        assert ("E7", "A") in [tuple(row) for row in await tx.fetch(LANES)]
    async with staff_db.transaction(StaffScope(owner + 1, city=False)) as tx:
        assert ("E7", "A") not in [tuple(row) for row in await tx.fetch(LANES)]
