"""A drill: back a running city up, restore it to many moments, and look whether it is the same.

Owns: the order of the drill, what is noted at a moment, and what must hold of a restored city.
Never: knows how PostgreSQL is backed up, or how a city is asked.

usage: nox -s restore_drill -- [--moments 6] [--seed 1] [--ledger]
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from onepark.app.data_dir import DataDir
from onepark.app.restored import CHANGED_BY_RESTORE
from onepark.infra.embedded import Child
from onepark.infra.state_hash import STATEMENTS, StateHash, state_hash, state_hash_at
from tests.faults.backups import Backups, RestoreFailed, archived
from tests.faults.checker import look
from tests.faults.faults import save
from tests.faults.ledger import append, line_of
from tests.faults.restored import begin_incarnation, shown, valkey
from tests.faults.rig import Rig
from tests.faults.traffic import Traffic

LOTS, LATE, PAYING = 12, 8, 4
APART_S = (1.0, 3.0)
SOON = "SET LOCAL deadlock_timeout = '50ms'"
HALT = "LOCK TABLE {} IN SHARE MODE"
NOTE = """
    SELECT clock_timestamp() AS at, pg_walfile_name(pg_create_restore_point($1)) AS file
"""


class Moment(NamedTuple):
    """A moment of a city under traffic: its books, and what Valkey held a while before it."""

    name: str
    at: datetime
    by_time: bool
    file: str
    books: StateHash
    told: Sequence[str]
    older: Path

    @property
    def target(self) -> dict[str, str]:
        if self.by_time:
            return {"recovery_target_time": self.at.isoformat()}
        return {"recovery_target_name": self.name}


class Backed(NamedTuple):
    """What is left of a city: its backups, its moments, and what Valkey held at the end."""

    backups: Backups
    base: Path
    moments: Sequence[Moment]
    newer: Path
    env: Mapping[str, str]
    lost: Moment  # the last one, before the server was lost: its log was only received
    figures: Mapping[str, Any]


def main() -> None:
    """Run; the exit status is 1 when a restored city differs, or a control is not caught."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--moments", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", action="store_true", help="add a line to faults.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = drilled(folder, seed=args.seed, number=args.moments)
    print(json.dumps(line))
    for one in broken:
        print(one)
    if args.ledger:
        append(line)
    sys.exit(bool(broken))


def drilled(folder: Path, *, seed: int, number: int) -> tuple[dict[str, Any], list[str]]:
    """Return the ledger's line of a drill, and everything that was not as it must be."""
    began = time.monotonic()
    backed = _back_up(folder, random.Random(seed), seed=seed, number=number)
    broken, took = list[str](), list[float]()
    for moment in backed.moments:
        broken += [f"{moment.name}: {what}" for what in _restored(folder, backed, moment, took)]
    lost = _lost_with_the_server(folder, backed)
    uncaught = _uncaught(folder, backed)
    broken += uncaught
    line = line_of(
        seed=seed,
        began=began,
        faults={
            "restore_to_name": sum(not one.by_time for one in backed.moments),
            "restore_to_time": sum(one.by_time for one in backed.moments),
            "server_lost": 1,
        },
        **backed.figures,
        restore_s=[round(one, 1) for one in took],
        told_before_loss=len(backed.lost.told),
        lost_with_the_server=lost,
        controls_caught=CONTROLS - len(uncaught),
        violations=len(broken),
    )
    return line, broken


# -- a city that is backed up ---------------------------------------------------------------------


def _back_up(folder: Path, chance: random.Random, *, seed: int, number: int) -> Backed:
    city = folder / "city"
    backups = Backups(folder / "backups", password=DataDir(city).postgres.with_suffix(".password"))
    rig = Rig(city, settings=backups.settings)
    receiver = backups.received(rig.postgres.url, folder / "backups" / "received")
    try:
        with _traffic(rig, folder, seed) as traffic:
            began = time.monotonic()
            base = backups.take(rig.postgres.url, "base")
            backups.verify(base)
            base_s = time.monotonic() - began
            moments = [_moment(rig, folder, traffic, chance, count) for count in range(number)]
            time.sleep(APART_S[0])  # a commit beyond the last moment shows that it was reached
            asyncio.run(archived(rig.postgres.url))
            lost = _moment(rig, folder, traffic, chance, number)
            os.kill(rig.postgres.pid, signal.SIGKILL)
            time.sleep(0.2)
            receiver.terminate()
            receiver.wait(10)
            rig.until_ready()  # the gates get their answers; the log of it is nobody's
        newer = _saved(rig, folder / "newer.rdb")
    finally:
        receiver.kill()
        receiver.wait()
        rig.close()
    figures = {
        "acknowledged": sum(one.acknowledged for one in traffic),
        "paid": sum(car.is_paid for one in traffic for car in one.cars),
        "rows": moments[-1].books.rows,
        "base_mib": _mib(base),
        "log_mib": _mib(backups.wal),
        "base_s": round(base_s, 1),
    }
    return Backed(backups, base, moments, newer, rig.env, lost, figures)


@contextmanager
def _traffic(rig: Rig, folder: Path, seed: int) -> Iterator[list[Traffic]]:
    """Drive a city some of whose lots are first seen later; whoever was begun is ended."""
    lots, end = rig.lots, LOTS + LATE
    early = Traffic(
        rig.base_url,
        lots[:LOTS],
        paying=lots[end : end + PAYING],
        seed=seed,
        history=folder / "early.jsonl",
    )
    late = Traffic(
        rig.base_url, lots[LOTS:end], seed=seed, history=folder / "late.jsonl", first=2 * end
    )
    traffic = [early, late]
    early.start()
    try:
        yield traffic
    finally:
        for one in traffic:
            one.stop()


def _moment(
    rig: Rig, folder: Path, traffic: Sequence[Traffic], chance: random.Random, count: int
) -> Moment:
    """Note a moment under traffic: the books while nobody can commit, and their restore point."""
    older = _saved(rig, folder / f"older-{count}.rdb")
    time.sleep(chance.uniform(*APART_S))
    cars = [car for one in traffic for car in tuple(one.cars)]
    told = [passage_id for car in cars for passage_id in tuple(car.answers)]
    name = f"moment-{count}"
    books, row = asyncio.run(_noted(rig.postgres.url, name))
    if count == 0:
        traffic[1].start()  # lots that the first moment knows nothing of
    return Moment(name, row["at"], bool(count % 2), row["file"], books, told, older)


async def _noted(url: str, name: str) -> tuple[StateHash, asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        tables = [row["name"] for row in await connection.fetch(STATEMENTS)]
        while True:
            try:
                async with connection.transaction():
                    await connection.execute(SOON)
                    await connection.execute(HALT.format(", ".join(tables)))
                    books = await state_hash(connection, but=CHANGED_BY_RESTORE)
                    row = await connection.fetchrow(NOTE, name)
                    assert row is not None, "functions give a row"
                    return books, row
            except asyncpg.DeadlockDetectedError:
                continue  # two tables were wanted crosswise; one of the two waits again
    finally:
        await connection.close()


def _saved(rig: Rig, to: Path) -> Path:
    asyncio.run(save(rig.valkey.url))
    return Path(shutil.copy2(rig.data.valkey / "dump.rdb", to))


def _mib(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1024**2


# -- a city that is restored ----------------------------------------------------------------------


def _restored(folder: Path, backed: Backed, moment: Moment, took: list[float]) -> Iterator[str]:
    """Restore to a moment; yield what is not as it was, or is not shown as it is."""
    began = time.monotonic()
    with _server(folder, backed, moment) as server:
        took.append(time.monotonic() - began)
        yield from _differences(moment, server)
        seen = asyncio.run(look(server.url, {}))
        missing = sum(one not in seen.passages for one in moment.told)
        if missing:
            yield f"{missing} passages are missing that gates had been told of"
        begin_incarnation(backed.env, server)
        redises = {"newer": backed.newer, "older": moment.older, "empty": None}
        for age, dump in redises.items():
            with valkey(folder / "redis", dump) as redis:
                told = shown(backed.env, server, redis, counts=seen.counts, log=folder / "api.log")
            if told.wrong or told.lacking:
                yield f"beside the {age} Valkey: {told}"


def _differences(moment: Moment, server: Child) -> Iterator[str]:
    books = asyncio.run(state_hash_at(server.url, but=CHANGED_BY_RESTORE))
    if books.digest != moment.books.digest:
        were = {table.name: table for table in moment.books.tables}
        for table in books.tables:
            if table != were[table.name]:
                yield f"{table.name}: {table.rows} rows, {were[table.name].rows} noted, other hash"


@contextmanager
def _server(
    folder: Path, backed: Backed, moment: Moment, *, wal: Path | None = None
) -> Iterator[Child]:
    to = folder / "restored"
    try:
        server = backed.backups.restore(
            backed.base, to, target=moment.target, wal=wal or backed.backups.wal
        )
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(to, ignore_errors=True)


def _lost_with_the_server(folder: Path, backed: Backed) -> int:
    """Restore as far as the received log goes; return how many told passages are not there."""
    received, to = backed.backups.root / "received", folder / "after"
    server = backed.backups.restore(backed.base, to, target={}, wal=received)
    try:
        seen = asyncio.run(look(server.url, {}))
    finally:
        server.stop()
        shutil.rmtree(to)
    return sum(one not in seen.passages for one in backed.lost.told)


# -- controls -------------------------------------------------------------------------------------

CONTROLS = 5


def _uncaught(folder: Path, backed: Backed) -> list[str]:
    """Return the controls that nothing caught: each restores something that is not whole."""
    last = backed.moments[-1]
    found = {
        "a log that lacks a file": _fails(folder, backed, last, _without(folder, backed, last)),
        "a log that is damaged": _fails(folder, backed, last, _damaged(folder, backed, last)),
        "a base backup that is damaged": _is_noticed(folder, backed),
        **_of_a_restored(folder, backed, last),
    }
    return [f"the control was not caught: {name}" for name, caught in found.items() if not caught]


def _fails(folder: Path, backed: Backed, moment: Moment, wal: Path) -> bool:
    try:
        with _server(folder, backed, moment, wal=wal):
            return False
    except RestoreFailed:
        return True


def _without(folder: Path, backed: Backed, moment: Moment) -> Path:
    wal = folder / "backups" / "lacking"
    shutil.copytree(backed.backups.wal, wal)
    (wal / moment.file).unlink()
    return wal


def _damaged(folder: Path, backed: Backed, moment: Moment) -> Path:
    wal = folder / "backups" / "damaged"
    shutil.copytree(backed.backups.wal, wal)
    with (wal / moment.file).open("r+b") as file:
        file.write(bytes(64))  # its head
    return wal


def _is_noticed(folder: Path, backed: Backed) -> bool:
    base = folder / "backups" / "bad"
    shutil.copytree(backed.base, base)
    largest = max((base / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    with largest.open("r+b") as file:
        file.seek(4_000)
        file.write(bytes(reversed(range(1, 9))))
    try:
        backed.backups.verify(base)
    except RestoreFailed:
        return True
    return False


def _of_a_restored(folder: Path, backed: Backed, moment: Moment) -> dict[str, bool]:
    """Show the newer Valkey to books without a new incarnation; then alter a row of them."""
    with _server(folder, backed, moment) as server:
        counts = asyncio.run(look(server.url, {})).counts
        with valkey(folder / "redis", backed.newer) as redis:
            told = shown(backed.env, server, redis, counts=counts, log=folder / "api.log")
        asyncio.run(_alter(server.url))
        altered = [what.split(":")[0] for what in _differences(moment, server)]
    return {
        "counts from before the restore are believed": told.wrong > 0,
        "a row that was altered": altered == ["stays.stay_order"],
    }


async def _alter(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "UPDATE stays.stay_order SET settled = NOT settled WHERE ctid ="
            " (SELECT ctid FROM stays.stay_order WHERE owed_fen = 0 LIMIT 1)"
        )
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
