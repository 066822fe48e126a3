"""A device at a lane.

Owns: natural batching of its passages, their retries, its long poll and its acknowledgements.
Never: drops a passage, or decides what a car does.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from onepark.simulator.city.books import Books
from onepark.simulator.city.client import Api, Failed
from onepark.simulator.city.crew import Crew
from onepark.simulator.city.wire import Answer, Command, Gate, Report

REQUEST_MAX = 500
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
REJECTED_MAX = 5  # a passage that is rejected so often will not be taken
POLL_WAIT_S = 5


class Waiting(NamedTuple):
    """A passage and whoever waits for its answer."""

    report: Report
    answered: "asyncio.Future[Answer]"
    rejected: int = 0


class Awaited(NamedTuple):
    """A car that waits at the lane for its barrier to open."""

    plate: str
    opened: "asyncio.Future[Command]"


class Device:
    """What stands at one lane; one request of it is under way at a time."""

    def __init__(self, gate: Gate, *, api: Api, books: Books, crew: Crew) -> None:
        self.gate = gate
        self._api, self._books, self._crew = api, books, crew
        self._waiting: deque[Waiting] = deque()
        self._awaited: dict[str, Awaited] = {}
        self._sending = self._polling = False

    # -- passages ------------------------------------------------------------------------------

    def report(self, report: Report) -> "asyncio.Future[Answer]":
        """Report a passage, together with what else waits; it is sent until it is answered."""
        answered = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(report, answered))
        if not self._sending:
            self._sending = True
            self._crew.start(self._send_all())
        return answered

    async def _send_all(self) -> None:
        while self._waiting:
            size = min(REQUEST_MAX, len(self._waiting))
            await self._send([self._waiting.popleft() for _ in range(size)])
        self._sending = False

    async def _send(self, batch: list[Waiting]) -> None:
        reports = [waiting.report for waiting in batch]
        tries = 0
        while True:
            try:
                answers = await self._api.report(self.gate, reports)
                break
            except Failed as failure:
                self._books.errors[failure.kind] += 1
                await asyncio.sleep(backoff_s(tries))
                tries += 1
        again = [w for w, a in zip(batch, answers, strict=True) if not self._take(w, a)]
        if again:
            await asyncio.sleep(backoff_s(again[0].rejected))
            self._waiting.extendleft(w._replace(rejected=w.rejected + 1) for w in reversed(again))

    def _take(self, waiting: Waiting, answer: Answer) -> bool:
        """Hand an answer on; False when the passage has to be sent again."""
        if answer.outcome in {"rejected", "conflict"}:
            self._books.errors[f"{answer.outcome}:{answer.reason}"] += 1
        if answer.outcome == "rejected" and waiting.rejected < REJECTED_MAX:
            return False
        self._books.passages += 1
        if not waiting.answered.done():
            waiting.answered.set_result(answer)
        return True

    # -- commands ------------------------------------------------------------------------------

    def await_open(self, passage_id: str, plate: str) -> "asyncio.Future[Command]":
        """Listen for the command that opens the lane for this exit request."""
        opened = asyncio.get_running_loop().create_future()
        self._awaited[passage_id] = Awaited(plate, opened)
        if not self._polling:
            self._polling = True
            self._crew.start(self._poll())
        return opened

    def give_up(self, passage_id: str) -> None:
        """Listen no longer: the car does not stand there any more."""
        self._awaited.pop(passage_id, None)

    async def _poll(self) -> None:
        tries = 0
        while self._awaited:
            try:
                commands = await self._api.commands(self.gate, wait_s=POLL_WAIT_S)
                if commands:
                    await self._carry_out(commands)
                tries = 0
            except Failed as failure:
                self._books.errors[failure.kind] += 1
                await asyncio.sleep(backoff_s(tries))
                tries += 1
        self._polling = False

    async def _carry_out(self, commands: list[Command]) -> None:
        """Acknowledge first; the barrier is up when the platform knows that it is."""
        results = {command.command_id: self._judge(command) for command in commands}
        await self._api.acknowledge(self.gate, results)
        self._open_for(commands, results)

    def _judge(self, command: Command) -> str:
        awaited = self._awaited.get(command.passage_id)
        if awaited is None:
            return "expired"  # the car that it names has gone
        right = command.lane == self.gate.lane and command.plate == awaited.plate
        return "done" if right and command.kind == "open" else "failed"

    def _open_for(self, commands: list[Command], results: Mapping[int, str]) -> None:
        for command in commands:
            if results[command.command_id] == "failed":
                self._books.errors["open_for_another_car"] += 1
                continue
            awaited = self._awaited.pop(command.passage_id, None)
            if awaited is not None and not awaited.opened.done():
                awaited.opened.set_result(command)


def backoff_s(tries: int) -> float:
    """Return how long to wait after so many failures."""
    return BACKOFF_S[min(tries, len(BACKOFF_S) - 1)]
