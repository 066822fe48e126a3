"""Traces, where somebody asked for them.

Owns: whether there are traces, and the few words in which the rest of the platform speaks of spans.
Never: costs more than one comparison where nobody asked, or puts a path, a body or the message of
an error into a span: they may hold a plate.

OpenTelemetry is an extra. It is loaded when OTEL_EXPORTER_OTLP_ENDPOINT names a collector, and then
follows every other OTEL_* variable by itself.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, Protocol, TypeVar, cast

import structlog

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

P = ParamSpec("P")
R = TypeVar("R")

log = structlog.get_logger(__name__)


class Span(Protocol):
    """A stretch of work that has begun."""

    def note(self, name: str, *, failed: bool, **facts: str | int) -> None:
        """Say at its end what it was and whether it failed through us."""


class Tracer(Protocol):
    """Whoever keeps spans."""

    def request(self, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Begin a request, as a part of the caller's trace if its headers name one."""

    def batch(self, origins: Sequence[Any], *, size: int) -> AbstractContextManager[object]:
        """Begin work for several requests at once, and link it to each of them."""

    def part(self, name: str) -> AbstractContextManager[object]:
        """Begin a part of what has begun already."""

    def here(self) -> Any:
        """Return what has begun already, as something to be linked to; None if nothing has."""

    def trace_id(self) -> str | None:
        """Return the trace of what has begun already."""

    def end(self) -> None:
        """Send what was kept, and keep nothing more."""


class _Now:
    tracer: Tracer | None = None


_NOTHING = nullcontext()


def start(service: str, env: Mapping[str, str]) -> None:
    """Keep traces from now on, if the environment names a collector."""
    if not any(env.get(name) for name in ENDPOINTS):
        return
    try:
        otel = import_module("onepark.infra.otel")
    except ImportError as error:
        log.warning("traces.off", why=f"{error}: pip install onepark[otel]")
        return
    follow(otel.to_collector(service))
    log.info("traces.on", service=service)


def follow(tracer: Tracer | None) -> None:
    """Keep traces with this tracer from now on; with None keep none."""
    _Now.tracer = tracer


def end() -> None:
    """Send what was kept, and keep nothing more."""
    if _Now.tracer is not None:
        _Now.tracer.end()
        _Now.tracer = None


def tracer() -> Tracer | None:
    """Return whoever keeps spans; None where nobody asked for traces."""
    return _Now.tracer


def here() -> Any:
    """Return what has begun already, to be linked to later."""
    return None if _Now.tracer is None else _Now.tracer.here()


def trace_id() -> str | None:
    """Return the trace of what has begun already."""
    return None if _Now.tracer is None else _Now.tracer.trace_id()


def part(name: str) -> AbstractContextManager[object]:
    """Begin a part of what has begun already."""
    return _NOTHING if _Now.tracer is None else _Now.tracer.part(name)


def batch(origins: Iterable[Any], *, size: int) -> AbstractContextManager[object]:
    """Begin work for several requests at once."""
    if _Now.tracer is None:
        return _NOTHING
    return _Now.tracer.batch([one for one in origins if one is not None], size=size)


async def _waited_for(name: str, work: Awaitable[R]) -> R:
    with part(name):
        return await work


def as_part(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make each call of a function a part, from its beginning to its result."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        waits = inspect.iscoroutinefunction(function)

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            if _Now.tracer is None:
                return function(*args, **kwargs)
            if waits:
                return cast("R", _waited_for(name, cast("Any", function(*args, **kwargs))))
            with part(name):
                return function(*args, **kwargs)

        return called

    return decorate
