"""A fault run: traffic, faults one after the other, rest, and what must hold then.

Owns: the order of a run and its line in the ledger.
Never: knows what a fault does or what an invariant says.

usage: nox -s faults -- [--minutes 3] [--seed 1] [--kinds kill_api,cut_commit] [--ledger]
       nox -s faults -- --kinds deliveries --deliveries 1000000
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec

from onepark.simulator.city.wire import ProviderBooks, Trade
from tests.faults.checker import Violation, look, violations
from tests.faults.deliveries import delivered
from tests.faults.disks import may_mount, small_disk
from tests.faults.faults import FAULTS, KILL_AT, KILLS, Run
from tests.faults.ledger import append, line_of
from tests.faults.rig import Rig
from tests.faults.traffic import Traffic

LOTS = 24
DELIVERIES = "deliveries"  # a run of its own: see deliveries.py
PAYING = 6  # lots whose cars pay
OUTAGE_S = 3.0
REST_S = 150.0  # an attempt whose notices were lost may be asked for only after two minutes
SHOWN_MAX = 20


def main() -> None:
    """Run; the exit status is 1 when an invariant does not hold."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = _ran(folder, args)
    print(json.dumps(line, ensure_ascii=False))
    for point in line.get("points_never_reached", ()):
        print(f"{point} was armed and never reached: this run says nothing of it")
    for one in broken[:SHOWN_MAX]:
        print(f"{one.invariant}: {one.what}")
    if args.ledger:
        append(line)
    sys.exit(bool(broken))


def _ran(folder: Path, args: argparse.Namespace) -> tuple[dict[str, Any], list[Violation]]:
    """Do what was asked for."""
    if args.kinds == DELIVERIES:
        return delivered(folder, seed=args.seed, deliveries=args.deliveries)
    kinds = _kinds(args.kinds)
    if "disk_full" in kinds and not may_mount():
        print("skipped: disk_full needs root and mounts")
        kinds.remove("disk_full")
    return injected(folder, seed=args.seed, kinds=kinds, minutes=args.minutes, outage_s=args.outage)


def _kinds(given: str) -> list[str]:
    """Read the list of kinds; ``kill_at`` alone means every point."""
    kinds = given.split(",") if given else [kind for kind in FAULTS if kind not in KILL_AT]
    if "kill_at" in kinds:
        kinds.remove("kill_at")
        kinds += KILL_AT
    return kinds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--kinds", default="", help=f"of {', '.join(FAULTS)}; all of them. Or {DELIVERIES}"
    )
    parser.add_argument(
        "--deliveries", type=int, default=20_000, help="of a run of that kind alone"
    )
    parser.add_argument("--outage", type=float, default=OUTAGE_S, help="seconds of an outage")
    parser.add_argument("--ledger", action="store_true", help="add a line to faults.jsonl")
    return parser.parse_args()


def injected(
    folder: Path, *, seed: int, kinds: Sequence[str], minutes: float, outage_s: float
) -> tuple[dict[str, Any], list[Violation]]:
    """Return the ledger's line of a run and everything that did not hold at its end."""
    began, done = time.monotonic(), Counter[str]()
    with _disk(folder, kinds) as disk:
        rig = Rig(disk / "city")
        try:
            traffic = Traffic(
                f"http://127.0.0.1:{rig.clients.port}",
                rig.lots[:LOTS],
                paying=rig.lots[LOTS : LOTS + PAYING],
                seed=seed,
                history=folder / "history.jsonl",
            )
            traffic.start()
            run = Run(rig, random.Random(seed), outage_s)
            missed = _break(run, kinds, minutes, done)
            rig.until_ready()
            traffic.stop()
            broken = _at_rest(rig, traffic)
        finally:
            rig.close()
    line = line_of(
        seed=seed,
        began=began,
        faults=done,
        kills=sum(done[kind] for kind in KILLS),
        killed_at_points=sum(done[kind] for kind in KILL_AT),
        points_never_reached=sorted(missed - done.keys()),
        commits_cut=rig.to_postgres.cuts,
        acknowledged=traffic.acknowledged,
        resent=traffic.resent,
        paid=sum(car.is_paid for car in traffic.cars),
        violations=len(broken),
    )
    return line, broken


@contextmanager
def _disk(folder: Path, kinds: Sequence[str]) -> Iterator[Path]:
    """Give the city a disk of its own where a fault would fill it."""
    if "disk_full" not in kinds:
        yield folder
        return
    with small_disk(folder) as disk:
        yield disk


def _break(run: Run, kinds: Sequence[str], minutes: float, done: Counter[str]) -> set[str]:
    """Inject faults, each kind once at least; count them and return those tried in vain."""
    until, missed, order = time.monotonic() + minutes * 60, set[str](), list[str]()
    while time.monotonic() < until or set(kinds) - done.keys() - missed:
        order = order or list(kinds)
        kind = order.pop(run.chance.randrange(len(order)))
        if FAULTS[kind](run) is False:
            missed.add(kind)
        else:
            done[kind] += 1
        time.sleep(run.chance.random())
    return missed


def _at_rest(rig: Rig, traffic: Traffic) -> list[Violation]:
    """Look until everything holds, or until it had time enough to."""
    end = time.monotonic() + REST_S
    while True:
        seen = asyncio.run(look(rig.postgres.url, _board(rig, traffic), trades_of(rig)))
        broken = violations(traffic.cars, seen)
        if not broken or time.monotonic() > end:
            return broken
        time.sleep(1.0)


def _board(rig: Rig, traffic: Traffic) -> dict[str, int]:
    """Ask the API what each lot holds, as a citizen would."""
    board = {}
    for lot in {car.lot for car in traffic.cars}:
        with urlopen(f"{rig.base_url}/v1/vacancies/{lot}", timeout=10) as answer:
            pool = json.loads(answer.read())["pools"]["short_stay"]
        board[lot] = pool["raw"] or 0
    return board


def trades_of(rig: Rig) -> list[Trade]:
    """Ask the providers what they took."""
    with urlopen(f"{rig.provider_url}/_simulator/books", timeout=30) as answer:
        return msgspec.json.decode(answer.read(), type=ProviderBooks).trades


if __name__ == "__main__":
    main()
