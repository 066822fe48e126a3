"""Tasks of a run end together, and none fails unseen."""

import asyncio

import pytest

from onepark.simulator.city.crew import Crew


async def forever():
    await asyncio.Event().wait()


async def test_leaving_the_block_ends_what_still_runs():
    async with Crew() as crew:
        task = crew.start(forever())
    assert task.cancelled()


async def test_a_bug_in_one_car_ends_the_run_and_is_shown():
    async def stumble():
        raise LookupError("a bug")

    async def a_run():
        async with Crew() as crew:
            crew.start(forever())
            crew.drive(stumble())
            await forever()

    with pytest.raises(ExceptionGroup, match="unhandled"):
        await a_run()


async def test_the_end_waits_for_cars_at_a_gate_but_not_for_ever():
    async with Crew() as crew:
        crew.drive(asyncio.sleep(0.01))
        crew.drive(forever())
        assert crew.driving == 2
        assert await crew.settle(0.1) == 1
