"""The folder in which a city of `onepark up` lives.

Owns: who may use it, its secret key, and what its files are called.
Never: starts anything.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onepark.infra.settings import SECRET_KEY_BYTES

POLL_S = 0.1
PREDECESSOR_S = 30.0


class DataDirBusy(Exception):
    """Another `onepark up` runs on this folder."""


@dataclass(frozen=True)
class DataDir:
    """The paths below one data folder, all absolute."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def providers(self) -> Path:
        return self.root / "providers"

    @property
    def payments_file(self) -> Path:
        return self.providers / "payments.json"

    @property
    def lots_file(self) -> Path:
        return self.root / "lots.json"

    @property
    def demo_file(self) -> Path:
        return self.root / "demo.json"

    def log(self, name: str) -> Path:
        """Return the log of one child, new; the one of the run before is kept beside it."""
        folder = self.root / "logs"
        folder.mkdir(exist_ok=True)
        file = folder / f"{name}.log"
        if file.exists():
            file.replace(folder / f"{name}.log.1")
        return file

    def secret_key(self) -> str:
        """Return the platform's key, made on the first start."""
        file = self.root / "secret.key"
        if not file.exists():
            write_whole(file, base64.b64encode(secrets.token_bytes(SECRET_KEY_BYTES)))
        return file.read_text().strip()


@contextlib.contextmanager
def hold(root: Path) -> Iterator[DataDir]:
    """Take the folder for this process; a second one is told who has it."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DataDirBusy(f"{root} is in use by process {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        data = DataDir(root.resolve())
        _await_predecessor(data.postgres)
        yield data


def is_held(root: Path) -> bool:
    """Say whether an `onepark up` runs on the folder."""
    file = root / "up.lock"
    if not file.exists():
        return False
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_whole(file: Path, content: bytes) -> None:
    """Put a file in its place at once, readable to its owner only."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    new.replace(file)


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write a JSON file whole."""
    write_whole(file, json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")


def _await_predecessor(postgres: Path) -> None:
    """Wait for a server whose owner was killed: the kernel has asked it to end already."""
    end = time.monotonic() + PREDECESSOR_S
    while _runs(postgres) and time.monotonic() < end:
        time.sleep(POLL_S)


def _runs(postgres: Path) -> bool:
    try:
        pid = (postgres / "postmaster.pid").read_text().split()[0]
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except (OSError, IndexError):
        return False
