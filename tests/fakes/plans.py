"""Tariffs that were never filed, or one for every lot."""

from datetime import UTC, datetime

import msgspec

from onepark import _native
from onepark.contexts.tariffs.model import Plan
from onepark.kernel.types import LotId, PlanId

FIVE_AN_HOUR = msgspec.json.encode(
    {
        "price_form": "market",
        "windows": [
            {
                "name": "day",
                "from": "00:00",
                "to": "24:00",
                "tiers": [{"unit_minutes": 60, "price_fen": 500}],
            }
        ],
    }
).decode()


class NoPlans:
    """A city without a filed tariff: nothing is charged."""

    def plan_at(self, lot_id: LotId, at: datetime) -> Plan | None:
        return None

    def plan(self, plan_id: PlanId) -> Plan | None:
        return None


class OnePlan:
    """One plan for every lot, given as the JSON that an operator files."""

    def __init__(self, body: str) -> None:
        engine = _native.Plan(body)
        start = datetime(2020, 1, 1, tzinfo=UTC)
        self._plan = Plan(PlanId(1), "test", 1, start, None, engine.exit_grace_s, engine)

    def plan_at(self, lot_id: LotId, at: datetime) -> Plan | None:
        return self._plan

    def plan(self, plan_id: PlanId) -> Plan | None:
        return self._plan
