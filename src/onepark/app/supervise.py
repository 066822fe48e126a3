"""Processes that live and end together.

Owns: the order in which children end, what a death means, and what a signal means.
Never: knows which children there are, or restarts one.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Self

from onepark.infra.embedded import Child, ChildFailed

POLL_S = 0.1
STOP_S = 20.0  # what a child gets to end in order
HURRY_S = 1.0  # what is left of it after a second request

REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AskedToEnd(Exception):
    """Somebody wants everything to end."""


class Requests:
    """Counts the signals that ask for the end: the first ends in order, the second hurries."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in REQUESTS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started with nohup
            self._before[number] = signal.signal(number, self._counted)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _counted(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


class Supervisor:
    """Holds running children; leaving the block ends them, the youngest first."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._children:
            self._end(self._children.pop())

    def start(self, child: Child) -> None:
        """Start a child and keep it until the end."""
        child.start()
        self.adopt(child)

    def adopt(self, child: Child) -> None:
        """Keep a child that runs already."""
        self._children.append(child)

    def run(self, child: Child, *, within_s: float) -> None:
        """Run a child to its own end; anything but success raises ChildFailed."""
        child.start()
        try:
            self.wait_until(lambda: child.exit_code() is not None, child.name, within_s=within_s)
        finally:
            self._end(child)
        if child.exit_code() != 0:
            raise _dead(child)

    def wait_until(self, ready: Callable[[], bool], what: str, *, within_s: float) -> None:
        """Wait for readiness; a request, a death of any child or the time limit ends the wait."""
        end = time.monotonic() + within_s
        while not ready():
            if time.monotonic() > end:
                raise ChildFailed(f"{what} was not ready in {within_s:.0f} s")
            self._rest()

    def watch(self, *, for_s: float | None) -> None:
        """Return after ``for_s`` seconds; a request or the death of a child comes before that."""
        end = None if for_s is None else time.monotonic() + for_s
        while end is None or time.monotonic() < end:
            self._rest()

    def check(self) -> None:
        """Raise AskedToEnd after a request and ChildFailed after the death of a child."""
        if self._requests.count:
            raise AskedToEnd
        for child in self._children:
            if child.exit_code() is not None:
                raise _dead(child)

    def _rest(self) -> None:
        self.check()
        time.sleep(POLL_S)

    def _end(self, child: Child) -> None:
        """End one child in order, then whatever it left behind in its process group."""
        if child.exit_code() is None:
            _send(os.kill, child, child.stop_signal)
            self._wait_for_the_end(child)
        _send(os.killpg, child, signal.SIGKILL)
        child.stop()

    def _wait_for_the_end(self, child: Child) -> None:
        asked_at = time.monotonic()
        while child.exit_code() is None:
            patience_s = HURRY_S if self._requests.count > 1 else STOP_S
            if time.monotonic() - asked_at > patience_s:
                return
            time.sleep(POLL_S / 5)


def _send(to: Callable[[int, int], None], child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        to(child.pid, number)


def _dead(child: Child) -> ChildFailed:
    last_words = f":\n{child.log_tail()}" if child.log else ""
    return ChildFailed(f"{child.name} ended with {child.exit_code()}{last_words}")
