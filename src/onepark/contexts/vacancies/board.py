"""Every lot as this process knows it.

Owns: the newest count, calibration and sign of life of each lot, the search near a position, and
JSON that is made once a second and lot however many ask.
Never: awaits; whoever feeds it may call in any order and as often as it likes.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.json import Encoder

from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.model import Lot
from onepark.contexts.stays.model import Count
from onepark.contexts.vacancies.grid import Grid, Near
from onepark.contexts.vacancies.model import NearbyQuery, Quality, Source, Trust, Vacancy
from onepark.contexts.vacancies.ports import DirectorySource
from onepark.contexts.vacancies.rules import (
    Calibration,
    Known,
    LotCounts,
    age_of,
    is_newer,
    is_open,
    quality_of,
    show,
)
from onepark.kernel.types import LotCode, LotId

_ENCODER = Encoder()
_NOTHING = LotCounts({})
_BEFORE = b'{"vacancies":['
_AFTER = {source: b'],"source":"%b"}' % source.encode() for source in Source}


class Face(NamedTuple):
    """What changes about a lot while nobody reports anything."""

    quality: Quality
    open: bool


class View(Struct):
    """What is derived from one version of the archive; a new version is a new view."""

    directory: Directory
    grid: Grid
    made: list[bytes | None]  # JSON by place, of lots that did not change since, of this second
    second: int
    faces: dict[LotId, Face]


class Board:
    """The state of all lots; each lot's part is replaced whole, so that a reader sees no half."""

    def __init__(self, source: DirectorySource, trust: Trust) -> None:
        self._source = source
        self._lots: dict[LotId, LotCounts] = {}
        self._known = Known(complete=False, source=Source.DATABASE, trust=trust)
        self._changed: set[LotId] = set()
        self._view = _view_of(source())

    # --- what is reported

    def apply(self, counts: Iterable[Count]) -> list[Count]:
        """Take every count that is newer than the one known, and return those taken."""
        taken = [count for count in counts if self._take(count)]
        self._changed.update(count.lot_id for count in taken)
        return taken

    def _take(self, count: Count) -> bool:
        lot = self._lots.get(count.lot_id, _NOTHING)
        if not is_newer(count, lot.counts.get(count.pool)):
            return False
        heard_at = max(lot.heard_at or count.changed_at, count.changed_at)
        counts = {**lot.counts, count.pool: count}
        self._put(count.lot_id, LotCounts(counts, heard_at, lot.calibrations))
        return True

    def calibrate(self, calibrations: Iterable[Calibration]) -> None:
        """Take every calibration that is newer than the one known; it is no sign of life."""
        for one in calibrations:
            lot = self._lots.get(one.lot_id, _NOTHING)
            if is_newer(one, lot.calibrations.get(one.pool)):
                taken = {**lot.calibrations, one.pool: one}
                self._put(one.lot_id, LotCounts(lot.counts, lot.heard_at, taken))
                self._changed.add(one.lot_id)

    def _put(self, lot_id: LotId, lot: LotCounts) -> None:
        self._lots[lot_id] = lot
        place = self._view.grid.places.get(lot_id)
        if place is not None:
            self._view.made[place] = None

    def hear(self, lot_id: LotId, at: datetime) -> bool:
        """Note a sign of life; an earlier one than is known changes nothing."""
        lot = self._lots.get(lot_id, _NOTHING)
        if lot.heard_at is not None and at <= lot.heard_at:
            return False
        self._put(lot_id, LotCounts(lot.counts, at, lot.calibrations))
        return True

    def complete(self) -> None:
        """Note that all of the database was read: a count that is not there is zero."""
        self._know(complete=True, source=self._known.source)

    def turn_to(self, source: Source) -> None:
        """Note where answers come from now; every later one carries it."""
        if source is not self._known.source:
            self._know(complete=self._known.complete, source=source)
            self._changed.update(lot.lot_id for lot in self._present().directory.lots())

    def _know(self, *, complete: bool, source: Source) -> None:
        self._known = Known(complete=complete, source=source, trust=self._known.trust)
        _forget(self._view)

    # --- what is known

    @property
    def source(self) -> Source:
        return self._known.source

    def counts_of(self, lot_id: LotId) -> LotCounts:
        return self._lots.get(lot_id, _NOTHING)

    def lot_ids(self) -> list[LotId]:
        """Return every lot of the archive."""
        return [lot.lot_id for lot in self._present().directory.lots()]

    def find(self, code: LotCode) -> Lot | None:
        return self._present().directory.lot(code)

    # --- what is shown

    def vacancy(self, lot: Lot, at: datetime) -> Vacancy:
        return show(lot, self.counts_of(lot.lot_id), of=self._known, at=at)

    def vacancy_json(self, lot: Lot, at: datetime) -> bytes:
        """Return one lot as JSON, made anew when it changed or a second has passed."""
        view = self._of_this_second(at)
        place = view.grid.places[lot.lot_id]
        return view.made[place] or self._make(view, place, at)

    def nearest(self, query: NearbyQuery) -> list[Near]:
        return self._present().grid.nearest(query)

    def nearest_json(self, query: NearbyQuery, at: datetime) -> bytes:
        """Return the answer of a search as JSON: a join of what is made already."""
        view, after = self._of_this_second(at), _AFTER[self._known.source]
        told = view.grid.told(query, view.made, before=_BEFORE, after=after)
        while told is None:
            self._make_all(view, view.grid.nearest(query), at)
            told = view.grid.told(query, view.made, before=_BEFORE, after=after)
        return told

    def _of_this_second(self, at: datetime) -> View:
        """Return the present view without the JSON of earlier seconds."""
        view, second = self._present(), int(at.timestamp())
        if view.second != second:
            view.second = second
            _forget(view)
        return view

    def _make_all(self, view: View, found: Iterable[Near], at: datetime) -> None:
        for near in found:
            place = view.grid.places[near.lot.lot_id]
            if view.made[place] is None:
                self._make(view, place, at)

    def _make(self, view: View, place: int, at: datetime) -> bytes:
        lot = view.grid.lots[place]
        json = _ENCODER.encode(show(lot, self.counts_of(lot.lot_id), of=self._known, at=at))
        view.made[place] = json
        return json

    # --- what changed

    def take_changed(self) -> frozenset[LotId]:
        """Return the lots that changed since the last call."""
        changed, self._changed = frozenset(self._changed), set()
        return changed

    def age(self, at: datetime) -> None:
        """Mark the lots whose quality or opening changed by nothing but the passing of time."""
        view = self._present()
        for lot in view.directory.lots():
            age_s = age_of(self.counts_of(lot.lot_id), at)
            face = Face(quality_of(age_s, self._known.trust), is_open(lot.opening_hours, at))
            if view.faces.setdefault(lot.lot_id, face) != face:
                view.faces[lot.lot_id] = face
                self._changed.add(lot.lot_id)

    def qualities(self) -> Counter[Quality]:
        """Return how many lots are of each quality, as they were last aged."""
        return Counter(face.quality for face in self._present().faces.values())

    def lots_of(self, lot_ids: Iterable[LotId]) -> list[Lot]:
        """Return those of these lots that are in the archive."""
        directory = self._present().directory
        return [lot for lot_id in lot_ids if (lot := directory.lot_by_id(lot_id))]

    def _present(self) -> View:
        """Return the view of the present archive, made anew when its version moved."""
        directory = self._source()
        if directory is not self._view.directory:
            self._view = _view_of(directory)
        return self._view


def _view_of(directory: Directory) -> View:
    grid = Grid(directory.lots())
    return View(directory, grid, [None] * len(grid.lots), 0, {})


def _forget(view: View) -> None:
    view.made[:] = [None] * len(view.made)
