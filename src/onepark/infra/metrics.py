"""Prometheus metrics of this process.

Owns: the one registry, how a metric is named, and the endpoint of a process without HTTP.
Never: knows what is counted.

The API process runs the app in its own event loop, in one worker, so the registry of that process
holds everything. More processes are more targets to scrape, which Prometheus adds up.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

PREFIX = "parking_"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# When a series began would be a second series beside each.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it bare
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Return a new counter; its name ends in ``_total`` by itself."""
    return Counter(PREFIX + name, text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Return a new gauge."""
    return Gauge(PREFIX + name, text, labels, registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS
) -> Histogram:
    """Return a new histogram, of seconds unless it names other buckets."""
    return Histogram(PREFIX + name, text, labels, buckets=buckets, registry=REGISTRY)


def of_http(name: str, text: str, labels: Sequence[str], *, buckets: Sequence[float]) -> Histogram:
    """Return a histogram of seconds under a name of OpenTelemetry, so without our prefix."""
    return Histogram(name, text, labels, buckets=buckets, registry=REGISTRY)


def level_of_http(name: str, text: str) -> Gauge:
    """Return a gauge under a name that OpenTelemetry gives."""
    return Gauge(name, text, registry=REGISTRY)


class Rows(Collector):
    """A gauge whose rows are read together, elsewhere, and replaced whole.

    A row that is read no more is shown no more, and a scrape never meets half of a reading.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self._name, self._text, self._labels = PREFIX + name, text, tuple(labels)
        self._rows: Mapping[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def replace(self, rows: Mapping[tuple[str, ...], float]) -> None:
        """Show these rows and no others."""
        self._rows = dict(rows)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the metric before there is a row."""
        yield GaugeMetricFamily(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Show the rows that were read last."""
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in self._rows.items():
            family.add_metric(labels, value)
        yield family


def text() -> bytes:
    """Return every metric in the text format."""
    return generate_latest(REGISTRY)


@contextmanager
def endpoint(host: str, port: int) -> Iterator[None]:
    """Answer scrapes from a thread of its own while the block runs; port 0 answers none."""
    if not port:
        yield
        return
    server, thread = start_http_server(port, addr=host, registry=REGISTRY)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
