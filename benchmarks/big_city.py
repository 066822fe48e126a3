"""A city of 1,008 lots, served as in production, for benchmarks to drive.

Owns: its lots, gates and tariffs, and which processes serve it with which settings.
Never: measures, or starts a server with fsync, synchronous_commit or row-level security off.
"""

import asyncio
import base64
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from onepark.app.wiring import Platform, open_platform
from onepark.contexts.registry.importing import read_json
from onepark.contexts.registry.model import Lot
from onepark.contexts.tariffs.model import Assignment, Filing
from onepark.infra.embedded import Child, start_postgres, start_valkey
from onepark.infra.embedded.ports import free_port
from onepark.infra.migrations import migrate
from onepark.infra.settings import from_env
from onepark.kernel.types import DeviceId
from onepark.simulator.demo_city import DIVISION, TOWNS

LOTS_OF_A_TOWN = 63
TARIFFS = {"t1": "T1_wuxi_arterial", "t5": "T5_wuxi_hospital", "t8": "T8_nanjing_core"}
PLANS = Path(__file__).parents[1] / "tests" / "vectors" / "tariffs"
SINCE_AT = datetime(2020, 1, 1, tzinfo=UTC)
READY_S, PROBE_S, HTTP_OK = 60.0, 2.0, 200
REST_S = 120.0
VACUUMS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
SPREAD_DEG = 0.02
GOLDEN = 0.618034  # its multiples spread lots evenly


class Gate(NamedTuple):
    """A device at a lane, and the key that it signs with."""

    device: str
    lane: str
    secret: bytes


class DrivenLot(NamedTuple):
    """A lot with one way in and one way out, and the tariff that it charges by."""

    lot_id: int
    code: str
    plan_key: str
    lat: float
    lon: float
    entry: Gate
    exit: Gate


@dataclass(frozen=True)
class City:
    """What runs, and how it is reached."""

    folder: Path
    env: Mapping[str, str]
    lots: list[DrivenLot]
    postgres: Child
    valkey: Child
    serve: Child
    work: Child

    @property
    def port(self) -> int:
        return int(self.env["ONEPARK_PORT"])

    @property
    def database_url(self) -> str:
        return self.postgres.url

    async def rest(self) -> None:
        """Let PostgreSQL end what it does by itself after many writes."""
        tx = await asyncpg.connect(self.database_url)
        await tx.execute("CHECKPOINT")
        async with asyncio.timeout(REST_S):
            while await tx.fetchval(VACUUMS):  # noqa: ASYNC110  nobody tells when they end
                await asyncio.sleep(1)
        await tx.close()


@contextmanager
def served(**settings: int | str) -> Iterator[City]:
    """Serve the city with these settings beside the defaults; leaving ends all of it."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)
        postgres, valkey = start_postgres(folder / "postgres"), start_valkey(folder / "valkey")
        migrate(postgres.url)
        env = _environment(postgres.url, valkey.url, settings)
        lots = asyncio.run(_filed(env))
        serve, work = (_program(name, folder, env) for name in ("serve", "work"))
        try:
            serve.start()
            work.start()
            serve.wait_until(lambda: is_ready(int(env["ONEPARK_PORT"])), within_s=READY_S)
            yield City(folder, env, lots, postgres, valkey, serve, work)
        finally:
            for child in (serve, work, valkey, postgres):
                child.stop()


def _environment(
    database_url: str, redis_url: str, settings: Mapping[str, int | str]
) -> dict[str, str]:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("ONEPARK_")}
    return bare | {
        "ONEPARK_DATABASE_URL": database_url,
        "ONEPARK_REDIS_URL": redis_url,
        "ONEPARK_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "ONEPARK_PORT": str(free_port()),
        **{f"ONEPARK_{name.upper()}": str(value) for name, value in settings.items()},
    }


def _program(name: str, folder: Path, env: Mapping[str, str]) -> Child:
    command = [sys.executable, "-m", "onepark.app.cli", name]
    return Child(name=name, command=command, log=folder / f"{name}.log", env=env)


def is_ready(port: int, path: str = "/readyz") -> bool:
    """Tell whether a server on this machine answers 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PROBE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTP_OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


# -- the archive -----------------------------------------------------------------------------------


async def _filed(env: Mapping[str, str]) -> list[DrivenLot]:
    """File the lots and tariffs, and return each lot as it is driven."""
    async with open_platform(from_env(env)) as platform:
        report = await platform.imports.import_reading(
            read_json(json.dumps(document()).encode()), actor="benchmarks"
        )
        assert not report.refused, report.refused
        await platform.registry.load()
        await _file_tariffs(platform)
        return [_driven(platform, lot) for lot in platform.directory.lots()]


async def _file_tariffs(platform: Platform) -> None:
    lots = platform.directory.lots()
    for operator_id in sorted({lot.operator_id for lot in lots}):
        await platform.tariffs.publish_many(
            [Filing(key, operator_id, file, _body(file), SINCE_AT) for key, file in TARIFFS.items()]
        )
    await platform.tariffs.assign_many(
        [Assignment(lot.lot_id, lot.operator_id, lot.plan_key or "", SINCE_AT) for lot in lots]
    )


def _body(file: str) -> str:
    return (PLANS / f"{file}.json").read_text("utf-8")


def _driven(platform: Platform, lot: Lot) -> DrivenLot:
    gates = [_gate(platform, f"{lot.code}-{way}1") for way in ("E", "X")]
    where = lot.lat_wgs84, lot.lon_wgs84
    return DrivenLot(lot.lot_id, lot.code, lot.plan_key or "", *where, *gates)


def _gate(platform: Platform, lane: str) -> Gate:
    device = platform.directory.device(DeviceId(f"{lane}-cam"))
    assert device is not None, "the device was filed"
    return Gate(device.device_id, lane, device.secrets[0].secret)


def document() -> dict[str, Any]:
    """Return the archive of the city, as an import file states it."""
    operators = [
        {"code": f"BENCH-{n}", "name": f"停车公司{n}", "name_en": f"Parking {n}"} for n in range(6)
    ]
    lots = [
        _lot(town, serial) for town in range(len(TOWNS)) for serial in range(1, LOTS_OF_A_TOWN + 1)
    ]
    return {"operators": operators, "lots": lots}


def _lot(town: int, serial: int) -> dict[str, Any]:
    seat, turn = TOWNS[town], serial * GOLDEN % 1.0
    code = f"{DIVISION}{seat.street}2{serial:02d}"
    lanes = {f"{code}-E1": "entry", f"{code}-X1": "exit"}
    return {
        "lot": code,
        "operator": f"BENCH-{town % 6}",
        "name": f"{seat.name}{serial}号停车场",
        "name_en": f"{seat.name_en} {serial}",
        "town": f"{DIVISION}{seat.street}",
        "address": f"{seat.name}{serial}号",
        "lat_wgs84": round(seat.lat + SPREAD_DEG * (serial / LOTS_OF_A_TOWN - 0.5), 6),
        "lon_wgs84": round(seat.lon + SPREAD_DEG * (turn - 0.5), 6),
        "parking_type": 3,
        "parking_locate": 2,  # on the street: cars leave without asking, and owe
        "build_type": 1,
        "price_form": "government_guided",
        "plan_key": list(TARIFFS)[serial % len(TARIFFS)],
        "opening_hours": "24h",
        "pools": {"short_stay": 400},
        "lanes": [
            {"lane": lane, "direction": way, "confirms_exit": True} for lane, way in lanes.items()
        ],
        "devices": [{"device": f"{lane}-cam", "lanes": [lane]} for lane in lanes],
    }
