"""Tariffs that were never filed, or one for every lot."""

from datetime import UTC, datetime

import msgspec

from onepark import _native
from onepark.contexts.tariffs.model import Plan
from onepark.kernel.types import LotId, PlanId


def _day(price_fen: int) -> dict[str, object]:
    tier = {"unit_minutes": 60, "price_fen": price_fen}
    return {"name": "day", "from": "00:00", "to": "24:00", "tiers": [tier]}


_FIVE = {"price_form": "market", "windows": [_day(500)]}
FIVE_AN_HOUR = msgspec.json.encode(_FIVE).decode()
NINE_IN_B2 = msgspec.json.encode(_FIVE | {"zones": {"B2": [_day(900)]}}).decode()  # else five


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
