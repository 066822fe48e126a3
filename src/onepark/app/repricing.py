"""A whole city's year, drawn and priced chunk by chunk.

Owns: what is measured of it; the one call that prices a chunk.
Never: touches a database, or holds more than one chunk of the year.
"""

import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import numpy as np
from msgspec import Struct

from onepark import _native
from onepark.contexts.tariffs.phrases import yuan
from onepark.contexts.tariffs.rules import compile_plan
from onepark.simulator.city.year import Chunk, draw_year, groups_of
from onepark.simulator.demo_city import demo_city


class KindReport(Struct):
    """What the lots of one kind earn."""

    stays: int = 0
    total_fen: int = 0


class YearReport(Struct, frozen=True):
    """What a year comes to, and how long it took from the command to this line."""

    year: int
    seed: int
    stays: int
    total_fen: int
    seconds: float
    stays_per_s: float
    by_kind: dict[str, KindReport]

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        for kind, earned in self.by_kind.items():
            mean = yuan(earned.total_fen // max(earned.stays, 1))
            yield f"{kind}: {earned.stays} stays, {yuan(earned.total_fen)}, 平均 mean {mean}"
        yield f"合计 all: {self.stays} stays, {yuan(self.total_fen)}"
        yield f"{self.seconds:.1f} s, {self.stays_per_s:,.0f} stays/s"


def reprice_year(*, year: int, stays: int, seed: int) -> YearReport:
    """Draw the demonstration city's year, and price all of it."""
    began_s = time.perf_counter()
    groups = groups_of(demo_city())
    plans = {key: _plan(key) for key in sorted({group.plan_key for group in groups})}
    by_kind: dict[str, KindReport] = {}
    for chunk in draw_year(groups, year=year, stays=stays, seed=seed):
        earned = by_kind.setdefault(chunk.group.kind.value, KindReport())
        earned.stays += len(chunk.entered_s)
        earned.total_fen += int(fees_of(plans[chunk.group.plan_key], chunk).sum())
    seconds = time.perf_counter() - began_s
    total_fen = sum(earned.total_fen for earned in by_kind.values())
    return YearReport(year, seed, stays, total_fen, seconds, stays / seconds, by_kind)


def fees_of(plan: _native.Plan, chunk: Chunk) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the fee of each stay of a chunk, all of them by one native call."""
    first = np.zeros(len(chunk.entered_s), np.uint32)
    fees = _native.price_columns([plan], first, chunk.entered_s, chunk.until_s, chunk.vehicle)
    return np.frombuffer(fees, np.int64)


def _plan(key: str) -> _native.Plan:
    file = files("onepark.simulator").joinpath("plans", f"{key}.json")
    return compile_plan(file.read_text("utf-8"))
