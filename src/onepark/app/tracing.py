"""A span for every request, where traces are kept.

Owns: what a request is called in a trace.
Never: stands in the way of a request where no traces are kept.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from onepark.infra import traces
from onepark.infra.log import request_id

OF_CONTEXT = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
OURS = 500
NO_ANSWER = 0


def traced(app: ASGIApp) -> ASGIApp:
    """Return the app with a span around every request; the app itself where nobody keeps traces."""
    return app if traces.tracer() is None else Traced(app)


class Traced:
    """An ASGI app whose requests are spans."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on within a span; anything else goes through untouched."""
        tracer = traces.tracer()
        if tracer is None or scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        status = NO_ANSWER

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracer.request(_context_of(scope)) as span:
            try:
                await self._app(scope, receive, answer)
            finally:
                _note(span, scope, status)


def _context_of(scope: Scope) -> dict[str, str]:
    """Return the headers of W3C trace context."""
    return {
        OF_CONTEXT[name]: value.decode("latin-1")
        for name, value in scope["headers"]
        if name in OF_CONTEXT
    }


def _note(span: traces.Span, scope: HTTPScope, status: int) -> None:
    route = str(scope.get("path_template") or "")
    span.note(
        f"{scope['method']} {route}".strip(),
        failed=status >= OURS,
        http__request__method=scope["method"],
        http__route=route,
        http__response__status_code=status,
        onepark__request_id=request_id.get() or "",
    )
