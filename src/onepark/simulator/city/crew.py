"""The tasks of one run.

Owns: that none is lost, none fails unseen, and all end.
Never: knows what a task does.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Self


class Crew:
    """Tasks that end with the block that they were started in; a failure of one ends all."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cars: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *trouble: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(*trouble)  # type: ignore[arg-type]

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside everything else."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def drive(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a piece of a car's life, which the end of the run waits for."""
        task = self.start(work)
        self._cars.add(task)
        task.add_done_callback(self._cars.discard)
        return task

    @property
    def driving(self) -> int:
        """Return how many cars are at a gate now."""
        return len(self._cars)

    async def settle(self, within_s: float) -> int:
        """Wait until no car is at a gate any more; return how many still are."""
        if self._cars:
            await asyncio.wait(set(self._cars), timeout=within_s)
        return len(self._cars)
