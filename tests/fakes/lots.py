"""The registry's directory, as far as a price goes."""

from dataclasses import dataclass
from typing import Any

from onepark.kernel.types import LotCode, LotId


@dataclass(frozen=True)
class KnownLot:
    lot_id: LotId


class Lots:
    """A few lots by their codes."""

    def __init__(self, **lots: int) -> None:
        self._lots = {code.removeprefix("lot_"): lot_id for code, lot_id in lots.items()}

    def lot(self, code: LotCode) -> KnownLot | None:
        lot_id = self._lots.get(code)
        return None if lot_id is None else KnownLot(LotId(lot_id))


class NumberedLots:
    """An archive in which a lot's code is its number, and every lot but 0 is known."""

    def lot(self, code: LotCode) -> Any:
        return self.lot_by_id(LotId(int(code))) if int(code) else None

    def lot_by_id(self, lot_id: LotId) -> Any:
        self.lot_id, self.code, self.name = lot_id, LotCode(f"{lot_id:012}"), "人民路停车场"
        return self
