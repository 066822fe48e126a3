"""A device that numbers its passages is told what is missing, and sends again no more than that."""

import random
from itertools import count

import pytest

from onepark.contexts.registry.model import Device
from onepark.contexts.stays.model import Kind, Passage, Progress
from onepark.contexts.stays.service import Stays
from onepark.kernel.types import DeviceId, LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes

plates = count(10_000)


def numbered(lot: LotId, seq: int, *, epoch: int = 1, device_id: str = "cam") -> Passage:
    number = {"lot_id": lot, "device_id": device_id, "epoch": epoch, "seq": seq}
    return a_passage(Kind.ENTRY, EIGHT + minutes(seq), plate=f"苏B{next(plates)}", **number)


def a_device(lot: LotId, device_id: str = "cam") -> Device:
    return Device(DeviceId(device_id), lot, OperatorId(7), frozenset(), ())


async def told(stays: Stays, passages: list[Passage]) -> Progress | None:
    taken = (await stays.take(passages)).taken
    [progress] = {one.progress for one in taken}
    return progress


async def test_a_gate_learns_what_is_missing_from_the_answer_itself(stays, lot):
    assert await told(stays, [numbered(lot, 1), numbered(lot, 2)]) == Progress(1, 2, (), 0)
    holes = Progress(1, 2, ((3, 4), (6, 6)), 0)
    assert await told(stays, [numbered(lot, 5), numbered(lot, 7)]) == holes
    filled = [numbered(lot, 3), numbered(lot, 4), numbered(lot, 6)]
    assert await told(stays, filled) == Progress(1, 7, (), 0)


async def test_a_new_epoch_begins_anew_and_the_old_one_can_still_be_filled(stays, lot):
    await told(stays, [numbered(lot, 1), numbered(lot, 3)])
    assert await told(stays, [numbered(lot, 1, epoch=2)]) == Progress(2, 1, (), 0)
    assert await stays.progress(a_device(lot), epoch=1) == Progress(1, 1, ((2, 2),), 0)
    assert await stays.progress(a_device(lot), epoch=None) == Progress(2, 1, (), 0)


async def test_what_a_device_says_it_lost_is_not_asked_for(stays, lot):
    await told(stays, [numbered(lot, 5)])
    progress = await stays.progress(a_device(lot), epoch=1, lost=[(1, 2), (4, 4)])
    assert progress == Progress(1, 2, ((3, 3),), 0)


async def test_a_number_that_comes_again_with_another_passage_is_told_of(stays, lot):
    await told(stays, [numbered(lot, 1), numbered(lot, 2)])
    assert await told(stays, [numbered(lot, 2)]) == Progress(1, 2, (), 1)
    same = [numbered(lot, 3), numbered(lot, 3)]
    assert await told(stays, same) == Progress(1, 3, (), 2)
    assert await stays.progress(a_device(lot, "next"), epoch=None) is None, "its own matter"


async def test_a_repeat_uses_no_number_twice(stays, lot):
    passage = numbered(lot, 1)
    await told(stays, [passage])
    assert await told(stays, [passage]) is None, "nothing was saved: whoever asks reads it"
    assert await stays.progress(a_device(lot), epoch=1) == Progress(1, 1, (), 0)


async def test_numbers_in_any_order_come_to_one_range(stays, lot):
    numbers = [*range(1, 201)]
    random.Random(5).shuffle(numbers)
    for start in range(0, 200, 40):
        passages = [numbered(lot, seq) for seq in numbers[start : start + 40]]
        progress = await told(stays, passages)
    assert progress == Progress(1, 200, (), 0)


@pytest.mark.parametrize(("holes", "kept"), [(999, 100), (1_500, 0)])
async def test_a_device_that_leaves_too_many_holes_is_not_asked_for_them(stays, lot, holes, kept):
    """A hundred holes are named in one answer; beyond a thousand they are given up."""
    for start in range(0, holes, 500):
        many = range(start, min(start + 500, holes))
        progress = await told(stays, [numbered(lot, 1 + 2 * number) for number in many])
    assert progress is not None
    assert len(progress.missing) == kept
