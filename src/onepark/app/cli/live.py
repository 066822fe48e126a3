"""What a running platform says of itself, in plain words.

Owns: what it is asked, from which value on something is wrong, and what is then to be done.
Never: needs a setting, a database or an account of the platform: it asks over HTTP alone.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from onepark.app.cli.looks import Finding, Missing, look

ANSWER_S = 5.0
BODY_BYTES_MAX = 64 * 1024**2
OK = 200
NAMED_MAX = 3  # of devices that are wrong, so many are named

CLOCK_OFF_S = 2.0  # the Date of an answer is a whole second
DEVICE_CLOCK_OFF_S = 5.0
REFRESH_LATE_S = 30.0
MEASURE_LATE_S = 120.0
FACT_LATE_S = 60.0
PAYMENT_UNKNOWN_S = 900.0
DEVICE_SILENT_S = 120.0

Samples = dict[str, list[tuple[Mapping[str, str], float]]]


class Told(NamedTuple):
    """An answer, and when it was given by the clock of whoever gave it."""

    status: int
    body: bytes
    at: datetime | None


def ask(url: str) -> Told:
    """Ask one page."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Missing(f"{url} is no address: give one like http://127.0.0.1:8000")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=ANSWER_S)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        date = answer.headers.get("date")
        body = answer.read(BODY_BYTES_MAX)
        return Told(answer.status, body, parsedate_to_datetime(date) if date else None)
    except (OSError, HTTPException, ValueError) as error:
        raise Missing(
            f"{url} does not answer ({error}): is it running, and is it there?"
        ) from error
    finally:
        connection.close()


def findings(url: str, worker_url: str | None) -> Iterator[Finding]:
    """Ask a running platform everything, and its worker where its metrics can be read."""
    base = url.rstrip("/")
    alive = look(lambda: livez(base))
    yield alive
    if not alive.good:
        return
    yield look(lambda: readyz(base))
    yield look(lambda: clock(base))
    yield from _measured(f"{base}/metrics", (refreshed, lots))
    if worker_url is None:
        yield Finding(good=True, text="the worker was not asked; --worker URL asks its metrics")
        return
    yield from _measured(worker_url, (jobs, facts, payments, notices, drift, clocks, silence))


def _measured(url: str, looks: tuple[Callable[[Samples], str], ...]) -> Iterator[Finding]:
    try:
        samples = read(url)
    except Missing as missing:
        yield Finding(good=False, text=str(missing))
        return
    yield Finding(good=True, text=f"{url} shows {len(samples)} metrics")
    for at in looks:
        yield look(partial(at, samples))


def read(url: str) -> Samples:
    """Read a page of metrics."""
    told = ask(url)
    samples: Samples = {}
    try:
        for family in text_string_to_metric_families(told.body.decode()):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    except ValueError:
        samples = {}
    if told.status != OK or not any(name.startswith("parking_") for name in samples):
        raise Missing(f"{url} shows no metrics of OnePark (status {told.status})")
    return samples


def livez(base: str) -> str:
    """Ask whether the process runs."""
    told = ask(f"{base}/livez")
    if told.status != OK or b"alive" not in told.body:
        raise Missing(f"{base} answers, but not as OnePark does (status {told.status})")
    return f"OnePark runs at {base}"


def readyz(base: str) -> str:
    """Ask whether requests should be sent there, and why not."""
    told = ask(f"{base}/readyz")
    try:
        said: dict[str, Any] = json.loads(told.body)
    except ValueError as error:
        raise Missing(f"{base}/readyz cannot be read (status {told.status})") from error
    wrong = [text for name, value, text in NOT_READY if said.get(name) == value]
    if wrong:
        raise Missing("; ".join(wrong))
    if told.status != OK:
        raise Missing(f"the platform says that it is not ready: {said}")
    return "it is ready, and counts are live"


NOT_READY = (
    (
        "database",
        "down",
        "it cannot reach its database: start PostgreSQL, or correct ONEPARK_DATABASE_URL",
    ),
    ("migrations", "pending", "migrations are pending: run onepark migrate"),
    ("draining", True, "this process is going down: ask another one, or again in a moment"),
    (
        "counts",
        "database",
        "counts come from PostgreSQL since Redis does not answer: start Redis; nothing is lost",
    ),
)


def clock(base: str) -> str:
    """Compare its clock with the one of this machine, at the middle of the question."""
    began = datetime.now(UTC)
    told = ask(f"{base}/livez")
    if told.at is None:
        raise Missing("its answers carry no Date: a proxy before it takes that header away")
    middle = began + (datetime.now(UTC) - began) / 2
    off_s = (told.at - middle).total_seconds() + 0.5  # the header has cut half a second on average
    if abs(off_s) > CLOCK_OFF_S:
        raise Missing(
            f"its clock and the one here differ by {off_s:.0f} s: set both by NTP;"
            " devices are refused from 300 s on"
        )
    return "its clock and the one here agree"


def refreshed(samples: Samples) -> str:
    """Look whether the archive and the tariffs are still read."""
    return _fresh(
        samples, {"refresh"}, REFRESH_LATE_S, "the archive and the tariffs are up to date"
    )


def lots(samples: Samples) -> str:
    """Look how many lots were heard of lately."""
    of = {labels["quality"]: int(value) for labels, value in samples.get(LOTS, [])}
    known, lost = sum(of.values()), of.get("lost", 0)
    if not known:
        raise Missing("it knows no lot: onepark registry import loads them")
    if lost:
        raise Missing(
            f"{lost} of {known} lots have not been heard of for long:"
            " look whether their gates have power and reach the platform"
        )
    return f"all {known} lots were heard of lately"


LOTS = "parking_vacancies_lots"


def jobs(samples: Samples) -> str:
    """Look whether the worker still reads how the city is."""
    wanted = {"gate.measure", "stays.measure", "stays.measure_drift", "payments.measure"}
    return _fresh(samples, wanted, MEASURE_LATE_S, "the worker works")


def _fresh(samples: Samples, wanted: set[str], late_s: float, good: str) -> str:
    done = {labels["name"]: at for labels, at in samples.get(DONE_AT, [])}
    late = sorted(job for job in wanted if time.time() - done.get(job, 0.0) > late_s)
    if late:
        raise Missing(
            f"{', '.join(late)} has not ended well for {late_s:.0f} s:"
            " look for job.failed in the log; most often the database does not answer"
        )
    return good


DONE_AT = "parking_job_last_success_timestamp_seconds"


def facts(samples: Samples) -> str:
    """Look whether a paid order or a car that was let out waits for its lane."""
    return _young(
        _worst(samples, "parking_outbox_oldest_seconds"),
        FACT_LATE_S,
        "a fact has waited {:.0f} s to be acted on, so a paid car may stand at its lane:"
        " look for relay.failed and outbox.relay in the worker's log",
        good="no fact waits to be acted on",
    )


def payments(samples: Samples) -> str:
    """Look whether the outcome of a payment is unknown for too long."""
    return _young(
        _worst(samples, "parking_payment_unknown_age_seconds"),
        PAYMENT_UNKNOWN_S,
        "the outcome of a payment has been unknown for {:.0f} s:"
        " look for payments.query_failed in the worker's log; the provider may not answer",
        good="no payment has been unknown for long",
    )


def notices(samples: Samples) -> str:
    """Look whether a notice that was kept waits to be handled."""
    return _young(
        _worst(samples, "parking_payment_notice_oldest_seconds"),
        FACT_LATE_S,
        "a payment notice has waited {:.0f} s:"
        " look for payments.notice_not_handled in the worker's log",
        good="every payment notice was handled",
    )


def _young(age_s: float, limit_s: float, wrong: str, *, good: str) -> str:
    if age_s > limit_s:
        raise Missing(wrong.format(age_s))
    return good


def drift(samples: Samples) -> str:
    """Look whether counts are what they count."""
    cars = _worst(samples, "parking_occupancy_drift")
    if cars:
        raise Missing(f"counts differ from the cars inside by {cars:.0f}: run onepark recount")
    return "every count is what it counts"


def clocks(samples: Samples) -> str:
    """Look for devices whose clocks are off."""
    off = [
        f"{labels['device']} by {value:.0f} s"
        for labels, value in samples.get("parking_gate_clock_offset_seconds", [])
        if abs(value) > DEVICE_CLOCK_OFF_S
    ]
    if off:
        raise Missing(f"clocks of devices are off: {_some(off)}; set them by NTP")
    return "the clocks of devices are right"


def silence(samples: Samples) -> str:
    """Look for devices that stopped sending heartbeats."""
    now = time.time()
    silent = [
        f"{labels['device']} for {now - at:.0f} s"
        for labels, at in samples.get("parking_gate_last_seen_timestamp_seconds", [])
        if now - at > DEVICE_SILENT_S
    ]
    if silent:
        raise Missing(f"devices are silent: {_some(silent)}; look at their power and network")
    return "every device that sends heartbeats still does"


def _worst(samples: Samples, name: str) -> float:
    return max((value for _, value in samples.get(name, [])), default=0.0)


def _some(named: list[str]) -> str:
    more = len(named) - NAMED_MAX
    return ", ".join(named[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
