"""Named points in our own code at which a fault run has a process kill itself.

Owns: which point is armed, and the kill.
Never: does anything where nothing was armed: a point then costs one comparison.
"""

import os
import signal


class _Armed:
    name = ""
    passes_left = 0


def arm(spec: str) -> None:
    """Arm a point, ``name`` or ``name:7`` for its seventh pass; the empty text arms none."""
    name, _, turn = spec.partition(":")
    _Armed.name, _Armed.passes_left = name, int(turn or 1)


def point(name: str) -> None:
    """End this process, without a word to anybody, where this point is armed and its turn came."""
    if _Armed.name == name:
        _pass()


def _pass() -> None:
    _Armed.passes_left -= 1
    if _Armed.passes_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
