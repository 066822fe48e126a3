"""A small city as citizens see it: lots in an archive, and counts."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import (
    BuildType,
    Lane,
    Lot,
    ParkingLocate,
    ParkingType,
    PriceForm,
)
from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies.rules import Calibration
from onepark.kernel.types import LotCode, LotId, OperatorId, Pool
from tests.builders import EIGHT

LAT, LON = 31.92, 120.285


def a_city_lot(number: int = 1, **changes: Any) -> Lot:
    """A garage with 100 bays; each number lies one hundredth of a degree further north."""
    values: dict[str, Any] = {
        "lot_id": LotId(number),
        "code": LotCode(f"3202810011{number:02}"),
        "operator_id": OperatorId(7),
        "name": f"第{number}停车场",
        "name_en": f"Car park {number}",
        "town": "320281001",
        "address": f"人民路 {number} 号",
        "lat_wgs84": LAT + (number - 1) / 100,
        "lon_wgs84": LON,
        "lat_gcj02": 31.918,
        "lon_gcj02": 120.2895,
        "parking_type": ParkingType.PUBLIC,
        "parking_locate": ParkingLocate.OFF_STREET,
        "build_type": BuildType.GROUND,
        "attached_type": None,
        "price_form": PriceForm.MARKET,
        "plan_key": None,
        "opening_hours": "24h",
        "pools": {Pool.SHORT_STAY: 100},
    }
    return Lot(**(values | changes))


def a_count(occupied: int, n: int = 1, **changes: Any) -> Count:
    """A count of lot 1, made at eight."""
    values: dict[str, Any] = {
        "lot_id": LotId(1),
        "pool": Pool.SHORT_STAY,
        "incarnation": 1,
        "n": n,
        "occupied": occupied,
        "changed_at": EIGHT,
    }
    return Count(**(values | changes))


def a_calibration(drift: int | None, n: int = 1, **changes: Any) -> Calibration:
    """What the snapshot of eight said of the short-stay pool of lot 1."""
    values: dict[str, Any] = {
        "lot_id": LotId(1),
        "pool": Pool.SHORT_STAY,
        "incarnation": 1,
        "n": n,
        "drift": drift,
        "snapshot_at": None if drift is None else EIGHT,
        "changed_at": EIGHT,
    }
    return Calibration(**(values | changes))


class Archive:
    """Holds the present archive, as the registry does."""

    def __init__(self, lots: Iterable[Lot], lanes: Iterable[Lane] = ()) -> None:
        self.directory = Directory(version=1, lots=lots, lanes=lanes)

    def __call__(self) -> Directory:
        return self.directory

    def replace(self, lots: Iterable[Lot]) -> None:
        self.directory = Directory(version=self.directory.version + 1, lots=lots)


async def until(true: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Wait for something that other tasks bring about."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.01)
