"""Where passages wait: those of cars that stand there now, and those of a backlog.

Owns: which queue a passage waits in, and the answers of a request in its order.
Never: lets a gate that was offline for a weekend slow down a car at a barrier.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from onepark.contexts.gate import rules
from onepark.contexts.gate.errors import Busy
from onepark.contexts.stays.model import Passage, Taken
from onepark.contexts.stays.moments import is_live
from onepark.infra.batching import Batcher, QueueFull
from onepark.infra.settings import Settings

Take = Callable[[Sequence[Passage]], Awaitable[Sequence[Taken]]]


class Queues:
    """Two bounded queues with connections of their own.

    A backlog goes in smaller batches, and beside live passages it rests as long as it works.
    """

    def __init__(self, take: Take, settings: Settings) -> None:
        self._take = take
        self._live = Batcher[Passage, Taken](
            take,
            batch_max=settings.gate_batch_max,
            queue_max=settings.gate_queue_max,
            workers=settings.gate_connections,
        )
        self._backlog = Batcher[Passage, Taken](
            self._take_late,
            batch_max=settings.gate_backlog_batch_max,
            queue_max=settings.gate_queue_max,
            workers=settings.gate_backlog_connections,
        )

    @property
    def waiting(self) -> int:
        """Return how many passages wait."""
        return self._live.waiting + self._backlog.waiting

    def has_room(self, size: int, *, pressing: bool) -> bool:
        """Return whether so many passages of cars that stand there would be let in now."""
        return self._live.has_room(size, pressing=pressing)

    def start(self) -> None:
        """Start to take batches."""
        self._live.start()
        self._backlog.start()

    async def stop(self) -> None:
        """Take what waits, and end."""
        await asyncio.gather(self._live.stop(), self._backlog.stop())

    async def submit(self, passages: Sequence[Passage]) -> list[Taken]:
        """Let passages wait and return what they came to, in order; Busy is to be sent again."""
        live = [one for one in passages if is_live(one)]
        if len(live) == len(passages):
            return await self._submit(self._live, live)
        late = [one for one in passages if not is_live(one)]
        if not live:
            return await self._submit(self._backlog, late)
        both = (self._submit(self._live, live), self._submit(self._backlog, late))
        taken, taken_late = map(iter, await asyncio.gather(*both))
        return [next(taken if is_live(one) else taken_late) for one in passages]

    async def _take_late(self, passages: Sequence[Passage]) -> Sequence[Taken]:
        now, before = asyncio.get_running_loop().time, self._live.begun
        began_s, is_beside_live = now(), self._live.busy
        taken = await self._take(passages)
        if is_beside_live or self._live.begun != before:
            await asyncio.sleep(now() - began_s)
        return taken

    async def _submit(
        self, queue: Batcher[Passage, Taken], passages: Sequence[Passage]
    ) -> list[Taken]:
        pressing = any(rules.cannot_wait(one) for one in passages)
        try:
            return await queue.submit(passages, pressing=pressing)
        except QueueFull as full:
            raise Busy("More passages wait than the platform holds.") from full
