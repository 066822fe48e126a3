"""Prometheus metrics of this process.

Owns: the one registry, how a metric is named, and the endpoint of a process without HTTP.
Never: knows what is counted.

The API process runs the app in its own event loop, in one worker, so the registry of that process
holds everything. More processes are more targets to scrape, which Prometheus adds up.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from math import inf

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
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

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


class Seconds:
    """One series of a ``Timings``: how many took how long, and how long all took together."""

    __slots__ = ("bounds", "counts", "sum_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.sum_s = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, took_s: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, took_s)] += 1
        self.sum_s += took_s

    def upwards(self) -> Iterator[tuple[str, float]]:
        """Yield how many took no longer than each bound, the last being none."""
        bounds = (*self.bounds, inf)
        for bound, many in zip(bounds, accumulate(self.counts), strict=True):
            yield _as_text(bound), many


class Timings(Collector):
    """A histogram of seconds that one thread counts in: it takes no lock and seeks its bucket.

    It stands under a name of OpenTelemetry, so without our prefix, and is shown as any other.
    """

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._series: dict[tuple[str, ...], Seconds] = {}
        registry.register(self)

    def labels(self, *values: object) -> Seconds:
        """Return the series of these labels."""
        return self._series.setdefault(tuple(map(str, values)), Seconds(self._bounds))

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """Name the metric before there is a series."""
        yield HistogramMetricFamily(self._name, self._text, labels=self._labels)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Show every series."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, series in [*self._series.items()]:
            family.add_metric(labels, [*series.upwards()], series.sum_s)
        yield family


def _as_text(bound: float) -> str:
    """Write a bound as the library does, so that no series gets another name."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library leaves it bare


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
