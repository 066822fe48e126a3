"""Which lots lie near a position.

Owns: the lots of one version of the archive in the order in which the native part numbers them.
Never: knows a count, or asks anything outside.
"""

from collections.abc import Iterable
from typing import NamedTuple

from onepark import _native
from onepark.contexts.registry.model import Lot
from onepark.contexts.vacancies.model import NearbyQuery
from onepark.kernel.types import LotId


class Near(NamedTuple):
    """A lot and how far it is."""

    distance_m: float
    code: str  # orders lots at one distance
    lot: Lot


class Grid:
    """An immutable index of lots; a lot's place is its number in the order of their codes."""

    __slots__ = ("_seats", "lots", "places")

    def __init__(self, lots: Iterable[Lot]) -> None:
        self.lots = tuple(sorted(lots, key=lambda lot: lot.code))
        self.places: dict[LotId, int] = {lot.lot_id: n for n, lot in enumerate(self.lots)}
        self._seats = _native.Seats([(lot.lat_wgs84, lot.lon_wgs84) for lot in self.lots])

    def nearest(self, query: NearbyQuery) -> list[Near]:
        """Return the lots within the radius, nearest first."""
        asked = (query.lat, query.lon, query.radius_m, query.limit)
        found = [(away_m, self.lots[place]) for away_m, place in self._seats.nearest(asked)]
        return [Near(away_m, lot.code, lot) for away_m, lot in found]

    def told(
        self, query: NearbyQuery, objects: list[bytes | None], *, before: bytes, after: bytes
    ) -> bytes | None:
        """Return the JSON of the same lots, joined; None where one has none at its place."""
        asked = (query.lat, query.lon, query.radius_m, query.limit)
        return self._seats.tell(asked, objects, before, after)
