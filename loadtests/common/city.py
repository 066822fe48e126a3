"""The city under load, and who of its users drives which lot.

Owns: reading its facts, and sharing the lots out so that no two users report from one gate.
Never: knows a lot that the facts do not name.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from onepark.simulator.city.wire import Demo, DemoLot

RECONNECTING_SHARE = 10  # of a hundred lots, in the storm


def city_of(file: Path) -> Demo:
    """Read what `onepark up` wrote about a served city."""
    return msgspec.json.decode(file.read_bytes(), type=Demo)


def lots_of(
    lots: Sequence[DemoLot], *, process: int, processes: int, reconnecting: bool = False
) -> list[DemoLot]:
    """Return the lots of one process; one lot in ten belongs to gates that come back."""
    of_kind = [
        lot
        for place, lot in enumerate(lots)
        if (place % 100 < RECONNECTING_SHARE) is reconnecting or len(lots) < RECONNECTING_SHARE
    ]
    return of_kind[process::processes] or list(of_kind)
