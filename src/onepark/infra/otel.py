"""Spans in the words of OpenTelemetry: the one module that needs the extra `otel`.

Owns: the names and attributes of spans, W3C trace context, and the way to a collector.
Never: is imported where nobody asked for traces.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from onepark import __version__

LINKS_MAX = 128
NAME = "OTEL_SERVICE_NAME"


class NamedSpan:
    """A span whose name is known when it ends."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, name: str, *, failed: bool, **facts: str | int) -> None:
        """Give the span its name and facts; two underscores in a fact's name stand for a dot."""
        self._span.update_name(name)
        for fact, value in facts.items():
            self._span.set_attribute(fact.replace("__", "."), value)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR))


class OpenTelemetry:
    """Keeps spans with the SDK."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        named = {} if os.environ.get(NAME) else {"service.name": service}
        resource = Resource.create({**named, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("onepark", __version__)
        self._callers = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[NamedSpan]:
        """Begin a request, as a part of the caller's trace if its headers name one."""
        caller = self._callers.extract(headers)
        with self._begun("request", caller=caller, kind=SpanKind.SERVER) as span:
            yield NamedSpan(span)

    @contextmanager
    def batch(self, origins: Sequence[SpanContext], *, size: int) -> Iterator[None]:
        """Begin a batch: it has no parent, since it belongs to each of its requests alike."""
        links = [Link(origin) for origin in origins[:LINKS_MAX]]
        with self._begun("batch", links=links) as span:
            span.set_attribute("onepark.batch.size", size)
            yield

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Begin a part; without anything begun already it is nobody's part, and not kept."""
        if self.here() is None:
            yield
            return
        with self._begun(name):
            yield

    @contextmanager
    def _begun(
        self,
        name: str,
        *,
        caller: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[Link] = (),
    ) -> Iterator[trace.Span]:
        """Begin a span; one that an exception ends is marked by its type, never by its words."""
        with self._tracer.start_as_current_span(
            name,
            context=caller,
            kind=kind,
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def here(self) -> SpanContext | None:
        """Return what has begun already."""
        context = trace.get_current_span().get_span_context()
        return context if context.is_valid else None

    def trace_id(self) -> str | None:
        """Return the trace of what has begun already, as W3C writes it."""
        context = self.here()
        return None if context is None else trace.format_trace_id(context.trace_id)

    def end(self) -> None:
        """Send what was kept, and keep nothing more."""
        self._provider.shutdown()


def to_collector(service: str) -> OpenTelemetry:
    """Return a tracer that sends over OTLP where the environment says, in batches of its own."""
    return OpenTelemetry(service, BatchSpanProcessor(OTLPSpanExporter()))
