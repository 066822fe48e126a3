"""The registry's directory, as far as a price goes."""

from dataclasses import dataclass

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
