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


async def refused(batcher: Batcher[int, int], items: list[int], *, pressing: bool) -> bool:
    """Whether a request is refused at once; one that is taken waits on behind us."""
    taken = asyncio.create_task(batcher.submit(items, pressing=pressing))
    await asyncio.sleep(0.01)
    return taken.done() and isinstance(taken.exception(), QueueFull)


@pytest.mark.parametrize(
    ("waiting", "more", "pressing", "is_refused"),
    [
        (5, 1, False, False),
        (6, 1, False, True),  # the last fourth of 8 is kept
        (6, 2, True, False),
        (6, 3, True, True),
        (8, 1, True, True),
        (0, 8, False, False),  # nothing waits: the largest request is taken
        (0, 9, False, True),
    ],
)
async def test_the_end_of_the_queue_is_kept_for_what_cannot_wait(
    waiting: int, more: int, pressing: bool, is_refused: bool
):
    doubler = Doubler()
    batcher = a_batcher(doubler)
    busy = asyncio.create_task(batcher.submit([0]))
    await asyncio.sleep(0.01)
    if waiting:
        assert not await refused(batcher, [1] * waiting, pressing=True)
    assert batcher.has_room(more, pressing=pressing) is not is_refused
    assert await refused(batcher, [2] * more, pressing=pressing) is is_refused
    doubler.go.set()
    await busy
    await batcher.stop()


async def test_what_is_pressing_is_let_in_and_overtakes_nothing():
    doubler = Doubler()
    batcher = a_batcher(doubler)
    requests = [([1], False), ([2, 3], False), ([4], True)]
    sent = []
    for items, pressing in requests:
        sent.append(asyncio.create_task(batcher.submit(items, pressing=pressing)))
        await asyncio.sleep(0.01)
    doubler.go.set()
    await asyncio.gather(*sent)
    assert doubler.batches == [[1], [2, 3, 4]]
    await batcher.stop()


async def test_a_second_batch_begins_beside_the_first_only_when_enough_waits():
    doubler = Doubler()
    batcher = a_batcher(doubler, batch_max=16, queue_max=32, workers=2)
    sent = []
    for item in (1, 2, 3):
        sent.append(asyncio.create_task(batcher.submit([item])))
        await asyncio.sleep(0.01)
    assert doubler.batches == [[1], [2, 3]]  # an eighth of 16
    sent.append(asyncio.create_task(batcher.submit([4])))
    await asyncio.sleep(0.01)
    doubler.go.set()
    assert await asyncio.gather(*sent) == [[2], [4], [6], [8]]
    await batcher.stop()


async def test_what_is_not_enough_for_a_second_batch_is_the_next_of_the_first():
    doubler = Doubler()
    batcher = a_batcher(doubler, batch_max=64, queue_max=64, workers=2)
    sent = []
    for item in (1, 2, 3):
        sent.append(asyncio.create_task(batcher.submit([item])))
        await asyncio.sleep(0.01)
    assert doubler.batches == [[1]]
    doubler.go.set()
    assert await asyncio.gather(*sent) == [[2], [4], [6]]
    assert doubler.batches == [[1], [2, 3]]
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
