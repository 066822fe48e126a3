"""One child process with a log file and an orderly end.

Owns: start, readiness, stop with a time limit.
Never: restarts a child; its owner decides what a death means.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypedDict

POLL_S = 0.05
PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 2_000


class ChildFailed(Exception):
    """A child ended too early or never became ready; the message carries the end of its log."""


@dataclass(frozen=True)
class Account:
    """The system account a child runs as, when it is not our own."""

    uid: int
    gid: int


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[str | int]


@dataclass
class Child:
    """A process of ours."""

    name: str
    command: Sequence[str]
    log: Path | None
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    env: Mapping[str, str] | None = None
    url: str = ""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process in a session of its own, so that only its owner signals it."""
        parent = os.getpid()
        with _output(self.log) as out:
            self._process = subprocess.Popen(  # noqa: S603  the command is our own
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if self.log else None,
                env=dict(self.env) if self.env is not None else None,
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent, self.stop_signal),  # noqa: PLW1509  no threads yet
                cwd="/" if self.account else None,
                **identity(self.account),
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None, "the child was started"
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait for readiness; a death or the time limit raises ChildFailed."""
        end = time.monotonic() + within_s
        while not ready():
            if self.exit_code() is not None:
                raise ChildFailed(f"{self.name} ended with {self.exit_code()}: {self.log_tail()}")
            if time.monotonic() > end:
                raise ChildFailed(f"{self.name} was not ready in {within_s} s: {self.log_tail()}")
            time.sleep(POLL_S)

    def stop(self, *, within_s: float = 15.0) -> None:
        """Ask the process to end, and end it if it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @contextlib.contextmanager
    def ended_on_failure(self) -> Iterator[None]:
        """Leave no process behind that could not be brought into service."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def log_tail(self) -> str:
        """Return the end of the log, for an error message."""
        if self.log is None or not self.log.exists():
            return "(no log)"
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()


@contextlib.contextmanager
def _output(log: Path | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    with log.open("ab") as stream:
        yield stream


def identity(account: Account | None) -> Identity:
    """Return the arguments that make subprocess run as ``account``."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def _die_with(parent: int, stop_signal: signal.Signals) -> None:
    """Have the kernel signal this child when its owner is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:
            os._exit(1)
