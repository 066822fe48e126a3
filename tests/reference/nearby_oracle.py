"""Which seats lie near a position, by a look at every one: slow, and plainly right.

Owns: what native/core/src/nearby.rs must come to, to the last bit.
Never: shares a line with it; a seat is (latitude, longitude), a finding (metres, number).
"""

from collections.abc import Sequence
from math import cos, radians, sqrt
from typing import TypeAlias

from msgspec import json

Seat: TypeAlias = tuple[float, float]
Found: TypeAlias = tuple[float, int]

METRES_PER_DEG = 111_194.93


def away_m(lat: float, lon: float, seat: Seat) -> float:
    """On a plane, with a degree of longitude as long as it is where somebody asks."""
    shrink = max(cos(radians(lat)), 0.01)
    north, aside = seat[0] - lat, (seat[1] - lon) * shrink
    return METRES_PER_DEG * sqrt(north * north + aside * aside)


def nearest(
    seats: Sequence[Seat], lat: float, lon: float, *, radius_m: float, limit: int
) -> list[Found]:
    found = [(away_m(lat, lon, seat), number) for number, seat in enumerate(seats)]
    return sorted(one for one in found if one[0] <= radius_m)[:limit]


def told(found: Sequence[Found], objects: Sequence[bytes]) -> bytes:
    """Decode, put the whole metres first, and encode again."""
    shown = [{"distance_m": int(metres), **json.decode(objects[n])} for metres, n in found]
    return json.encode(shown)
