"""What `onepark doctor --live` makes of the answers of a platform, right and wrong."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from onepark.app.cli import live
from onepark.app.cli.doctor import doctor

READY = {
    "ready": True,
    "draining": False,
    "database": "ok",
    "migrations": "current",
    "counts": "live",
}
API: dict[str, float] = {
    'parking_job_last_success_timestamp_seconds{name="refresh"}': 0.0,  # so long before now
    'parking_vacancies_lots{quality="live"}': 3,
    'parking_vacancies_lots{quality="late"}': 0,
    'parking_vacancies_lots{quality="lost"}': 0,
}
WORKER: dict[str, float] = {
    **{
        f'parking_job_last_success_timestamp_seconds{{name="{job}"}}': 0.0
        for job in ("gate.measure", "stays.measure", "stays.measure_drift", "payments.measure")
    },
    'parking_outbox_oldest_seconds{fact="stays.order_paid.v1"}': 0,
    "parking_payment_unknown_age_seconds": 0,
    "parking_payment_notice_oldest_seconds": 0,
    'parking_occupancy_drift{pool="short_stay"}': 0,
    'parking_gate_clock_offset_seconds{lot="1",device="cam"}': -0.5,
    'parking_gate_last_seen_timestamp_seconds{lot="1",device="cam"}': 5,
}


class Page(BaseHTTPRequestHandler):
    """Answers what the server was given for the path."""

    server: Any

    def do_GET(self) -> None:
        status, body = self.server.pages.get(self.path, (404, b"nothing"))
        self.send_response_only(status)
        if self.server.ahead_s is not None:
            self.send_header("Date", formatdate(time.time() + self.server.ahead_s, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def a_platform(
    *, ready: dict[str, Any] | None = None, ahead_s: float | None = 0, **metrics: dict[str, float]
) -> Iterator[tuple[str, str]]:
    """A platform that answers as told; its address and its worker's."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    said = READY | (ready or {})
    server.ahead_s = ahead_s
    server.pages = {
        "/livez": (200, b'{"alive":true}'),
        "/readyz": (200 if said == READY else 503, json.dumps(said).encode()),
        "/metrics": (200, page(API | metrics.get("api", {}))),
        "/worker": (200, page(WORKER | metrics.get("worker", {}))),
    }
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield base, f"{base}/worker"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(metrics: dict[str, float]) -> bytes:
    """Metrics as text; what is a moment is given as seconds before now."""
    now = time.time()
    moments = {
        name: now - value if "timestamp" in name else value for name, value in metrics.items()
    }
    return "".join(f"{name} {value}\n" for name, value in moments.items()).encode()


def wrong(url: str, worker: str | None) -> list[str]:
    return [one.text for one in live.findings(url, worker) if not one.good]


def test_a_platform_that_is_well_has_nothing_wrong():
    with a_platform() as (url, worker):
        found = list(live.findings(url, worker))
    assert [one.text for one in found if not one.good] == []
    assert len(found) > 10


@pytest.mark.parametrize(
    ("ready", "told"),
    [
        ({"database": "down", "migrations": "unknown"}, "start PostgreSQL"),
        ({"migrations": "pending"}, "run onepark migrate"),
        ({"draining": True}, "going down"),
        ({"counts": "database"}, "start Redis"),
        ({"ready": False}, "not ready"),
    ],
)
def test_a_platform_that_is_not_ready_says_why(ready, told):
    with a_platform(ready=ready) as (url, worker):
        (text,) = wrong(url, worker)
    assert told in text


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (
            {'parking_job_last_success_timestamp_seconds{name="refresh"}': 31},
            "refresh has not ended",
        ),
        ({'parking_vacancies_lots{quality="live"}': 0}, "knows no lot"),
        ({'parking_vacancies_lots{quality="lost"}': 2}, "2 of 5 lots"),
    ],
)
def test_what_is_wrong_with_the_api_is_told(metrics, told):
    with a_platform(api=metrics) as (url, worker):
        (text,) = wrong(url, worker)
    assert told in text


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (
            {'parking_job_last_success_timestamp_seconds{name="stays.measure"}': 121},
            "stays.measure",
        ),
        ({'parking_outbox_oldest_seconds{fact="stays.order_paid.v1"}': 61}, "has waited 61 s"),
        ({"parking_payment_unknown_age_seconds": 901}, "unknown for 901 s"),
        ({"parking_payment_notice_oldest_seconds": 61}, "notice has waited 61 s"),
        ({'parking_occupancy_drift{pool="short_stay"}': 2}, "by 2: run onepark recount"),
        ({'parking_gate_clock_offset_seconds{lot="1",device="cam"}': -6}, "cam by -6 s"),
        ({'parking_gate_last_seen_timestamp_seconds{lot="1",device="cam"}': 200}, "cam for 200 s"),
    ],
)
def test_what_is_wrong_with_the_city_is_told(metrics, told):
    with a_platform(worker=metrics) as (url, worker):
        (text,) = wrong(url, worker)
    assert told in text


def test_of_many_devices_some_are_named():
    off = {f'parking_gate_clock_offset_seconds{{lot="1",device="c{n}"}}': 60.0 for n in range(5)}
    with a_platform(worker=off) as (url, worker):
        (text,) = wrong(url, worker)
    assert "c0 by 60 s, c1 by 60 s, c2 by 60 s and 2 more" in text


@pytest.mark.parametrize(("ahead_s", "told"), [(5, "differ by 5 s"), (-5, "differ by -5 s")])
def test_a_clock_that_is_off_is_told(ahead_s, told):
    with a_platform(ahead_s=ahead_s) as (url, worker):
        (text,) = wrong(url, worker)
    assert told in text


@pytest.mark.parametrize("ahead_s", [1, -1])
def test_a_second_of_difference_is_within_what_the_header_can_tell(ahead_s):
    with a_platform(ahead_s=ahead_s) as (url, worker):
        assert wrong(url, worker) == []


def test_an_answer_without_a_date_is_told():
    with a_platform(ahead_s=None) as (url, worker):
        (text,) = wrong(url, worker)
    assert "no Date" in text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1", "does not answer"),
        ("127.0.0.1:8000", "no address"),
        ("http://127.0.0.1:99999", "does not answer"),
    ],
)
def test_where_nothing_answers_nothing_more_is_asked(url, told):
    (text,) = wrong(url, None)
    assert told in text


def test_another_program_is_known_as_such():
    with a_platform() as (url, _):
        (text,) = wrong(f"{url}/elsewhere", None)
        assert "not as OnePark does" in text
        (text,) = wrong(url, f"{url}/livez")
        assert "no metrics of OnePark" in text


def test_the_exit_status_tells_whether_anything_is_wrong(tmp_path):
    asked = ["--data-dir", str(tmp_path), "--live"]
    with a_platform() as (url, worker):
        well = CliRunner().invoke(doctor, [*asked, url, "--worker", worker])
        alone = CliRunner().invoke(doctor, [*asked, url])
    gone = CliRunner().invoke(doctor, [*asked, url])
    assert (well.exit_code, "WRONG" in well.output) == (0, False)
    assert (alone.exit_code, "the worker was not asked" in alone.output) == (0, True)
    assert (gone.exit_code, gone.output.startswith("WRONG")) == (1, True)
