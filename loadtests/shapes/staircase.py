"""A staircase: ten steps of equal length up to all users, to see where it begins to hurt."""

from loadtests.common.shape import Curve

STEPS = 10


class Staircase(Curve):
    """Each step is a tenth of the users more."""

    curve = tuple(
        (at / STEPS, step / STEPS) for step in range(1, STEPS + 1) for at in (step - 1, step)
    )
