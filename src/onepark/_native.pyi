"""The native part: plans priced, plates spelled, judged and matched, cars counted, lots near.

Instants are whole epoch seconds, money is whole fen. A carry is (anchor second, charged fen); a
line is (window, rule, from second, until second, units, unit price fen, amount fen); a quote is
(amount fen, lines, carry). A request is (plan, entered second, until second, vehicle, carry,
terms). Columns are buffers: plan numbers of 32 bits without sign, instants of 64 bits, vehicle
classes of 8 bits; fees come as the bytes of 64-bit fen. A finding is (whether it is an error,
rule, field, sentence, sentence in Chinese, example), an example (vehicle, entered second, until
second, amount fen, later until second, later amount fen). `docs/tariffs.md` is the guide.

A report is (plate, colour, vehicle, epoch second). An answer is (verdict, ranked), the verdict one
of "exact", "accepted", "ambiguous" and "none", and ranked holds at most five times (index of the
candidate, score in thousandths of a nat, reasons), the likeliest first.
"""

from collections.abc import Sequence
from typing import Any, Self, TypeAlias, final

from typing_extensions import Buffer

_Carry: TypeAlias = tuple[int, int]
_Line: TypeAlias = tuple[str | None, str, int, int, int, int, int]
_Quote: TypeAlias = tuple[int, list[_Line], _Carry | None]
_Column: TypeAlias = Any  # a buffer; numpy's arrays say that they are one from Python 3.12 on
_Example: TypeAlias = tuple[str, int, int, int, int, int]
_Finding: TypeAlias = tuple[bool, str, str, str, str, _Example | None]
_Report: TypeAlias = tuple[str, str, str, int]
_Answer: TypeAlias = tuple[str, list[tuple[int, int, list[str]]]]
_Asked: TypeAlias = tuple[float, float, float, int]
_Fault: TypeAlias = tuple[str, str, int | None]

# A window is (first second, seconds of a step, steps). A level is (in the first second, in the
# last, least, most, sum over all seconds); a step is (entries, exits, level as counted, level as
# calibrated). A tally is (entries, exits, orders, charged orders, seconds stayed, bay seconds).
_Window: TypeAlias = tuple[int, int, int]
_Level: TypeAlias = tuple[int, int, int, int, int]
_Step: TypeAlias = tuple[int, int, _Level, _Level | None]
_Tally: TypeAlias = tuple[int, int, int, int, int, int]

__all__ = [
    "Calendar",
    "ColumnError",
    "Counters",
    "Plan",
    "PlanError",
    "PlateIndex",
    "PlateModel",
    "PlateModelError",
    "Seats",
    "Series",
    "SpanError",
    "Terms",
    "__version__",
    "classify_plate",
    "learn_plate_model",
    "normalise_plate",
    "plate_color",
    "plate_is_plausible",
    "price_columns",
    "price_many",
    "prior_plate_model",
    "recount",
    "tally",
    "timeline",
]

__version__: str

class PlanError(ValueError):
    """A plan that cannot be compiled; ``args`` is (field path, rule, sentence)."""

class PlateModelError(ValueError):
    """A model that cannot be compiled; ``args`` is (field path, rule, sentence)."""

class SpanError(ValueError):
    """A request that cannot be priced; ``args`` is (index, field, rule, sentence)."""

@final
class Calendar:
    """The kind of every day from 2000-01-01 on, one code a day; weekdays decide later days.

    Codes: 0 workday, 1 make-up workday, 2 weekend, 3 short holiday, 4 golden week, 5 Spring
    Festival. Raises ValueError for an unknown code and for days after 2100.
    """

    def __new__(cls, kinds: bytes) -> Self: ...
    def kind(self, day: int) -> int: ...

@final
class Terms:
    """What decides a price beside the time; raises SpanError for words that mean nothing.

    A coupon is (kind, value), an override (from second, until second, thousandths of the price).
    """

    def __new__(
        cls,
        traits: Sequence[str] = ...,
        zone: str | None = None,
        free_visits_used: int = 0,
        coupons: Sequence[tuple[str, int]] = ...,
        overrides: Sequence[tuple[int, int, int]] = ...,
    ) -> Self: ...

@final
class Plan:
    """A compiled plan; it never changes. Without a calendar, weekdays decide."""

    def __new__(cls, body: str, calendar: Calendar | None = None) -> Self: ...
    @property
    def exit_grace_s(self) -> int: ...
    @property
    def price_form(self) -> str: ...
    @property
    def free_quota(self) -> tuple[int, str] | None: ...
    def price(
        self,
        entered_s: int,
        until_s: int,
        vehicle: str,
        carry: _Carry | None = None,
        terms: Terms | None = None,
    ) -> _Quote: ...
    def fee_fen(self, entered_s: int, until_s: int, vehicle: str = "small") -> int: ...
    def next_change(
        self,
        entered_s: int,
        until_s: int,
        vehicle: str,
        carry: _Carry | None = None,
        terms: Terms | None = None,
    ) -> tuple[int, int] | None: ...
    def audit(self, today_s: int) -> list[_Finding]: ...

def price_many(
    requests: Sequence[tuple[Plan, int, int, str, _Carry | None, Terms | None]],
) -> list[_Quote]: ...
def price_columns(
    plans: Sequence[Plan], plan: _Column, entered_s: _Column, until_s: _Column, vehicle: _Column
) -> bytes: ...
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

@final
class Seats:
    """Positions, numbered as they are given; a question is (lat, lon, radius in metres, limit)."""

    def __new__(cls, positions: Sequence[tuple[float, float]]) -> Self: ...
    def nearest(self, asked: _Asked) -> list[tuple[float, int]]:
        """Find the nearest within the radius: (metres, number); the lower number wins a tie."""

    def tell(
        self, asked: _Asked, objects: list[bytes | None], before: bytes, after: bytes
    ) -> bytes | None:
        """Join the JSON objects of the same, whole metres first; None where one is missing."""

class ColumnError(ValueError):
    """Columns that mean nothing; ``args`` is (field, rule, first bad row or None, sentence)."""

# A column is ``bytes``, read where it lies, or any other buffer, copied once. A group number is u16
# or u32, a delta is i8 and 1 or -1, an instant is whole epoch seconds as u32; a visit that has not
# ended has 2**32 - 1 as its end. Of two columns the shorter is never guessed: lengths must agree.

@final
class Counters:
    """The flow of every group, kept by deltas; equal to a recount of the same passages."""

    def __new__(cls, groups: int) -> Self: ...
    def apply(self, group: Buffer, delta: Buffer, at_s: Buffer) -> None: ...
    def rollup(self, parents: Buffer, groups: int) -> Counters: ...
    def occupied(self) -> list[int]: ...
    def entries(self) -> list[int]: ...
    def exits(self) -> list[int]: ...

@final
class Series:
    """The flow of every group in every step of a window, kept by deltas."""

    def __new__(cls, groups: int, window: _Window) -> Self: ...
    def apply(self, group: Buffer, delta: Buffer, at_s: Buffer) -> None: ...
    def flows(self, group: int) -> list[tuple[int, int]]: ...
    def occupied(self, group: int) -> list[int]: ...
    def peak(self, group: int) -> int: ...

def recount(
    groups: int, group: Buffer, delta: Buffer, at_s: Buffer, until_s: int = 4294967295
) -> Counters: ...
def timeline(
    groups: int,
    group: Buffer,
    entered_s: Buffer,
    left_s: Buffer,
    anchors: Sequence[tuple[int, int, int]],
    window: _Window,
) -> list[_Step]: ...
def tally(
    groups: int,
    group: Buffer,
    entered_s: Buffer,
    left_s: Buffer,
    ended: Buffer,
    span: tuple[int, int],
) -> list[_Tally]: ...
