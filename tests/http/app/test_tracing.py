"""A request is a span that a caller's trace may go on in; where nobody asked there is none."""

import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onepark.app import problems
from onepark.app.observe import Observed
from onepark.app.tracing import traced
from onepark.infra import traces
from onepark.infra.otel import OpenTelemetry
from tests.fakes.asgi import client_of

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"


@get("/lots/{lot:str}")
async def show(lot: FromPath[str]) -> str:
    return lot


@get("/bug")
async def err() -> None:
    raise RuntimeError("苏B12345")


@pytest.fixture
def kept():
    exporter = InMemorySpanExporter()
    traces.follow(OpenTelemetry("test", SimpleSpanProcessor(exporter)))
    yield exporter
    traces.follow(None)


def an_app() -> Litestar:
    return Litestar(
        [show, err],
        exception_handlers=problems.HANDLERS,
        openapi_config=None,
        logging_config=None,
    )


@pytest.fixture
async def client(kept):
    async with client_of(Observed(traced(an_app())), bugs_are_raised=False) as client:
        yield client


async def test_a_request_is_named_by_its_route_and_never_by_its_path(client, kept):
    headers = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01", "x-request-id": "r-1"}
    await client.get("/lots/苏B12345?plate=苏B12345", headers=headers)
    (span,) = kept.get_finished_spans()
    assert span.name == "GET /lots/{lot}"
    assert f"{span.context.trace_id:032x}" == CALLER
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/lots/{lot}",
        "http.response.status_code": 200,
        "onepark.request_id": "r-1",
    }
    assert "B12345" not in span.to_json()


async def test_a_failure_of_ours_is_an_error_and_a_refusal_is_none(client, kept):
    await client.get("/bug")
    await client.get("/nowhere")
    failed, refused = kept.get_finished_spans()
    assert (failed.name, failed.status.is_ok) == ("GET /bug", False)
    assert refused.attributes["http.response.status_code"] == 404
    assert refused.status.is_ok


@pytest.mark.parametrize("given", ["", "00-0-0-0", "苏B12345", "x" * 9_000])
async def test_a_trace_context_that_is_none_begins_a_trace_of_its_own(client, kept, given):
    answer = await client.get("/lots/1", headers={"traceparent": given.encode()})
    (span,) = kept.get_finished_spans()
    assert (answer.status_code, span.parent) == (200, None)


def test_where_nobody_keeps_traces_the_app_itself_is_served():
    app = an_app()
    assert traced(app) is app
