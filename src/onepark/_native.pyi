"""The native part: plans priced in closed form, plates normalised and judged, cars counted.

Instants are whole epoch seconds, money is whole fen. A carry is (anchor second, charged fen); a
line is (window, rule, from second, until second, units, unit price fen, amount fen); a quote is
(amount fen, lines, carry). A request is (plan, entered second, until second, vehicle, carry).
"""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

from typing_extensions import Buffer

_Carry: TypeAlias = tuple[int, int]
_Line: TypeAlias = tuple[str | None, str, int, int, int, int, int]
_Quote: TypeAlias = tuple[int, list[_Line], _Carry | None]

# A window is (first second, seconds of a step, steps). A level is (in the first second, in the
# last, least, most, sum over all seconds); a step is (entries, exits, level as counted, level as
# calibrated). A tally is (entries, exits, orders, charged orders, seconds stayed, bay seconds).
_Window: TypeAlias = tuple[int, int, int]
_Level: TypeAlias = tuple[int, int, int, int, int]
_Step: TypeAlias = tuple[int, int, _Level, _Level | None]
_Tally: TypeAlias = tuple[int, int, int, int, int, int]

__all__ = [
    "ColumnError",
    "Counters",
    "Plan",
    "PlanError",
    "Series",
    "SpanError",
    "__version__",
    "normalise_plate",
    "plate_is_plausible",
    "price_many",
    "recount",
    "tally",
    "timeline",
]

__version__: str

class PlanError(ValueError):
    """A plan that cannot be compiled; ``args`` is (field path, rule, sentence)."""

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
