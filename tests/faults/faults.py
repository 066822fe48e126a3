"""The faults that a run injects, by name.

Owns: what each one does to the rig, and how long it lasts; a long run makes the outages longer.
Never: checks anything.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import NamedTuple
from urllib.request import Request, urlopen

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.proxy import Mood, Proxy
from tests.faults.rig import Rig

RECOVERY_S = 30.0
PASSES_MAX = 5  # a point is armed for one of its first passes
BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database()
        AND pid <> pg_backend_pid()
"""


class Run(NamedTuple):
    """What a fault works on: the rig, chance, and how many seconds an outage lasts."""

    rig: Rig
    chance: random.Random
    outage_s: float


def kill_api(run: Run) -> None:
    """The API process dies and is started again."""
    run.rig.kill(run.rig.api)
    run.rig.until_ready()


def kill_worker(run: Run) -> None:
    """The worker dies and is started again."""
    run.rig.kill(run.rig.worker)


def kill_backend(run: Run) -> None:
    """One backend of PostgreSQL dies, and with it every session: the server recovers."""
    pids = asyncio.run(_backends(run.rig.postgres.url))
    if pids:
        with suppress(ProcessLookupError):
            os.kill(run.chance.choice(pids), signal.SIGKILL)
    run.rig.until_ready()


def kill_postmaster(run: Run) -> None:
    """PostgreSQL's first process dies; its log is replayed at the start."""
    run.rig.kill(run.rig.postgres)
    run.rig.until_ready()


def kill_valkey(run: Run) -> None:
    """Valkey dies and is started again."""
    run.rig.kill(run.rig.valkey)


def postgres_away(run: Run) -> None:
    """PostgreSQL is gone for a while."""
    run.rig.away(run.rig.postgres, run.outage_s)
    run.rig.until_ready()


def valkey_away(run: Run) -> None:
    """Valkey is gone for a while."""
    run.rig.away(run.rig.valkey, run.outage_s * 2)


def stop_api(run: Run) -> None:
    """The API process stands still, and goes on."""
    run.rig.pause(run.rig.api, min(run.outage_s, 5.0))


def stop_postgres(run: Run) -> None:
    """The postmaster stands still: no new session, while the others go on."""
    run.rig.pause(run.rig.postgres, min(run.outage_s, 5.0))


def stop_valkey(run: Run) -> None:
    """Valkey stands still, and goes on."""
    run.rig.pause(run.rig.valkey, min(run.outage_s, 5.0))


def flush_valkey(run: Run) -> None:
    """Everything in Valkey is gone."""
    asyncio.run(_flush(run.rig.valkey.url))


def old_valkey(run: Run) -> None:
    """Valkey comes back with the state of a while before, which it was asked to keep."""
    asyncio.run(save(run.rig.valkey.url))
    time.sleep(run.outage_s)
    run.rig.kill(run.rig.valkey)
    kept = run.rig.data.valkey / "dump.rdb"
    assert kept.exists(), "the older state was kept"
    until_loaded(run.rig.valkey.url)
    kept.unlink()  # whoever dies next comes back empty


def lose_notices(run: Run) -> None:
    """The payment providers' notices are lost; asking them is the only way to hear."""
    with _notices_lost(run):
        time.sleep(run.outage_s)


def stop_providers(run: Run) -> None:
    """The payment providers stand still, and go on."""
    run.rig.pause(run.rig.providers, min(run.outage_s, 5.0))


def kill_at(point: str, run: Run) -> bool:
    """A process kills itself at a point of our own code; says whether it got there."""
    process = run.rig.worker if POINTS[point] == "worker" else run.rig.api
    passes = run.chance.randint(1, PASSES_MAX)
    with _notices_lost(run) if point in WITHOUT_NOTICES else nullcontext():
        reached = run.rig.kill_at(process, f"{point}:{passes}")
    run.rig.until_ready()
    return reached


def slow_database(run: Run) -> None:
    """Everything between the API and PostgreSQL takes 50 ms longer each way."""
    _in_mood(run.rig.to_postgres, Mood.SLOW, run.outage_s)


def slow_clients(run: Run) -> None:
    """Everything between the gates and the API takes 50 ms longer each way."""
    _in_mood(run.rig.clients, Mood.SLOW, run.outage_s)


def mute_database(run: Run) -> None:
    """The lines to PostgreSQL are half open: nothing passes, nothing is closed."""
    _in_mood(run.rig.to_postgres, Mood.MUTE, run.outage_s)


def mute_valkey(run: Run) -> None:
    """The lines to Valkey are half open."""
    _in_mood(run.rig.to_valkey, Mood.MUTE, run.outage_s)


def reset_database(run: Run) -> None:
    """Every line to PostgreSQL is reset, ten times."""
    _reset_often(run, run.rig.to_postgres)


def reset_valkey(run: Run) -> None:
    """Every line to Valkey is reset, ten times."""
    _reset_often(run, run.rig.to_valkey)


def reset_clients(run: Run) -> None:
    """Every line of the gates is reset, ten times."""
    _reset_often(run, run.rig.clients)


def cut_commit(run: Run) -> None:
    """PostgreSQL gets the COMMIT, and the API never hears what became of it."""
    _in_mood(run.rig.to_postgres, Mood.CUT_COMMIT, min(run.outage_s, 3.0))


def disk_full(run: Run) -> None:
    """The disk of the city has no byte left; then it has again."""
    root = run.rig.data.root
    assert root.parent.is_mount(), "only a disk of the run's own is filled"
    ballast = root / "ballast"
    try:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            room = os.statvfs(root)
            os.posix_fallocate(file.fileno(), 0, (room.f_bavail - 1) * room.f_frsize)
            file.seek(0, os.SEEK_END)
            while True:
                file.write(bytes(4_096))
        time.sleep(run.outage_s)
    finally:
        ballast.unlink(missing_ok=True)
    run.rig.until_ready()


@contextmanager
def _notices_lost(run: Run) -> Iterator[None]:
    _tell_providers(run, b'{"lose_notices": true}')
    try:
        yield
    finally:
        _tell_providers(run, b'{"lose_notices": false}')


def _tell_providers(run: Run, change: bytes) -> None:
    asked = Request(
        f"{run.rig.provider_url}/_simulator/behaviour",
        data=change,
        headers={"content-type": "application/json"},
    )
    with urlopen(asked, timeout=10) as answer:
        assert answer.status == 200


def _in_mood(proxy: Proxy, mood: Mood, seconds: float) -> None:
    proxy.mood = mood
    time.sleep(seconds)
    proxy.mood = Mood.HONEST


def _reset_often(run: Run, proxy: Proxy) -> None:
    for _ in range(10):
        proxy.reset()
        time.sleep(run.chance.random() * 0.2)


async def _backends(url: str) -> list[int]:
    connection = await _connected(url)
    try:
        return [row["pid"] for row in await connection.fetch(BACKENDS)]
    finally:
        await connection.close()


async def _connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect, though the server may still recover from the fault before."""
    async with asyncio.timeout(RECOVERY_S):
        while True:
            with suppress(OSError, asyncpg.PostgresError):
                return await asyncpg.connect(url)
            await asyncio.sleep(0.1)


def until_loaded(url: str) -> None:
    """Wait until a Valkey that was started answers."""
    end = time.monotonic() + RECOVERY_S
    while not asyncio.run(_answers(url)):
        assert time.monotonic() < end, "Valkey does not answer"
        time.sleep(0.05)


async def _answers(url: str) -> bool:
    client = Redis.from_url(url)
    try:
        with suppress(RedisError, OSError):
            return bool(await client.ping())
        return False
    finally:
        await client.aclose()


async def save(url: str) -> None:
    """Let Valkey write what it holds into its folder, from which it would start again."""
    client = Redis.from_url(url)
    try:
        await client.save()
    finally:
        await client.aclose()


async def _flush(url: str) -> None:
    client = Redis.from_url(url)
    try:
        await client.flushall()
    finally:
        await client.aclose()


KILLS = ("kill_api", "kill_worker", "kill_backend", "kill_postmaster", "kill_valkey")

# Each point of our own code, and the process that it is armed in. Notices and paid orders are also
# taken up by the other one, where a point is not armed.
POINTS = {
    **dict.fromkeys(("stays.locked", "stays.loaded", "stays.folded", "stays.saved"), "api"),
    **dict.fromkeys(("gate.committed", "gate.published", "stays.settled"), "api"),
    **dict.fromkeys(("payments.attempt_kept", "payments.trade_placed"), "api"),
    **dict.fromkeys(("payments.notice_kept", "payments.notice_answered"), "api"),
    **dict.fromkeys(("payments.notice_handled", "payments.notice_committed"), "api"),
    **dict.fromkeys(("relay.taken", "gate.opened", "relay.handed_on"), "worker"),
    **dict.fromkeys(("relay.committed", "payments.asked"), "worker"),
}
# Drivers of this traffic get no money back: tests/store/payments/test_refund_kills.py kills here.
KILLED_ELSEWHERE = tuple(
    f"payments.{point}" for point in ("refund_reserved", "refund_asked", "refunded", "refund_tried")
)
WITHOUT_NOTICES = {"payments.asked"}  # nobody asks after what was told already
KILL_AT = tuple(f"kill_at:{point}" for point in POINTS)

FAULTS: Mapping[str, Callable[[Run], bool | None]] = {
    fault.__name__: fault
    for fault in (
        *(kill_api, kill_worker, kill_backend, kill_postmaster, kill_valkey),
        *(postgres_away, valkey_away, stop_api, stop_postgres, stop_valkey),
        *(flush_valkey, old_valkey, slow_database, slow_clients, mute_database, mute_valkey),
        *(reset_database, reset_valkey, reset_clients, cut_commit),
        *(lose_notices, stop_providers, disk_full),
    )
} | {f"kill_at:{point}": partial(kill_at, point) for point in POINTS}
