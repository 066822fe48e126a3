"""`onepark work` shows its metrics where it is told, or says why it does not start."""

import asyncio
import base64
import os
import socket
import subprocess
import sys

import pytest

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
