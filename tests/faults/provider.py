"""Providers that know trades from the start: the simulator, its book filled from a file.

Owns: one process that answers for trades which nobody placed with it.
Never: tells of a trade by itself; refunds it is asked for are told of as ever.

usage: python -m tests.faults.provider --data DIR --port 8100 --trades FILE
"""

import argparse
import asyncio
import os
import signal
from pathlib import Path

import msgspec
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from benchmarks.trades import OpenTrade, trade_of
from onepark.infra.clock import SystemClock
from onepark.infra.http_client import open_http_client
from onepark.simulator.providers.app import make_app
from onepark.simulator.providers.keys import load_or_make
from onepark.simulator.providers.trades import Book

HOST = "127.0.0.1"
Known = tuple[OpenTrade, bool]  # and whether it is paid


def keep(known: list[Known], file: Path) -> None:
    """Write what the process is to know."""
    file.write_bytes(msgspec.msgpack.encode(known))


async def serve(data: Path, port: int, trades: Path) -> None:
    """Serve on loopback until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    known = msgspec.msgpack.decode(trades.read_bytes(), type=list[Known])
    book = Book(trade_of(one, paid=paid) for one, paid in known)
    async with open_http_client() as client:
        app, courier = make_app(load_or_make(data), client, SystemClock(), book=book)
        server = Server(
            app,
            address=HOST,
            port=port,
            interface=Interfaces.ASGI,
            websockets=False,
            log_level=LogLevels.error,
        )
        serving = asyncio.create_task(server.serve())
        await ended.wait()
        await courier.close()
        server.stop()
        await serving


def main() -> None:
    """Serve, and leave at once: a thread of the server may outlive the interpreter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--trades", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(serve(given.data, given.port, given.trades))
    os._exit(0)


if __name__ == "__main__":
    main()
