"""Passages acknowledged after their commit, beside pgbench writing the same rows.

Owns: the alternation of both sides over a served city, and what each costs in CPU.
Never: counts a repeat as a passage, or a passage that was not accepted.

D1: 100 passages a request over 1,008 lots. D2: one a request. D3: all on one lot, beside all lots.

usage: nox -s bench -- --only D1,D2,D3
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import NamedTuple

from benchmarks.big_city import City, DrivenLot, served
from benchmarks.gate_load import Generation, Load
from benchmarks.processes import cpu_s
from benchmarks.side_by_side import Measurement, told
from benchmarks.single_rows import SingleRows, check_rows, durability, psql, words
from benchmarks.wire import sent

ROUNDS = 5
PASSAGES = {1: 20_000, 100: 50_000}  # of a round, by passages a request
CONNECTIONS = {1: 256, 100: 32}
MICRO = 1_000_000


class Reached(NamedTuple):
    """What a side reached in a round."""

    rate: float  # operations a second
    cpu_us: float  # an operation, over all processes of the side


class Driven:
    """The platform under load; what it was told so far is counted."""

    def __init__(self, city: City, lots: Sequence[DrivenLot], *, each: int) -> None:
        self._city, self._each = city, each
        self._load = Load(lots, city.port, each=each)
        self.visits = self.passages = 0

    def run(self) -> Reached:
        """Send one generation; all that is new in it must be accepted."""
        made = self._load.generation(PASSAGES[self._each])
        sent(self._city.port, made.before, connections=CONNECTIONS[100])
        before_s = cpu_s(*pids(self._city))
        took_s, tally = sent(self._city.port, made.requests, connections=CONNECTIONS[self._each])
        cpu_us = (cpu_s(*pids(self._city)) - before_s) / made.passages * MICRO
        assert tally.accepted == made.passages, f"{tally.accepted} of {made.passages} accepted"
        self._note(made)
        return Reached(made.passages / took_s, cpu_us)

    def _note(self, made: Generation) -> None:
        self.visits += made.arrived + made.entries
        self.passages += made.arrived + made.passages


def pids(city: City) -> tuple[int, ...]:
    """Return the roots of every process of the platform."""
    return city.serve.pid, city.work.pid, city.postgres.pid, city.valkey.pid


def beside_single_rows(name: str, *, each: int) -> Iterator[Measurement]:
    """Alternate the platform, so many passages a request, with pgbench on the same server."""
    with served() as city:
        settings, peer = durability(city.database_url), SingleRows(city)
        ours = Driven(city, city.lots, each=each)
        rounds = alternated(ours.run, lambda: _single_rows(city, peer, PASSAGES[each]))
        check_rows(city.database_url, passages=ours.passages, visits=ours.visits)
        check_rows(peer.url, passages=peer.passages, visits=peer.passages // 2)
        check_fees(city)
        unit = f"passages/s; pgbench with {peer.clients} clients; {words(settings)}"
        yield from both(name, rounds, unit)


def on_one_lot(name: str) -> Iterator[Measurement]:
    """Alternate all passages on one lot with all over 1,008 lots."""
    with served() as city:
        settings = durability(city.database_url)
        one = Driven(city, city.lots[:1], each=100)
        many = Driven(city, city.lots[1:], each=100)
        rounds = alternated(one.run, many.run)
        passages, visits = one.passages + many.passages, one.visits + many.visits
        check_rows(city.database_url, passages=passages, visits=visits)
        check_fees(city)
        yield from both(name, rounds, f"passages/s, one lot and 1,007; {words(settings)}")


def alternated(
    ours: Callable[[], Reached], peer: Callable[[], Reached]
) -> list[tuple[Reached, Reached]]:
    """Return what (ours, peer) reached in each round, after one that warms up; A B B A."""
    rounds = []
    for turn in range(ROUNDS + 1):
        if turn % 2:
            pair = (ours(), peer())
        else:
            second = peer()
            pair = (ours(), second)
        if turn:
            rounds.append(pair)
    return rounds


def _single_rows(city: City, peer: SingleRows, passages: int) -> Reached:
    before_s, before = cpu_s(city.postgres.pid), peer.passages
    rate = peer.run(passages)
    spent_s = cpu_s(city.postgres.pid) - before_s
    return Reached(rate, spent_s / (peer.passages - before) * MICRO)


def both(
    name: str, rounds: list[tuple[Reached, Reached]], unit: str, *, one: str = "a passage"
) -> Iterator[Measurement]:
    """Tell the throughput and, beside it, the CPU; of pgbench, PostgreSQL's part alone."""
    rates = [(ours.rate, peer.rate) for ours, peer in rounds]
    costs = [(ours.cpu_us, peer.cpu_us) for ours, peer in rounds]
    yield _told(name, rates, [a / b for a, b in rates], unit)
    all_of = f"CPU µs {one} over all processes, pgbench itself left out; peer ÷ ours"
    yield _told(f"{name}_cpu", costs, [b / a for a, b in costs], all_of)


def _told(
    name: str, pairs: list[tuple[float, float]], ratios: list[float], unit: str
) -> Measurement:
    reached = (median(a for a, _ in pairs), median(b for _, b in pairs))
    return told(name, ratios, reached, unit)


def check_fees(city: City) -> None:
    """Hold that exits were priced and owe something, but where the tariff is free by night."""
    owing = "SELECT count(*) FILTER (WHERE owed_fen > 0) > count(fee_fen) / 2 FROM stays.stay_order"
    assert psql(city.database_url, owing) == "t", "exits cost nothing: the load prices nothing"


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "D1": partial(beside_single_rows, "D1", each=100),
    "D2": partial(beside_single_rows, "D2", each=1),
    "D3": partial(on_one_lot, "D3"),
}
