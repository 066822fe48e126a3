"""What is counted of payments, and how the worker finds what waits the longest."""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import msgspec
import pytest

from onepark.contexts.payments.meters import PaymentMeters
from onepark.contexts.payments.model import Attempt, Notice, TradeFact, TradeState
from onepark.contexts.payments.notices import Notices
from onepark.contexts.payments.service import Payments
from onepark.contexts.stays.service import Stays
from onepark.infra.metrics import REGISTRY
from onepark.kernel.types import LotId
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import Till, a_till

numbers = count(1)


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"parking_{name}", labels) or 0.0


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(61))


@pytest.fixture
def stays(batch_db, service_db, clock) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)


@pytest.fixture
def till(service_db, stays, clock) -> Till:
    return a_till(service_db, stays, {"open": OpenChannel()}, clock)


@pytest.fixture
def payments(till: Till) -> Payments:
    return till.payments


@pytest.fixture
def notices(till: Till) -> Notices:
    return till.notices


async def begun(stays: Stays, payments: Payments, *, times: int = 1) -> Attempt:
    """A payment of a car that came an hour ago, asked for so often under one key."""
    entry = a_passage(plate=f"苏B{next(numbers):05d}", lot_id=LotId(7))
    answer = (await stays.take([entry])).taken[0].answer
    assert answer is not None
    assert isinstance(answer.order_no, str)
    key = f"key-{next(numbers)}"
    attempts = [await payments.begin(answer.order_no, "open", key=key) for _ in range(times)]
    return attempts[0]


def paid(attempt: Attempt) -> bytes:
    fact = TradeFact(
        out_trade_no=attempt.attempt_no,
        state=TradeState.SUCCESS,
        merchant="m",
        app="a",
        amount_fen=attempt.amount_fen,
        currency="CNY",
        provider_txn=f"txn-{next(numbers)}",
        paid_at=EIGHT + minutes(62),
    )
    return msgspec.json.encode(Notice(f"event-{next(numbers)}", "paid", fact))


async def test_what_is_unknown_for_the_longest_is_shown(stays, payments, service_db, clock, owner):
    await owner.execute("UPDATE payments.attempt SET state = 'closed' WHERE state <> 'success'")
    meters = PaymentMeters(service_db, clock)
    await meters.measure()
    assert told("payment_unknown_age_seconds") == 0
    await begun(stays, payments)
    clock.go(minutes(11))
    await meters.measure()
    assert told("payment_unknown_age_seconds") == 660


async def test_a_notice_that_nobody_handles_grows_old(
    stays, payments, notices, service_db, clock, owner
):
    await owner.execute("DELETE FROM payments.notice")
    meters = PaymentMeters(service_db, clock)
    received = await notices.receive("open", {"word": "please"}, paid(await begun(stays, payments)))
    assert received.notice_id is not None
    await meters.measure()
    assert told("payment_notice_oldest_seconds") > 0
    await notices.handle(received.notice_id)
    await meters.measure()
    assert told("payment_notice_oldest_seconds") == 0


async def test_notices_are_counted_by_what_became_of_them(stays, payments, notices):
    def seen() -> list[float]:
        results = ("stored", "stale", "unverified")
        return [told("payment_callbacks_total", provider="open", result=one) for one in results]

    before = seen()
    body = paid(await begun(stays, payments))
    for word in ("please", "please", "stale", "nonsense"):
        await notices.receive("open", {"word": word}, body)
    assert [new - old for new, old in zip(seen(), before, strict=True)] == [2, 1, 1]


async def test_facts_paid_orders_and_repeated_keys_are_counted(stays, payments, notices):
    def seen() -> list[float]:
        return [
            told("payment_facts_total", provider="open", verdict="applied"),
            told("orders_total", state="paid"),
            told("idempotency_replays_total", kind="payment"),
        ]

    before = seen()
    attempt = await begun(stays, payments, times=3)
    received = await notices.receive("open", {"word": "please"}, paid(attempt))
    assert received.notice_id is not None
    await notices.handle(received.notice_id)
    assert [new - old for new, old in zip(seen(), before, strict=True)] == [1, 1, 2]
