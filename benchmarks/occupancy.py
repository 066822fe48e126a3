"""The full recount of a city's passages, beside DuckDB, Polars and the bandwidth of memory.

Owns: the columns of the load, the peers' queries and the alternation of both sides.
Never: gives a peer more work, another layout or fewer tries than ours; answers are compared first.

The question of every side: how many passages did each pool of each lot see up to an instant, and
how many cars does it hold then? All read the same Arrow buffers, on one thread. Peers may ask
it in whichever of the listed ways is fastest.

usage: nox -s bench -- --only A1,A2
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.side_by_side import Measurement, alternate, faster, timed
from onepark import _native

ROWS = 10_000_000
LOTS, POOLS = 1_000, 5
GROUPS = LOTS * POOLS
DAYS = 30
DAY_S = 86_400
FIRST_S = 1_793_462_400  # 2026-11-01 at midnight in China
UNTIL_S = FIRST_S + 29 * DAY_S
SHORT_STAYS = 0.8
LATE = 0.02  # passages that a gate sent up to a day after they happened
ROUNDS = 15
SEED = 320281

Answer: TypeAlias = dict[
    int, tuple[int, int]
]  # group → passages, cars inside; empty groups left out
DUCKDB = """
    SELECT "group", count(*), sum(delta) FROM passages WHERE at_s <= ? GROUP BY "group"
"""


@dataclass(frozen=True)
class Load:
    """The passages as columns, in the order in which they arrived; both sides read this memory."""

    group: bytes
    delta: bytes
    at_s: bytes

    @property
    def columns(self) -> tuple[bytes, bytes, bytes]:
        return self.group, self.delta, self.at_s

    @property
    def size(self) -> int:
        return sum(map(len, self.columns))

    def table(self) -> pa.Table:
        types = {"group": pa.uint16(), "delta": pa.int8(), "at_s": pa.uint32()}
        arrays = [
            pa.Array.from_buffers(kind, ROWS, [None, pa.py_buffer(column)])
            for kind, column in zip(types.values(), self.columns, strict=True)
        ]
        return pa.table(arrays, names=list(types))


@cache
def load() -> Load:
    """Make the passages of a month: mostly short stays, nearly in order of time."""
    random = np.random.default_rng(SEED)
    lot = random.integers(0, LOTS, ROWS)
    other = random.integers(1, POOLS, ROWS)
    pool = np.where(random.random(ROWS) < SHORT_STAYS, 0, other)
    delta = np.where(random.random(ROWS) < 0.5, 1, -1)  # noqa: PLR2004  a car goes in or out
    at_s = np.sort(random.integers(FIRST_S, FIRST_S + DAYS * DAY_S, ROWS))
    late = random.random(ROWS) < LATE
    at_s = np.where(late, at_s - random.integers(0, DAY_S, ROWS), at_s)
    return Load(
        (lot * POOLS + pool).astype(np.uint16).tobytes(),
        delta.astype(np.int8).tobytes(),
        at_s.astype(np.uint32).tobytes(),
    )


def recount(columns: Load) -> _native.Counters:
    """Count everything anew: our side."""
    return _native.recount(GROUPS, *columns.columns, UNTIL_S)


def bandwidth(columns: Load) -> int:
    """Add the same bytes up as machine words: the fastest that numpy reads them."""
    return sum(int(np.sum(np.frombuffer(column, np.int64))) for column in columns.columns)


def by_numpy(columns: Load) -> Answer:
    """Count with numpy, so that what is timed is known to be right."""
    kinds = (np.uint16, np.int8, np.uint32)
    group, delta, at_s = map(np.frombuffer, columns.columns, kinds)
    until = at_s <= UNTIL_S
    many = np.bincount(group[until], minlength=GROUPS)
    held = np.bincount(group[until], weights=delta[until], minlength=GROUPS)
    pairs = enumerate(zip(many.tolist(), held.astype(int).tolist(), strict=True))
    return {group: pair for group, pair in pairs if pair[0]}


class Peers:
    """DuckDB and Polars, each on one thread and ready with the table."""

    def __init__(self, columns: Load) -> None:
        assert pl.thread_pool_size() == 1, "POLARS_MAX_THREADS is read when polars is imported"
        table = columns.table()
        self._duckdb = duckdb.connect(config={"threads": 1})
        self._duckdb.register("passages", table)
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        counted = frame.lazy().filter(pl.col("at_s") <= UNTIL_S).group_by("group")
        self._polars = counted.agg(pl.len(), pl.col("delta").sum())
        wide = counted.agg(pl.len(), pl.col("delta").cast(pl.Int64).sum())
        self.ways: Mapping[str, Callable[[], Any]] = {
            "duckdb": lambda: self._duckdb.execute(DUCKDB, [UNTIL_S]).fetchnumpy(),
            "polars": wide.collect,
            "polars streaming": lambda: wide.collect(engine="streaming"),
        }

    def answers(self) -> Iterator[tuple[str, Answer]]:
        rows = self._duckdb.execute(DUCKDB, [UNTIL_S]).fetchall()
        yield "duckdb", {group: (many, held) for group, many, held in rows}
        for name in ("polars", "polars streaming"):
            frame = self.ways[name]()
            yield name, {group: (many, held) for group, many, held in frame.rows()}


def answer_of(counters: _native.Counters) -> Answer:
    flows = zip(counters.entries(), counters.exits(), strict=True)
    told = {group: (ins + outs, ins - outs) for group, (ins, outs) in enumerate(flows)}
    return {group: flow for group, flow in told.items() if flow[0]}


def a1() -> Iterator[Measurement]:
    """Measure rows a second of the recount beside the better of DuckDB and Polars."""
    columns = load()
    peers, mine = Peers(columns), answer_of(recount(columns))
    for name, theirs in peers.answers():
        assert theirs == mine, f"{name} counts otherwise"
    ways = [timed(way) for way in peers.ways.values()]
    taken = alternate(
        timed(lambda: recount(columns)), lambda: min(way() for way in ways), rounds=ROUNDS
    )
    yield faster("A1", taken, work=(ROWS / 1e6, ROWS / 1e6), unit="million rows/s")


def a2() -> Iterator[Measurement]:
    """Measure bytes a second of the recount beside numpy's sum of the same buffers."""
    columns = load()
    assert answer_of(recount(columns)) == by_numpy(columns), "numpy counts otherwise"
    sides = (timed(lambda: recount(columns)), timed(lambda: bandwidth(columns)))
    taken, size = alternate(*sides, rounds=ROUNDS), columns.size / 1e9
    yield faster("A2", taken, work=(size, size), unit="GB/s")


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {"A1": a1, "A2": a2}
