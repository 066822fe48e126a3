"""The storm: an uplink comes back, and one lot in ten has six hours to tell.

Used beside the users of ``mixed.py``, who are online all the time.
"""

from loadtests.common.shape import Curve
from loadtests.reconnecting_gate import ReconnectingGate

__all__ = ["ReconnectStorm", "ReconnectingGate"]


class ReconnectStorm(Curve):
    """The load of every day; the backlogs come on top of it."""

    curve = ((0.0, 1.0), (1.0, 1.0))
    beside = ReconnectingGate.fixed_count
