"""Plans are filed as versions that never meet in time, and lots charge by one plan at a time."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
import pytest

from onepark.contexts.tariffs.errors import (
    FilingInvalid,
    PlanInvalid,
    PlanUnknown,
    VersionsOverlap,
)
from onepark.contexts.tariffs.model import Assignment, Filing
from onepark.contexts.tariffs.service import Tariffs
from onepark.infra.db import StaffScope
from onepark.kernel.types import LotId, OperatorId

JANUARY, MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5))
SECOND = timedelta(seconds=1)
FREE = '{"windows": []}'
HOURLY = """{"windows": [{"name": "day", "from": "00:00", "to": "24:00",
    "tiers": [{"unit_minutes": 60, "price_fen": 500}]}], "exit_grace_minutes": 20}"""

_numbers = count(1)


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 2, 1, 4, tzinfo=UTC)


@pytest.fixture
async def tariffs(service_db) -> Tariffs:
    tariffs = Tariffs(service_db, Noon())
    await tariffs.load()
    return tariffs


@pytest.fixture
def owner() -> OperatorId:
    return OperatorId(next(_numbers))


@pytest.fixture
def lot() -> LotId:
    return LotId(next(_numbers))


def filing(owner: OperatorId, key: str = "main", body: str = FREE, **changes: object) -> Filing:
    values = {"name": "收费规则", "valid_from_at": JANUARY} | changes
    return Filing(key, owner, body=body, **values)  # type: ignore[arg-type]


async def test_a_lot_without_a_plan_charges_by_none(tariffs, lot):
    assert tariffs.plan_at(lot, MARCH) is None


async def test_a_lot_charges_by_the_version_in_force(tariffs, owner, lot):
    first, *_ = await tariffs.publish_many([filing(owner)])
    await tariffs.assign(lot_id=lot, operator_id=owner, plan_key="main", valid_from_at=JANUARY)
    second = await tariffs.publish(
        plan_key="main", operator_id=owner, name="新", body=HOURLY, valid_from_at=MARCH
    )
    found = [tariffs.plan_at(lot, at) for at in (JANUARY - SECOND, JANUARY, MARCH - SECOND, MARCH)]
    assert [plan and (plan.plan_id, plan.version) for plan in found] == [
        None,
        (first, 1),
        (first, 1),
        (second, 2),
    ]
    plan = tariffs.plan(second)
    assert (plan.plan_key, plan.exit_grace_s, plan.valid_until_at) == ("main", 1_200, None)
    assert tariffs.plan(first).valid_until_at == MARCH


async def test_a_lot_changes_from_one_plan_to_another(tariffs, owner, lot):
    await tariffs.publish_many([filing(owner), filing(owner, "other")])
    for key, at in (("main", JANUARY), ("other", MARCH)):
        await tariffs.assign(lot_id=lot, operator_id=owner, plan_key=key, valid_from_at=at)
    keys = [tariffs.plan_at(lot, at).plan_key for at in (MARCH - SECOND, MARCH)]
    assert keys == ["main", "other"]


async def test_hundreds_of_lots_are_assigned_at_once(tariffs, owner):
    owners = [OperatorId(owner * 1_000 + n) for n in range(20)]
    plan_ids = await tariffs.publish_many([filing(one, body=HOURLY) for one in owners])
    lots = [LotId(owner * 10_000 + n) for n in range(400)]
    await tariffs.assign_many([Assignment(lot, owners[lot % 20], "main", JANUARY) for lot in lots])
    assert [tariffs.plan_at(lot, MARCH).plan_id for lot in lots] == [
        plan_ids[lot % 20] for lot in lots
    ]


async def test_two_versions_are_never_in_force_at_once(tariffs, owner):
    await tariffs.publish_many([filing(owner, valid_from_at=MARCH)])
    for at in (MARCH, JANUARY):
        with pytest.raises(VersionsOverlap):
            await tariffs.publish_many([filing(owner, valid_from_at=at)])


async def test_two_filings_at_once_leave_one_version(service_db, owner):
    offices = [Tariffs(service_db, Noon()) for _ in range(4)]
    done = await asyncio.gather(
        *(office.publish_many([filing(owner)]) for office in offices), return_exceptions=True
    )
    assert sorted(isinstance(one, VersionsOverlap) for one in done) == [False, True, True, True]


async def test_a_lot_cannot_charge_by_a_plan_that_its_operator_never_filed(tariffs, owner, lot):
    await tariffs.publish_many([filing(OperatorId(owner + 900_000))])
    with pytest.raises(PlanUnknown):
        await tariffs.assign(lot_id=lot, operator_id=owner, plan_key="main", valid_from_at=MAY)
    assert tariffs.plan_at(lot, MAY) is None


async def test_one_broken_plan_keeps_all_of_its_batch_out(tariffs, owner):
    with pytest.raises(PlanInvalid) as refused:
        await tariffs.publish_many([filing(owner), filing(owner, "bad", '{"windows": 1}')])
    assert refused.value.facts == {"field": "windows", "rule": "shape"}
    assert await tariffs.publish_many([filing(owner)])


async def test_a_key_of_another_form_is_refused_by_its_rule(tariffs, owner):
    with pytest.raises(FilingInvalid) as refused:
        await tariffs.publish_many([filing(owner, "Not a key")])
    assert refused.value.facts == {"rule": "plan_key_form"}


async def test_another_process_sees_a_change_when_it_looks(service_db, tariffs, owner, lot):
    assert await tariffs.refresh() is False
    elsewhere = Tariffs(service_db, Noon())
    await elsewhere.publish_many([filing(owner)])
    await elsewhere.assign(lot_id=lot, operator_id=owner, plan_key="main", valid_from_at=JANUARY)
    assert tariffs.plan_at(lot, MARCH) is None
    assert await tariffs.refresh() is True
    assert tariffs.plan_at(lot, MARCH) is not None
    assert await tariffs.refresh() is False


async def test_a_filed_plan_can_be_neither_rewritten_nor_taken_away(service_db, tariffs, owner):
    [plan_id] = await tariffs.publish_many([filing(owner)])
    for statement in (
        "UPDATE tariffs.plan SET body = '{}' WHERE plan_id = $1",
        "DELETE FROM tariffs.plan WHERE plan_id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with service_db.transaction() as tx:
                await tx.execute(statement, plan_id)


async def test_staff_see_the_plans_of_their_operator_only(staff_db, tariffs, owner):
    await tariffs.publish_many([filing(owner), filing(OperatorId(owner + 800_000))])
    async with staff_db.transaction(StaffScope(owner)) as tx:
        rows = await tx.fetch("SELECT DISTINCT operator_id FROM tariffs.plan")
    assert [row["operator_id"] for row in rows] == [owner]
