"""What every request passes on its way in and out.

Owns: its id, its place in the metrics, and the number of requests in hand.
Never: reads a body, or knows a route of its own.

It stands outside the framework and costs a few microseconds: the passages of gates go through it.
"""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from itertools import count
from secrets import token_hex
from time import perf_counter
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from onepark.infra.log import request_id
from onepark.infra.metrics import Seconds, Timings, level_of_http

HTTP: Final = ScopeType.HTTP
HEADER = b"x-request-id"
GIVEN = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
OTHER = "_OTHER"  # OpenTelemetry's word
UNMATCHED = "(unmatched)"
LEFT = 499  # the client left before an answer began
TOO_LARGE = 413
SWALLOWED_MAX = 16 * 1_048_576  # bytes of a refused body; most clients only read after they sent
SWALLOW_S = 5.0

# OpenTelemetry's buckets, and two below them: an answer to a gate takes a few milliseconds.
SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075),
    *(0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
REQUESTS = Timings(
    "http_server_request_duration_seconds",
    "Requests by route template and status, with the seconds to their last byte.",
    ("http_request_method", "http_route", "http_response_status_code"),
    bounds=SECONDS,
)
IN_FLIGHT = level_of_http("http_server_active_requests", "Requests that were begun and not ended.")


class Observed:
    """An ASGI app that names, counts and times what another app answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._series: dict[tuple[str, str, int], Seconds] = {}
        self._prefix = token_hex(6)
        self._numbers = count(1)
        self.in_flight = 0
        IN_FLIGHT.set_function(lambda: self.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; anything else goes through untouched."""
        if scope["type"] != HTTP:
            await self._app(scope, receive, send)
            return
        name = _given(scope["headers"]) or f"{self._prefix}-{next(self._numbers):x}"
        status = LEFT

        def answer(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, name.encode())]
                if status == TOO_LARGE and _announced(scope["headers"]) <= SWALLOWED_MAX:
                    return _refuse(message, receive, send)
            return send(message)

        token = request_id.set(name)
        self.in_flight += 1
        began = perf_counter()
        try:
            await self._app(scope, receive, answer)
        finally:
            took_s = perf_counter() - began
            self.in_flight -= 1
            request_id.reset(token)
            key = (scope["method"], scope.get("path_template") or UNMATCHED, status)
            (self._series.get(key) or self._count(*key)).observe(took_s)

    def _count(self, method: str, route: str, status: int) -> Seconds:
        """Return the series of such requests; one for all methods that nobody knows."""
        known = method if method in METHODS else OTHER
        series = REQUESTS.labels(known, route, status)
        if known is method:
            self._series[known, route, status] = series
        return series


def _given(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id that the client gave, if it is a plain one."""
    for key, value in headers:
        if key == HEADER and GIVEN.fullmatch(value):
            return value.decode()
    return None


def _announced(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Return the length that a client announced; one without a length is cut off at once."""
    for key, value in headers:
        if key == b"content-length" and value.isdigit():
            return int(value)
    return SWALLOWED_MAX + 1


async def _refuse(message: Message, receive: Receive, send: Send) -> None:
    await _swallow(receive)
    await send(message)


async def _swallow(receive: Receive) -> None:
    """Let a client send what was refused, within bounds, so that it reads the refusal."""
    swallowed = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(SWALLOW_S):
            while swallowed < SWALLOWED_MAX:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                swallowed += len(message.get("body", b""))
