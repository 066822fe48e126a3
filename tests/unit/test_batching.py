"""Natural batching, with callers that come at once, go away, or are too many."""

import asyncio
from collections.abc import Sequence

import pytest

from onepark.infra.batching import Batcher, QueueFull


class Doubler:
    """Doubles numbers, slowly, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()

    async def handle(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.go.wait()
        if 13 in items:
            raise ValueError("unlucky")
        return [2 * item for item in items]


def a_batcher(doubler: Doubler, **changes: int) -> Batcher[int, int]:
    batcher = Batcher(doubler.handle, **{"batch_max": 4, "queue_max": 8, "workers": 1} | changes)
    batcher.start()
    return batcher


async def test_what_waits_while_a_batch_is_handled_is_the_next_batch():
    doubler = Doubler()
    batcher = a_batcher(doubler)
    first = asyncio.create_task(batcher.submit([1]))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(batcher.submit([n])) for n in (2, 3)]
    await asyncio.sleep(0.01)
    doubler.go.set()
    assert await asyncio.gather(first, *others) == [[2], [4], [6]]
    assert doubler.batches == [[1], [2, 3]]
    await batcher.stop()


async def test_a_request_larger_than_a_batch_is_cut_and_answered_in_order():
    doubler = Doubler()
    doubler.go.set()
    batcher = a_batcher(doubler)
    assert await batcher.submit([1, 2, 3, 4, 5, 6]) == [2, 4, 6, 8, 10, 12]
    assert [len(batch) for batch in doubler.batches] == [4, 2]
    await batcher.stop()


async def test_a_full_queue_takes_nothing_of_the_next_request():
    doubler = Doubler()
    batcher = a_batcher(doubler)
    busy = asyncio.create_task(batcher.submit([1]))
    await asyncio.sleep(0.01)
    waiting = asyncio.create_task(batcher.submit(list(range(2, 10))))
    await asyncio.sleep(0.01)
    with pytest.raises(QueueFull):
        await batcher.submit([99])
    doubler.go.set()
    await asyncio.gather(busy, waiting)
    assert 99 not in [item for batch in doubler.batches for item in batch]
    await batcher.stop()


async def test_a_caller_that_hangs_up_cancels_nothing():
    doubler = Doubler()
    batcher = a_batcher(doubler)
    gone = asyncio.create_task(batcher.submit([1]))
    await asyncio.sleep(0.01)
    queued = asyncio.create_task(batcher.submit([5]))
    await asyncio.sleep(0.01)
    gone.cancel()
    queued.cancel()
    doubler.go.set()
    await batcher.stop()
    assert doubler.batches == [[1], [5]]


async def test_a_failed_batch_is_told_to_each_of_its_callers_and_to_nobody_else():
    doubler = Doubler()
    doubler.go.set()
    batcher = a_batcher(doubler, batch_max=1)
    answers = await asyncio.gather(
        *(batcher.submit([n]) for n in (1, 13, 2)), return_exceptions=True
    )
    assert answers[0] == [2]
    assert isinstance(answers[1], ValueError)
    assert answers[2] == [4]
    await batcher.stop()
