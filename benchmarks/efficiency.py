"""CPU of a passage, beside FastAPI and SQLAlchemy with the same duties.

Owns: the two sides, which get the same bytes and must come to the same fees and counts.
Never: leaves a process out: servers, workers, PostgreSQL and Valkey are all counted.

E1a: one passage a request. E1b: 100 a request, the peer reading and writing the rows of a request
together; beside it, `E1b_one_by_one`, where it takes the passages one after the other.

usage: nox -s bench -- --only E1a,E1b
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from benchmarks.big_city import City, DrivenLot, is_ready, served
from benchmarks.gate_load import Generation, Load
from benchmarks.processes import cpu_s
from benchmarks.side_by_side import Measurement, told
from benchmarks.single_rows import durability, psql, words
from benchmarks.wire import sent
from onepark.infra.embedded import Child
from onepark.infra.embedded.ports import free_port

ROUNDS = 5
PASSAGES = {1: 3_000, 100: 10_000}  # of a round, by passages a request
CONNECTIONS = {1: 32, 100: 16}
READY_S, MICRO = 60.0, 1_000_000
DATABASE = "orm_peer"


class Peer(NamedTuple):
    """The other platform, served."""

    child: Child
    port: int
    url: str


class Cost(NamedTuple):
    """CPU microseconds of a passage."""

    application: float
    servers: float  # PostgreSQL and Valkey

    @property
    def whole(self) -> float:
        return self.application + self.servers


@contextmanager
def served_peer(city: City, *, one_by_one: bool) -> Iterator[Peer]:
    """Serve the peer on a database of its own on the city's server."""
    name, port = f"{DATABASE}_{int(one_by_one)}", free_port()
    psql(city.database_url, f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(city.database_url)._replace(path=f"/{name}"))
    gates = city.folder / "gates.json"
    gates.write_text(json.dumps([one for lot in city.lots for one in _gates(lot)]))
    env = dict(city.env) | {
        "PEER_DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://"),
        "PEER_GATES": str(gates),
        "PEER_ONE_BY_ONE": str(int(one_by_one)),
    }
    child = Child(name=name, command=_command(port), log=city.folder / f"{name}.log", env=env)
    try:
        child.start()
        child.wait_until(lambda: is_ready(port), within_s=READY_S)
        yield Peer(child, port, url)
    finally:
        child.stop()


def _command(port: int) -> list[str]:
    """Return uvicorn as its users tune it; the folder above is where `benchmarks` is found."""
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    options += ["--log-level", "warning", "--port", str(port)]
    where = ["--app-dir", str(Path(__file__).parents[1])]
    return [sys.executable, "-m", "uvicorn", *where, "benchmarks.peer.app:app", *options]


def _gates(lot: DrivenLot) -> Iterator[dict[str, str]]:
    for gate in (lot.entry, lot.exit):
        secret = base64.b64encode(gate.secret).decode()
        yield {
            "device": gate.device,
            "lot": lot.code,
            "lane": gate.lane,
            "secret": secret,
            "plan_key": lot.plan_key,
        }


def beside_orm(name: str, *, each: int, one_by_one: bool = False) -> Iterator[Measurement]:
    """Give both sides the same requests in turn, and compare what they cost and came to."""
    with served() as city, served_peer(city, one_by_one=one_by_one) as peer:
        settings = durability(city.database_url)
        load, rounds = Load(city.lots, city.port, each=each), []
        for turn in range(ROUNDS + 1):
            made = load.generation(PASSAGES[each])
            pair = _round(city, peer, made, each=each, ours_first=bool(turn % 2))
            if turn:  # the first warms up
                rounds.append(pair)
        check_equal(city, peer)
        yield from _told(name, rounds, f"{each} a request; {words(settings)}")


def _round(
    city: City, peer: Peer, made: Generation, *, each: int, ours_first: bool
) -> tuple[Cost, Cost]:
    ours = partial(_cost, city.port, (city.serve.pid, city.work.pid), city, made=made, each=each)
    theirs = partial(_cost, peer.port, (peer.child.pid,), city, made=made, each=each)
    if ours_first:
        return ours(), theirs()
    second = theirs()
    return ours(), second


def _cost(
    port: int, application: tuple[int, ...], city: City, *, made: Generation, each: int
) -> Cost:
    servers = city.postgres.pid, city.valkey.pid
    sent(port, made.before, connections=CONNECTIONS[100])
    before = cpu_s(*application), cpu_s(*servers)
    _, tally = sent(port, made.requests, connections=CONNECTIONS[each])
    assert tally.accepted == made.passages, f"{tally.accepted} of {made.passages}: {tally.statuses}"
    after = cpu_s(*application), cpu_s(*servers)
    spent = [(b - a) / made.passages * MICRO for a, b in zip(before, after, strict=True)]
    return Cost(*spent)


FEES = "SELECT md5(string_agg(plate || ':' || coalesce(fee_fen, -1), ',' ORDER BY plate))"
INSIDE = "SELECT sum(occupied)"


def check_equal(city: City, peer: Peer) -> None:
    """Hold that both sides know the same stays at the same fees, and the same counts."""
    ours = [
        psql(city.database_url, f"{FEES}, count(*) FROM stays.stay_order"),
        psql(city.database_url, f"{INSIDE} FROM stays.count"),
    ]
    theirs = [
        psql(peer.url, f"{FEES}, count(*) FROM stay_order"),
        psql(peer.url, f"{INSIDE} FROM count"),
    ]
    assert ours == theirs, f"{ours} is not {theirs}"


def _told(name: str, rounds: list[tuple[Cost, Cost]], unit: str) -> Iterator[Measurement]:
    for part, suffix in (("whole", ""), ("application", "_app"), ("servers", "_servers")):
        pairs = [(getattr(ours, part), getattr(peer, part)) for ours, peer in rounds]
        reached = median(a for a, _ in pairs), median(b for _, b in pairs)
        ratios = [peer / ours for ours, peer in pairs]
        yield told(f"{name}{suffix}", ratios, reached, f"CPU µs a passage, peer ÷ ours; {unit}")


def at_100(name: str) -> Iterator[Measurement]:
    """Measure both ways in which a peer may take a request of 100."""
    yield from beside_orm(name, each=100)
    yield from beside_orm(f"{name}_one_by_one", each=100, one_by_one=True)


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "E1a": partial(beside_orm, "E1a", each=1),
    "E1b": partial(at_100, "E1b"),
}
