"""A whole load run: a city, Locust against it, and its books afterwards.

Owns: which files a scenario is made of, and what is compared when the load is over.
Never: decides what a user does, or what a run must reach: thresholds.toml does.

usage: nox -s load -- --scenario mixed --minutes 2 [--users 40] [--seed 1] [--city demo.json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple, TypeVar
from urllib.parse import quote
from urllib.request import urlopen

import msgspec

from loadtests.common.books import Books
from loadtests.common.settings import (
    BOOKS,
    CITY,
    MINUTES,
    PROCESSES,
    SCENARIO,
    SEED,
    THRESHOLDS,
    USERS,
)
from loadtests.common.thresholds import FILE
from onepark.infra.embedded import free_port
from onepark.simulator.city.check import Check, check_counts
from onepark.simulator.city.wire import Demo, ProviderBooks, Vacancy

Told = TypeVar("Told")

HERE = Path(__file__).parent
MIXED = "mixed.py"
SCENARIOS: Mapping[str, tuple[str, ...]] = {
    "mixed": (MIXED,),
    "gate": ("gate.py",),
    "citizen": ("citizen.py",),
    "payment_provider": ("payment_provider.py",),
    "lot_operator": ("lot_operator.py",),
    "hospital_morning": (MIXED, "shapes/hospital_morning.py"),
    "mall_evening": (MIXED, "shapes/mall_evening.py"),
    "holiday": (MIXED, "shapes/holiday.py"),
    "reconnect_storm": (MIXED, "shapes/reconnect_storm.py"),
    "staircase": (MIXED, "shapes/staircase.py"),
}
STAFF = "load-desk"
START_S, STOP_S = 300, 60
FINISH_S = 60  # what users get to finish what they began
BOOKS_MAX_S = 30.0


def main() -> None:
    """Run a scenario; the exit status is 1 when a threshold broke or the books are wrong."""
    args = _arguments()
    folder = args.reports / f"{args.scenario}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder.mkdir(parents=True)
    with _city(args.city) as (facts, staff):
        demo = msgspec.json.decode(facts.read_bytes(), type=Demo)
        before = _Before(_occupied(demo), _paid(demo))
        status = _drive(args, facts, staff, folder)
        checks = _checked(demo, before, folder / "books.json")
        recounted = 0 if staff is None else _recount(facts)
    for check in checks:
        print(check)
    print(f"reports: {folder}/report.html, {folder}/requests_stats.csv")
    sys.exit(bool(status or recounted or any(check.differences for check in checks)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scenario", choices=SCENARIOS, default="mixed")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="workers on this machine")
    parser.add_argument("--city", type=Path, help="the facts of a city that is served already")
    parser.add_argument("--thresholds", type=Path, default=FILE)
    parser.add_argument("--reports", type=Path, default=HERE / "reports")
    return parser.parse_args()


@contextmanager
def _city(facts: Path | None) -> Iterator[tuple[Path, str | None]]:
    """Give the facts of a city and an account of its staff; one of our own ends with the run."""
    if facts is not None:
        yield facts, os.environ.get("ONEPARK_LOAD_STAFF")
        return
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        process = _serve(folder / "city")
        try:
            facts = _facts(process, folder / "city" / "demo.json")
            yield facts, _employ(facts)
        finally:
            process.terminate()
            process.wait(STOP_S)


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    """Start a city without traffic; all of its drivers share our one address."""
    command = [sys.executable, "-m", "onepark.app.cli", "up", "--port", "0", "--no-simulate"]
    environment = {**os.environ, "ONEPARK_DUES_PER_MINUTE_MAX": "1000000"}
    return subprocess.Popen(
        [*command, "--data-dir", str(folder)], stdout=subprocess.DEVNULL, env=environment
    )


def _facts(process: subprocess.Popen[bytes], file: Path) -> Path:
    for _ in range(START_S * 10):
        if file.exists():
            return file
        if process.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("the city did not start")


def _employ(facts: Path) -> str:
    """Give an account to somebody at the desk of the first operator."""
    password = token_urlsafe(24)
    _onepark(
        facts,
        *("staff", "add", STAFF, "--name", "load", "--role", "operator_clerk"),
        *("--operator-id", "1", "--password", password),
    )
    return f"{STAFF}:{password}"


def _onepark(facts: Path, *command: str) -> int:
    """Run a command of the platform on the city's own servers."""
    told = json.loads(facts.read_bytes())
    environment = {
        **os.environ,
        "ONEPARK_DATABASE_URL": told["database_url"],
        "ONEPARK_REDIS_URL": told["redis_url"],
        "ONEPARK_SECRET_KEY": (facts.parent / "secret.key").read_text().strip(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "onepark.app.cli", *command], env=environment, check=False
    )
    return done.returncode


def _recount(facts: Path) -> int:
    """Count every visit anew and compare; only where the servers are ours."""
    return _onepark(facts, "recount") if (facts.parent / "secret.key").exists() else 0


def _drive(args: argparse.Namespace, facts: Path, staff: str | None, folder: Path) -> int:
    """Let Locust run; its exit status is that of the thresholds."""
    files = ",".join(str(HERE / file) for file in SCENARIOS[args.scenario])
    command = [sys.executable, "-m", "locust", "-f", files, "--headless", "--only-summary"]
    command += ["--stop-timeout", str(FINISH_S), "--html", str(folder / "report.html")]
    command += ["--csv", str(folder / "requests"), "--loglevel", "WARNING"]
    command += _workers(args.processes) if args.processes > 1 else []
    if not any("shapes/" in file for file in SCENARIOS[args.scenario]):
        seconds = round(args.minutes * 60)
        command += ["-u", str(args.users), "-r", "50", "-t", f"{seconds}s"]
    environment = {
        **os.environ,
        CITY: str(facts.resolve()),
        SEED: str(args.seed),
        PROCESSES: str(args.processes),
        MINUTES: str(args.minutes),
        USERS: str(args.users),
        SCENARIO: args.scenario,
        THRESHOLDS: str(args.thresholds.resolve()),
        BOOKS: str(folder / "books.json"),
        "PYTHONPATH": str(HERE.parent),
    }
    if staff is not None:
        environment["ONEPARK_LOAD_STAFF"] = staff
    return subprocess.run(command, env=environment, check=False).returncode


def _workers(processes: int) -> list[str]:
    """Return the options of more processes than one; they meet at a port that nobody uses."""
    port = str(free_port())
    return ["--processes", str(processes), "--master-bind-port", port, "--master-port", port]


def _occupied(demo: Demo) -> dict[str, int]:
    """Ask every lot how many cars it counts."""
    return {lot.lot: _occupied_in(demo, lot.lot) for lot in demo.lots}


def _occupied_in(demo: Demo, lot: str) -> int:
    vacancy = _asked(f"{demo.base_url}/v1/vacancies/{quote(lot)}", Vacancy)
    return vacancy.short_stay.raw or 0


def _paid(demo: Demo) -> dict[str, int]:
    """Ask the simulated providers for every trade that was paid, in fen; a city may have none."""
    if not demo.provider_url:
        return {}
    books = _asked(f"{demo.provider_url}/_simulator/books", ProviderBooks)
    return {one.out_trade_no: one.amount_fen for one in books.trades if one.state == "paid"}


def _asked(url: str, kind: type[Told]) -> Told:
    with urlopen(url) as answer:
        return msgspec.json.decode(answer.read(), type=kind)


class _Before(NamedTuple):
    """What the city and the providers said before the load."""

    occupied: dict[str, int]
    paid: dict[str, int]


def _checked(demo: Demo, before: _Before, file: Path) -> list[Check]:
    """Compare what was acknowledged with what the city counts, once its counts stand still."""
    if not file.exists():
        return [Check("books", "Locust wrote none", ["the run did not come to its end"])]
    told = msgspec.json.decode(file.read_bytes(), type=Books)
    until = time.monotonic() + BOOKS_MAX_S
    counts = check_counts(before.occupied, _occupied(demo), moved=told.moved)
    while counts.differences and time.monotonic() < until:
        time.sleep(1.0)
        counts = check_counts(before.occupied, _occupied(demo), moved=told.moved)
    wrong = [f"{told.repeats_wrong} got another answer"] if told.repeats_wrong else []
    passages = f"{told.passages} passages, {told.repeats} of them sent again"
    return [counts, Check("repeats", passages, wrong), _payments(demo, before, told)]


def _payments(demo: Demo, before: _Before, told: Books) -> Check:
    """What the platform called paid is what the providers took, to the fen."""
    ours = f"{told.payments} payments of {told.paid_fen} fen"
    if not demo.provider_url:
        return Check("payments", f"{ours}; this city has no simulated provider to ask", [])
    new = [fen for number, fen in _paid(demo).items() if number not in before.paid]
    theirs = f"{len(new)} payments of {sum(new)} fen"
    differs = [] if ours == theirs else [f"the platform says {ours}, the providers {theirs}"]
    return Check("payments", ours, differs)


if __name__ == "__main__":
    main()
