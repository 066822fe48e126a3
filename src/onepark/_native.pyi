"""The native part: plans priced in closed form, plates spelled, judged and matched.

Instants are whole epoch seconds, money is whole fen. A carry is (anchor second, charged fen); a
line is (window, rule, from second, until second, units, unit price fen, amount fen); a quote is
(amount fen, lines, carry). A request is (plan, entered second, until second, vehicle, carry).

A report is (plate, colour, vehicle, epoch second). An answer is (verdict, ranked), the verdict one
of "exact", "accepted", "ambiguous" and "none", and ranked holds at most five times (index of the
candidate, score in thousandths of a nat, reasons), the likeliest first.
"""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

_Carry: TypeAlias = tuple[int, int]
_Line: TypeAlias = tuple[str | None, str, int, int, int, int, int]
_Quote: TypeAlias = tuple[int, list[_Line], _Carry | None]
_Report: TypeAlias = tuple[str, str, str, int]
_Answer: TypeAlias = tuple[str, list[tuple[int, int, list[str]]]]
_Fault: TypeAlias = tuple[str, str, int | None]

__all__ = [
    "Plan",
    "PlanError",
    "PlateIndex",
    "PlateModel",
    "PlateModelError",
    "SpanError",
    "__version__",
    "classify_plate",
    "learn_plate_model",
    "normalise_plate",
    "plate_color",
    "plate_is_plausible",
    "price_many",
    "prior_plate_model",
]

__version__: str

class PlanError(ValueError):
    """A plan that cannot be compiled; ``args`` is (field path, rule, sentence)."""

class PlateModelError(ValueError):
    """A model that cannot be compiled; ``args`` is (field path, rule, sentence)."""

class SpanError(ValueError):
    """A request that cannot be priced; ``args`` is (index, field, rule, sentence)."""

@final
class Plan:
    """A compiled plan; it never changes."""

    def __new__(cls, body: str) -> Self: ...
    @property
    def exit_grace_s(self) -> int: ...
    @property
    def price_form(self) -> str: ...
    def price(
        self, entered_s: int, until_s: int, vehicle: str, carry: _Carry | None = None
    ) -> _Quote: ...

def price_many(requests: Sequence[tuple[Plan, int, int, str, _Carry | None]]) -> list[_Quote]: ...
def normalise_plate(text: str) -> str: ...
def plate_is_plausible(text: str, color: str) -> bool: ...
def classify_plate(text: str, color: str) -> tuple[str, str | None, str | None, str, _Fault | None]:
    """Judge a normalised text: (kind, province, authority, colour, fault).

    A fault is (rule, sentence, place of the guilty character or None).
    """

def plate_color(system: str, code: int, text: str) -> str:
    """Say which colour a code of "city_platform", "hyperlpr" or "jtt_697_7" means on a plate."""

@final
class PlateModel:
    """What the readings of one camera model are worth, compiled; it never changes."""

    def __new__(cls, body: str) -> Self: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    def match(
        self, observed: str, color: str, vehicle: str, seen_s: int, candidates: Sequence[_Report]
    ) -> _Answer:
        """Hold a reading against the open stays of its lot, all spelled by normalise_plate."""

    def match_many(
        self, observations: Sequence[_Report], candidates: Sequence[_Report]
    ) -> list[_Answer]:
        """Hold many readings against the same open stays, each by itself."""

@final
class PlateIndex:
    """A list of a whole city, spelled by normalise_plate; it never changes.

    A lookup finds every plate that is at most one misread, missing or extra character away. O and I
    are 0 and 1, a character that stands on no plate equals none, and a text of more than nine
    characters is never found.
    """

    def __new__(cls, plates: Sequence[str]) -> Self: ...
    @staticmethod
    def from_packed(words: bytes) -> PlateIndex:
        """Return the list that ``packed`` returned as bytes, eight a plate."""

    def packed(self) -> bytes: ...
    def __len__(self) -> int: ...
    def near_many(self, observed: Sequence[str]) -> list[list[int]]:
        """Find the places in the list that are near to each reading, in their order."""

    def lookup_many(
        self, model: PlateModel, observed: Sequence[str]
    ) -> list[tuple[str, list[tuple[int, int]]]]:
        """Judge and rank what is near to each reading: (verdict, [(place, score)])."""

def prior_plate_model() -> str: ...
def learn_plate_model(body: str, pairs: Sequence[tuple[str, str]]) -> str:
    """Fold decisions, each (reading, plate that it was of), into the next version of a model."""
