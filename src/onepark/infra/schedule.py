"""Work that comes back: plain loops, one task each.

Owns: the rhythm of a job and what happens when it fails.
Never: knows what a job does; a job is idempotent and bounded by itself.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import structlog

from onepark.infra.metrics import counter, gauge

BUSY_PAUSE_S = 0.01
PAUSE_MAX_S = 30.0  # between the tries of a job that fails
JOB_S = 60.0
CANCEL_AGAIN_S = 0.5

DONE_AT = gauge("job_last_success_timestamp_seconds", "When a job last ended well.", ("name",))
FAILURES = counter("job_failures", "Runs of a job that failed or took too long.", ("name",))

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """Something to do every so often; it returns how much it did, and more is done at once."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[int]]


async def run_jobs(jobs: list[Job], stop: asyncio.Event) -> None:
    """Run every job in its rhythm until told to stop; the work in hand is ended first."""
    for job in jobs:
        FAILURES.labels(job.name)  # shown as 0, so that the first one is seen to be added
    await asyncio.gather(*(_repeat(job, stop) for job in jobs))


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a cancellation that meets an answer may get lost."""
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_AGAIN_S)


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        did = await _once(job)
        failures = failures + 1 if did is None else 0
        pause_s = BUSY_PAUSE_S if did else min(job.every_s * 2**failures, PAUSE_MAX_S + job.every_s)
        try:
            async with asyncio.timeout(pause_s):
                await stop.wait()
        except TimeoutError:
            continue


async def _once(job: Job) -> int | None:
    """Return how much was done; None for a job that failed or took too long."""
    try:
        async with asyncio.timeout(JOB_S):
            did = await job.run()
    except Exception:
        FAILURES.labels(job.name).inc()
        log.exception("job.failed", job=job.name)
        return None
    DONE_AT.labels(job.name).set(time.time())
    return did
