"""Notices that wait for each other, against the real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.model import Attempt, AttemptState, Notice, TradeFact, TradeState
from onepark.contexts.payments.notices import Bounds, Received
from onepark.contexts.stays.model import OrderState
from tests.store.ledger.conftest import a_journal
from tests.store.payments.conftest import City, a_car_inside, key, state_of, success

BOUNDS = Bounds(batch_max=32, queue_max=2_000, connections=1)  # a fourth is kept for what presses
VERDICTS = """
    SELECT verdict FROM payments.notice WHERE fact LIKE '%' || $1 || '%' ORDER BY notice_id
"""


@pytest.fixture
async def waiting(city: City) -> AsyncIterator[City]:
    """A city whose notices go together."""
    city.notices.start(BOUNDS)
    yield city
    await city.notices.stop()


async def post(
    city: City, fact: TradeFact, *, event: str | None = None, channel: str = "open"
) -> Received:
    """Send a notice, and let it be handled after its answer."""
    body = msgspec.json.encode(Notice(event or key(), "paid", fact))
    received = await city.notices.receive(channel, {"word": "please"}, body)
    if received.notice_id is not None:
        await city.notices.handle_soon(received)
    return received


async def begun(city: City, channel: str = "open") -> Attempt:
    return await city.payments.begin(await a_car_inside(city), channel, key=key())


async def settled(city: City) -> None:
    """Let everything that was posted be handled, and go on."""
    await city.notices.stop()
    city.notices.start(BOUNDS)


async def verdicts(owner: Any, attempt: Attempt) -> list[str]:
    return [row["verdict"] for row in await owner.fetch(VERDICTS, attempt.attempt_no)]


async def state(city: City, attempt: Attempt) -> tuple[OrderState, int]:
    return await state_of(city, attempt.order_no)


async def test_many_that_wait_are_all_settled(waiting: City, owner: Any):
    attempts = [await begun(waiting) for _ in range(100)]
    answers = await asyncio.gather(*(post(waiting, success(one)) for one in attempts))
    await settled(waiting)
    assert {one.answer.status for one in answers} == {200}
    assert [await state(waiting, one) for one in attempts] == [(OrderState.PAID, 0)] * 100
    handled = "SELECT count(DISTINCT handled_at) FROM payments.notice WHERE notice_id = ANY($1)"
    batches = await owner.fetchval(handled, [one.notice_id for one in answers])
    assert batches < 50, "they did not go together"


async def test_a_thousand_copies_at_once_are_kept_once(waiting: City, owner: Any):
    attempt, event = await begun(waiting), key()
    answers = await asyncio.gather(
        *(post(waiting, success(attempt), event=event) for _ in range(1_000))
    )
    await settled(waiting)
    assert {one.answer.status for one in answers} == {200}
    assert sum(one.notice_id is not None for one in answers) == 1
    assert await verdicts(owner, attempt) == ["applied"]
    assert (await waiting.stays.due(attempt.order_no)).order.paid_fen == 1000


async def test_one_that_fails_costs_no_other(waiting: City, owner: Any):
    """Something else stands in the books under the key of one of them."""
    attempts = [await begun(waiting) for _ in range(20)]
    async with waiting.db.transaction() as tx:
        guilty = attempts[13]
        await Ledger().post(tx, [a_journal(business_key=f"attempt:{guilty.attempt_no}")])
    await asyncio.gather(*(post(waiting, success(one)) for one in attempts))
    await settled(waiting)
    paid = [(await state(waiting, one))[0] == OrderState.PAID for one in attempts]
    assert paid == [one is not guilty for one in attempts]
    assert await verdicts(owner, guilty) == [None]


async def test_what_is_wrong_with_a_notice_itself_is_told_to_nobody_else(waiting: City):
    attempts = [await begun(waiting) for _ in range(5)]
    events = [key() for _ in attempts]
    events[2] = "nul \x00"
    answers = await asyncio.gather(
        *(
            post(waiting, success(one), event=event)
            for one, event in zip(attempts, events, strict=True)
        ),
        return_exceptions=True,
    )
    assert [isinstance(one, Exception) for one in answers] == [n == 2 for n in range(5)]


async def test_two_payers_who_are_told_of_together_pay_one_charge(waiting: City, owner: Any):
    order_no = await a_car_inside(waiting)
    pair = [await waiting.payments.begin(order_no, name, key=key()) for name in ("open", "other")]
    await asyncio.gather(*(post(waiting, success(one), channel=one.channel) for one in pair))
    await settled(waiting)
    surplus = "SELECT surplus FROM payments.attempt WHERE order_no = $1 AND state = 'success'"
    assert sorted(row[0] for row in await owner.fetch(surplus, order_no)) == [False, True]
    assert (await waiting.stays.due(order_no)).order.paid_fen == 1000


async def test_a_trade_that_is_closed_and_paid_at_once_is_paid(waiting: City, owner: Any):
    attempt = await begun(waiting)
    closed = success(attempt, state=TradeState.CLOSED, provider_txn=None, paid_at=None)
    await asyncio.gather(post(waiting, closed), post(waiting, success(attempt)))
    await settled(waiting)
    assert await verdicts(owner, attempt) == ["applied", "applied"]
    assert (await state(waiting, attempt))[0] == OrderState.PAID


async def test_one_transaction_pays_one_attempt_of_those_that_claim_it(waiting: City, owner: Any):
    attempts, txn = [await begun(waiting) for _ in range(3)], key()
    await asyncio.gather(*(post(waiting, success(one, provider_txn=txn)) for one in attempts))
    await settled(waiting)
    said = [(await verdicts(owner, one))[0] for one in attempts]
    assert sorted(said) == ["applied", "quarantined", "quarantined"]


async def test_more_than_may_wait_are_to_be_sent_again(city: City, owner: Any):
    attempts = [await begun(city) for _ in range(30)]
    city.notices.start(Bounds(batch_max=1, queue_max=3, connections=1))
    answers = await asyncio.gather(*(post(city, success(one)) for one in attempts))
    await city.notices.stop()
    assert {one.answer.status for one in answers} == {200, 503}
    kept = [one.notice_id for one in answers if one.notice_id is not None]
    assert len(kept) < 30
    late = "UPDATE payments.notice SET received_at = $1 WHERE notice_id = ANY($2)"
    await owner.execute(late, city.clock.at, kept)
    city.clock.at += timedelta(seconds=30)
    await city.notices.handle_waiting()
    paid = [(await state(city, one))[0] == OrderState.PAID for one in attempts]
    assert sum(paid) == len(kept)


async def test_a_closed_attempt_stays_closed_until_it_is_paid(waiting: City, owner: Any):
    attempt = await begun(waiting)
    closed = success(attempt, state=TradeState.CLOSED, provider_txn=None, paid_at=None)
    await asyncio.gather(*(post(waiting, closed) for _ in range(3)))
    await settled(waiting)
    known = "SELECT state FROM payments.attempt WHERE attempt_no = $1"
    assert await owner.fetchval(known, attempt.attempt_no) == AttemptState.CLOSED
    assert sorted(await verdicts(owner, attempt)) == ["applied", "nothing_new", "nothing_new"]
