"""An operator's own server: it keeps what it was posted and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple


class Heard(NamedTuple):
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """What came, and the status that the next request is answered with."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status = 204
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/onepark"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.heard.append(Heard(line.split(" ")[1], headers, body))
        extra = "location: http://127.0.0.1:1/\r\n" if self.status == 302 else ""
        writer.write(f"HTTP/1.1 {self.status} x\r\n{extra}content-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def open_listener() -> AsyncIterator[Listener]:
    """Listen on a port of this machine while the block runs."""
    listener = Listener()
    server = await asyncio.start_server(listener.answer, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()
