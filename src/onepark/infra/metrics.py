"""Prometheus metrics of this process.

Owns: the one registry and how a metric is named.
Never: knows what is counted.

The API process runs the app in its own event loop, in one worker, so the registry of that process
holds everything. More processes are more targets to scrape, which Prometheus adds up.
"""

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

PREFIX = "onepark_"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

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


def text() -> bytes:
    """Return every metric in the text format."""
    return generate_latest(REGISTRY)
