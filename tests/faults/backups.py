"""Base backups, an archive of the log, and restores from both, by PostgreSQL's own programs.

Owns: the commands, and whose files they are.
Never: touches the server that it backs up beyond that.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from onepark.infra.embedded import Child, ChildFailed, start_postgres
from onepark.infra.embedded.account import account_for_postgres
from onepark.infra.embedded.child import identity
from onepark.infra.embedded.postgres import binaries

ARCHIVED_S, RECOVERED_S = 60.0, 120.0
SWITCH = "SELECT pg_walfile_name(pg_switch_wal())"
ARCHIVED = "SELECT last_archived_wal >= $1 FROM pg_stat_archiver"


class RestoreFailed(Exception):
    """Nothing was restored; the message says what PostgreSQL said."""


class Backups:
    """A folder with base backups and the archived log of one server."""

    def __init__(self, folder: Path, *, password: Path) -> None:
        """Make the folder; PostgreSQL writes into it under its own account.

        ``password`` is the file beside the server's data that its login is read from.
        """
        self._password = password
        self._account = account_for_postgres()
        self.root, self.wal = folder, folder / "wal"
        for path in (self.root, self.wal):
            path.mkdir(parents=True)
            self._give(path)

    @property
    def settings(self) -> dict[str, str]:
        """What the server needs to archive its log here: whole files only, each once."""
        file = f"{self.wal}/%f"
        copy = f"test ! -f {file} && cp %p {file}.part && sync {file}.part && mv {file}.part {file}"
        return {"archive_mode": "on", "archive_command": copy}

    def take(self, url: str, name: str) -> Path:
        """Take a base backup of a running server."""
        base = self.root / name
        self._run("pg_basebackup", "-d", url, "-D", str(base), "--checkpoint=fast")
        return base

    def verify(self, base: Path) -> None:
        """Hold every file of a base backup against its manifest; RestoreFailed if one differs."""
        self._run("pg_verifybackup", str(base))

    def restore(self, base: Path, to: Path, *, target: Mapping[str, str], wal: Path) -> Child:
        """Start a server on a copy of a base backup, at a moment; it is promoted when this returns.

        ``target`` are recovery_target settings; none means as far as the log reaches.
        """
        shutil.copytree(base, to)
        (to / "recovery.signal").touch()
        for path in (to, *to.rglob("*")):
            self._give(path)
        shutil.copy2(self._password, to.with_suffix(".password"))
        fetch = f"cp {wal}/%f %p || cp {wal}/%f.partial %p"
        settings = {"restore_command": fetch, "recovery_target_action": "promote", **target}
        try:
            child = start_postgres(to, settings=settings)
        except (ChildFailed, subprocess.CalledProcessError) as failed:
            raise RestoreFailed(str(failed)) from failed
        _until_promoted(child)
        return child

    def received(self, url: str, into: Path) -> "subprocess.Popen[bytes]":
        """Begin to receive the log as it is written; its owner ends it."""
        into.mkdir()
        self._give(into)
        return subprocess.Popen(
            [str(binaries() / "pg_receivewal"), "-d", url, "-D", str(into), "--synchronous"],
            cwd="/",
            stderr=subprocess.DEVNULL,
            **identity(self._account),
        )

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(binaries() / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", **identity(self._account)
        )
        if done.returncode != 0:
            raise RestoreFailed(f"{program}: {done.stderr.strip()}")

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)


async def archived(url: str) -> str:
    """End the log's present file, wait until it is in the archive, and return its name."""
    connection = await asyncpg.connect(url)
    try:
        name: str = await connection.fetchval(SWITCH)
        end = time.monotonic() + ARCHIVED_S
        while not await connection.fetchval(ARCHIVED, name):
            assert time.monotonic() < end, f"{name} was not archived"
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return name


def _until_promoted(child: Child) -> None:
    program = [str(binaries() / "psql"), child.url, "-qtAXc", "SELECT pg_is_in_recovery()"]
    end = time.monotonic() + RECOVERED_S
    while True:
        told = subprocess.run(program, capture_output=True, text=True, check=False)
        if told.stdout.strip() == "f":
            return
        if child.exit_code() is not None or time.monotonic() > end:
            child.stop()
            raise RestoreFailed(child.log_tail())
        time.sleep(0.05)
