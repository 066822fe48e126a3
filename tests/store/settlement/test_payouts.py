"""Money leaves by two people, from balances that are there, and comes back if a bank says so."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.settlement.errors import (
    AccountMissing,
    BalanceTooSmall,
    NothingToSend,
    OperatorNotNamed,
    PayoutStep,
    PayoutUnknown,
    SecondPersonNeeded,
)
from onepark.contexts.settlement.model import BankAccount, NewParty
from onepark.contexts.settlement.payout_model import (
    NewPayout,
    Outcome,
    PayoutEnd,
    PayoutState,
    PayoutView,
    Sending,
    Withdrawal,
)
from onepark.contexts.settlement.payouts import Payouts
from onepark.infra.db import Database
from onepark.integrations.payouts.bank_file import drivers
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import OperatorId
from tests.store.settlement.conftest import APPROVER, DRAFTER, FIRST, THIRD, Rig

TOWN = BankAccount("青阳镇资产经营公司", "6222021001116245702", "102302200015")
PAYER = BankAccount("公用事业集团", "1103020019000012345", "102302200016")
SEND = Sending("iso20022", operator_id=7)


@pytest.fixture
async def payouts(rig: Rig, staff: Database) -> Payouts:
    """Town is owed 250 fen of 1,000."""
    await rig.contract()
    for party, account in (("town", TOWN), ("payer", PAYER)):
        await rig.contracts.keep_party(NewParty(party, party, account, 7), by=DRAFTER)
    await rig.fact(1000)
    await rig.clear()
    return Payouts(
        rig.db, staff, books=rig.ledger, drivers=drivers(), audit=Audit(), clock=rig.clock
    )


async def approved(payouts: Payouts, fen: int | None = None) -> PayoutView:
    payout = await payouts.draft(NewPayout("town", fen, 7), by=DRAFTER)
    await payouts.check(payout.payout_no, by=THIRD)
    return await payouts.approve(payout.payout_no, by=APPROVER)


async def test_a_payout_goes_from_draft_to_paid(rig: Rig, payouts: Payouts):
    payout = await approved(payouts)
    assert (payout.state, payout.amount_fen, payout.account_end) == (
        PayoutState.APPROVED,
        250,
        "5702",
    )
    sent = await payouts.send(SEND, by=DRAFTER)
    assert (sent.payouts, sent.amount_fen, sent.held_back) == ((payout.payout_no,), 250, ())
    assert (await rig.balances())["payout_sent:town"] == -250
    assert "town" not in await rig.owed()
    paid = await payouts.end(payout.payout_no, PayoutEnd(Outcome.PAID), by=DRAFTER)
    again = await payouts.end(payout.payout_no, PayoutEnd(Outcome.PAID), by=DRAFTER)
    assert paid == again
    balances = await rig.balances()
    assert balances[f"bank:{PAYER.account_no}"] == -250
    assert "payout_sent:town" not in balances


async def test_who_drafted_does_not_approve_whatever_the_role(payouts: Payouts):
    payout = await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    await payouts.check(payout.payout_no, by=THIRD)
    with pytest.raises(SecondPersonNeeded):
        await payouts.approve(payout.payout_no, by=DRAFTER)


async def test_the_database_refuses_it_too(payouts: Payouts, owner: Any):
    payout = await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    await payouts.check(payout.payout_no, by=THIRD)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            "UPDATE settlement.payout SET state = 'approved', approver_id = drafter_id,"
            " approved_by = 'x', approved_at = now()"
        )


async def test_two_drafts_never_take_more_than_there_is(payouts: Payouts):
    await payouts.draft(NewPayout("town", 200, 7), by=DRAFTER)
    with pytest.raises(BalanceTooSmall):
        await payouts.draft(NewPayout("town", 51, 7), by=DRAFTER)
    rest = await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    assert rest.amount_fen == 50
    with pytest.raises(BalanceTooSmall):
        await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    await payouts.withdraw(rest.payout_no, Withdrawal("wrong"), by=DRAFTER)
    assert (await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)).amount_fen == 50


async def test_a_balance_that_a_refund_has_eaten_holds_its_payout_back(rig: Rig, payouts: Payouts):
    payout = await approved(payouts)
    await rig.fact(-100, FIRST + timedelta(days=1), order="unknown")
    await rig.clear(FIRST + timedelta(days=1))
    with pytest.raises(NothingToSend) as refused:
        await payouts.send(SEND, by=DRAFTER)
    assert refused.value.facts["held_back"] == [payout.payout_no]


@pytest.mark.parametrize("paid_first", [False, True])
async def test_what_a_bank_returns_is_owed_again(rig: Rig, payouts: Payouts, paid_first: bool):
    payout = await approved(payouts)
    await payouts.send(SEND, by=DRAFTER)
    if paid_first:
        await payouts.end(payout.payout_no, PayoutEnd(Outcome.PAID), by=DRAFTER)
    returned = PayoutEnd(Outcome.RETURNED, "账号已销户")
    ended = await payouts.end(payout.payout_no, returned, by=DRAFTER)
    assert (ended.state, ended.reason) == (PayoutState.RETURNED, "账号已销户")
    assert (await rig.owed())["town"] == 250
    balances = await rig.balances()
    assert not [name for name in balances if name.startswith(("bank", "payout_sent"))]


async def test_steps_follow_each_other(payouts: Payouts):
    payout = await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    with pytest.raises(PayoutStep):
        await payouts.approve(payout.payout_no, by=APPROVER)
    with pytest.raises(PayoutStep):
        await payouts.end(payout.payout_no, PayoutEnd(Outcome.PAID), by=DRAFTER)
    await payouts.check(payout.payout_no, by=THIRD)
    await payouts.approve(payout.payout_no, by=APPROVER)
    await payouts.send(SEND, by=DRAFTER)
    with pytest.raises(PayoutStep):
        await payouts.withdraw(payout.payout_no, Withdrawal("late"), by=DRAFTER)
    await payouts.end(payout.payout_no, PayoutEnd(Outcome.FAILED, "wrong name"), by=DRAFTER)
    with pytest.raises(PayoutStep):
        await payouts.end(payout.payout_no, PayoutEnd(Outcome.PAID), by=DRAFTER)


async def test_a_party_without_an_account_gets_nothing(payouts: Payouts):
    with pytest.raises(AccountMissing):
        await payouts.draft(NewPayout("group", None, 7), by=DRAFTER)


async def test_a_file_is_the_same_whenever_it_is_fetched(payouts: Payouts):
    payout = await approved(payouts)
    sent = await payouts.send(SEND, by=DRAFTER)
    found = await payouts.file(sent.file_no, by=DRAFTER)
    assert found == await payouts.file(sent.file_no, by=DRAFTER)
    assert payout.payout_no.encode() in found.content


async def test_another_operator_sees_no_payout_and_names_no_books(payouts: Payouts):
    payout = await payouts.draft(NewPayout("town", None, 7), by=DRAFTER)
    other = Principal(9, "other", StaffRole.OPERATOR_FINANCE, OperatorId(8))
    with pytest.raises(PayoutUnknown):
        await payouts.check(payout.payout_no, by=other)
    with pytest.raises(OperatorNotNamed):
        await payouts.draft(NewPayout("town", None, 7), by=other)
    with pytest.raises(OperatorNotNamed):
        await payouts.draft(NewPayout("town", None), by=DRAFTER)
    assert (await payouts.page(state=None, party=None, limit=9, by=other)).payouts == ()
