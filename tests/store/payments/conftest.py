"""A city that takes money, and what its tests of payments ask of it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import msgspec
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.payments.model import (
    Attempt,
    Notice,
    RefundFact,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.payments.notices import Notices
from onepark.contexts.payments.refund_desk import RefundDesk
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.contexts.stays.model import OrderState
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.kernel.types import LotId, OrderNo
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till

AN_HOUR_AND_A_MINUTE = minutes(61)
numbers = count(1)
plates = count(10_000)


class City(NamedTuple):
    """One lot at 5 yuan an hour, with two channels that believe anybody."""

    clock: HandClock
    stays: Stays
    payments: Payments
    notices: Notices
    channel: OpenChannel
    other: OpenChannel
    refunds: Refunds
    desk: RefundDesk
    db: Database


@pytest.fixture
async def city(batch_db: Database, service_db: Database, staff_db: Database) -> City:
    clock = HandClock()
    channel, other = OpenChannel(), OpenChannel()
    stays = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
    till = a_till(service_db, stays, {"open": channel, "other": other}, clock)
    desk = RefundDesk(service_db, staff_db, refunds=till.refunds, audit=Audit(), clock=clock)
    return City(clock, stays, *till[:2], channel, other, till.refunds, desk, service_db)


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def nothing_goes_back(owner: Any) -> None:
    """Nothing of an earlier test was paid, or is to be given back."""
    await owner.execute("TRUNCATE payments.attempt, payments.refund, payments.request")


async def a_car_inside(
    city: City, *, since: timedelta = AN_HOUR_AND_A_MINUTE, came_at: datetime = EIGHT
) -> OrderNo:
    """A car that came ``since`` before now; its order."""
    city.clock.at = came_at + since
    entry = a_passage(plate=f"苏B{next(plates)}", lot_id=LotId(7), seen_at=came_at)
    batch = await city.stays.take([entry])
    answer = batch.taken[0].answer
    assert answer is not None
    assert isinstance(answer.order_no, str)
    return answer.order_no


def key() -> str:
    return f"key-{next(numbers)}"


def success(attempt: Attempt, **changes: Any) -> TradeFact:
    values: dict[str, Any] = {
        "out_trade_no": attempt.attempt_no,
        "state": TradeState.SUCCESS,
        "merchant": "m",
        "app": "a",
        "amount_fen": attempt.amount_fen,
        "currency": "CNY",
        "provider_txn": f"txn-{attempt.attempt_no}",
        "paid_at": EIGHT + minutes(62),
    }
    return TradeFact(**(values | changes))


async def tell(
    city: City,
    fact: TradeFact | None,
    *,
    event: str | None = None,
    channel: str = "open",
    refund: RefundFact | None = None,
) -> Verdict | None:
    """Send a notice and let it be handled."""
    notice = Notice(event or f"ev-{next(numbers)}", "paid", fact, refund)
    body = msgspec.json.encode(notice)
    received = await city.notices.receive(channel, {"word": "please"}, body)
    assert received.answer.status == 200
    if received.notice_id is None:
        return None
    return await city.notices.handle(received.notice_id)


async def state_of(city: City, order_no: OrderNo) -> tuple[OrderState, int]:
    due = await city.stays.due(order_no)
    return due.state, due.due_fen
