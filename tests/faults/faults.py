"""The faults that a run injects, by name.

Owns: what each one does to the rig, and how long it lasts; a long run makes the outages longer.
Never: checks anything.
"""

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import asyncpg
from redis.asyncio import Redis

from tests.faults.proxy import Mood, Proxy
from tests.faults.rig import Rig

RECOVERY_S = 30.0
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
    """Valkey comes back with the state of a while before."""
    data, kept = run.rig.data.valkey, run.rig.data.root / "valkey.old"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(data, kept)
    time.sleep(run.outage_s)
    valkey = run.rig.valkey
    os.kill(valkey.pid, signal.SIGKILL)
    while valkey.exit_code() is None:
        time.sleep(0.01)
    for part in kept.iterdir():
        target = data / part.name
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        shutil.copytree(part, target) if part.is_dir() else shutil.copy2(part, target)
    valkey.start()


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


async def _flush(url: str) -> None:
    client = Redis.from_url(url)
    try:
        await client.flushall()
    finally:
        await client.aclose()


KILLS = ("kill_api", "kill_worker", "kill_backend", "kill_postmaster", "kill_valkey")

FAULTS: Mapping[str, Callable[[Run], None]] = {
    fault.__name__: fault
    for fault in (
        *(kill_api, kill_worker, kill_backend, kill_postmaster, kill_valkey),
        *(postgres_away, valkey_away, stop_api, stop_postgres, stop_valkey),
        *(flush_valkey, old_valkey, slow_database, slow_clients, mute_database, mute_valkey),
        *(reset_database, reset_valkey, reset_clients, cut_commit),
        disk_full,
    )
}
