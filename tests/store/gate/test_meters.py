"""How devices are, as the worker reads it from the database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from onepark.contexts.gate.meters import SHOWN_MAX, Devices
from onepark.contexts.registry.model import Device
from onepark.infra.metrics import REGISTRY
from onepark.kernel.types import DeviceId, LotId, OperatorId
from tests.builders import EIGHT
from tests.fakes.clock import HandClock

CODE = "320281001101"
HEARD = """
    INSERT INTO gate.device_status (lot_id, device_id, operator_id, heard_at, clock_offset_ms)
    VALUES (42, $1, 7, $2, $3)
"""


class OneLot:
    """An archive of one lot, from which the device `gone` was taken."""

    code = CODE

    def device(self, device_id: DeviceId) -> Device | None:
        if device_id == "gone":
            return None
        return Device(device_id, LotId(42), OperatorId(7), frozenset(), ())

    def lane(self, code: Any) -> Any:
        return None

    def lot_by_id(self, lot_id: LotId) -> Any:
        return self


def offset(device: str) -> float | None:
    labels = {"lot": CODE, "device": device}
    return REGISTRY.get_sample_value("parking_gate_clock_offset_seconds", labels)


def last_seen(device: str) -> float | None:
    labels = {"lot": CODE, "device": device}
    return REGISTRY.get_sample_value("parking_gate_last_seen_timestamp_seconds", labels)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM gate.device_status")
    yield connection
    await connection.close()


@pytest.fixture
def devices(service_db) -> Devices:
    return Devices(service_db, archive=OneLot, clock=HandClock())


async def test_the_clocks_of_devices_heard_of_lately_are_shown(owner, devices):
    await owner.execute(HEARD, "fast", EIGHT, 12_500)
    await owner.execute(HEARD, "slow", EIGHT, -600_000)
    await owner.execute(HEARD, "old", EIGHT - timedelta(hours=2), 900_000)
    await owner.execute(HEARD, "mute", EIGHT, None)
    await owner.execute(HEARD, "gone", EIGHT, 999_000)
    await devices.measure()
    told = {name: offset(name) for name in ("fast", "slow", "old", "mute", "gone")}
    assert told == {"fast": 12.5, "slow": -600.0, "old": None, "mute": None, "gone": None}


async def test_the_longest_silences_are_shown_and_those_of_days_are_not(owner, devices):
    await owner.execute(HEARD, "quiet", EIGHT - timedelta(hours=5), None)
    await owner.execute(HEARD, "retired", EIGHT - timedelta(days=4), None)
    await devices.measure()
    assert last_seen("quiet") == (EIGHT - timedelta(hours=5)).timestamp()
    assert last_seen("retired") is None


async def test_a_large_city_makes_few_series(owner, devices):
    for number in range(SHOWN_MAX + 5):
        heard_at = EIGHT - timedelta(minutes=number)
        await owner.execute(HEARD, f"cam-{number}", heard_at, number)
    await devices.measure()
    seen = [number for number in range(SHOWN_MAX + 5) if last_seen(f"cam-{number}")]
    assert seen == list(range(5, SHOWN_MAX + 5)), "the longest silent ones"
