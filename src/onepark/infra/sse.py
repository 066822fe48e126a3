"""Server-sent events over ASGI.

Owns: sending what a source yields until it ends or the client leaves.
Never: keeps a source open after its client: it is closed however the stream ends.
"""

from typing import Protocol

from anyio import CancelScope, create_task_group
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Source(Protocol):
    """Yields encoded events; closing it twice does nothing."""

    def __aiter__(self) -> "Source": ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None: ...


class EventStream:
    """An ASGI app that answers one request with the events of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source ends or the client leaves, also in the middle of a write."""
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(_watch, receive, tasks.cancel_scope)
                await self._send(send)
                tasks.cancel_scope.cancel()
        finally:
            await self._source.aclose()

    async def _send(self, send: Send) -> None:
        start: HTTPResponseStartEvent = {
            "type": "http.response.start",
            "status": 200,
            "headers": HEADERS,
        }
        await send(start)
        async for events in self._source:
            await send(_body(events, more=True))
        await send(_body(b"", more=False))


def _body(events: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": events, "more_body": more}


async def _watch(receive: Receive, stream: CancelScope) -> None:
    """End the stream when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.cancel()
