"""Cars at barriers and backlogs wait apart."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import pytest

from onepark.contexts.gate.queues import Queues
from onepark.contexts.stays.model import Outcome, Passage, Taken
from onepark.contexts.stays.moments import is_live
from onepark.infra.settings import Settings
from tests.builders import EIGHT, a_passage, minutes

WORKS_S = 0.05


class Books:
    """Takes batches, each as slowly as the other, and remembers when it began them."""

    def __init__(self) -> None:
        self.live: list[float] = []
        self.late: list[float] = []

    async def take(self, passages: Sequence[Passage]) -> list[Taken]:
        began = self.live if is_live(passages[0]) else self.late
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(WORKS_S)
        return [Taken(Outcome.ACCEPTED)] * len(passages)


@asynccontextmanager
async def started(books: Books):
    queues = Queues(books.take, Settings("", "", "", gate_backlog_batch_max=2))
    queues.start()
    yield queues
    await queues.stop()


def passages(many: int, *, ago: timedelta) -> list[Passage]:
    at, received = EIGHT, EIGHT + ago
    return [a_passage(at=at, received_at=received, passage_id=f"{ago}-{n}") for n in range(many)]


def gaps(began: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(began)]


async def test_a_request_of_both_kinds_is_answered_in_its_order():
    mixed = [*passages(3, ago=minutes(0)), *passages(3, ago=minutes(60))][::-1]
    async with started(Books()) as queues:
        taken = await queues.submit(mixed)
    assert len(taken) == len(mixed)


async def test_a_backlog_alone_never_rests():
    books = Books()
    async with started(books) as queues:
        await queues.submit(passages(8, ago=minutes(60)))
    assert len(books.late) == 4
    assert max(gaps(books.late)) < 1.8 * WORKS_S


async def test_beside_live_passages_a_backlog_rests_as_long_as_it_works():
    books = Books()
    async with started(books) as queues:
        late = asyncio.create_task(queues.submit(passages(8, ago=minutes(60))))
        while not late.done():
            await queues.submit(passages(1, ago=minutes(0)))
        assert len(await late) == 8
    assert min(gaps(books.late)) > 1.8 * WORKS_S
    assert max(gaps(books.live)) == pytest.approx(WORKS_S, abs=WORKS_S / 2)
