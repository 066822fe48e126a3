"""Coupons of merchants: redeemed once, frozen with a charge, owed by the merchant in the end."""

from typing import Any

import pytest

from onepark.contexts.ledger.model import Account, AccountKind
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership.coupons import BatchAsked, RedeemAsked
from onepark.contexts.membership.errors import (
    BatchInvalid,
    CouponExpired,
    CouponNotHere,
    CouponUnknown,
    CouponUsed,
    LotUnknown,
    OrderNotOpen,
)
from onepark.contexts.stays.model import Kind
from onepark.contexts.tariffs.model import CouponKind
from onepark.kernel.types import LotId, OperatorId
from tests.builders import EIGHT, a_passage, minutes
from tests.store.membership.conftest import OURS
from tests.store.membership.test_passes import pay

CODE, ADDRESS = "000000000001", "203.0.113.9"


def a_batch(town, **changes):
    values: dict[str, Any] = {
        "merchant": "mall",
        "name": "满减",
        "kind": CouponKind.AMOUNT_FEN,
        "value": 300,
        "lots": (CODE,),
        "count": 3,
        "budget_fen": 100_000,
        "until_at": town.clock.now() + minutes(1_000),
    }
    return BatchAsked(**(values | changes))


async def issued(town, **changes):
    return (await town.coupon_office.issue(a_batch(town, **changes), by=OURS)).codes


async def come(town, plate, lot=1):
    entry = a_passage(lot_id=LotId(lot), plate=plate, at=EIGHT)
    [taken] = (await town.stays.take([entry])).taken
    return taken.answer.order_no


async def redeem(town, code, order_no=None, plate=None):
    return await town.coupons.redeem(RedeemAsked(code, order_no, plate), address=ADDRESS)


async def owed(town, order_no):
    return (await town.stays.due(order_no)).due_fen


async def state_of(owner, code):
    return await owner.fetchval("SELECT state FROM membership.coupon WHERE code = $1", code)


async def test_a_coupon_counts_once_and_the_same_again_changes_nothing(town, plate):
    [code, *_] = await issued(town)
    order_no = await come(town, plate)
    first = await redeem(town, code, order_no)
    assert (await redeem(town, code, order_no), await owed(town, order_no)) == (first, 700)
    with pytest.raises(CouponUsed):
        await redeem(town, code, await come(town, f"苏C{plate[2:]}"))


async def test_a_plate_will_do_where_one_car_is_inside(town, plate):
    [code, *_] = await issued(town)
    with pytest.raises(OrderNotOpen):
        await redeem(town, code, plate=plate)
    order_no = await come(town, plate)
    await redeem(town, code, plate=plate)
    assert await owed(town, order_no) == 700


async def test_coupons_stack_only_where_both_say_so_and_up_to_a_number(town, plate):
    order_no = await come(town, plate)
    [one, two, _] = await issued(town)
    [other, *_] = await issued(town, stacks=True)
    await redeem(town, one, order_no)
    for code in (two, other):
        with pytest.raises(CouponNotHere):
            await redeem(town, code, order_no)
    again = await come(town, f"苏D{plate[2:]}")
    [third, *_] = await issued(town, stacks=True, kind=CouponKind.OFF_PERMILLE, value=500)
    for code in (other, third):
        await redeem(town, code, again)
    assert await owed(town, again) == 200, "half of ten yuan, then three off"


async def test_a_coupon_is_good_in_its_lots_and_in_its_time(town, plate):
    [code, *_] = await issued(town)
    with pytest.raises(CouponNotHere):
        await redeem(town, code, await come(town, plate, lot=2))
    with pytest.raises(CouponUnknown):
        await redeem(town, "A" * 16, await come(town, plate))
    town.clock.go(minutes(1_000))
    with pytest.raises(CouponExpired):
        await redeem(town, code, await come(town, plate))


async def test_a_stopped_batch_and_a_spent_budget_redeem_no_more(town, owner, plate):
    made = await town.coupon_office.issue(a_batch(town), by=OURS)
    order_no = await come(town, plate)
    await owner.execute(
        "UPDATE membership.coupon_batch SET spent_fen = budget_fen WHERE batch_id = $1",
        made.batch.batch_id,
    )
    with pytest.raises(CouponExpired):
        await redeem(town, made.codes[0], order_no)
    await owner.execute("UPDATE membership.coupon_batch SET spent_fen = 0")
    await town.coupon_office.stop(made.batch.batch_id, by=OURS)
    with pytest.raises(CouponExpired):
        await redeem(town, made.codes[0], order_no)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"budget_fen": 899}, BatchInvalid),
        ({"value": 0}, BatchInvalid),
        ({"kind": CouponKind.FULL, "value": 1}, BatchInvalid),
        ({"kind": CouponKind.OFF_PERMILLE, "value": 1_001}, BatchInvalid),
        ({"lots": ("000000000003",)}, LotUnknown),
    ],
)
async def test_a_batch_that_cannot_be_is_refused(town, changes, refusal):
    with pytest.raises(refusal):
        await town.coupon_office.issue(a_batch(town, **changes), by=OURS)


async def test_a_charge_freezes_coupons_and_one_that_is_given_up_lets_them_go(town, owner, plate):
    [code, other, _] = await issued(town, per_order_max=2)
    order_no = await come(town, plate)
    await redeem(town, code, order_no)
    await town.payments.begin(order_no, "open", key=f"first-{order_no}")
    assert await state_of(owner, code) == "frozen"
    await redeem(town, other, order_no)
    assert [await state_of(owner, one) for one in (code, other)] == ["redeemed"] * 2
    assert await owed(town, order_no) == 400


async def test_the_merchant_owes_what_its_coupon_took_off_once_the_order_is_over(
    town, owner, service_db, plate
):
    [code, *_] = await issued(town, merchant=f"mall{plate[2:]}")
    order_no = await come(town, plate)
    await redeem(town, code, order_no)
    await pay(town, order_no)
    await town.coupons.consume()
    assert await state_of(owner, code) == "frozen", "the car is inside"
    await town.stays.take([a_passage(Kind.EXIT, EIGHT + minutes(65), lot_id=LotId(1), plate=plate)])
    town.clock.go(minutes(11))
    assert await town.coupons.consume() >= 1
    assert await town.coupons.consume() == 0
    async with service_db.connection() as tx:
        books = await Ledger().balances(tx, OperatorId(7))
    assert books[Account(AccountKind.PARTY_PAYABLE, f"mall{plate[2:]}")] == 300
    assert books[Account(AccountKind.COUPONS, f"mall{plate[2:]}")] == 0, "paid for by its debt"
    row = await owner.fetchrow(
        "SELECT c.state, worth_fen, spent_fen FROM membership.coupon AS c"
        " JOIN membership.coupon_batch USING (batch_id) WHERE code = $1",
        code,
    )
    assert tuple(row) == ("consumed", 300, 300)
    order = (await town.stays.due(order_no)).order
    assert (order.fee_fen, order.paid_fen, order.owed_fen) == (700, 700, 0)


async def test_a_full_coupon_opens_and_the_merchant_owes_the_whole_fee(
    town, owner, service_db, plate
):
    merchant = f"hotel{plate[2:]}"
    [code, *_] = await issued(town, kind=CouponKind.FULL, value=0, merchant=merchant)
    order_no = await come(town, plate)
    await redeem(town, code, order_no)
    await town.stays.take([a_passage(Kind.EXIT, EIGHT + minutes(65), lot_id=LotId(1), plate=plate)])
    await town.coupons.consume()
    async with service_db.connection() as tx:
        books = await Ledger().balances(tx, OperatorId(7))
    assert books[Account(AccountKind.PARTY_PAYABLE, merchant)] == 1_000
    assert await owed(town, order_no) == 0
