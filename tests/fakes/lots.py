"""The registry's directory, as far as a price goes."""

from dataclasses import dataclass

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
