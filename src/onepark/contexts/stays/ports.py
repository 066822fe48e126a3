"""What stays needs of its peers."""

from datetime import datetime
from typing import Protocol

from onepark.contexts.registry.model import Lot
from onepark.contexts.tariffs.model import Plan
from onepark.kernel.types import LotId, PlanId


class Archive(Protocol):
    """The lots as they are known now."""

    def lot_by_id(self, lot_id: LotId) -> Lot | None: ...


class Plans(Protocol):
    """The tariffs in force."""

    def plan_at(self, lot_id: LotId, at: datetime) -> Plan | None: ...

    def plan(self, plan_id: PlanId) -> Plan | None: ...
