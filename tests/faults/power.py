"""Cuts of the power: what a gate was told before one is there after it.

Owns: the order of a run with cuts, and what is looked for in each disk that a cut left.
Never: makes a disk.

usage: nox -s power_cuts -- [--cuts 10] [--seed 1] [--control] [--ledger]
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import asyncpg

from onepark.infra.embedded import Child, ChildFailed, start_postgres
from onepark.infra.embedded.postgres import SETTINGS
from tests.faults.checker import look
from tests.faults.disks import PowerDisk, may_mount, opened
from tests.faults.ledger import append, line_of
from tests.faults.rig import Rig
from tests.faults.traffic import Traffic

LOTS = 24
APART_S = (1.0, 4.0)


class Cut(NamedTuple):
    """One cut: the disk that it left, and the passages that were answered before it."""

    image: Path
    told: Sequence[str]


def main() -> None:
    """Run; the exit status is 1 when a passage is lost, or when a control loses none."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="fsync=off, which must lose")
    parser.add_argument("--ledger", action="store_true", help="add a line to faults.jsonl")
    args = parser.parse_args()
    if not may_mount():
        print("skipped: power cuts need root, mkfs.xfs (Debian: xfsprogs) and loop mounts")
        return
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line = cut_often(folder, seed=args.seed, number=args.cuts, control=args.control)
    print(json.dumps(line))
    if args.ledger:
        append(line)
    sys.exit(line["cuts_that_lost"] < 0.9 * args.cuts if args.control else line["violations"] > 0)


def cut_often(folder: Path, *, seed: int, number: int, control: bool) -> dict[str, Any]:
    """Return the ledger's line of a run with cuts; as a control, PostgreSQL does not flush."""
    began, disk = time.monotonic(), PowerDisk(folder)
    with disk.mounted():
        rig = _without_flush(disk.root / "city") if control else Rig(disk.root / "city")
        try:
            traffic = Traffic(
                rig.base_url, rig.lots[:LOTS], seed=seed, history=folder / "history.jsonl"
            )
            traffic.start()
            cuts = list(_cuts(disk, traffic, random.Random(seed), number))
            traffic.stop()
        finally:
            rig.close()
        lost = [_lost(cut, folder / "after") for cut in cuts]
    return line_of(
        seed=seed,
        began=began,
        faults={"power_cut_without_fsync" if control else "power_cut": number},
        acknowledged=traffic.acknowledged,
        resent=traffic.resent,
        told_before_cuts=sum(len(cut.told) for cut in cuts),
        cuts_that_lost=sum(one > 0 for one in lost),
        violations=sum(lost),
    )


def _without_flush(folder: Path) -> Rig:
    """Turn fsync off behind the platform's back: it refuses to start on such a server."""
    with patch.dict(SETTINGS):
        del SETTINGS["fsync"]  # an option of the command line could not be changed any more
        rig = Rig(folder)
    asyncio.run(_turn_off(rig.postgres.url))
    return rig


async def _turn_off(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def _cuts(disk: PowerDisk, traffic: Traffic, chance: random.Random, number: int) -> Sequence[Cut]:
    cuts = []
    for count in range(number):
        time.sleep(chance.uniform(*APART_S))
        told = [passage_id for car in tuple(traffic.cars) for passage_id in tuple(car.answers)]
        cuts.append(Cut(disk.cut(f"cut-{count}"), told))
    return cuts


def _lost(cut: Cut, at: Path) -> int:
    """Start PostgreSQL on what a cut left; return how many answered passages are not there."""
    with opened(cut.image, at) as root:
        data = root / "city" / "postgres"
        (data / "postmaster.pid").unlink(missing_ok=True)
        try:
            postgres = start_postgres(data)
        except ChildFailed as failed:
            print(f"PostgreSQL does not start: {failed}")
            return len(cut.told)
        return _lost_in(postgres, cut)


def _lost_in(postgres: Child, cut: Cut) -> int:
    try:
        seen = asyncio.run(look(postgres.url, {}))
    finally:
        postgres.stop()
    doubled = sum(times > 1 for times in seen.passages.values())
    kept = [one for one in cut.told if seen.answered.get(one) and one in seen.passages]
    return len(cut.told) - len(kept) + doubled


if __name__ == "__main__":
    main()
