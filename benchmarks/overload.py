"""More passages than the platform can take, and how long a gate waits when it can.

Owns: the offered load in multiples of the measured capacity, the goodput, and the latencies.
Never: counts an answer that came after its phase, or waits to offer the next request.

OVERLOAD: settings that lower the capacity, so that a small machine can offer ten times of it; the
goodput at 1, 2, 5 and 10 times, as a share of the best, with the exits' part of it; then half of
the capacity again, and the latencies from the fifth second on. A request holds 100 passages, as in
D1; OVERLOAD_16 has 16, of which more are refused for each that is taken. A refused request is sent
again, as gates do. LATENCY: the shipped settings, one
passage a request, at half of the capacity. Latencies count from when a request was due.

usage: nox -s bench -- --only OVERLOAD,LATENCY
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median

import uvloop

from benchmarks.big_city import City, served
from benchmarks.gate_load import Load
from benchmarks.pace import Answer, Arrivals, Report, quantile, send_on_time
from benchmarks.side_by_side import Measurement, told
from benchmarks.wire import sent

REQUESTS_THAT_WAIT = 50  # with one connection, and batches of one request
TIMES, ROUNDS = (1, 2, 5, 10), 3
PHASE_S, RECOVERY_S, NORMAL_FROM_S = 5.0, 12.0, 5.0
CONNECTIONS, WARM, TRIALS = 512, 4_000, 3
ENOUGH = 1.5  # times the capacity: requests that are taken come once, those refused again
LATENCY_S, LATENCY_CONNECTIONS, AIM_MS = 20.0, 64, 20.0
QUANTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


class Traffic:
    """Entries of new cars and exits of cars that are inside, one request after the other."""

    def __init__(self, city: City, *, each: int) -> None:
        self._city, self._each = city, each
        self._load = Load(city.lots, city.port, each=each, live=True)
        self._reached = 0.0

    def capacity(self, *, connections: int) -> float:
        """Return the passages a second that are taken when nobody is refused."""
        self._sent(WARM, connections)
        self._reached = median(self._sent(WARM, connections) for _ in range(TRIALS))
        return self._reached

    def exits_alone(self, *, connections: int) -> float:
        """Return the exits a second that are taken when nothing else comes."""
        self._sent(WARM, connections)
        return self._taken(self._load.generation(WARM).requests[1::2], connections)

    def _sent(self, passages: int, connections: int) -> float:
        return self._taken(self._load.generation(passages).requests, connections)

    def _taken(self, requests: list[bytes], connections: int) -> float:
        took_s, tally = sent(self._city.port, requests, connections=connections)
        assert set(tally.statuses) == {b"200"}, tally.statuses
        return tally.accepted / took_s

    def offer(self, passages_a_second: float, *, seconds: float, connections: int) -> Report:
        """Offer passages by a schedule, after their cars were let in."""
        many = int(passages_a_second * seconds) // self._each
        enough = min(many, int(ENOUGH * self._reached * seconds) // self._each + CONNECTIONS)
        self._sent(enough * self._each // 2 * 2 + 2 * self._each, 16)
        requests = self._load.generation(enough * self._each + 2 * self._each).requests[:enough]
        uvloop.run(self._city.rest())
        arrivals = Arrivals(requests, a_second=many / seconds, many=many)
        return uvloop.run(send_on_time(self._city.port, arrivals, connections=connections))


# -- overload --------------------------------------------------------------------------------------


def overload(name: str, *, each: int) -> Iterator[Measurement]:
    """Offer multiples of the capacity in turn, round after round, and half of it again."""
    lowered = {
        "gate_connections": 1,
        "gate_batch_max": each,
        "gate_queue_max": each * REQUESTS_THAT_WAIT,
    }
    with served(**lowered) as city:
        traffic = Traffic(city, each=each)
        capacity = traffic.capacity(connections=16)
        quiet = _p99_ms(traffic, capacity)
        reports: dict[int, list[Report]] = {times: [] for times in TIMES}
        for times in TIMES * ROUNDS:
            report = traffic.offer(times * capacity, seconds=PHASE_S, connections=CONNECTIONS)
            check_refusals(report)
            reports[times].append(report)
        after = _p99_ms(traffic, capacity)
        alone = median(traffic.exits_alone(connections=16) for _ in range(TRIALS))
        yield from _shares(name, reports)
        for times in TIMES:
            yield _exits(f"{name}_{times}x_exits", reports[times])
        words = (
            "exits/s when nothing else comes, beside the capacity: they are most of what is taken"
        )
        yield told(f"{name}_exits_alone", [alone / capacity], (alone, capacity), words)
        words = "ms at p99 from the fifth second after, and before; lower is better"
        yield told(f"{name}_after", [after / quiet], (after, quiet), words)


def _shares(name: str, reports: Mapping[int, list[Report]]) -> Iterator[Measurement]:
    """Tell each goodput as a share of the best, which may be that of any multiple."""
    goodput = {times: [_goodput(one) for one in of_it] for times, of_it in reports.items()}
    best = max(median(reached) for reached in goodput.values())
    for times, reached in goodput.items():
        shares, middle = [one / best for one in reached], median(reached)
        words = f"passages/s taken at {times} times the capacity, of the best"
        yield told(f"{name}_{times}x", shares, (middle, best), words)


def check_refusals(report: Report) -> None:
    """Hold that whatever was not taken was refused as overload, and told when to come again."""
    assert {one.status for one in report.answers} <= {b"200", b"503"}, "a refusal of another kind"
    untold = [one for one in report.answers if one.status == b"503" and not one.retry_after]
    assert not untold, f"{len(untold)} refusals do not say when to come again"


def _goodput(report: Report) -> float:
    """Return the passages a second that were taken within the phase."""
    in_time = [one for one in report.answers if one.due_s + one.latency_s <= PHASE_S]
    return sum(one.accepted for one in in_time) / PHASE_S


def _exits(name: str, reports: list[Report]) -> Measurement:
    """Tell which part of the exits was taken, beside that of the entries."""
    answers = [one for report in reports for one in report.answers]
    exits, entries = (  # which take turns
        _taken([one for one in answers if one.place % 2 == place]) for place in (1, 0)
    )
    refused = sorted(one.latency_s for one in answers if one.status == b"503")
    slow_ms = quantile(refused, 0.99) * 1_000 if refused else 0.0
    words = f"share of exits taken, of entries; refused within {slow_ms:.0f} ms at p99"
    return told(name, [exits / max(entries, 0.001)], (exits, entries), words)


def _taken(answers: list[Answer]) -> float:
    return sum(one.status == b"200" for one in answers) / len(answers)


def _p99_ms(traffic: Traffic, capacity: float) -> float:
    report = traffic.offer(capacity / 2, seconds=RECOVERY_S, connections=CONNECTIONS)
    late = sorted(one.latency_s for one in report.answers if one.due_s >= NORMAL_FROM_S)
    return quantile(late, 0.99) * 1_000


# -- latency ---------------------------------------------------------------------------------------


def latency(name: str) -> Iterator[Measurement]:
    """Tell the latencies at half of the capacity under the shipped settings."""
    with served() as city:
        traffic = Traffic(city, each=1)
        capacity = traffic.capacity(connections=LATENCY_CONNECTIONS)
        report = traffic.offer(capacity / 2, seconds=LATENCY_S, connections=LATENCY_CONNECTIONS)
        assert report.answered(b"200") == len(report.answers), "half of the capacity was refused"
        latencies_s = report.latencies_s()
        for label, share in QUANTILES.items():
            reached_ms = quantile(latencies_s, share) * 1_000
            words = f"ms at {label}, aim at p99; {capacity / 2:.0f} of {capacity:.0f} passages/s"
            yield told(f"{name}_{label}", [reached_ms / AIM_MS], (reached_ms, AIM_MS), words)


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "OVERLOAD": partial(overload, "OVERLOAD", each=100),
    "OVERLOAD_16": partial(overload, "OVERLOAD_16", each=16),
    "LATENCY": partial(latency, "LATENCY"),
}
