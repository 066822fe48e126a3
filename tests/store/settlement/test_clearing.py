"""Facts of the books are shared once, on their day or the first that is open."""

import asyncio
import random
from datetime import date, timedelta

import pytest

from onepark.contexts.ledger.model import JournalKind, Posting
from onepark.contexts.settlement import rules
from onepark.contexts.settlement.errors import DayNotOver
from onepark.contexts.settlement.rules import Sums
from onepark.contexts.settlement.terms import Base, Cycle, Guarantee, Tier
from onepark.kernel.types import Fen, LotId, RevenueKind
from tests.store.settlement.conftest import (
    FIRST,
    NON_TAX,
    RECEIVABLE,
    Rig,
    noon_of,
    terms_of,
)

SECOND = FIRST + timedelta(days=1)
LAST = date(2026, 5, 31)


async def test_a_day_is_shared_and_nothing_is_left_on_the_account_of_revenue(rig: Rig):
    await rig.contract()
    for fen in (1001, 1, 1001, 500, 999):
        await rig.fact(fen)
    done = await rig.clear()
    assert (done.days, done.facts) == (1, 5)
    expected = [rules.split(fen, (60, 25, 15)) for fen in (1001, 1, 1001, 500, 999)]
    group, town, investor = map(sum, zip(*expected, strict=True))
    assert await rig.owed() == {"group": group, "town": town, "investor": investor}
    assert await rig.balances() == {
        "channel_receivable:wechat": 3_502,
        "party_payable:group": -group,
        "party_payable:town": -town,
        "party_payable:investor": -investor,
    }


async def test_clearing_again_is_nothing(rig: Rig):
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    before = await rig.balances()
    again = await rig.clear()
    assert (again.days, again.facts, again.statements) == (0, 0, 0)
    assert await rig.balances() == before


async def test_a_day_that_is_not_over_is_not_cleared(rig: Rig):
    rig.clock.at = noon_of(FIRST)
    with pytest.raises(DayNotOver):
        await rig.clearing.clear_through(FIRST)


async def test_a_refund_in_full_leaves_every_party_with_nothing(rig: Rig):
    await rig.contract()
    order = await rig.fact(1001)
    await rig.clear()
    for fen in (-333, -333, -335):
        await rig.fact(fen, SECOND, order=order)
    await rig.clear(SECOND)
    assert await rig.owed() == {}
    assert await rig.balances() == {
        "channel_receivable:wechat": 1_001,
        "refunds_payable:wechat": -1_001,
    }


async def test_what_comes_late_goes_to_the_next_open_day_and_names_its_own(rig: Rig, owner):
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    await rig.fact(500, FIRST)
    await rig.fact(700, SECOND)
    await rig.clear(SECOND)
    rows = await owner.fetch(
        "SELECT day, original_day, gross_fen FROM settlement.day_total ORDER BY day, original_day"
    )
    assert [tuple(row) for row in rows] == [
        (FIRST, FIRST, 1001),
        (SECOND, FIRST, 500),
        (SECOND, SECOND, 700),
    ]
    adjusted = await owner.fetchrow(
        "SELECT business_key, about FROM ledger.journal WHERE kind = 'clearing_adjusted'"
    )
    version = await owner.fetchval("SELECT max(version_id) FROM settlement.version")
    assert tuple(adjusted) == (
        f"clearing:{SECOND}:{version}:1:{FIRST}",
        f"clearing:{FIRST}:{version}:1:{FIRST}",
    )
    assert sum((await rig.owed()).values()) == 2_201


async def test_facts_of_days_to_come_wait_for_their_day(rig: Rig):
    await rig.contract()
    await rig.fact(700, SECOND)
    await rig.fact(1001)
    await rig.clear()
    assert sum((await rig.owed()).values()) == 1_001
    await rig.clear(SECOND)
    assert sum((await rig.owed()).values()) == 1_701


async def test_an_empty_day_is_closed_too(rig: Rig):
    await rig.contract()
    await rig.fact(1001)
    done = await rig.clear(FIRST + timedelta(days=4))
    assert (done.days, done.facts) == (5, 1)


async def test_an_order_is_shared_by_the_version_of_its_payment_for_ever(rig: Rig):
    first = await rig.contract(contract_no="C-1")
    order = await rig.fact(1000)
    await rig.clear()
    half = terms_of((("group", 500_000), ("town", 500_000)))
    second = await rig.contract(half, contract_no="C-1", valid_from=SECOND)
    assert (second.number, first.number) == (2, 1)
    await rig.fact(-100, SECOND, order=order)
    await rig.fact(1000, SECOND)
    await rig.clear(SECOND)
    assert await rig.owed() == {"group": 540 + 500, "town": 225 + 500, "investor": 135}


async def test_a_lot_without_a_contract_is_its_operators(rig: Rig):
    order = await rig.fact(1000)
    await rig.fee(6, order)
    await rig.clear()
    assert await rig.owed() == {"operator": 994}
    assert (await rig.balances())["fee_payable:wechat"] == -6


async def test_non_tax_revenue_is_never_shared(rig: Rig):
    await rig.contract()
    postings = Posting(RECEIVABLE, Fen(1000)), Posting(NON_TAX, Fen(-1000))
    order = await rig.fact(1000, revenue_kind=RevenueKind.NON_TAX, postings=postings)
    await rig.fee(6, order)
    await rig.clear()
    assert await rig.owed() == {"treasury": 1000}
    assert "parking_revenue:non_tax" not in await rig.balances()


@pytest.mark.parametrize(
    ("changes", "owed", "fee_left"),
    [
        ({"base": Base.GROSS}, (600, 250, 150), 6),
        ({"base": Base.GROSS, "fee_bearer": "town"}, (600, 244, 150), 0),
        ({"base": Base.NET_OF_FEE}, (596, 249, 149), 0),
    ],
)
async def test_who_bears_the_fee(rig: Rig, changes, owed, fee_left):
    await rig.contract(terms_of(**changes))
    order = await rig.fact(1000)
    await rig.fee(5, order)
    await rig.fee(1, order, SECOND)  # the bill says one fen more
    await rig.clear(SECOND)
    assert await rig.owed() == dict(zip(("group", "town", "investor"), owed, strict=True))
    assert (await rig.balances()).get("provider_fee:wechat", 0) == fee_left


async def test_tiers_over_a_month_come_to_the_bands_of_the_whole(rig: Rig):
    tiers = (Tier(2_000, (500_000, 300_000, 200_000)), Tier(4_000, (400_000, 300_000, 300_000)))
    terms = terms_of(tiers=tiers, cycle=Cycle.MONTH)
    await rig.contract(terms)
    orders = [await rig.fact(1_111, FIRST + timedelta(days=day)) for day in range(5)]
    await rig.clear(FIRST + timedelta(days=6))
    due = rules.banded(terms, 5_555)
    assert await rig.owed() == dict(zip(("group", "town", "investor"), due, strict=True))
    await rig.fact(-1_111, date(2026, 5, 20), order=orders[0])
    await rig.clear(LAST)
    due = rules.banded(terms, 4_444)
    assert await rig.owed() == dict(zip(("group", "town", "investor"), due, strict=True))


async def test_a_guarantee_is_made_up_at_the_end_of_the_month(rig: Rig):
    terms = terms_of(guarantees=(Guarantee("town", 31_000, "group"),), cycle=Cycle.MONTH)
    await rig.contract(terms, valid_from=FIRST + timedelta(days=10))
    await rig.fact(10_000, FIRST + timedelta(days=12))
    await rig.clear(FIRST + timedelta(days=29))
    assert (await rig.owed())["town"] == 2_500
    await rig.clear(LAST)
    assert await rig.owed() == {"group": 6_000 - 18_500, "town": 21_000, "investor": 1_500}


async def test_a_journal_stands_in_the_lines_once_a_party(rig: Rig, owner):
    await rig.contract()
    for fen in (1001, 500):
        await rig.fact(fen)
    await rig.clear()
    rows = await owner.fetch(
        "SELECT day, version_id, party, journal_id, count(*) FROM settlement.clearing_line"
        " GROUP BY 1, 2, 3, 4"
    )
    assert len(rows) == 6
    assert {row["count"] for row in rows} == {1}


async def test_two_who_clear_at_once_clear_once(rig: Rig):
    await rig.contract()
    for _ in range(10):
        await rig.fact(1001)
    rig.clock.at = noon_of(SECOND)
    done = await asyncio.gather(*(rig.clearing.clear_through(FIRST) for _ in range(2)))
    assert sum(one.facts for one in done) == 10
    assert sum((await rig.owed()).values()) == 10_010


def shared(facts) -> dict[int, tuple[int, ...]]:
    """What each order of these facts gives its parties, whatever day they were cleared on."""
    orders: dict[int, int] = {}
    for order, _, fen, _ in facts:
        orders[order] = orders.get(order, 0) + fen
    return {order: rules.entitled(terms_of(), Sums(fen)) for order, fen in orders.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_however_facts_are_late_the_parties_get_the_same(rig: Rig, seed: int):
    chance = random.Random(seed)
    await rig.contract()
    facts = [
        (chance.randrange(5), day, chance.randrange(1, 5_000), chance.random() < 0.3)
        for day in range(4)
        for _ in range(6)
    ]
    for day in range(4):
        for order, of_day, fen, late in facts:
            if of_day + late == day:
                await rig.fact(fen, FIRST + timedelta(days=of_day), order=f"S{seed}-{order}")
        await rig.clear(FIRST + timedelta(days=day))
    for order, of_day, fen, late in facts:
        if of_day + late == 4:
            await rig.fact(fen, FIRST + timedelta(days=of_day), order=f"S{seed}-{order}")
    await rig.clear(FIRST + timedelta(days=4))
    total = [sum(column) for column in zip(*shared(facts).values(), strict=True)]
    assert await rig.owed() == dict(zip(("group", "town", "investor"), total, strict=True))
    assert (await rig.statements.rebuild()).differences == ()


async def test_facts_of_no_lot_and_no_order_are_the_operators(rig: Rig):
    await rig.contract()
    await rig.fact(1000)
    await rig.post()
    postings = Posting(RECEIVABLE, Fen(50)), Posting(NON_TAX._replace(owner="commercial"), Fen(-50))
    await rig.fact(50, lot_id=None, kind=JournalKind.ADJUSTMENT, postings=postings)
    await rig.fact(70, lot_id=LotId(2))
    await rig.clear()
    assert (await rig.owed())["operator"] == 120
