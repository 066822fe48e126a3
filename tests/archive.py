"""A small archive, and a clock moved by hand."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from onepark.contexts.registry.importing import read_json
from onepark.contexts.registry.model import Reading
from onepark.infra.settings import SecretKey

KEY = SecretKey(bytes(range(32)))
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday, twelve o'clock in Jiangyin

OPERATORS = [
    {"code": "OP-A", "name": "甲停车", "name_en": "Alpha Parking"},
    {"code": "OP-B", "name": "乙停车", "name_en": "Beta Parking"},
]

LOT = {
    "operator": "OP-A",
    "name": "人民路停车场",
    "name_en": "Renmin Road Lot",
    "town": "320281001",
    "address": "人民路1号",
    "lat_wgs84": 31.911,
    "lon_wgs84": 120.263,
    "parking_type": 2,
    "parking_locate": 1,
    "build_type": 1,
    "price_form": "market",
    "plan_key": "t7_taicang",
    "opening_hours": "24h",
    "pools": {"short_stay": 90, "disabled": 2},
}


def a_lot(code: str = "320281001201", **changes: Any) -> dict[str, Any]:
    """A public lot of operator A with one entry, one exit and a camera at each."""
    ways = (("E1", "entry"), ("X1", "exit"))
    lot = {
        "lot": code,
        **copy.deepcopy(LOT),
        "lanes": [{"lane": f"{code}-{name}", "direction": way} for name, way in ways],
        "devices": [
            {"device": f"{code}-{name}-cam", "lanes": [f"{code}-{name}"]} for name, _ in ways
        ],
        **changes,
    }
    return {name: value for name, value in lot.items() if value is not ...}


def a_reading(*lots: dict[str, Any], operators: list[dict[str, str]] = OPERATORS) -> Reading:
    return read_json(json.dumps({"operators": operators, "lots": lots}).encode())


class HandClock:
    """A clock that moves when it is told to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, span: timedelta) -> None:
        self.at += span
