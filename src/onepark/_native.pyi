"""The native part: plans priced in closed form, plates normalised and judged.

Instants are whole epoch seconds, money is whole fen. A carry is (anchor second, charged fen); a
line is (window, rule, from second, until second, units, unit price fen, amount fen); a quote is
(amount fen, lines, carry). A request is (plan, entered second, until second, vehicle, carry).
"""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

_Carry: TypeAlias = tuple[int, int]
_Line: TypeAlias = tuple[str | None, str, int, int, int, int, int]
_Quote: TypeAlias = tuple[int, list[_Line], _Carry | None]

__all__ = [
    "Plan",
    "PlanError",
    "SpanError",
    "__version__",
    "normalise_plate",
    "plate_is_plausible",
    "price_many",
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
