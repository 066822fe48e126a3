"""`onepark demo`: the demonstration city.

Owns: filing its lots, tariffs and staff, and writing down how a script drives it.
Never: touches a registry that holds a real city.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from onepark.app.data_dir import write_json
from onepark.app.demo_staff import appoint_demo_staff
from onepark.app.wiring import Platform, open_platform
from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.importing import read_json
from onepark.contexts.registry.model import Direction, Lot
from onepark.contexts.tariffs.model import Assignment, Filing
from onepark.infra.limits import Limiter
from onepark.infra.settings import Settings, SettingsError, from_env
from onepark.infra.signing import encode_secret
from onepark.kernel.types import Pool
from onepark.simulator.demo_city import MARK, SEED, demo_city

ACTOR = "onepark demo load"
SINCE_AT = datetime(2020, 1, 1, tzinfo=UTC)


@click.group()
def demo() -> None:
    """演示城市 The demonstration city."""


@demo.command()
@click.option("--seed", default=SEED, show_default=True, help="哪一座城 Which city.")
@click.option(
    "--secrets-out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="停车场、设备密钥与账号写入此文件 Where lots, device keys and logins are written (0600).",
)
def load(seed: int, secrets_out: Path) -> None:
    """载入演示城市 File the demonstration city; once it is filed, nothing changes."""
    try:
        lots, staff = asyncio.run(_load(from_env(os.environ), seed))
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    write_json(secrets_out, {"lots": lots, "staff": staff})
    click.echo(f"{len(lots)} lots of the demonstration city are filed.")


async def _load(settings: Settings, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    closed = replace(settings, payments_file="")  # no channel is needed, nor open yet
    async with open_platform(closed) as platform:
        if any(MARK not in lot.name for lot in platform.registry.directory.lots()):
            raise click.ClickException("the registry holds lots that are no demonstration")
        reading = read_json(json.dumps(demo_city(seed)).encode())
        report = await platform.imports.import_reading(reading, actor=ACTOR)
        if report.refused:
            raise click.ClickException(f"refused: {report.refused[0]}")
        await platform.registry.load()
        await _file_tariffs(platform)
        staff = await appoint_demo_staff(
            settings,
            platform.clock,
            databases=platform.databases,
            limiter=Limiter(platform.redis),
            operator_id=min(lot.operator_id for lot in platform.directory.lots()),
            actor=ACTOR,
        )
        return list(_described(platform.registry.directory)), staff


async def _file_tariffs(platform: Platform) -> None:
    """File a plan for every operator that charges by it, and assign it to its lots."""
    bare = [
        lot
        for lot in platform.registry.directory.lots()
        if lot.plan_key and platform.tariffs.plan_at(lot.lot_id, SINCE_AT) is None
    ]
    filings = {
        (lot.operator_id, lot.plan_key): _filing(lot)
        for lot in bare
        if not platform.tariffs.is_filed(lot.operator_id, lot.plan_key or "")
    }
    if filings:
        await platform.tariffs.publish_many(list(filings.values()))
    if bare:
        await platform.tariffs.assign_many(
            [Assignment(lot.lot_id, lot.operator_id, lot.plan_key or "", SINCE_AT) for lot in bare]
        )


def _filing(lot: Lot) -> Filing:
    key = lot.plan_key or ""
    body = files("onepark.simulator").joinpath("plans", f"{key}.json").read_text("utf-8")
    return Filing(key, lot.operator_id, f"{MARK} {key}", body, SINCE_AT)


def _described(directory: Directory) -> Iterator[dict[str, Any]]:
    """Yield each lot as a script drives it: one device at an entry lane, one at an exit lane."""
    gates: dict[int, dict[str, dict[str, str]]] = {}
    for device in sorted(directory.devices().values(), key=lambda one: one.device_id):
        for code in sorted(device.lanes):
            lane = directory.lane(code)
            if lane is None or lane.direction == Direction.BOTH:
                continue
            secret = encode_secret(device.secrets[0].secret)
            gate = {"device": device.device_id, "lane": code, "secret": secret}
            gates.setdefault(device.lot_id, {}).setdefault(lane.direction.value, gate)
    for lot in directory.lots():
        yield {
            "lot": lot.code,
            "capacity": lot.pools.get(Pool.SHORT_STAY, 0),
            "lat": lot.lat_wgs84,
            "lon": lot.lon_wgs84,
            **gates.get(lot.lot_id, {}),
        }
