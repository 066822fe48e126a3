"""What tariffs needs of the registry.

Owns: the one question that a quote asks about a lot.
Never: names the registry's own types.
"""

from typing import Protocol, runtime_checkable

from onepark.kernel.types import LotCode, LotId


class KnownLot(Protocol):
    """A lot, as far as a price goes."""

    @property
    def lot_id(self) -> LotId: ...


@runtime_checkable
class LotDirectory(Protocol):
    """Where lot codes are looked up."""

    def lot(self, code: LotCode, /) -> KnownLot | None: ...
