"""What traces show of a batch, and that there are none where nobody asked."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onepark.infra import traces
from onepark.infra.batching import Batcher
from onepark.infra.otel import OpenTelemetry
from tests.fakes.log import kept_log, written

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01"}


@traces.as_part("test.load")
async def load(number: int) -> int:
    """Load it."""
    return number


@traces.as_part("test.fold")
def fold(number: int) -> int:
    """Fold it."""
    if number < 0:
        raise ValueError("苏B12345 is below zero")
    return number


async def handle(numbers: Sequence[int]) -> list[int]:
    return [fold(await load(number)) for number in numbers]


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.follow(OpenTelemetry("test", SimpleSpanProcessor(exporter)))
    yield exporter
    traces.follow(None)


def spans(kept: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in kept.get_finished_spans()}


async def ask(batcher: Batcher[int, int], number: int) -> None:
    tracer = traces.tracer()
    if tracer is None:
        await batcher.submit([number])
        return
    with tracer.request(HEADERS) as span:
        await batcher.submit([number])
        span.note(f"ask {number}", failed=False)


async def answered(*numbers: int) -> None:
    batcher = Batcher[int, int](handle, batch_max=9, queue_max=9, workers=1)
    asked = [asyncio.ensure_future(ask(batcher, number)) for number in numbers]
    await asyncio.sleep(0)
    batcher.start()
    try:
        await asyncio.gather(*asked)
    finally:
        await batcher.stop()


async def test_a_batch_has_its_parts_and_is_linked_to_each_of_its_requests(kept):
    await answered(1, 2)
    found = spans(kept)
    requests = {found[name].context.span_id for name in ("ask 1", "ask 2")}
    batch = found["batch"]
    assert {link.context.span_id for link in batch.links} == requests
    assert batch.parent is None
    assert batch.attributes == {"onepark.batch.size": 2}
    parents = [found[name].parent for name in ("test.load", "test.fold")]
    assert {parent and parent.span_id for parent in parents} == {batch.context.span_id}


async def test_a_request_goes_on_in_the_trace_of_its_caller(kept):
    await answered(1)
    assert f"{spans(kept)['ask 1'].context.trace_id:032x}" == CALLER


async def test_an_error_is_named_by_its_kind_and_never_by_its_words(kept):
    with pytest.raises(ValueError, match="below zero"):
        await answered(-1)
    fold_span = spans(kept)["test.fold"]
    assert fold_span.attributes == {"error.type": "ValueError"}
    assert not fold_span.status.is_ok
    assert "苏B12345" not in "".join(span.to_json() for span in kept.get_finished_spans())


async def test_a_part_of_nothing_is_not_kept(kept):
    assert await handle([1]) == [1]
    assert kept.get_finished_spans() == ()


async def test_a_line_of_the_log_names_its_trace(kept):
    tracer = traces.tracer()
    assert tracer is not None
    with kept_log() as out, tracer.request(HEADERS):
        traces.log.info("within")
    traces.log.info("outside")
    assert written(out)[0]["trace_id"] == CALLER


async def test_where_nobody_asked_there_are_no_spans_and_the_same_answers():
    await answered(1, 2)
    assert (traces.tracer(), traces.here(), traces.trace_id()) == (None, None, None)


def test_without_an_endpoint_opentelemetry_is_not_even_loaded():
    code = (
        "import sys; from onepark.infra import traces; traces.start('x', {});"
        "import onepark.app.asgi; print([one for one in sys.modules"
        " if one.startswith(('onepark.infra.otel', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_extra_is_told_and_costs_no_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "onepark.infra.otel", None)
    with kept_log() as out:
        traces.start("x", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    (line,) = written(out)
    assert (line["event"], "pip install onepark[otel]" in line["why"]) == ("traces.off", True)
    assert traces.tracer() is None
