"""What a scrape is told."""

from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, floats, lists, sampled_from, tuples
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from onepark.infra import metrics
from onepark.infra.embedded import free_port

ROWS = metrics.Rows("test_rows", "Rows of a test.", ("lot",))


def told(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_a_row_that_is_read_no_more_is_shown_no_more():
    ROWS.replace({("a",): 1.0, ("b",): 2.0})
    assert (told("parking_test_rows", lot="a"), told("parking_test_rows", lot="b")) == (1.0, 2.0)
    ROWS.replace({("b",): 3.0})
    assert (told("parking_test_rows", lot="a"), told("parking_test_rows", lot="b")) == (None, 3.0)


TOOK_S = lists(sampled_from([0.0, 0.1, 0.25, 1.0, 10.0]) | floats(0, 100), max_size=20)


@given(dictionaries(tuples(sampled_from(["GET", "PUT"]), sampled_from([200, 404])), TOOK_S))
def test_timings_are_shown_as_the_library_shows_a_histogram(took):
    ours, theirs, bounds = CollectorRegistry(), CollectorRegistry(), (0.1, 0.25, 1.0, 10.0)
    of = ("test_seconds", "Seconds of a test.", ("method", "status"))
    timings = metrics.Timings(*of, bounds=bounds, registry=ours)
    histogram = Histogram(*of, buckets=bounds, registry=theirs)
    for labels, all_s in took.items():
        for took_s in all_s:
            timings.labels(*labels).observe(took_s)
            histogram.labels(*labels).observe(took_s)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_name_is_given_once_though_nothing_was_counted_yet():
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.Timings("parking_test_rows", "Rows again.", (), bounds=(1.0,))
    registry = CollectorRegistry(auto_describe=True)
    metrics.Timings("test_seconds", "Once.", (), bounds=(1.0,), registry=registry)
    with pytest.raises(ValueError, match="Duplicated"):
        metrics.Timings("test_seconds", "Twice.", (), bounds=(1.0,), registry=registry)


def test_a_process_without_http_shows_its_metrics_at_a_port_and_lets_go_of_it():
    port = free_port()
    for _ in range(2):
        with (
            metrics.endpoint("127.0.0.1", port),
            urlopen(f"http://127.0.0.1:{port}/metrics") as got,
        ):
            assert b"# HELP parking_test_rows Rows of a test." in got.read()
    with pytest.raises(OSError, match="refused"):
        urlopen(f"http://127.0.0.1:{port}/metrics")


def test_port_0_shows_nothing():
    with metrics.endpoint("127.0.0.1", 0):
        pass
