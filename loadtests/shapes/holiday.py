"""A holiday: people come late, stay all day, and nearly all leave within two hours."""

from loadtests.common.shape import Curve


class Holiday(Curve):
    """A slow morning, a long plateau, and a rush at its end."""

    curve = ((0.0, 0.1), (0.25, 0.5), (0.35, 0.7), (0.7, 0.7), (0.8, 1.0), (0.9, 1.0), (1.0, 0.2))
