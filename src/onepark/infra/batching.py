"""Natural batching: whatever waits when a connection comes free is the next batch.

Owns: the bounded queue and whom it lets in when it is nearly full, the workers that empty it, and
the answer of each group.
Never: uses a timer, or knows what an item is.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from onepark.infra import traces

PRESSING_SHARE = 4  # the last fourth of the queue is kept for what cannot wait
ENOUGH_SHARE = 8  # an eighth of a batch is worth a second one beside that in hand

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class QueueFull(Exception):
    """More waits than the bound allows; the caller tells its client to come back."""


class _Group(Generic[Item, Answer]):
    """Items of one caller that travel together."""

    __slots__ = ("done", "items", "origin")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.origin = traces.here()
        self.done: asyncio.Future[Sequence[Answer]] = asyncio.get_running_loop().create_future()


class Batcher(Generic[Item, Answer]):
    """Hands waiting items to ``handle`` in batches of at most ``batch_max``.

    A caller that goes away cancels nothing that was queued: its items are handled all the same.
    What waits is handled in the order in which it came, pressing or not. While one batch is in hand
    another one begins only when enough waits: many small batches cost more than they gain.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        batch_max: int,
        queue_max: int,
        workers: int,
    ) -> None:
        self._handle = handle
        self._batch_max, self._queue_max, self._workers = batch_max, queue_max, workers
        self._groups: deque[_Group[Item, Answer]] = deque()
        self._waiting = self._busy = 0
        self.begun = 0  # batches, since the start
        self._work, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Return how many items wait."""
        return self._waiting

    @property
    def busy(self) -> bool:
        """Return whether a batch is in hand."""
        return self._busy > 0

    def has_room(self, size: int, *, pressing: bool) -> bool:
        """Return whether so many items would be taken now."""
        return self._waiting + size <= self._room(pressing=pressing)

    def start(self) -> None:
        """Start the workers; one for each connection that may be busy at once."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._workers)]

    async def stop(self) -> None:
        """Handle what waits, then end the workers."""
        await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, items: Sequence[Item], *, pressing: bool = False) -> list[Answer]:
        """Queue items and return their answers in order; QueueFull takes none of them."""
        if not self.has_room(len(items), pressing=pressing):
            raise QueueFull
        cut = range(0, len(items), self._batch_max)
        groups: list[_Group[Item, Answer]] = [
            _Group(items[at : at + self._batch_max]) for at in cut
        ]
        self._groups.extend(groups)
        self._waiting += len(items)
        self._idle.clear()
        self._work.set()
        all_done = asyncio.gather(*(group.done for group in groups))
        all_done.add_done_callback(_heard)
        answers = await asyncio.shield(all_done)
        return [answer for part in answers for answer in part]

    def _room(self, *, pressing: bool) -> int:
        """Return how much may wait; an empty queue takes whatever it can hold."""
        if pressing or not self._waiting:
            return self._queue_max
        return self._queue_max - self._queue_max // PRESSING_SHARE

    async def _run(self) -> None:
        while True:
            while not self._is_worth_a_batch():
                self._work.clear()
                await self._work.wait()
            self._busy += 1
            await self._handle_batch(self._next_batch())
            self._busy -= 1
            if not self._groups and not self._busy:
                self._idle.set()

    def _is_worth_a_batch(self) -> bool:
        if not self._groups:
            return False
        return not self._busy or self._waiting >= self._batch_max // ENOUGH_SHARE

    def _next_batch(self) -> list[_Group[Item, Answer]]:
        batch: list[_Group[Item, Answer]] = []
        size = 0
        while self._groups and size + len(self._groups[0].items) <= self._batch_max:
            group = self._groups.popleft()
            batch.append(group)
            size += len(group.items)
        self._waiting -= size
        return batch

    async def _handle_batch(self, batch: Sequence[_Group[Item, Answer]]) -> None:
        items = [item for group in batch for item in group.items]
        self.begun += 1
        try:
            with traces.batch((group.origin for group in batch), size=len(items)):
                answers = await self._handle(items)
        except Exception as error:  # noqa: BLE001  every waiter hears of it
            for group in batch:
                if not group.done.done():
                    group.done.set_exception(error)
            return
        at = 0
        for group in batch:
            if not group.done.done():
                group.done.set_result(answers[at : at + len(group.items)])
            at += len(group.items)


def _heard(answers: asyncio.Future[list[Sequence[Answer]]]) -> None:
    """Take note of a failure whose caller has gone."""
    if not answers.cancelled():
        answers.exception()
