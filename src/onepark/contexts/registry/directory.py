"""The whole archive in memory, for the paths that may not ask the database.

Owns: look-ups by public code and by our own key.
Never: changes after it was built; a newer version of the registry is a new Directory.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from onepark.contexts.registry.model import Device, Lane, Lot, Operator
from onepark.kernel.types import DeviceId, LaneCode, LotCode, LotId, OperatorId


class Directory:
    """An immutable snapshot of every operator, lot, lane and device of one registry version."""

    __slots__ = (
        "_by_code",
        "_by_id",
        "_devices",
        "_lanes",
        "_lanes_of_lot",
        "_lots",
        "_operators",
        "version",
    )

    def __init__(
        self,
        *,
        version: int,
        operators: Iterable[Operator] = (),
        lots: Iterable[Lot] = (),
        lanes: Iterable[Lane] = (),
        devices: Iterable[Device] = (),
    ) -> None:
        self.version = version
        self._operators = {operator.operator_id: operator for operator in operators}
        self._lots = tuple(sorted(lots, key=lambda lot: lot.code))
        self._by_code = {lot.code: lot for lot in self._lots}
        self._by_id = {lot.lot_id: lot for lot in self._lots}
        self._lanes = {lane.lane: lane for lane in lanes}
        self._lanes_of_lot = _grouped(self._lanes.values())
        self._devices = {device.device_id: device for device in devices}

    def operator(self, operator_id: OperatorId) -> Operator | None:
        return self._operators.get(operator_id)

    def operators(self) -> Sequence[Operator]:
        return tuple(self._operators.values())

    def lot(self, code: LotCode) -> Lot | None:
        return self._by_code.get(code)

    def lot_by_id(self, lot_id: LotId) -> Lot | None:
        return self._by_id.get(lot_id)

    def lots(self) -> Sequence[Lot]:
        """Every lot in the order of its code."""
        return self._lots

    def lane(self, code: LaneCode) -> Lane | None:
        return self._lanes.get(code)

    def lanes_of(self, lot_id: LotId) -> Sequence[Lane]:
        return self._lanes_of_lot.get(lot_id, ())

    def device(self, device_id: DeviceId) -> Device | None:
        return self._devices.get(device_id)

    def devices(self) -> Mapping[DeviceId, Device]:
        return MappingProxyType(self._devices)


def _grouped(lanes: Iterable[Lane]) -> dict[LotId, tuple[Lane, ...]]:
    grouped: dict[LotId, list[Lane]] = {}
    for lane in lanes:
        grouped.setdefault(lane.lot_id, []).append(lane)
    return {lot_id: tuple(sorted(of, key=lambda lane: lane.lane)) for lot_id, of in grouped.items()}
