"""Cars at barriers while gates that were offline for three days send what they have kept.

Owns: the live load, which goes by its schedule, with a backlog beside it and without.
Never: lets a round end with a part of the backlog refused or unanswered.

BACKLOG: latency at p99 of live passages while gates drain their backlogs, beside that of the same
load alone, in turn; lower is better. BACKLOG_drained: how fast the backlog went in meanwhile.

usage: nox -s bench -- --only BACKLOG
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median

import uvloop

from benchmarks.big_city import City, served
from benchmarks.gate_load import Load
from benchmarks.pace import Arrivals, quantile, send_on_time
from benchmarks.side_by_side import Measurement, told
from benchmarks.wire import Tally, exchange, sent

ROUNDS = 3
LIVE_A_SECOND, SECONDS, CONNECTIONS = 200, 15.0, 64
GATES, EACH, OF_A_GATE = 16, 100, 3_000  # passages that a gate of a busy lot keeps in 72 hours
MS = 1_000


def beside_backlog(name: str) -> Iterator[Measurement]:
    """Alternate the live load alone with the live load beside a backlog."""
    with served() as city:
        live = Load(city.lots[GATES:], city.port, each=1, live=True)
        sent(city.port, live.generation(int(LIVE_A_SECOND * SECONDS)).requests, connections=16)
        rounds, drained = [], []
        for _ in range(ROUNDS):
            alone_ms, _ = _round(city, live, [])
            offline = Load(city.lots[:GATES], city.port, each=EACH)
            with_ms, took_s = _round(city, live, offline.backlog(GATES * OF_A_GATE))
            rounds.append((with_ms, alone_ms))
            drained.append(GATES * OF_A_GATE / took_s)
        ratios = [beside / alone for beside, alone in rounds]
        reached = median(a for a, _ in rounds), median(b for _, b in rounds)
        words = f"ms at p99, with a backlog and alone; {LIVE_A_SECOND} passages/s; lower is better"
        yield told(name, ratios, reached, words)
        rate = median(drained)
        words = (
            f"passages/s of a backlog, {GATES} gates with {OF_A_GATE} each, beside the live ones"
        )
        yield told(
            f"{name}_drained",
            [one / LIVE_A_SECOND for one in drained],
            (rate, LIVE_A_SECOND),
            words,
        )


def _round(city: City, live: Load, backlog: list[bytes]) -> tuple[float, float]:
    made = live.generation(int(LIVE_A_SECOND * SECONDS))
    return uvloop.run(_both(city, made.requests, backlog))


async def _both(city: City, live: list[bytes], backlog: list[bytes]) -> tuple[float, float]:
    """Return the live latency at p99 in milliseconds, and the seconds that the backlog took."""
    tally = Tally()
    arrivals = Arrivals(live, a_second=LIVE_A_SECOND)
    report, took_s = await asyncio.gather(
        send_on_time(city.port, arrivals, connections=CONNECTIONS),
        exchange(city.port, backlog, connections=GATES, answered=tally),
    )
    assert report.answered(b"200") == len(live), "a live passage was refused"
    assert tally.accepted == len(backlog) * EACH, f"{tally.accepted}: {tally.statuses}"
    return quantile(report.latencies_s(), 0.99) * MS, took_s


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "BACKLOG": partial(beside_backlog, "BACKLOG"),
}
