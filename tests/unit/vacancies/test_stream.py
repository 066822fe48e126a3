import asyncio
import gc
from collections.abc import Iterable

import pytest

from onepark.contexts.vacancies.errors import StreamFull
from onepark.contexts.vacancies.stream import KEEP_ALIVE, LOTS_IN_ONE_WRITE, Hub
from onepark.kernel.types import LotId


def lots(*numbers: int) -> frozenset[LotId]:
    return frozenset(map(LotId, numbers))


def encode(lot_ids: Iterable[LotId]) -> bytes:
    return ",".join(map(str, sorted(lot_ids))).encode()


async def test_a_listener_hears_the_snapshot_and_then_what_it_wants():
    hub = Hub(10)
    events = hub.join(lots(1, 2), first=b"snapshot", encode=encode)
    assert await anext(events) == b"retry: 3000\n\nsnapshot"
    hub.tell(lots(2, 3))
    assert await anext(events) == b"2"


async def test_a_slow_listener_is_told_once_of_a_lot_that_changed_often():
    hub = Hub(10)
    events = hub.join(None, first=b"", encode=encode)
    await anext(events)
    for _ in range(1000):
        hub.tell(lots(1, 2))
    assert len(events.pending) == 2
    assert await anext(events) == b"1,2"
    assert not events.pending


async def test_one_write_carries_a_bounded_number_of_lots():
    hub = Hub(10)
    events = hub.join(None, first=b"", encode=encode)
    await anext(events)
    hub.tell(lots(*range(LOTS_IN_ONE_WRITE + 5)))
    writes = [await anext(events), await anext(events)]
    assert [write.count(b",") + 1 for write in writes] == [LOTS_IN_ONE_WRITE, 5]


async def test_silence_is_broken_by_a_comment():
    hub = Hub(10, keep_alive_s=0.01)
    events = hub.join(None, first=b"", encode=encode)
    await anext(events)
    assert [await anext(events), await anext(events)] == [KEEP_ALIVE, KEEP_ALIVE]


async def test_one_listener_too_many_is_refused_until_another_leaves():
    hub = Hub(1)
    events = hub.join(None, first=b"", encode=encode)
    await anext(events)
    with pytest.raises(StreamFull) as refused:
        hub.join(None, first=b"", encode=encode)
    assert refused.value.retry_after_s == 5
    await events.aclose()
    await events.aclose()
    hub.join(None, first=b"", encode=encode)


async def test_a_listener_that_was_never_read_leaves_by_itself():
    hub = Hub(1)
    events = hub.join(None, first=b"", encode=encode)
    assert len(hub) == 1
    del events
    gc.collect()
    assert len(hub) == 0


async def test_going_down_ends_every_stream_and_takes_no_new_one():
    hub = Hub(10)
    events = hub.join(None, first=b"", encode=encode)
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    hub.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(StreamFull):
        hub.join(None, first=b"", encode=encode)
