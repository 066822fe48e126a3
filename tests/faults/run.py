"""A fault run: traffic, faults one after the other, rest, and what must hold then.

Owns: the order of a run and its line in the ledger.
Never: knows what a fault does or what an invariant says.

usage: nox -s faults -- [--minutes 3] [--seed 1] [--kinds kill_api,cut_commit] [--ledger]
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.faults.checker import Violation, look, violations
from tests.faults.faults import FAULTS, KILLS, Run
from tests.faults.rig import Rig
from tests.faults.traffic import Traffic

LEDGER = Path(__file__).parents[2] / "faults.jsonl"
LOTS = 24
OUTAGE_S = 3.0
REST_S = 30.0
SHOWN_MAX = 20


def main() -> None:
    """Run; the exit status is 1 when an invariant does not hold."""
    args = _arguments()
    kinds = args.kinds.split(",") if args.kinds else list(FAULTS)
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = injected(
            folder,
            seed=args.seed,
            kinds=kinds,
            minutes=args.minutes,
            outage_s=args.outage,
        )
    print(json.dumps(line))
    for one in broken[:SHOWN_MAX]:
        print(f"{one.invariant}: {one.what}")
    if args.ledger:
        with LEDGER.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    sys.exit(bool(broken))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="", help=f"of {', '.join(FAULTS)}; all of them")
    parser.add_argument("--outage", type=float, default=OUTAGE_S, help="seconds of an outage")
    parser.add_argument("--ledger", action="store_true", help="add a line to faults.jsonl")
    return parser.parse_args()


def injected(
    folder: Path, *, seed: int, kinds: Sequence[str], minutes: float, outage_s: float
) -> tuple[dict[str, Any], list[Violation]]:
    """Return the ledger's line of a run and everything that did not hold at its end."""
    began, done = time.monotonic(), Counter[str]()
    rig = Rig(folder / "city")
    try:
        traffic = Traffic(
            f"http://127.0.0.1:{rig.clients.port}",
            rig.lots[:LOTS],
            seed=seed,
            history=folder / "history.jsonl",
        )
        run = Run(rig, random.Random(seed), outage_s)
        traffic.start()
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            kind = run.chance.choice(kinds)
            FAULTS[kind](run)
            done[kind] += 1
            time.sleep(run.chance.random())
        rig.until_ready()
        traffic.stop()
        broken = _at_rest(rig, traffic)
    finally:
        rig.close()
    line = {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "seed": seed,
        "seconds": round(time.monotonic() - began),
        "faults": dict(sorted(done.items())),
        "kills": sum(done[kind] for kind in KILLS),
        "commits_cut": rig.to_postgres.cuts,
        "acknowledged": traffic.acknowledged,
        "resent": traffic.resent,
        "violations": len(broken),
    }
    return line, broken


def _at_rest(rig: Rig, traffic: Traffic) -> list[Violation]:
    """Look until everything holds, or until it had time enough to."""
    end = time.monotonic() + REST_S
    while True:
        seen = asyncio.run(look(rig.postgres.url, _board(rig, traffic)))
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
        board[lot] = pool["occupied"] or 0
    return board


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
