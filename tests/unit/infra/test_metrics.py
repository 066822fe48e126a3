"""What a scrape is told."""

from urllib.request import urlopen

import pytest

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
