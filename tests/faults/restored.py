"""A city on a restored database: what it says that its lots hold, beside what the books say.

Owns: how it is started, asked and compared.
Never: restores anything.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import asyncpg

from onepark.contexts.vacancies import store
from onepark.infra.embedded import Child, free_port, start_valkey
from onepark.infra.redis import open_redis
from onepark.kernel.types import LotId

READY_S, RIGHT_S, STEADY_S = 60.0, 5.0, 1.0
NO_REDIS = "redis://127.0.0.1:1/0"
VERSIONS = "SELECT lot_id, pool, incarnation, n FROM stays.pub_count"


class Shown(NamedTuple):
    """What readers saw: how many wrong counts, when the last of them, and what Redis lacks."""

    wrong: int
    right_after_s: float
    lacking: int


def begin_incarnation(env: Mapping[str, str], database: Child) -> None:
    """Run what an operator runs; no Redis answers it, so that the incarnation alone must do."""
    told = {**env, "ONEPARK_DATABASE_URL": database.url, "ONEPARK_REDIS_URL": NO_REDIS}
    command = [sys.executable, "-m", "onepark.app.cli", "restored", "--yes"]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def valkey(folder: Path, dump: Path | None) -> Iterator[Child]:
    """Start a Valkey that holds what another one once saved, or nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if dump is not None:
        shutil.copy2(dump, folder / "dump.rdb")
    child = start_valkey(folder)
    try:
        yield child
    finally:
        child.stop()


def shown(
    env: Mapping[str, str], database: Child, redis: Child, *, counts: Mapping[str, int], log: Path
) -> Shown:
    """Start the API, ask for every lot until all are right and a while longer, and end it."""
    port = free_port()
    told = {
        **env,
        "ONEPARK_DATABASE_URL": database.url,
        "ONEPARK_REDIS_URL": redis.url,
        "ONEPARK_PAYMENTS_FILE": "",
        "ONEPARK_PORT": str(port),
    }
    command = [sys.executable, "-m", "onepark.app.cli", "serve"]
    api = Child(name="serve", command=command, log=log, env=told)
    api.start()
    try:
        _until_ready(api, port)
        wrong, right_after_s = _watched(port, counts)
        return Shown(wrong, right_after_s, asyncio.run(_lacking(database.url, redis.url)))
    finally:
        api.stop()


def _until_ready(api: Child, port: int) -> None:
    def ready() -> bool:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
        return False

    api.wait_until(ready, within_s=READY_S)


def _watched(port: int, counts: Mapping[str, int]) -> tuple[int, float]:
    began = time.monotonic()
    wrong, right_at = 0, began
    while (now := time.monotonic()) < min(right_at + STEADY_S, began + RIGHT_S):
        found = sum(_held(port, lot) != count for lot, count in counts.items())
        wrong += found
        right_at = time.monotonic() if found else right_at
        time.sleep(max(0.0, 0.1 - (time.monotonic() - now)))
    return wrong, right_at - began


def _held(port: int, lot: str) -> int:
    with urlopen(f"http://127.0.0.1:{port}/v1/vacancies/{lot}", timeout=10) as answer:
        return int(json.loads(answer.read())["pools"]["short_stay"]["raw"] or 0)


async def _lacking(database_url: str, redis_url: str) -> int:
    """Return how many counts of the books Redis does not hold in their very version."""
    connection, redis = await asyncpg.connect(database_url), open_redis(redis_url)
    try:
        books = {tuple(row) for row in await connection.fetch(VERSIONS)}
        reports = await store.load(redis, [LotId(lot_id) for lot_id in {row[0] for row in books}])
    finally:
        await connection.close()
        await redis.aclose()
    held = {
        (count.lot_id, count.pool.value, count.incarnation, count.n)
        for report in reports
        for count in report.counts
    }
    return len(books - held)
