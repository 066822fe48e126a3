"""Which lots lie near a position.

Owns: a uniform grid over the archive, which lots may be the answer from anywhere in a small square,
and distances on a city's scale.
Never: knows a count, or asks anything outside.

Two questions from one square of a hundred metres have nearly the same answer. The lots that can be
among it are looked for once; after that, a question measures some thirty distances.
"""

from collections.abc import Iterable
from functools import cache
from math import ceil, cos, floor, hypot, radians
from typing import NamedTuple, TypeAlias

from onepark.contexts.registry.model import Lot

CELL_DEG = 0.01  # about 1.1 km from south to north
METRES_PER_DEG = 111_194.93  # of a sphere of 6,371.0088 km
COS_MIN = 0.01
SQUARE_DEG = 0.001
HALF_SQUARE_M = 80.0  # from the middle of a square to its corner, at most
STRETCH = 1.002  # more than distances differ by where in a square the degree is measured
SQUARES_MAX = 32_768  # that are remembered

Cell: TypeAlias = tuple[int, int]
Place: TypeAlias = tuple[float, float, str, Lot]
Ranked: TypeAlias = tuple[float, str, Lot]  # what a Near is made of
Square: TypeAlias = tuple[int, int, float, int]


class Near(NamedTuple):
    """A lot and how far it is."""

    distance_m: float
    code: str  # orders lots at one distance
    lot: Lot


class Grid:
    """An immutable index of lots by cells of one hundredth of a degree."""

    __slots__ = ("_cells", "_east", "_north", "_south", "_squares", "_west")

    def __init__(self, lots: Iterable[Lot]) -> None:
        self._cells: dict[Cell, list[Place]] = {}
        self._squares: dict[Square, list[Place]] = {}
        for lot in lots:
            place = (lot.lat_wgs84, lot.lon_wgs84, lot.code, lot)
            self._cells.setdefault(_cell(lot.lat_wgs84, lot.lon_wgs84), []).append(place)
        self._south = min((row for row, _ in self._cells), default=0)
        self._north = max((row for row, _ in self._cells), default=0)
        self._west = min((column for _, column in self._cells), default=0)
        self._east = max((column for _, column in self._cells), default=0)

    def nearest(self, lat: float, lon: float, *, radius_m: float, limit: int) -> list[Near]:
        """Return the lots within the radius, nearest first."""
        return [Near(*one) for one in self.ranked(lat, lon, radius_m=radius_m, limit=limit)]

    def ranked(self, lat: float, lon: float, *, radius_m: float, limit: int) -> list[Ranked]:
        """Return the same as bare tuples, for who asks thousands of times a second."""
        if not self._reaches(lat, lon, radius_m):
            return []
        square = (floor(lat / SQUARE_DEG), floor(lon / SQUARE_DEG), radius_m, limit)
        places, shrink = self._squares.get(square), _shrink(lat)
        if places is None:
            places = self._remember(square)
        found = [
            (away_m, code, lot)
            for lot_lat, lot_lon, code, lot in places
            if (away_m := METRES_PER_DEG * hypot(lot_lat - lat, (lot_lon - lon) * shrink))
            <= radius_m
        ]
        found.sort()
        return found[:limit]

    def _remember(self, square: Square) -> list[Place]:
        """Return the lots that may be an answer from somewhere in a square.

        Rings of cells are opened outwards until nothing further out is nearer from any corner.
        """
        row, column, radius_m, limit = square
        at = (row + 0.5) * SQUARE_DEG, (column + 0.5) * SQUARE_DEG
        centre, side_m = _cell(*at), CELL_DEG * METRES_PER_DEG * _shrink(at[0])
        reach_m = radius_m * STRETCH + HALF_SQUARE_M
        found: list[tuple[float, Place]] = []
        for ring in range(ceil(reach_m / side_m) + 1):
            self._open(ring, centre, at, into=found)
            if len(found) >= limit:
                furthest_m = sorted([away_m for away_m, _ in found])[limit - 1]
                reach_m = min(reach_m, furthest_m * STRETCH + 2 * HALF_SQUARE_M)
            if ring * side_m >= reach_m or self._inside(centre, ring):
                break
        if len(self._squares) >= SQUARES_MAX:
            self._squares.clear()
        places = self._squares[square] = [place for away_m, place in found if away_m <= reach_m]
        return places

    def _open(
        self,
        ring: int,
        centre: Cell,
        at: tuple[float, float],
        *,
        into: list[tuple[float, Place]],
    ) -> None:
        """Add what lies in the cells at ``ring`` steps from the centre."""
        (row, column), (lat, lon), shrink = centre, at, _shrink(at[0])
        places_in = self._cells.get
        for north, east in _ring(ring):
            for place in places_in((row + north, column + east), ()):
                away_deg = hypot(place[0] - lat, (place[1] - lon) * shrink)
                into.append((METRES_PER_DEG * away_deg, place))

    def _reaches(self, lat: float, lon: float, radius_m: float) -> bool:
        """Say whether the box around every lot is within the radius: a far query costs nothing."""
        if not self._cells:
            return False
        south, north = self._south * CELL_DEG - lat, lat - (self._north + 1) * CELL_DEG
        west, east = self._west * CELL_DEG - lon, lon - (self._east + 1) * CELL_DEG
        away_deg = hypot(max(south, north, 0.0), max(west, east, 0.0) * _shrink(lat))
        return away_deg * METRES_PER_DEG <= radius_m

    def _inside(self, centre: Cell, ring: int) -> bool:
        """Say whether the square of this ring holds every cell that has a lot."""
        row, column = centre
        return (
            row - ring <= self._south
            and row + ring >= self._north
            and column - ring <= self._west
            and column + ring >= self._east
        )


def _shrink(lat: float) -> float:
    """Return how much shorter a degree of longitude is at this latitude."""
    return max(cos(radians(lat)), COS_MIN)


def _cell(lat: float, lon: float) -> Cell:
    return floor(lat / CELL_DEG), floor(lon / CELL_DEG)


@cache
def _ring(ring: int) -> tuple[Cell, ...]:
    """Return the steps from a cell to those around it at this distance."""
    span = range(-ring, ring + 1)
    return tuple((n, e) for n in span for e in span if max(abs(n), abs(e)) == ring)
