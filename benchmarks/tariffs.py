"""Prices of stays, beside closed forms written by hand in Python and in numpy.

Owns: the stays of the load and the comparison of answers before anything is timed.
Never: lets a side see stays that another one does not.

Tariffs T1, T5 and T8 mixed; entries at any second of a year, 2.5 hours on the average, one stay in
fifty for days. One thread on all sides.

usage: nox -s bench -- --only F1a,F1b,F2,F3
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import starmap
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from benchmarks.side_by_side import Measurement, Side, alternate, faster, timed, told
from benchmarks.tariff_peers import (
    T1,
    T1_FREE_S,
    T8,
    T8_FREE_S,
    hospital_columns,
    t1,
    t5,
    t8,
    windowed_columns,
)
from onepark import _native
from onepark.contexts.tariffs.rules import compile_plan

FOLDER = Path(__file__).parents[1] / "tests" / "vectors" / "tariffs"
PLANS = ("T1_wuxi_arterial", "T5_wuxi_hospital", "T8_nanjing_core")
PYTHON: tuple[Callable[[int, int], int], ...] = (t1, t5, t8)
CHUNK = 65_536
ROWS, PYTHON_ROWS, QUOTES = 600_000, 30_000, 100_000
FIRST_S, YEAR_S, DAY_S = 1_767_196_800, 365 * 86_400, 86_400
MEAN_S, LONG = 9_000, 50
LONG_STAYS, TEN_YEARS, REST_S = 2_000, 3_652, 5_400
SEED = 320281

Column = npt.NDArray[np.int64]


@cache
def plans() -> list[_native.Plan]:
    """Compile the three plans."""
    return [_native.Plan((FOLDER / f"{name}.json").read_text("utf-8")) for name in PLANS]


@cache
def stays() -> tuple[npt.NDArray[np.uint32], Column, Column]:
    """Draw the stays: which plan, entry, exit."""
    draw = np.random.default_rng(SEED)
    entered = FIRST_S + draw.integers(0, YEAR_S, ROWS)
    length = draw.exponential(MEAN_S, ROWS).astype(np.int64)
    length[::LONG] += draw.integers(1, 6, len(length[::LONG])) * DAY_S
    return draw.integers(0, len(PLANS), ROWS).astype(np.uint32), entered, entered + length


def ours(rows: int) -> Column:
    """Price columns in the native core, chunk by chunk as `onepark reprice` does."""
    fees = np.empty(rows, np.int64)
    for first in range(0, rows, CHUNK):
        plan, entered, until = (column[first : first + CHUNK][: rows - first] for column in stays())
        priced = _native.price_columns(plans(), plan, entered, until, bytes(len(plan)))
        fees[first : first + len(plan)] = np.frombuffer(priced, np.int64)
    return fees


def python(rows: int) -> list[int]:
    """Price one stay after the other in plain Python."""
    plan, entered, until = (column[:rows].tolist() for column in stays())
    return [PYTHON[p](e, u) for p, e, u in zip(plan, entered, until, strict=True)]


def numpy() -> Column:
    """Price the columns of each tariff at once."""
    plan, entered, until = stays()
    fees = np.empty(len(plan), np.int64)
    for number in range(len(PLANS)):
        rows = np.flatnonzero(plan == number)
        fees[rows] = _of_tariff(number, entered[rows], until[rows])
    return fees


def _of_tariff(number: int, entered: Column, until: Column) -> Column:
    if number == 1:
        return hospital_columns(entered, until)
    windows, free = ((T1, T1_FREE_S), (T8, T8_FREE_S))[number // 2]
    return windowed_columns(entered, until, windows, free)


def beside_python() -> Iterator[Measurement]:
    """Measure quotes a second beside closed forms in Python."""
    assert ours(PYTHON_ROWS).tolist() == python(PYTHON_ROWS)
    taken = alternate(timed(lambda: ours(ROWS)), timed(lambda: python(PYTHON_ROWS)))
    work = (ROWS / 1e6, PYTHON_ROWS / 1e6)
    yield faster("F1a", taken, work=work, unit="million quotes/s")


def beside_numpy() -> Iterator[Measurement]:
    """Measure quotes a second beside numpy over the same columns."""
    assert (ours(ROWS) == numpy()).all()
    taken = alternate(timed(lambda: ours(ROWS)), timed(numpy))
    yield faster("F1b", taken, work=(ROWS / 1e6, ROWS / 1e6), unit="million quotes/s")


def one_quote() -> Iterator[Measurement]:
    """Measure one quote from Python beside a native call that does next to nothing.

    The peer is `Calendar.kind`, which looks one byte up; lower is better.
    """
    plan, calendar = plans()[1], _native.Calendar(b"")
    _, entered, until = stays()
    spans = list(zip(entered[:QUOTES].tolist(), until[:QUOTES].tolist(), strict=True))
    days = array("q", range(QUOTES)).tolist()
    taken = alternate(
        timed(lambda: deque(starmap(plan.fee_fen, spans), maxlen=0)),
        timed(lambda: deque(map(calendar.kind, days), maxlen=0)),
    )
    nanoseconds = [(a / QUOTES * 1e9, b / QUOTES * 1e9) for a, b in taken]
    ours_ns, peer_ns = (median(side) for side in zip(*nanoseconds, strict=True))
    yield told("F2", [a / b for a, b in nanoseconds], (ours_ns, peer_ns), "ns a call")


def ten_years() -> Iterator[Measurement]:
    """Measure a stay of ten years beside one of a day, for the plan where that is worst.

    Entries at any second; kinds of day as published. Lower is better.
    """
    worst = max((_ten_years(file) for file in sorted(FOLDER.glob("T*.json"))), key=_ratio_of)
    yield worst


def _ratio_of(measurement: Measurement) -> float:
    return float(measurement["ratio"])


def _ten_years(file: Path) -> Measurement:
    plan = compile_plan(file.read_text("utf-8"))
    entered = stays()[1][:LONG_STAYS].tolist()

    def side(days: int) -> Side:
        spans = [(at_s, at_s + days * DAY_S + REST_S) for at_s in entered]
        return timed(lambda: deque(starmap(plan.fee_fen, spans), maxlen=0))

    taken = alternate(side(TEN_YEARS), side(1))
    nanoseconds = [(a / LONG_STAYS * 1e9, b / LONG_STAYS * 1e9) for a, b in taken]
    reached = tuple(median(side) for side in zip(*nanoseconds, strict=True))
    ratios = [a / b for a, b in nanoseconds]
    return told("F3", ratios, (reached[0], reached[1]), f"ns a fee, {file.stem}")


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "F1a": beside_python,
    "F1b": beside_numpy,
    "F2": one_quote,
    "F3": ten_years,
}
