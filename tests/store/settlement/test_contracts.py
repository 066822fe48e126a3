"""Contracts: two people, one version at a time, and no day that was cleared."""

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from onepark.contexts.settlement.errors import (
    DatesInvalid,
    LotUnknown,
    PartyUnknown,
    SecondPersonNeeded,
    TaskUnknown,
    TermsInvalid,
    VersionClosed,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.settlement.model import NewVersion, TaskDone, TaskKind, VersionState
from onepark.contexts.settlement.terms import Form
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import OperatorId
from tests.store.settlement.conftest import APPROVER, DRAFTER, FIRST, Rig, noon_of, terms_of

OTHER = Principal(9, "other", StaffRole.OPERATOR_FINANCE, OperatorId(8))


def a_version(**changes: object) -> NewVersion:
    values: dict[str, object] = {
        "contract_no": "C-9",
        "title": "合作经营",
        "form": Form.JOINT_STOCK,
        "terms": terms_of(),
        "lots": ("320281001101",),
        "valid_from": FIRST,
    }
    return NewVersion(**(values | changes))  # type: ignore[arg-type]


async def test_who_drafted_does_not_approve(rig: Rig):
    await rig.contract(lots=("320281001105",))
    draft = await rig.contracts.draft(a_version(), by=DRAFTER)
    with pytest.raises(SecondPersonNeeded):
        await rig.contracts.approve(draft.version_id, by=DRAFTER)
    approved = await rig.contracts.approve(draft.version_id, by=APPROVER)
    assert (approved.state, approved.approver) == (VersionState.APPROVED, "approver")
    with pytest.raises(VersionClosed):
        await rig.contracts.approve(draft.version_id, by=APPROVER)
    with pytest.raises(VersionClosed):
        await rig.contracts.withdraw(draft.version_id, by=DRAFTER)


async def test_no_two_contracts_hold_for_one_lot_at_one_time(rig: Rig):
    await rig.contract(contract_no="A", valid_until=date(2026, 7, 1))
    draft = await rig.contracts.draft(a_version(valid_from=date(2026, 6, 30)), by=DRAFTER)
    with pytest.raises(VersionsOverlap):
        await rig.contracts.approve(draft.version_id, by=APPROVER)
    after = await rig.contracts.draft(a_version(valid_from=date(2026, 7, 1)), by=DRAFTER)
    assert (await rig.contracts.approve(after.version_id, by=APPROVER)).number == 2


async def test_two_who_approve_at_once_put_one_in_force(rig: Rig):
    await rig.contract(lots=("320281001105",))
    drafts = [
        await rig.contracts.draft(a_version(contract_no=name), by=DRAFTER) for name in ("A", "B")
    ]
    done = await asyncio.gather(
        *(rig.contracts.approve(one.version_id, by=APPROVER) for one in drafts),
        return_exceptions=True,
    )
    assert sum(isinstance(one, VersionsOverlap) for one in done) == 1


async def test_a_later_version_ends_the_one_before_it(rig: Rig):
    first = await rig.contract(contract_no="A")
    await rig.contract(contract_no="A", valid_from=FIRST + timedelta(days=9))
    seen = await rig.contracts.show(first.version_id, by=DRAFTER)
    assert seen.valid_until == FIRST + timedelta(days=9)


async def test_no_version_begins_on_a_day_that_was_cleared(rig: Rig, owner):
    await rig.fact(1000)
    await rig.clear(FIRST + timedelta(days=2))
    with pytest.raises(DatesInvalid):
        await rig.contract(valid_from=FIRST + timedelta(days=2))
    await rig.contract(valid_from=FIRST + timedelta(days=3))
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute(
            "INSERT INTO settlement.version_lot VALUES (1, 9, 7, '[2026-05-01,2026-05-02)')"
        )


async def test_a_version_waits_for_a_day_that_is_beginning(rig: Rig, owner):
    await rig.contract(lots=("320281001105",))
    draft = await rig.contracts.draft(a_version(), by=DRAFTER)
    async with owner.transaction():
        await owner.execute(
            "INSERT INTO settlement.day (day, began_at, journal_from, journal_through)"
            " VALUES ('2026-05-01', now(), 0, 0)"
        )
        approving = asyncio.create_task(rig.contracts.approve(draft.version_id, by=APPROVER))
        await asyncio.sleep(0.3)
        assert not approving.done()
    with pytest.raises(DatesInvalid):
        await approving


async def test_an_approved_version_never_changes(rig: Rig, owner):
    await rig.contract()
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute("UPDATE settlement.version SET terms = '{}' WHERE kind = 'contract'")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"terms": terms_of((("group", 1),))}, TermsInvalid),
        ({"terms": terms_of((("payer", 10**6),))}, TermsInvalid),
        ({"terms": terms_of((("nobody", 10**6),))}, PartyUnknown),
        ({"lots": ("999999999999",)}, LotUnknown),
        ({"lots": ("320281001101", "320281001101")}, LotUnknown),
        ({"valid_until": FIRST}, DatesInvalid),
        ({"expires_on": FIRST - timedelta(days=1)}, DatesInvalid),
    ],
)
async def test_a_draft_that_cannot_be_is_refused(rig: Rig, changes, refusal):
    await rig.contract(lots=("320281001105",))
    with pytest.raises(refusal):
        await rig.contracts.draft(a_version(**changes), by=DRAFTER)


async def test_another_operator_neither_sees_nor_drafts(rig: Rig):
    version = await rig.contract()
    with pytest.raises(VersionUnknown):
        await rig.contracts.show(version.version_id, by=OTHER)
    with pytest.raises(LotUnknown):
        await rig.contracts.draft(a_version(), by=OTHER)
    page = await rig.contracts.page(state=None, contract_no=None, before=None, limit=9, by=OTHER)
    assert (page.versions, (await rig.contracts.parties(by=OTHER)).parties) == ((), ())


async def test_ends_of_contracts_lots_without_one_and_debts_are_raised_once(rig: Rig):
    soon, late = FIRST + timedelta(days=80), FIRST + timedelta(days=200)
    await rig.contract(contract_no="A", takeover_on=soon, expires_on=late)
    order = await rig.fact(1000)
    await rig.clear()
    await rig.fact(-400, FIRST + timedelta(days=1), order=order)
    await rig.fact(-600, FIRST + timedelta(days=1), order="O-unknown")
    await rig.clear(FIRST + timedelta(days=1))
    assert await rig.contracts.remind() == 1
    assert await rig.contracts.remind() == 0
    rig.clock.at = noon_of(FIRST + timedelta(days=40))
    assert await rig.contracts.remind() == 0, "no party owes"
    await rig.fact(-100, FIRST + timedelta(days=39), order="O-unknown")
    await rig.clear(FIRST + timedelta(days=39))
    assert await rig.contracts.remind() == 3
    page = await rig.contracts.tasks(limit=9, by=DRAFTER)
    found = [(one.kind, one.subject, one.amount_fen) for one in page.tasks]
    assert found == [
        (TaskKind.CLAIM, "group", 60),
        (TaskKind.CLAIM, "investor", 15),
        (TaskKind.CLAIM, "town", 25),
        (TaskKind.TAKEOVER, "A", None),
    ]
    assert (await rig.contracts.tasks(limit=9, by=OTHER)).tasks == ()
    done = TaskDone("续签")
    left = await rig.contracts.end_task(page.tasks[3].task_id, done, by=DRAFTER)
    assert len(left.tasks) == 3
    with pytest.raises(TaskUnknown):
        await rig.contracts.end_task(10**9, done, by=DRAFTER)
