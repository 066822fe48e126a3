"""Vacancies near random positions while gates write, beside a bare ASGI app on the same server.

Owns: the positions, the writes that go on through both sides, and the size of the bare answer.
Never: lets the writes slow down: a round without its passages is no round.

H1: both sides are asked while the platform takes 1,000 passages a second. `H1_cpu` tells the CPU of
a request on both sides while nothing is written.

usage: nox -s bench -- --only H1
"""

import asyncio
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.big_city import City, is_ready, served
from benchmarks.gate_load import Load
from benchmarks.pace import Arrivals, send_on_time
from benchmarks.processes import cpu_s
from benchmarks.side_by_side import Measurement, told
from benchmarks.wire import Tally, exchange, sent
from onepark.infra.embedded import Child
from onepark.infra.embedded.ports import free_port

ROUNDS, SECONDS = 5, 5.0
WRITES_A_SECOND, WRITES_A_REQUEST = 1_000, 10
READERS, WRITERS = 32, 16
POSITIONS, ALONE = 20_000, 10_000
SAMPLE = 500
READY_S, MICRO = 60.0, 1_000_000
NEAR_DEG = 0.005  # half a kilometre: some lot is always near
SEED = 320281


def beside_bare(name: str) -> Iterator[Measurement]:
    """Alternate both sides under the same writes; then tell what a request costs without them."""
    with served() as city:
        load = Load(city.lots, city.port, each=WRITES_A_REQUEST, live=True)
        sent(city.port, load.generation(len(city.lots) * 40).requests, connections=WRITERS)
        size = _mean_size(city)
        bare = _bare(city, size)
        try:
            bare.start()
            bare.wait_until(lambda: is_ready(_port(bare)), within_s=READY_S)
            yield _under_writes(name, city, bare, load=load, size=size)
            yield _cpu(f"{name}_cpu", city, bare)
        finally:
            bare.stop()


def _bare(city: City, size: int) -> Child:
    command = [sys.executable, "-m", "benchmarks.peer.bare", str(free_port()), str(size)]
    env = dict(city.env) | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return Child(name="bare", command=command, log=city.folder / "bare.log", env=env)


def _port(bare: Child) -> int:
    return int(bare.command[-2])


def questions(city: City, port: int, many: int) -> list[bytes]:
    """Return requests for the vacancies near random positions near some lot."""
    draw, asked = random.Random(SEED), []
    seats = [(lot.lat, lot.lon) for lot in city.lots]
    for _ in range(many):
        lat, lon = draw.choice(seats)
        lat, lon = lat + draw.uniform(-NEAR_DEG, NEAR_DEG), lon + draw.uniform(-NEAR_DEG, NEAR_DEG)
        path = f"/v1/vacancies?lat={lat:.6f}&lon={lon:.6f}"
        asked.append(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return asked


def _mean_size(city: City) -> int:
    """Return the bytes of a mean answer's body, every answer being a list of lots."""
    bodies: list[bytes] = []
    asked = questions(city, city.port, SAMPLE)
    uvloop.run(exchange(city.port, asked, connections=READERS, answered=bodies.append))
    assert all(b'{"vacancies":[{"distance_m":' in body for body in bodies), "no lots are near"
    return round(sum(len(body.partition(b"\r\n\r\n")[2]) for body in bodies) / len(bodies))


def _under_writes(name: str, city: City, bare: Child, *, load: Load, size: int) -> Measurement:
    rounds: list[tuple[float, float]] = []
    asked = {port: questions(city, port, POSITIONS) for port in (city.port, _port(bare))}
    for turn in range(ROUNDS + 1):
        ports = (city.port, _port(bare)) if turn % 2 else (_port(bare), city.port)
        reached = {port: _read(city, asked[port], load=load, port=port) for port in ports}
        if turn:
            rounds.append((reached[city.port], reached[_port(bare)]))
    ratios = [ours / peer for ours, peer in rounds]
    rates = median(a for a, _ in rounds), median(b for _, b in rounds)
    return told(name, ratios, rates, f"requests/s of {size} bytes; {WRITES_A_SECOND} passages/s")


def _read(city: City, asked: Sequence[bytes], *, load: Load, port: int) -> float:
    """Return the requests a second of one side while the platform is written to."""
    made = load.generation(int(WRITES_A_SECOND * SECONDS))
    return uvloop.run(_read_and_write(city, asked, made.requests, port=port))


async def _read_and_write(
    city: City, asked: Sequence[bytes], writes: Sequence[bytes], *, port: int
) -> float:
    tally, ends = Tally(), asyncio.get_running_loop().time() + SECONDS
    arrivals = Arrivals(writes, a_second=WRITES_A_SECOND / WRITES_A_REQUEST)
    reading = exchange(port, _until(asked, ends), connections=READERS, answered=tally)
    took, written = await asyncio.gather(
        reading, send_on_time(city.port, arrivals, connections=WRITERS)
    )
    assert written.answered(b"200") == len(writes), "the platform fell behind with its passages"
    assert set(tally.statuses) == {b"200"}, tally.statuses
    return tally.statuses[b"200"] / took


def _until(asked: Sequence[bytes], ends: float) -> Iterator[bytes]:
    """Yield requests, over and over, until a moment of the loop's clock."""
    now = asyncio.get_running_loop().time
    while True:
        for request in asked:
            if now() >= ends:
                return
            yield request


def _cpu(name: str, city: City, bare: Child) -> Measurement:
    """Tell the CPU of a request of the two servers, nothing being written."""
    pairs = []
    for _ in range(ROUNDS):
        pair = []
        for child, port in ((city.serve, city.port), (bare, _port(bare))):
            asked, before_s = questions(city, port, ALONE), cpu_s(child.pid)
            sent(port, asked, connections=READERS)
            pair.append((cpu_s(child.pid) - before_s) / ALONE * MICRO)
        pairs.append(pair)
    ratios = [peer / ours for ours, peer in pairs]
    reached = median(a for a, _ in pairs), median(b for _, b in pairs)
    return told(name, ratios, reached, "CPU µs of the server a request; peer ÷ ours")


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {"H1": partial(beside_bare, "H1")}
