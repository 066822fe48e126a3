"""`onepark work` shows its metrics where it is told, or says why it does not start."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys

import pytest

from onepark.infra.db import Database
from tests.archive import KEY

pytestmark = pytest.mark.flow


async def test_a_worker_whose_port_of_metrics_is_taken_says_so_and_does_not_start(
    database_url, servers
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {
            "ONEPARK_DATABASE_URL": database_url,
            "ONEPARK_REDIS_URL": servers[1],
            "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
            "ONEPARK_WORK_METRICS_PORT": str(port),
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "onepark.app.cli", "work"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **settings},
        )
    assert done.returncode == 1
    assert f"metrics cannot be shown at 127.0.0.1:{port}" in done.stderr


async def test_a_worker_does_what_the_calendar_says_and_ends_when_it_is_told(
    database_url, servers, service_db
):
    settings = {
        "ONEPARK_DATABASE_URL": database_url,
        "ONEPARK_REDIS_URL": servers[1],
        "ONEPARK_SECRET_KEY": base64.b64encode(KEY.raw).decode(),
    }
    worker = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "onepark.app.cli", "work"],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if await done(service_db) == 3:
                break
            await asyncio.sleep(0.2)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 8) == 0
    finally:
        worker.kill()


async def done(service_db: Database) -> int:
    """How many runs of the calendar are done, each for the first time."""
    async with service_db.connection() as tx:
        counted: int = await tx.fetchval(
            "SELECT count(*) FROM jobs.run WHERE state = 'done' AND tries = 1"
        )
        return counted
