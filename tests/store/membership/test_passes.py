"""Passes are sold, renewed and given back by the machine that takes every payment."""

from datetime import timedelta
from typing import Any

import pytest

from onepark.contexts.membership.errors import (
    LotUnknown,
    NothingDue,
    OperatorNotNamed,
    PassUnknown,
    PlateInvalid,
    ProductInvalid,
    ProductUnknown,
    ProofNeeded,
    SoldOut,
)
from onepark.contexts.membership.model import PassState, ProductKind, Window
from onepark.contexts.membership.office import CancelAsked, GrantAsked, ProductAsked, SaleAsked
from onepark.contexts.membership.service import PassAsked
from onepark.contexts.payments.model import AttemptState, TradeFact, TradeState
from onepark.contexts.stays.model import Kind, Open
from onepark.kernel.types import LotCode, LotId, PlateColor, Pool
from tests.builders import EIGHT, a_passage, minutes
from tests.store.membership.conftest import CITY, OURS, THEIRS

LOT, CODE = LotId(1), "000000000001"
BLUE = PlateColor.BLUE
ADDRESS = "203.0.113.9"


def a_product(**changes):
    values: dict[str, Any] = {
        "kind": ProductKind.MONTHLY,
        "name": "人民路月卡",
        "price_fen": 30_000,
        "lots": (CODE,),
        "pool": Pool.CONTRACT,
    }
    return ProductAsked(**(values | changes))


async def on_sale(town, **changes):
    return (await town.office.add_product(a_product(**changes), by=OURS)).product.product_id


async def buy(town, product_id, plate):
    return await town.passes.buy(PassAsked(product_id, plate, BLUE), address=ADDRESS)


async def pay(town, order_no, key=None):
    attempt = await town.payments.begin(order_no, "open", key=key or f"k-{order_no}")
    fact = TradeFact(
        attempt.attempt_no,
        TradeState.SUCCESS,
        "m",
        "a",
        amount_fen=attempt.amount_fen,
        currency="CNY",
        provider_txn=f"t-{attempt.attempt_no}",
        paid_at=town.clock.now(),
    )
    town.channel.facts[attempt.attempt_no] = fact
    await town.payments._ask(attempt)
    return attempt


async def covered(town, plate, lot=CODE):
    return (await town.passes.covered(LotCode(lot), plate, BLUE, address=ADDRESS)).covered


async def test_a_pass_is_valid_in_the_transaction_that_settles_its_payment(town, plate):
    order = await buy(town, await on_sale(town), plate)
    assert (order.state, order.amount_fen, await covered(town, plate)) == ("unpaid", 30_000, False)
    await pay(town, order.order_no)
    sold = await town.passes.order(order.order_no)
    assert (sold.state, await covered(town, plate)) == (PassState.ACTIVE, True)
    assert sold.until_at == sold.from_at + timedelta(days=30), "November has 30"
    assert not await covered(town, plate, "000000000002")
    entry = a_passage(lot_id=LOT, plate=plate, at=town.clock.now() + minutes(1))
    ask = a_passage(Kind.EXIT_REQUEST, town.clock.now() + minutes(200), lot_id=LOT, plate=plate)
    [_, answer] = (await town.stays.take([entry, ask])).taken
    assert isinstance(answer.answer.decision, Open)
    assert answer.answer.decision.reason == "pass"


async def test_a_pass_that_is_paid_late_has_its_whole_term(town, plate):
    order = await buy(town, await on_sale(town), plate)
    town.clock.go(timedelta(hours=3))
    await pay(town, order.order_no)
    sold = await town.passes.order(order.order_no)
    assert sold.from_at == town.clock.now()
    assert sold.until_at == sold.from_at + timedelta(days=30)


async def test_a_renewal_follows_the_pass_that_the_car_has(town, plate):
    product_id = await on_sale(town)
    first = await buy(town, product_id, plate)
    await pay(town, first.order_no)
    again = await buy(town, product_id, plate)
    assert again.from_at == first.until_at
    await pay(town, again.order_no)
    town.clock.at = again.until_at - minutes(1)
    assert await covered(town, plate)
    town.clock.at = again.until_at
    assert not await covered(town, plate)


async def test_a_paid_pass_owes_nothing_and_a_second_payment_goes_back(town, plate):
    order = await buy(town, await on_sale(town), plate)
    attempt = await pay(town, order.order_no)
    with pytest.raises(NothingDue):
        await town.payments.begin(order.order_no, "open", key=f"again-{order.order_no}")
    async with town.passes._db.transaction() as tx:
        key = (attempt.lot_id, order.order_no, attempt.charge_no)
        assert not await town.passes.settle(tx, key, settled_by="another", paid_at=town.clock.now())


@pytest.mark.parametrize(
    ("after_days", "back"), [(0, 29_000), (1, 29_000), (29.5, 0), (10, 20_000)]
)
async def test_a_pass_that_is_given_up_gives_back_its_whole_days_ahead(
    town, owner, plate, after_days, back
):
    order = await buy(town, await on_sale(town), plate)
    await pay(town, order.order_no)
    town.clock.go(timedelta(days=after_days, seconds=after_days == 0))
    pass_id = await owner.fetchval(
        "SELECT pass_id FROM membership.pass WHERE order_no = $1", order.order_no
    )
    made = await town.office.cancel(pass_id, CancelAsked("moved away"), by=OURS)
    assert (made.state, made.refund_due_fen) == (PassState.CANCELLED, back)
    assert not await covered(town, plate)
    await town.refunds.give_back()
    reserved = await owner.fetchval(
        "SELECT coalesce(sum(amount_fen), 0) FROM payments.refund WHERE order_no = $1",
        order.order_no,
    )
    assert reserved == back
    await town.refunds.ask_providers()
    async with town.passes._db.transaction() as tx:
        assert await town.passes.refund_due(tx, order.order_no) in {0, back}


async def test_money_that_goes_back_of_an_active_pass_ends_it(town, plate):
    order = await buy(town, await on_sale(town), plate)
    await pay(town, order.order_no)
    async with town.passes._db.transaction() as tx:
        await town.passes.refunded(tx, order.order_no, 30_000)
        assert await town.passes.refund_due(tx, order.order_no) == 0
    assert (await town.passes.order(order.order_no)).state == PassState.CANCELLED
    assert not await covered(town, plate)


async def test_what_was_covered_stays_so_when_a_pass_is_given_up(town, owner, plate):
    """A late exit from before costs nothing; one from after it does."""
    order = await buy(town, await on_sale(town), plate)
    await pay(town, order.order_no)
    came_at = town.clock.now() + minutes(1)
    entry = a_passage(lot_id=LOT, plate=plate, at=came_at)
    await town.stays.take([entry])
    town.clock.go(minutes(240))
    pass_id = await owner.fetchval("SELECT max(pass_id) FROM membership.pass")
    await town.office.cancel(pass_id, CancelAsked("moved away"), by=OURS)
    ask = a_passage(Kind.EXIT_REQUEST, town.clock.now() + minutes(30), lot_id=LOT, plate=plate)
    left = a_passage(Kind.EXIT, came_at + minutes(200), lot_id=LOT, plate=plate)
    [asked, _] = (await town.stays.take([ask, left])).taken
    assert asked.answer.due_fen is not None
    fee = await owner.fetchval("SELECT fee_fen FROM stays.stay_order WHERE plate = $1", plate)
    assert fee == 0


async def test_no_more_are_sold_than_the_quota_says(town, plate):
    product_id = await on_sale(town, quota=1)
    order = await buy(town, product_id, plate)
    with pytest.raises(SoldOut):
        await buy(town, product_id, "苏B00001")
    town.clock.go(timedelta(minutes=31))
    await buy(town, product_id, "苏B00001")
    await pay(town, order.order_no)


async def test_a_resident_pass_is_given_with_a_proof_and_then_paid(town, plate):
    product_id = await on_sale(town, kind=ProductKind.RESIDENT, months=12)
    with pytest.raises(ProofNeeded):
        await buy(town, product_id, plate)
    asked = GrantAsked(product_id, plate, BLUE, proof="房产证已核验")
    made = await town.office.grant(asked, by=OURS)
    assert made.state == PassState.UNPAID
    await pay(town, made.order_no)
    assert await covered(town, plate)


async def test_a_free_one_is_valid_at_once(town, owner, plate):
    product_id = await on_sale(town, kind=ProductKind.RESIDENT, months=1, price_fen=0)
    made = await town.office.grant(GrantAsked(product_id, plate, BLUE, proof="证件已核验"), by=OURS)
    assert (made.state, await covered(town, plate)) == (PassState.ACTIVE, True)
    told = await owner.fetchval(
        "SELECT after->>'plate' FROM access.audit WHERE subject = $1", f"pass {made.pass_id}"
    )
    assert told == plate[:2] + "****" + plate[-1]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"lots": ("000000000003",)}, LotUnknown),
        ({"lots": ()}, LotUnknown),
        ({"operator_id": 8}, OperatorNotNamed),
        ({"kind": ProductKind.TIME_SLICED, "months": 1}, ProductInvalid),
        ({"kind": ProductKind.RESIDENT}, ProductInvalid),
        ({"months": 2}, ProductInvalid),
        ({"zone": "B2", "lots": (CODE, "000000000002")}, ProductInvalid),
    ],
)
async def test_a_product_that_contradicts_itself_is_refused(town, changes, refusal):
    with pytest.raises(refusal):
        await town.office.add_product(a_product(**changes), by=OURS)


async def test_a_night_pass_of_the_city_counts_at_night_in_every_lot(town, plate):
    nights = (Window("18:00", "08:00", ()),)
    asked = a_product(
        kind=ProductKind.TIME_SLICED, months=1, windows=nights, lots=(), operator_id=8
    )
    made = await town.office.add_product(asked, by=CITY)
    assert made.windows == (Window("18:00", "08:00", (1, 2, 3, 4, 5, 6, 7)),)
    await pay(town, (await buy(town, made.product.product_id, plate)).order_no)
    evening = (EIGHT + minutes(10 * 60 + 30)).replace(tzinfo=EIGHT.tzinfo)
    entry = a_passage(lot_id=LotId(2), plate=plate, at=evening)
    exits = [
        a_passage(Kind.EXIT_REQUEST, evening + minutes(n), lot_id=LotId(2), plate=plate)
        for n in (13 * 60, 14 * 60 + 30)
    ]
    [_, by_night, by_day] = (await town.stays.take([entry, *exits])).taken
    assert (by_night.answer.due_fen, by_day.answer.due_fen) == (0, 500)


async def test_staff_see_and_end_only_what_is_of_their_operator(town, owner, plate):
    product_id = await on_sale(town)
    order = await buy(town, product_id, plate)
    await pay(town, order.order_no)
    mine = await town.office.passes(plate=plate, after=0, limit=10, by=OURS)
    theirs = await town.office.passes(plate=plate, after=0, limit=10, by=THEIRS)
    assert (len(mine.passes), theirs.passes) == (1, [])
    with pytest.raises(PassUnknown):
        await town.office.cancel(mine.passes[0].pass_id, CancelAsked("a guess"), by=THEIRS)
    with pytest.raises(ProductUnknown):
        await town.office.put_on_sale(product_id, SaleAsked(on_sale=False), by=THEIRS)


async def test_what_is_not_on_sale_any_more_is_not_sold(town, plate):
    product_id = await on_sale(town)
    offers = await town.passes.offers(LotCode(CODE))
    assert product_id in [one.product_id for one in offers]
    await town.office.put_on_sale(product_id, SaleAsked(on_sale=False), by=OURS)
    with pytest.raises(ProductUnknown):
        await buy(town, product_id, plate)


async def test_nonsense_is_no_plate(town):
    with pytest.raises(PlateInvalid):
        await buy(town, await on_sale(town), "\x00\x01\x02\x03\x04")


async def test_the_attempt_of_a_pass_is_an_attempt_like_any_other(town, plate):
    order = await buy(town, await on_sale(town), plate)
    attempt = await town.payments.begin(order.order_no, "open", key=f"k-{order.order_no}")
    assert (attempt.lot_id, attempt.operator_id, attempt.state) == (0, 7, AttemptState.PENDING)
