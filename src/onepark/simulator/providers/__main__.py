"""Run the provider simulator: ``python -m onepark.simulator.providers --port 0 --data DIR``.

Owns: its one process, from the keys to the last request.
Never: listens beyond this machine, or leaves a payments.json that names a port of the past.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar

from onepark.infra.clock import SystemClock
from onepark.infra.embedded.ports import free_port
from onepark.infra.http_client import HttpClient, PeerUnavailable, open_http_client
from onepark.simulator.providers.app import make_app
from onepark.simulator.providers.keys import PAYMENTS_FILE, load_or_make, write_payments_file

HOST = "127.0.0.1"
READY_POLL_S = 0.05
NOTICE_TIMEOUT_S = 5.0  # what WeChat Pay gives a merchant to answer a notice


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m onepark.simulator.providers")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--data", type=Path, required=True, help="keys and payments.json")
    given = parser.parse_args()
    asyncio.run(serve(given.data, given.port))
    _leave()


async def serve(data: Path, port: int) -> None:
    """Serve on loopback; payments.json is there exactly while requests are answered."""
    ended = _asked_to_end()
    payments_file = data / PAYMENTS_FILE
    payments_file.unlink(missing_ok=True)  # after a crash it would name a port of the past
    keys = load_or_make(data)
    chosen = free_port(port)
    async with open_http_client(timeout_s=NOTICE_TIMEOUT_S) as client:
        app, courier = make_app(keys, client, SystemClock())
        server = _server(app, chosen)
        serving = asyncio.create_task(server.serve())
        await _until_live(client, f"http://{HOST}:{chosen}", serving)
        write_payments_file(data, f"http://{HOST}:{chosen}", keys)
        stopped = asyncio.create_task(ended.wait())
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
        payments_file.unlink(missing_ok=True)
        await courier.close()
        server.stop()  # type: ignore[no-untyped-call]  # the library leaves it bare
        await serving


def _leave() -> NoReturn:
    """End at once: a thread of the server that wakes while Python is taken apart would abort us."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _asked_to_end() -> asyncio.Event:
    """Return what is set when somebody asks this process to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


def _server(app: Litestar, port: int) -> Server:
    return Server(
        app,
        address=HOST,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )


async def _until_live(client: HttpClient, base_url: str, serving: asyncio.Task[None]) -> None:
    """Wait for the first answer; a server that ends instead raises here."""
    while not serving.done():
        try:
            await client.request("GET", f"{base_url}/livez", headers={})
        except PeerUnavailable:
            await asyncio.sleep(READY_POLL_S)
        else:
            return
    await serving


if __name__ == "__main__":
    main()
