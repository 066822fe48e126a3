"""The limit of H1: an ASGI app that does nothing but answer, on the platform's own server.

Owns: one answer of a given size to every request.
Never: routes, reads a query, or looks anything up.

usage: python -m benchmarks.peer.bare PORT BYTES
"""

import asyncio
import sys

import uvloop
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from onepark.app.cli.serve import server_of


def bare(size: int) -> ASGIApp:
    """Return an app that answers with so many bytes."""
    body = b"x" * size
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

    return app


async def serve(port: int, size: int) -> None:
    await asyncio.create_task(server_of(bare(size), host="127.0.0.1", port=port).serve())


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:3])))
