"""What was paid and what went back is told once, with the transaction that counts it."""

from typing import Any

import msgspec
import pytest

from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.infra.db import Tx
from tests.store.payments.conftest import City, a_car_inside, key, success, tell
from tests.store.payments.refunding import a_paid_order, ask, drive, leaves

pytestmark = pytest.mark.usefixtures("nothing_goes_back")

FACTS = "SELECT fact, payload FROM payments.outbox WHERE aggregate = $1 ORDER BY id"
KINDS: dict[str, Any] = {
    "payments.attempt_succeeded.v1": AttemptSucceeded,
    "payments.refund_succeeded.v1": RefundSucceeded,
}


async def facts_of(owner: Tx, attempt_no: str) -> list[AttemptSucceeded | RefundSucceeded]:
    rows = await owner.fetch(FACTS, attempt_no)
    return [msgspec.json.decode(row["payload"], type=KINDS[row["fact"]]) for row in rows]


async def test_a_payment_is_told_of_once_however_often_its_provider_says_so(city: City, owner):
    attempt = await city.payments.begin(await a_car_inside(city), "open", key=key())
    assert await facts_of(owner, attempt.attempt_no) == []
    for _ in range(3):
        await tell(city, success(attempt))
    [fact] = await facts_of(owner, attempt.attempt_no)
    assert isinstance(fact, AttemptSucceeded)
    assert (fact.order_no, fact.amount_fen) == (attempt.order_no, attempt.amount_fen)
    assert (fact.channel, fact.surplus) == ("open", False)


async def test_what_is_paid_twice_is_told_of_as_surplus(city: City, owner):
    order_no = await a_car_inside(city)
    attempts = [await city.payments.begin(order_no, name, key=key()) for name in ("open", "other")]
    for attempt, channel in zip(attempts, ("open", "other"), strict=True):
        await tell(city, success(attempt), channel=channel)
    told = [fact for one in attempts for fact in await facts_of(owner, one.attempt_no)]
    assert [isinstance(one, AttemptSucceeded) and one.surplus for one in told] == [False, True]


async def test_a_refund_is_told_of_once_and_after_its_payment(city: City, owner):
    order_no, attempt = await a_paid_order(city)
    await leaves(city, order_no, after=62)
    [refund] = await ask(city, 300, order_no=order_no)
    assert len(await facts_of(owner, attempt.attempt_no)) == 1
    await drive(city, times=3)
    paid, back = await facts_of(owner, attempt.attempt_no)
    assert isinstance(paid, AttemptSucceeded)
    assert isinstance(back, RefundSucceeded)
    assert (back.refund_no, back.amount_fen) == (refund.refund_no, 300)
