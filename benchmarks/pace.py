"""Requests that go out when they are due, whatever became of those before.

Owns: the schedule, and latencies that count from it: a server that makes its clients wait is told
the whole wait (what is called coordinated omission is not left out).
Never: slows down for a slow server; what finds every connection busy waits with its clock running.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.wire import ACCEPTED, STATUS, Connection, opened

DRAIN_S = 30.0
REFUSED = b"503"
RETRY_AFTER = b"\r\nretry-after: "


class Arrivals(NamedTuple):
    """Requests at even distances: each once, or so many in turn, those refused once more."""

    requests: Sequence[bytes]
    a_second: float
    many: int | None = None

    @property
    def offered(self) -> int:
        return len(self.requests) if self.many is None else self.many


class Answer(NamedTuple):
    """One request, from the moment when it was due."""

    place: int  # among the requests
    due_s: float  # since the first one was due
    latency_s: float
    status: bytes
    accepted: int
    retry_after: bool  # a refusal says when to come again


class Report(NamedTuple):
    """What became of all requests; those that were never answered are missing."""

    answers: list[Answer]

    def answered(self, status: bytes) -> int:
        return sum(one.status == status for one in self.answers)

    def latencies_s(self, status: bytes = b"200") -> list[float]:
        """Return the latencies of the requests that got this status, sorted."""
        return sorted(one.latency_s for one in self.answers if one.status == status)


class _Lane:
    """A connection, which of the offers is out on it, and by which request it was made."""

    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self.number = self.place = -1
        self.connection: Connection | None = None

    def send(self, number: int) -> None:
        assert self.connection is not None, "it is open"
        self.number, self.place = number, self._sender.next_place()
        self.connection.send(self._sender.arrivals.requests[self.place])

    def answered(self, answer: bytes) -> None:
        self._sender.note(self, answer)


class _Sender:
    """The schedule at work."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals, self.answers = arrivals, list[Answer]()
        self._loop = asyncio.get_running_loop()
        self._free: deque[_Lane] = deque()
        self._waiting: deque[int] = deque()
        self._places = deque(range(len(arrivals.requests)))
        self.began = 0.0
        self.all_answered = asyncio.Event()

    async def open(self, port: int, connections: int) -> list[_Lane]:
        lanes = [_Lane(self) for _ in range(connections)]
        for lane in lanes:
            lane.connection = await opened(port, lane.answered)
        self._free.extend(lanes)
        return lanes

    def next_place(self) -> int:
        assert self._places, "more was taken than there were requests"
        return self._places.popleft()

    def due_s(self, number: int) -> float:
        return number / self.arrivals.a_second

    def offer(self, number: int) -> None:
        if self._free:
            self._free.popleft().send(number)
        else:
            self._waiting.append(number)

    def note(self, lane: _Lane, answer: bytes) -> None:
        due_s = self.due_s(lane.number)
        latency_s = self._loop.time() - self.began - due_s
        told = answer[STATUS], answer.count(ACCEPTED), RETRY_AFTER in answer
        self.answers.append(Answer(lane.place, due_s, latency_s, *told))
        if told[0] == REFUSED:
            self._places.append(lane.place)
        if self._waiting:
            lane.send(self._waiting.popleft())
        else:
            self._free.append(lane)
        if len(self.answers) == self.arrivals.offered:
            self.all_answered.set()

    async def run(self) -> None:
        """Offer every request at its moment; asleep between them, late ones at once."""
        self.began = self._loop.time()
        for number in range(self.arrivals.offered):
            ahead_s = self.began + self.due_s(number) - self._loop.time()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            self.offer(number)
        async with asyncio.timeout(DRAIN_S):
            await self.all_answered.wait()


async def send_on_time(port: int, arrivals: Arrivals, *, connections: int) -> Report:
    """Send requests by their schedule and return what became of them."""
    sender = _Sender(arrivals)
    lanes = await sender.open(port, connections)
    try:
        await sender.run()
    finally:
        for lane in lanes:
            if lane.connection is not None:
                lane.connection.close()
    return Report(sender.answers)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share does not exceed; ``values`` are sorted."""
    return values[min(len(values) - 1, int(share * len(values)))]
