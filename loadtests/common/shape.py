"""A curve as Locust follows it.

Owns: scaling a curve to the minutes and the users that were asked for.
Never: knows a curve.
"""

from collections.abc import Sequence
from typing import ClassVar

from locust import LoadTestShape

from loadtests.common.curve import Point, level
from loadtests.common.settings import asked

SPAWN_PER_S = 50.0


class Curve(LoadTestShape):
    """Users along a curve; ends with it."""

    abstract = True
    curve: ClassVar[Sequence[Point]] = ((0.0, 1.0), (1.0, 1.0))
    beside: ClassVar[int] = 0  # users that are there all the time, on top of those asked for

    def tick(self) -> tuple[int, float] | None:
        """Return users and how many may come a second, or None at the end."""
        run = asked()
        share = self.get_run_time() / (run.minutes * 60)
        if share >= 1:
            return None
        return max(1, round(level(self.curve, share) * run.users)) + self.beside, SPAWN_PER_S
