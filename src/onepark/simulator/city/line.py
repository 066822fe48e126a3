"""One live line about the city.

Owns: what it says, and how it is written to a terminal and to anything else.
Never: counts by itself.
"""

import shutil
import time
from collections import deque
from contextlib import suppress
from typing import NamedTuple, TextIO

from onepark.simulator.city.books import Books

WINDOW_S = 10.0
EVERY_S = 1.0
EVERY_ELSEWHERE_S = 10.0


class Now(NamedTuple):
    """The city at a moment."""

    inside: int
    bays: int
    city_second: float  # of the city's own day, which may pass faster than ours


class Line:
    """Shows the books on one line."""

    def __init__(self, books: Books, out: TextIO) -> None:
        self._books, self._out = books, out
        self._terminal = out.isatty()
        self._seen: deque[tuple[float, int]] = deque()
        self._width = 0

    @property
    def every_s(self) -> float:
        """Return how often the line changes."""
        return EVERY_S if self._terminal else EVERY_ELSEWHERE_S

    def begin(self) -> None:
        """Measure the passages a second from now on."""
        self._seen.clear()
        self._seen.append((time.monotonic(), self._books.passages))

    def show(self, now: Now) -> None:
        """Write the line anew, or once more where nothing can be overwritten."""
        text = describe(self._books, now, passages_s=self._passages_s(time.monotonic()))
        if self._terminal:
            text = text[: shutil.get_terminal_size().columns - 1]  # a wrapped line stays
            padded = text.ljust(self._width)
            self._width = len(text)
            self._write(f"\r{padded}")
        else:
            self._write(f"{text}\n")

    def say(self, text: str) -> None:
        """Write something that stays."""
        fresh = "\n" if self._terminal and self._width else ""
        self._width = 0
        self._write(f"{fresh}{text}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # whoever listened may have gone
            self._out.write(text)
            self._out.flush()

    def _passages_s(self, at: float) -> float:
        self._seen.append((at, self._books.passages))
        while len(self._seen) > 2 and at - self._seen[1][0] >= WINDOW_S:  # noqa: PLR2004  two ends
            self._seen.popleft()
        since, before = self._seen[0]
        return (self._books.passages - before) / (at - since) if at > since else 0.0


def describe(books: Books, now: Now, *, passages_s: float) -> str:
    """Say in one line how the city does."""
    hour, minute = divmod(int(now.city_second) // 60 % 1_440, 60)
    share = 100 * now.inside / now.bays if now.bays else 0.0
    errors, anomalies = books.errors.total(), books.anomalies.total()
    return (
        f"{hour:02d}:{minute:02d} | {passages_s:.1f} passages/s | "
        f"{now.inside:,} inside, {share:.1f} % | {errors} errors | "
        f"{books.orders_paid:,} paid, {books.paid_fen / 100:,.2f} yuan"
        + (f" | {anomalies} anomalies" if anomalies else "")
    )
