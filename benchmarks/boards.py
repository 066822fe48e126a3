"""Nearby vacancies from the board in memory, beside the same question asked of Valkey.

Owns: the peer (GEOSEARCH, HMGET, JSON, many questions in one trip) and how old a board may be.
Never: gives the peer less to say: both tell the same lots with the same words.

R1: answers a second, JSON included, one thread on both sides, while 1,000 counts a second change.
`R1_staleness`: milliseconds from a count that was published in one process to the board of another.

usage: nox -s bench -- --only R1
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import msgspec
import uvloop

from benchmarks.big_city import served
from benchmarks.gate_load import Load
from benchmarks.pace import quantile
from benchmarks.side_by_side import Measurement, told
from benchmarks.wire import sent
from onepark.app.wiring import Platform, open_platform
from onepark.contexts.registry.model import Lot
from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies.model import NearbyQuery, Source
from onepark.contexts.vacancies.store import key
from onepark.infra.settings import Settings, from_env
from onepark.kernel.types import LotId, Pool

ROUNDS = 5
OURS, PEER, IN_ONE_TRIP = 20_000, 1_000, 50  # questions of a round; of one trip to Valkey
CHANGES_A_SECOND, STALENESS_S, STALE_MS_MAX = 1_000, 5.0, 50.0
COMPARED, EDGE_M = 200, 3.0
GEO_KEY = "bench:lots"
NEAR_DEG, SEED = 0.005, 320281
LIVE_S, CAPACITY = 10.0, 400


class Peer:
    """Positions in a sorted set of Valkey, counts in the platform's own hashes."""

    def __init__(self, platform: Platform) -> None:
        self._redis = platform.redis
        self._static = {str(lot.lot_id): _static(lot) for lot in platform.directory.lots()}

    async def load(self, lots: Sequence[Lot]) -> None:
        """File where the lots are."""
        for lot in lots:
            place = (lot.lon_wgs84, lot.lat_wgs84, str(lot.lot_id))
            await self._redis.geoadd(GEO_KEY, place)

    async def answers(self, queries: Sequence[NearbyQuery]) -> list[bytes]:
        """Answer many questions in two trips."""
        search = self._redis.pipeline(transaction=False)
        for query in queries:
            search.execute_command(
                *("GEOSEARCH", GEO_KEY, "FROMLONLAT", query.lon, query.lat),
                *("BYRADIUS", query.radius_m, "m", "ASC", "COUNT", query.limit, "WITHDIST"),
            )
        found = await search.execute()
        look = self._redis.pipeline(transaction=False)
        for near in found:
            for lot_id, _ in near:
                look.hmget(key(LotId(int(lot_id))), "short_stay", "heard")
        counts, now_ms = iter(await look.execute()), time.time() * 1_000
        return [
            msgspec.json.encode(
                {
                    "vacancies": [self._shown(one, next(counts), now_ms) for one in near],
                    "source": "live",
                }
            )
            for near in found
        ]

    def _shown(self, near: Any, fields: Any, now_ms: float) -> dict[str, Any]:
        lot_id, away_m = near
        static = self._static[lot_id.decode()]
        occupied, heard_ms = int(fields[0].split(b":")[2]), int(fields[1])
        free = min(max(static["capacity"] - occupied, 0), static["capacity"])
        return {
            "distance_m": int(float(away_m)),
            **static,
            "free": free,
            "pools": {
                "short_stay": {
                    "capacity": static["capacity"],
                    "occupied": occupied,
                    "free": free,
                    "raw": occupied,
                    "drift": None,
                    "snapshot_at": None,
                }
            },
            "open": True,
            "as_of": datetime.fromtimestamp(heard_ms / 1_000, UTC),
            "age_s": max(int((now_ms - heard_ms) / 1_000), 0),
            "quality": "live",
            "source": "live",
        }


def _static(lot: Lot) -> dict[str, Any]:
    return {
        "lot": lot.code,
        "name": lot.name,
        "name_en": lot.name_en,
        "address": lot.address,
        "lat_wgs84": lot.lat_wgs84,
        "lon_wgs84": lot.lon_wgs84,
        "lat_gcj02": lot.lat_gcj02,
        "lon_gcj02": lot.lon_gcj02,
        "capacity": lot.pools[Pool.SHORT_STAY],
    }


class Changes:
    """Counts of lots that go on changing, each newer than what was known."""

    def __init__(self, lot_ids: Sequence[LotId]) -> None:
        self._lot_ids, self._numbers = lot_ids, count(1)
        self._incarnation = int(time.time() * 1_000) + 1

    def next(self) -> Count:
        n = next(self._numbers)
        lot_id = self._lot_ids[n % len(self._lot_ids)]
        now = datetime.now(UTC)
        return Count(lot_id, Pool.SHORT_STAY, self._incarnation, n, n % CAPACITY, now)


def beside_valkey(name: str) -> Iterator[Measurement]:
    """Compare the answers, alternate both sides, then measure how old a board gets."""
    with served() as city:
        load = Load(city.lots, city.port, each=10, live=True)
        sent(city.port, load.generation(len(city.lots) * 20).requests, connections=16)
        rounds, stale_ms = uvloop.run(_measured(from_env(city.env)))
    rates = [(OURS / ours_s, PEER / peer_s) for ours_s, peer_s in rounds]
    ratios, middle = [ours / peer for ours, peer in rates], sorted(rates)[len(rates) // 2]
    yield told(name, ratios, middle, f"answers/s; the peer {IN_ONE_TRIP} in a trip")
    p99s = [quantile(of_round, 0.99) for of_round in stale_ms]
    shares, p99 = [one / STALE_MS_MAX for one in p99s], sorted(p99s)[len(p99s) // 2]
    words = "ms at p99, its limit; lower is better"
    yield told(f"{name}_staleness", shares, (p99, STALE_MS_MAX), words)


Rounds = list[tuple[float, float]]


async def _measured(settings: Settings) -> tuple[Rounds, list[list[float]]]:
    async with _live(settings) as first, _live(settings) as second:
        lots, peer = first.directory.lots(), Peer(first)
        await peer.load(lots)
        asked = queries(lots)
        await check_equal(first, peer, asked[:COMPARED])
        changes = Changes([lot.lot_id for lot in lots])
        rounds = await _alternated(first, peer, asked, changes)
        stale_ms = [await staleness_ms(first, second, changes) for _ in range(ROUNDS)]
        return rounds, stale_ms


@asynccontextmanager
async def _live(settings: Settings) -> AsyncIterator[Platform]:
    """Open a platform whose board follows Valkey."""
    async with open_platform(settings) as platform:
        await platform.vacancies.start()
        try:
            async with asyncio.timeout(LIVE_S):
                while platform.vacancies.source is not Source.LIVE:  # noqa: ASYNC110  asked, not told
                    await asyncio.sleep(0.05)
            yield platform
        finally:
            await platform.vacancies.stop()


def queries(lots: Sequence[Lot]) -> list[NearbyQuery]:
    """Return random positions near some lot."""
    draw = random.Random(SEED)
    seats = [draw.choice(lots) for _ in range(OURS)]
    return [
        NearbyQuery(
            lot.lat_wgs84 + draw.uniform(-NEAR_DEG, NEAR_DEG),
            lot.lon_wgs84 + draw.uniform(-NEAR_DEG, NEAR_DEG),
        )
        for lot in seats
    ]


async def _alternated(
    platform: Platform, peer: Peer, asked: Sequence[NearbyQuery], changes: Changes
) -> Rounds:
    rounds = []
    for turn in range(ROUNDS + 1):
        ours_s = _ours(platform, asked, changes)
        began = time.perf_counter()
        for at in range(0, PEER, IN_ONE_TRIP):
            await peer.answers(asked[at : at + IN_ONE_TRIP])
        if turn:
            rounds.append((ours_s, time.perf_counter() - began))
    return rounds


def _ours(platform: Platform, asked: Sequence[NearbyQuery], changes: Changes) -> float:
    """Return the seconds of all questions, the counts changing at their rate meanwhile."""
    board, answer = platform.vacancies.board, platform.vacancies.nearest_json
    began, changed = time.perf_counter(), 0
    for query in asked:
        answer(query)
        due = int((time.perf_counter() - began) * CHANGES_A_SECOND) - changed
        if due:
            board.apply([changes.next() for _ in range(due)])
            changed += due
    return time.perf_counter() - began


class Seen(NamedTuple):
    """A lot as an answer tells it, without what moves by itself."""

    code: str
    rest: tuple[Any, ...]
    away_m: int


async def check_equal(platform: Platform, peer: Peer, asked: Sequence[NearbyQuery]) -> None:
    """Hold that both tell the same; lots at the edge may differ, for the earths differ a little."""
    for query, theirs in zip(asked, await peer.answers(asked), strict=True):
        ours = _seen(platform.vacancies.nearest_json(query))
        others = _seen(theirs)
        far = min(max(lots.values(), key=lambda s: s.away_m).away_m for lots in (ours, others))
        for one, other in ((ours, others), (others, ours)):
            inner = {code: s for code, s in one.items() if s.away_m < far - EDGE_M}
            for code, seen in inner.items():
                assert seen.rest == other[code].rest, f"{seen} is not {other[code]}"
                assert abs(seen.away_m - other[code].away_m) <= EDGE_M, code


def _seen(answer: bytes) -> dict[str, Seen]:
    shown = msgspec.json.decode(answer)["vacancies"]
    moving = {"distance_m", "age_s", "as_of"}
    return {
        lot["lot"]: Seen(
            lot["lot"],
            tuple(sorted((k, str(v)) for k, v in lot.items() if k not in moving)),
            lot["distance_m"],
        )
        for lot in shown
    }


async def staleness_ms(first: Platform, second: Platform, changes: Changes) -> list[float]:
    """Publish in one process's board and note when the other has it; sorted milliseconds."""
    board, taken_ms, published = second.vacancies.board, list[float](), dict[int, float]()
    apply = board.apply

    def noted(counts: Any) -> list[Count]:
        taken = apply(counts)
        now = time.perf_counter()
        taken_ms.extend((now - published.pop(one.n)) * 1_000 for one in taken if one.n in published)
        return taken

    board.apply = noted  # type: ignore[method-assign]  # only to watch it
    began, many = time.perf_counter(), int(CHANGES_A_SECOND * STALENESS_S)
    for number in range(many):
        change = changes.next()
        published[change.n] = time.perf_counter()
        await first.vacancies.publish([change])
        await asyncio.sleep(max(0.0, began + number / CHANGES_A_SECOND - time.perf_counter()))
    await asyncio.sleep(1.0)
    board.apply = apply  # type: ignore[method-assign]
    assert len(taken_ms) > many * 0.9, f"{len(taken_ms)} of {many} counts arrived"
    return sorted(taken_ms)


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {"R1": partial(beside_valkey, "R1")}
