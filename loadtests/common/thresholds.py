"""What a run must reach, read from thresholds.toml, and where it fell short.

Owns: the comparison.
Never: holds a limit itself, or knows Locust.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[1] / "thresholds.toml"
LIMITS = {"failed_share_max", "p50_ms_max", "p95_ms_max", "p99_ms_max", "per_s_min", "requests_min"}

Limits = dict[str, float]


class Reached(NamedTuple):
    """What one kind of request came to."""

    name: str
    requests: int
    failed: int
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def read(scenario: str, file: Path = FILE) -> dict[str, Limits]:
    """Return the limits of every named request: the scenario's own over those of all.

    Raises ValueError for a word that is no limit.
    """
    table = tomllib.loads(file.read_text("utf-8"))
    merged: dict[str, Limits] = {}
    for part in (table.get("all", {}), table.get(scenario, {})):
        for name, limits in part.items():
            if unknown := set(limits) - LIMITS:
                raise ValueError(f"{file.name}: {name} has no limit {min(unknown)}")
            merged[name] = merged.get(name, {}) | limits
    return merged


def breaches(limits: dict[str, Limits], reached: Iterable[Reached]) -> list[str]:
    """Say which limits were broken; a request that was never made breaks those that ask for it."""
    found = {one.name: one for one in reached}
    return [
        f"{name}: {limit} is {bound:g}, reached {value:g}"
        for name, of_name in limits.items()
        for limit, bound in of_name.items()
        if _is_broken(limit, bound, value := _value(limit, found.get(name)))
    ]


def _value(limit: str, reached: Reached | None) -> float:
    """What a limit is about; a request that nobody made has nothing."""
    if reached is None:
        return 0.0
    return {
        "failed_share_max": reached.failed / max(reached.requests, 1),
        "p50_ms_max": reached.p50_ms,
        "p95_ms_max": reached.p95_ms,
        "p99_ms_max": reached.p99_ms,
        "per_s_min": reached.per_s,
        "requests_min": float(reached.requests),
    }[limit]


def _is_broken(limit: str, bound: float, value: float) -> bool:
    return value > bound if limit.endswith("_max") else value < bound
