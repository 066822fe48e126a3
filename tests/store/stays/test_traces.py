"""What a trace shows of one batch of passages."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onepark.infra import traces
from onepark.infra.otel import OpenTelemetry
from tests.builders import a_passage

PARTS = ["stays.lock", "stays.load", "stays.fold", "stays.save", "db.commit"]


@pytest.fixture
def kept():
    exporter = InMemorySpanExporter()
    traces.follow(OpenTelemetry("test", SimpleSpanProcessor(exporter)))
    yield exporter
    traces.follow(None)


async def test_a_batch_is_locked_loaded_folded_saved_and_committed(kept, stays, lot):
    with traces.batch([], size=1):
        await stays.take([a_passage(lot_id=lot)])
    *parts, batch = kept.get_finished_spans()
    assert [span.name for span in parts] == PARTS
    assert {span.parent.span_id for span in parts} == {batch.context.span_id}
    assert batch.name == "batch"


async def test_no_span_holds_a_plate(kept, stays, lot):
    with traces.batch([], size=1):
        await stays.take([a_passage(lot_id=lot, plate="苏B97531")])
    said = "".join(span.to_json() for span in kept.get_finished_spans())
    assert "stays.save" in said
    assert "97531" not in said
