"""Cash and cards that a lot took itself: told once, settled as every payment is."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.payments.errors import (
    ChannelUnknown,
    ReceiptAmountDiffers,
    ReceiptInvalid,
    ReceiptOfAnotherLot,
    ReceiptReused,
)
from onepark.contexts.payments.model import ReceiptTold, RefundState, Ruling, Verdict
from onepark.contexts.payments.receipts import Receipts
from onepark.contexts.stays.errors import NothingDue
from onepark.contexts.stays.model import OrderState
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import OperatorId
from tests.fakes.city import Archive, a_city_lot
from tests.store.payments.conftest import City, a_car_inside, key, state_of, success, tell
from tests.store.payments.refunding import CITY_BOSS, ask, drive, rule

LOTS = Archive([a_city_lot(7), a_city_lot(8, operator_id=OperatorId(8))])
CODE = a_city_lot(7).code
CLERK = Principal(1, "li.ming", StaffRole.OPERATOR_CLERK, OperatorId(7))


@pytest.fixture
def receipts(city: City, service_db) -> Receipts:
    return Receipts(
        service_db, payments=city.payments, archive=LOTS, audit=Audit(), clock=city.clock
    )


def a_receipt(city: City, order_no, **changes: Any) -> ReceiptTold:
    values: dict[str, Any] = {
        "lot": CODE,
        "receipt_no": key(),
        "order_no": order_no,
        "channel": "cash",
        "amount_fen": 1000,
        "paid_at": city.clock.now() - timedelta(seconds=20),
    }
    return ReceiptTold(**(values | changes))


@pytest.mark.parametrize("channel", ["cash", "pos"])
async def test_what_a_lot_took_pays_its_order(city: City, receipts, owner, channel):
    order_no = await a_car_inside(city)
    told = a_receipt(city, order_no, channel=channel)
    taken = await receipts.tell(told, by=CLERK)
    assert await state_of(city, order_no) == (OrderState.PAID, 0)
    row = await owner.fetchrow(
        "SELECT channel, state, kind, surplus, amount_fen, paid_at FROM payments.attempt"
        " WHERE attempt_no = $1",
        taken.payment_no,
    )
    assert tuple(row) == (channel, "success", "counter", False, 1000, told.paid_at)


async def test_every_receipt_is_in_the_audit_trail_with_who_told_it(city: City, receipts, owner):
    order_no = await a_car_inside(city)
    told = a_receipt(city, order_no)
    await receipts.tell(told, by=CLERK)
    subject = f"receipt {CODE}/{told.receipt_no}"
    found = "SELECT actor, action, operator_id FROM access.audit WHERE subject = $1"
    assert [tuple(row) for row in await owner.fetch(found, subject)] == [
        ("li.ming", "payments.receipt", 7)
    ]


async def test_a_hundred_copies_of_a_receipt_pay_once(city: City, receipts):
    order_no = await a_car_inside(city)
    told = a_receipt(city, order_no)
    copies = await asyncio.gather(*(receipts.tell(told, by=CLERK) for _ in range(100)))
    assert len(set(copies)) == 1
    assert (await city.stays.due(order_no)).order.paid_fen == 1000


@pytest.mark.parametrize(
    "change", [{"amount_fen": 999}, {"channel": "pos"}, {"paid_at": -1}], ids=str
)
async def test_a_number_of_a_lot_is_one_receipt_for_ever(city: City, receipts, change):
    order_no = await a_car_inside(city)
    told = a_receipt(city, order_no)
    await receipts.tell(told, by=CLERK)
    if "paid_at" in change:
        change = {"paid_at": told.paid_at - timedelta(seconds=1)}
    same = {"receipt_no": told.receipt_no, "paid_at": told.paid_at}
    again = a_receipt(city, order_no, **{**same, **change})
    with pytest.raises(ReceiptReused) as refused:
        await receipts.tell(again, by=CLERK)
    assert refused.value.facts["field"] == "receipt_no"


@pytest.mark.parametrize("amount_fen", [1, 999, 1001, 2000])
async def test_another_amount_than_what_is_owed_settles_nothing(
    city: City, receipts, owner, amount_fen
):
    order_no = await a_car_inside(city)
    with pytest.raises(ReceiptAmountDiffers) as refused:
        await receipts.tell(a_receipt(city, order_no, amount_fen=amount_fen), by=CLERK)
    assert refused.value.facts == {"field": "amount_fen", "due_fen": 1000}
    assert await state_of(city, order_no) == (OrderState.OPEN, 1000)
    kept = "SELECT count(*) FROM payments.attempt WHERE order_no = $1"
    assert await owner.fetchval(kept, order_no) == 0


async def test_a_paid_order_owes_nothing_that_a_lot_could_take(city: City, receipts):
    order_no = await a_car_inside(city)
    await receipts.tell(a_receipt(city, order_no), by=CLERK)
    with pytest.raises(NothingDue):
        await receipts.tell(a_receipt(city, order_no), by=CLERK)


async def test_money_that_a_provider_takes_beside_cash_is_surplus(city: City, receipts, owner):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    await receipts.tell(a_receipt(city, order_no), by=CLERK)
    assert await tell(city, success(attempt)) == Verdict.APPLIED
    surplus = "SELECT surplus FROM payments.attempt WHERE attempt_no = $1"
    assert await owner.fetchval(surplus, attempt.attempt_no)
    assert (await city.stays.due(order_no)).order.paid_fen == 1000


async def test_a_receipt_keeps_the_amount_that_somebody_is_paying(city: City, receipts):
    order_no = await a_car_inside(city, since=timedelta(minutes=119))
    await city.payments.begin(order_no, "open", key=key())
    city.clock.at += timedelta(minutes=3)
    await receipts.tell(a_receipt(city, order_no), by=CLERK)
    assert (await city.stays.due(order_no)).order.paid_fen == 1000


@pytest.mark.parametrize(
    ("lot", "by", "field"),
    [
        (a_city_lot(8).code, CLERK, "lot"),
        ("320281999999", CLERK, "lot"),
        (CODE, Principal(2, "x", StaffRole.OPERATOR_ADMIN, OperatorId(8)), "lot"),
        (CODE, Principal(3, "y", StaffRole.CITY_ADMIN, None), "lot"),
        (
            a_city_lot(8).code,
            Principal(2, "x", StaffRole.OPERATOR_ADMIN, OperatorId(8)),
            "order_no",
        ),
    ],
    ids=["another's lot", "no lot", "another operator", "the city", "another lot's order"],
)
async def test_a_lot_is_spoken_for_by_its_own_operator_alone(city: City, receipts, lot, by, field):
    order_no = await a_car_inside(city)
    with pytest.raises(ReceiptOfAnotherLot) as refused:
        await receipts.tell(a_receipt(city, order_no, lot=lot), by=by)
    assert refused.value.facts["field"] == field
    assert (await state_of(city, order_no))[0] == OrderState.OPEN


@pytest.mark.parametrize("off", [timedelta(minutes=6), timedelta(days=-8)], ids=str)
async def test_nobody_pays_tomorrow_or_long_ago(city: City, receipts, off):
    order_no = await a_car_inside(city)
    told = a_receipt(city, order_no, paid_at=city.clock.now() + off)
    with pytest.raises(ReceiptInvalid):
        await receipts.tell(told, by=CLERK)


@pytest.mark.parametrize("channel", ["cash", "pos"])
async def test_what_a_lot_took_is_given_back_by_a_person_who_is_asked_at_once(
    city: City, receipts, channel
):
    order_no = await a_car_inside(city)
    await receipts.tell(a_receipt(city, order_no, channel=channel), by=CLERK)
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city)
    seen = await city.desk.one(refund.refund_no, by=CITY_BOSS)
    assert (seen.state, seen.trouble, seen.owner) == (RefundState.ABNORMAL, "counter", "operator")
    await rule(city, refund, Ruling.PAID_ELSEWHERE)
    assert (await city.stays.due(order_no)).order.paid_fen == 700


async def test_nobody_begins_a_payment_in_cash(city: City):
    order_no = await a_car_inside(city)
    with pytest.raises(ChannelUnknown):
        await city.payments.begin(order_no, "cash", key=key())
