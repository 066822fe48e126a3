"""Two sides measured in one run.

Owns: the alternation of both sides, and how a ratio is told.
Never: knows what is measured; whoever calls has compared the answers first.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any, TypeAlias

Measurement: TypeAlias = dict[str, Any]
Side: TypeAlias = Callable[[], float]

ROUNDS = 7


def timed(work: Callable[[], object]) -> Side:
    """Return a side that does some work and tells how many seconds it took."""

    def side() -> float:
        began_s = time.perf_counter()
        work()
        return time.perf_counter() - began_s

    return side


def alternate(ours: Side, peer: Side, *, rounds: int = ROUNDS) -> list[tuple[float, float]]:
    """Return the seconds of (ours, peer) in each round, after one that warms up; A B B A."""
    taken = []
    gc.disable()
    for turn in range(rounds + 1):
        if turn % 2:
            pair = (ours(), peer())
        else:
            peer_s = peer()
            pair = (ours(), peer_s)
        if turn:
            taken.append(pair)
    gc.enable()
    return taken


def faster(
    name: str, taken: list[tuple[float, float]], *, work: tuple[float, float], unit: str
) -> Measurement:
    """Return how many times as much work ours does in a second; ``work`` is of (ours, peer)."""
    ours, peer = work
    ratios = [(ours / ours_s) / (peer / peer_s) for ours_s, peer_s in taken]
    reached = (ours / median(s for s, _ in taken), peer / median(s for _, s in taken))
    return told(name, ratios, reached, unit)


def told(name: str, ratios: list[float], reached: tuple[float, float], unit: str) -> Measurement:
    """Return the median of paired ratios with its range, and what each side reached."""
    low, mid, high = (round(of(ratios), 3) for of in (min, median, max))
    ours, peer = (round(value, 3) for value in reached)
    return {
        "id": name,
        "ratio": mid,
        "low": low,
        "high": high,
        "ours": ours,
        "peer": peer,
        "unit": unit,
    }
