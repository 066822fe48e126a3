"""Prepaid money becomes revenue as the days of a pass go by."""

from datetime import timedelta

import pytest

from onepark.contexts.ledger.model import Account, AccountKind
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership.model import ProductKind
from onepark.contexts.membership.office import CancelAsked
from onepark.kernel.types import OperatorId
from tests.store.membership.conftest import OURS
from tests.store.membership.test_passes import buy, on_sale, pay

PREPAID = Account(AccountKind.PREPAID, "pass")
REVENUE = Account(AccountKind.PARKING_REVENUE, "commercial")


@pytest.fixture
async def books(town, service_db):
    """What this test has moved on the two accounts, in what the operator has."""
    ledger = Ledger()

    async def moved():
        async with service_db.connection() as tx:
            now = await ledger.balances(tx, OperatorId(7))
        return [-now.get(one, 0) for one in (PREPAID, REVENUE)]

    before = await moved()

    async def since():
        return [now - then for now, then in zip(await moved(), before, strict=True)]

    return since


async def sold(town, owner, plate, **changes):
    order = await buy(town, await on_sale(town, **changes), plate)
    await pay(town, order.order_no)
    return await owner.fetchval(
        "SELECT pass_id FROM membership.pass WHERE order_no = $1", order.order_no
    )


async def test_a_pass_is_prepaid_when_it_is_paid_and_earned_month_by_month(
    town, owner, plate, books
):
    await sold(town, owner, plate, kind=ProductKind.QUARTERLY, price_fen=92_000)
    assert await books() == [92_000, 0]
    assert await town.earning.earn() == 0
    town.clock.go(timedelta(days=30))
    assert (await town.earning.earn(), await books()) == (1, [62_000, 30_000])
    assert (await town.earning.earn(), await books()) == (0, [62_000, 30_000])
    town.clock.go(timedelta(days=70))
    assert (await town.earning.earn(), await books()) == (1, [0, 92_000])
    town.clock.go(timedelta(days=700))
    assert await town.earning.earn() == 0


async def test_what_goes_back_of_a_pass_is_never_earned(town, owner, plate, books):
    pass_id = await sold(town, owner, plate)
    town.clock.go(timedelta(days=10))
    await town.office.cancel(pass_id, CancelAsked("moved away"), by=OURS)
    await town.earning.earn()
    assert await books() == [20_000, 10_000]
    await town.refunds.give_back()
    assert await books() == [0, 10_000]


async def test_a_pass_that_is_given_back_after_it_earned_is_earned_no_more(
    town, owner, plate, books
):
    await sold(town, owner, plate, kind=ProductKind.QUARTERLY, price_fen=92_000)
    order_no = await owner.fetchval("SELECT order_no FROM membership.pass WHERE plate = $1", plate)
    town.clock.go(timedelta(days=30))
    await town.earning.earn()
    async with town.passes._db.transaction() as tx:
        await town.passes.refunded(tx, order_no, 92_000)
    await town.earning.earn()
    assert await books() == [92_000, 0], "the refund itself was not posted here"
