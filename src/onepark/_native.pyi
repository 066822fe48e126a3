"""The native part: plans priced in closed form, plates normalised and judged.

Instants are whole epoch seconds, money is whole fen. A carry is (anchor second, charged fen); a
line is (window, rule, from second, until second, units, unit price fen, amount fen); a quote is
(amount fen, lines, carry). A request is (plan, entered second, until second, vehicle, carry,
terms). Columns are buffers: plan numbers of 32 bits without sign, instants of 64 bits, vehicle
classes of 8 bits; fees come as the bytes of 64-bit fen. A finding is (whether it is an error, rule,
field, sentence, sentence in Chinese, example), an example (vehicle, entered second, until second,
amount fen, later until second, later amount fen).
`docs/tariffs.md` is the guide.
"""

from collections.abc import Sequence
from typing import Any, Self, TypeAlias, final

_Carry: TypeAlias = tuple[int, int]
_Line: TypeAlias = tuple[str | None, str, int, int, int, int, int]
_Quote: TypeAlias = tuple[int, list[_Line], _Carry | None]
_Column: TypeAlias = Any  # a buffer; numpy's arrays say that they are one from Python 3.12 on
_Example: TypeAlias = tuple[str, int, int, int, int, int]
_Finding: TypeAlias = tuple[bool, str, str, str, str, _Example | None]

__all__ = [
    "Calendar",
    "Plan",
    "PlanError",
    "SpanError",
    "Terms",
    "__version__",
    "normalise_plate",
    "plate_is_plausible",
    "price_columns",
    "price_many",
]

__version__: str

class PlanError(ValueError):
    """A plan that cannot be compiled; ``args`` is (field path, rule, sentence)."""

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
