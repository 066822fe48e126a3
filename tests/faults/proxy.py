"""A TCP proxy that misbehaves on request: delays, resets, half-open lines, a cut after COMMIT.

Owns: one port in front of one server.
Never: reads more of what passes than it needs to find a COMMIT.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from enum import StrEnum

CHUNK = 65_536
# A commit as asyncpg sends it: a simple query, its text ended by a zero.
COMMIT = b"COMMIT;\x00"


class Mood(StrEnum):
    """How the proxy treats its lines."""

    HONEST = "honest"
    SLOW = "slow"  # every chunk waits
    MUTE = "mute"  # nothing passes and nothing is closed: a half-open line
    CUT_COMMIT = "cut_commit"  # the server gets the COMMIT, the client never hears of it


class Proxy:
    """A port of its own in a thread of its own; ``port`` is where to connect."""

    def __init__(self, target: int) -> None:
        """Begin to listen in front of a port of this machine."""
        self._target, self.mood = target, Mood.HONEST
        self.delay_s, self.cuts = 0.05, 0
        self._lines: set[asyncio.StreamWriter] = set()
        self._ready: Future[tuple[asyncio.AbstractEventLoop, int]] = Future()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._thread.start()
        self._loop, self.port = self._ready.result(10)

    async def _live(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._ready.set_result((asyncio.get_running_loop(), server.sockets[0].getsockname()[1]))
        await self._over.wait()
        server.close()
        self._abort_all()

    def reset(self) -> None:
        """Abort every line that is open now."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def close(self) -> None:
        """End the proxy and its lines."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _abort_all(self) -> None:
        for line in tuple(self._lines):
            line.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, far_writer}

        def abort() -> None:
            for line in (writer, far_writer):
                line.transport.abort()

        with suppress(asyncio.CancelledError):  # the proxy ends
            await asyncio.gather(
                self._pump(reader, far_writer, abort, is_client=True),
                self._pump(far_reader, writer, abort, is_client=False),
            )
        self._lines -= {writer, far_writer}

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        abort: Callable[[], None],
        *,
        is_client: bool,
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.mood == Mood.SLOW:
                    await asyncio.sleep(self.delay_s)
                while self.mood == Mood.MUTE:  # noqa: ASYNC110  set by another thread
                    await asyncio.sleep(0.02)
                writer.write(chunk)
                await writer.drain()
                if self.mood == Mood.CUT_COMMIT and is_client and COMMIT in chunk:
                    self.cuts += 1
                    await asyncio.sleep(0.005)  # the server has it; its answer must not get through
                    abort()
                    return
        with suppress(OSError, RuntimeError):
            writer.close()
