"""What coupons paid is shared as the contract has it, and their merchants owe it all the same."""

from collections.abc import AsyncIterator

import pytest

from onepark.contexts.settlement.terms import Base
from onepark.contexts.stays.model import Kind
from onepark.infra.db import Role, open_database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.store.membership.conftest import Town, town_of
from tests.store.membership.test_coupons import come, issued, redeem
from tests.store.membership.test_passes import pay
from tests.store.settlement.conftest import Rig, terms_of

PLATE, DAY = "苏B12345", EIGHT.date()


@pytest.fixture
async def town(fresh_url: str, rig: Rig, staff, redis) -> AsyncIterator[Town]:
    """A town whose books are the rig's."""
    batch = await open_database(fresh_url, Role.BATCH, connections=2)
    yield town_of(batch, rig.db, staff, redis)
    await batch.close()


async def a_stay_with_a_coupon(town: Town) -> None:
    """Of a fee of ten yuan the driver pays seven and a coupon of the mall three."""
    [code, *_] = await issued(town)
    order_no = await come(town, PLATE)
    await redeem(town, code, order_no)
    await pay(town, order_no)
    await town.stays.take([a_passage(Kind.EXIT, EIGHT + minutes(65), lot_id=LotId(1), plate=PLATE)])
    assert await town.coupons.consume() == 1


@pytest.mark.parametrize(
    ("base", "shared", "left"),
    [
        (Base.GROSS, {"group": 600, "town": 250, "investor": 150}, {}),
        (Base.NET_OF_FEE, {"group": 600, "town": 250, "investor": 150}, {}),
        (
            Base.NET_OF_COUPONS,
            {"group": 420, "town": 175, "investor": 105},
            {"coupons:mall": -300},
        ),
        (Base.NET, {"group": 420, "town": 175, "investor": 105}, {"coupons:mall": -300}),
    ],
)
async def test_the_base_says_whether_what_a_coupon_paid_is_shared(
    rig: Rig, town: Town, *, base: Base, shared: dict[str, int], left: dict[str, int]
):
    await rig.contract(terms_of(base=base))
    await a_stay_with_a_coupon(town)
    await rig.clear(DAY)
    payable = {f"party_payable:{party}": -fen for party, fen in shared.items()}
    assert await rig.balances() == payable | left | {
        "channel_receivable:open": 700,
        "party_payable:mall": 300,
    }
    assert (await rig.statements.rebuild()).differences == ()


async def test_a_party_that_bears_coupons_gets_its_share_less_what_they_paid(rig: Rig, town: Town):
    await rig.contract(terms_of(coupon_bearer="group"))
    await a_stay_with_a_coupon(town)
    await rig.clear(DAY)
    assert await rig.owed() == {"group": 300, "town": 250, "investor": 150, "mall": -300}


async def test_without_a_contract_what_a_coupon_paid_is_the_operators(rig: Rig, town: Town, owner):
    await a_stay_with_a_coupon(town)
    await rig.clear(DAY)
    assert await rig.owed() == {"operator": 1_000, "mall": -300}
    row = await owner.fetchrow("SELECT sum(gross_fen), sum(coupon_fen) FROM settlement.day_total")
    assert tuple(row) == (1_000, 300)
