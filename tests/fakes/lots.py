"""The registry's directory, as far as a price goes."""

from dataclasses import dataclass
from typing import Any

from onepark.contexts.registry.model import ParkingLocate
from onepark.kernel.types import LotCode, LotId, OperatorId


@dataclass(frozen=True)
class KnownLot:
    lot_id: LotId
    operator_id: OperatorId
    price_form: str


class Lots:
    """A few lots of one operator by their codes."""

    def __init__(self, *, of: int = 1, price_form: str = "market", **lots: int) -> None:
        self._lots = {
            code.removeprefix("lot_"): KnownLot(LotId(lot_id), OperatorId(of), price_form)
            for code, lot_id in lots.items()
        }

    def lot(self, code: LotCode) -> KnownLot | None:
        return self._lots.get(code)

    def operator(self, operator_id: OperatorId) -> object | None:
        return next((lot for lot in self._lots.values() if lot.operator_id == operator_id), None)


class NumberedLots:
    """An archive in which a lot's code is its number, and every lot but 0 is known."""

    parking_locate = ParkingLocate.OFF_STREET

    def lot(self, code: LotCode) -> Any:
        return self.lot_by_id(LotId(int(code))) if int(code) else None

    def lot_by_id(self, lot_id: LotId) -> Any:
        self.lot_id, self.code, self.name = lot_id, LotCode(f"{lot_id:012}"), "人民路停车场"
        return self
