"""A cheap HTTP client: requests that were made before go out as they are.

Owns: connections that are kept, one request at a time on each, and counting what came back.
Never: makes a request, signs, or decodes an answer while anything is timed.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import cast

import uvloop

HEAD_ENDS = b"\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
STATUS = slice(9, 12)
ACCEPTED = b'"outcome":"accepted"'

Answered = Callable[[bytes], None]


class Tally:
    """What was answered, counted as bytes."""

    def __init__(self) -> None:
        self.statuses: Counter[bytes] = Counter()
        self.accepted = self.bytes = 0

    def __call__(self, answer: bytes) -> None:
        self.statuses[answer[STATUS]] += 1
        self.bytes += len(answer)
        self.accepted += answer.count(ACCEPTED)


class Connection(asyncio.Protocol):
    """One connection: whatever is told to go out goes out, and a whole answer is handed on."""

    def __init__(self, answered: Answered) -> None:
        self._answered, self._got = answered, b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclass

    def send(self, request: bytes) -> None:
        assert self._transport is not None, "it is connected"
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        head = self._got.find(HEAD_ENDS)
        if head < 0:
            return
        length = LENGTH.search(self._got, 0, head)
        assert length is not None, "an answer says how long it is"
        if len(self._got) >= head + len(HEAD_ENDS) + int(length[1]):
            answer, self._got = self._got, b""
            self._answered(answer)


class _Turn:
    """A connection that sends the next request as soon as it has its answer."""

    def __init__(self, todo: Iterator[bytes], answered: Answered) -> None:
        self._todo, self._answered = todo, answered
        self.connection = Connection(self._go_on)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        request = next(self._todo, None)
        if request is None:
            self.done.set_result(None)
        else:
            self.connection.send(request)

    def _go_on(self, answer: bytes) -> None:
        self._answered(answer)
        self.begin()


async def opened(port: int, answered: Answered) -> Connection:
    """Return a connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port)
    return connection


async def exchange(
    port: int, requests: Iterable[bytes], *, connections: int, answered: Answered
) -> float:
    """Send every request, each connection one at a time; return the seconds that it took."""
    todo, loop = iter(requests), asyncio.get_running_loop()
    turns = [_Turn(todo, answered) for _ in range(connections)]
    for turn in turns:
        await loop.create_connection(lambda turn=turn: turn.connection, "127.0.0.1", port)  # type: ignore[misc]
    began = time.perf_counter()
    for turn in turns:
        turn.begin()
    await asyncio.gather(*(turn.done for turn in turns))
    took = time.perf_counter() - began
    for turn in turns:
        turn.connection.close()
    return took


def sent(port: int, requests: Iterable[bytes], *, connections: int) -> tuple[float, Tally]:
    """Send every request and return the seconds and what was answered."""
    tally = Tally()
    took = uvloop.run(exchange(port, requests, connections=connections, answered=tally))
    return took, tally
