"""What is told of jobs."""

import asyncio
import time

from onepark.infra.metrics import REGISTRY
from onepark.infra.schedule import Job, end, run_jobs


def told(name: str, job: str) -> float:
    return REGISTRY.get_sample_value(f"parking_job_{name}", {"name": job}) or 0.0


async def run_once(name: str, error: Exception | None) -> None:
    stop = asyncio.Event()

    async def work() -> int:
        stop.set()
        if error is not None:
            raise error
        return 0

    await run_jobs([Job(name, 60, work)], stop)


async def test_a_job_that_ends_well_says_when():
    began = time.time()
    await run_once("test.well", None)
    assert began <= told("last_success_timestamp_seconds", "test.well") <= time.time()
    assert told("failures_total", "test.well") == 0


async def test_a_job_that_fails_is_counted_and_says_nothing_new():
    await run_once("test.ill", ValueError("no"))
    assert told("failures_total", "test.ill") == 1
    assert told("last_success_timestamp_seconds", "test.ill") == 0


async def test_a_loop_that_loses_a_cancellation_ends_all_the_same():
    lost = 0

    async def loses_the_first() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    async def ends_by_itself() -> None: ...

    tasks = [asyncio.create_task(loop()) for loop in (loses_the_first, ends_by_itself)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks)
    assert lost == 2
    assert all(task.done() for task in tasks)
    await end([])
