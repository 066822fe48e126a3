"""Work that comes back: plain loops, one task each.

Owns: the rhythm of a job and what happens when it fails.
Never: knows what a job does; a job is idempotent and bounded by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

BUSY_PAUSE_S = 0.01

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """Something to do every so often; it returns how much it did, and more is done at once."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[int]]


async def run_jobs(jobs: list[Job], stop: asyncio.Event) -> None:
    """Run every job in its rhythm until told to stop; the work in hand is ended first."""
    await asyncio.gather(*(_repeat(job, stop) for job in jobs))


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    while not stop.is_set():
        pause_s = BUSY_PAUSE_S if await _once(job) else job.every_s
        try:
            async with asyncio.timeout(pause_s):
                await stop.wait()
        except TimeoutError:
            continue


async def _once(job: Job) -> int:
    try:
        return await job.run()
    except Exception:
        log.exception("job.failed", job=job.name)
        return 0
