"""A postman who does not give up.

Owns: the connections over which letters go, and sending again what nobody has answered.
Never: takes a silence for an answer, or a refusal for a silence.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.faults.post import Letter

ANSWER_S, AGAIN_S, TRIES = 10.0, 0.1, 300
HEAD_BYTES_MAX = 65_536
STATUS = slice(9, 12)
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
BUSY = 503
ACKNOWLEDGED = frozenset({200, 204})


@dataclass
class Answers:
    """What became of letters."""

    acknowledged: int = 0
    refused: int = 0
    resent: int = 0
    forged_and_believed: int = 0
    true_and_refused: int = 0
    given_up: int = 0

    def note(self, letter: Letter, status: int) -> None:
        """Note the last answer to a letter."""
        if status in ACKNOWLEDGED:
            self.acknowledged += 1
            self.forged_and_believed += not letter.is_true
        else:
            self.refused += 1
            self.true_and_refused += letter.is_true


async def deliver(
    port: int, letters: Iterable[Letter], *, connections: int, answers: Answers
) -> None:
    """Send letters, each connection one at a time, until every one has its answer."""
    todo = iter(letters)
    await asyncio.gather(*(_Line(port, answers).carry(todo) for _ in range(connections)))


class _Line:
    """One connection, opened anew whenever it breaks."""

    def __init__(self, port: int, answers: Answers) -> None:
        self._port, self._answers = port, answers
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def carry(self, todo: Iterator[Letter]) -> None:
        for letter in todo:
            await self._until_answered(letter)
        self._close()

    async def _until_answered(self, letter: Letter) -> None:
        for _ in range(TRIES):
            status = await self._sent(letter.request)
            if status not in {None, BUSY}:
                assert status is not None
                self._answers.note(letter, status)
                return
            self._answers.resent += 1
            await asyncio.sleep(AGAIN_S)
        self._answers.given_up += 1

    async def _sent(self, request: bytes) -> int | None:
        """Return the status of the answer; None where there was none."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(request)
        except (OSError, EOFError, TimeoutError):
            self._close()
            return None

    async def _exchange(self, request: bytes) -> int:
        if self._open is None:
            self._open = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=HEAD_BYTES_MAX
            )
        reader, writer = self._open
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(head)
        if found is not None:
            await reader.readexactly(int(found[1]))
        if b"connection: close" in head.lower():
            self._close()
        return int(head[STATUS])

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None
