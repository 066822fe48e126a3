"""A hint moves nothing: the provider is asked, and its answer is what counts."""

from datetime import timedelta

import msgspec
import pytest

from onepark.contexts.payments.errors import ChannelUnavailable
from onepark.contexts.payments.model import (
    AttemptState,
    Notice,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.stays.model import OrderState
from tests.store.payments.conftest import City, a_car_inside, key, state_of, success


async def hint(city: City, fact):
    """Send a hint and let it be handled."""
    body = msgspec.json.encode(Notice(key(), "paid", fact, is_hint=True))
    received = await city.notices.receive("open", {"word": "please"}, body)
    assert received.answer.status == 200
    assert received.notice_id is not None
    return received.notice_id


async def begun(city: City):
    order_no = await a_car_inside(city)
    return order_no, await city.payments.begin(order_no, "open", key=key())


async def test_a_hint_pays_when_the_provider_says_so_too(city: City):
    order_no, attempt = await begun(city)
    city.channel.facts[attempt.attempt_no] = success(attempt)
    notice_id = await hint(city, success(attempt))
    assert await city.notices.handle(notice_id) == Verdict.APPLIED
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


async def test_a_forged_hint_pays_nothing_and_waits(city: City, owner):
    order_no, attempt = await begun(city)
    notice_id = await hint(city, success(attempt))
    assert await city.notices.handle(notice_id) is None
    assert (await state_of(city, order_no))[0] == OrderState.OPEN
    late = "UPDATE payments.notice SET received_at = $2 WHERE notice_id = $1"
    await owner.execute(late, notice_id, city.clock.now() - timedelta(hours=26))
    assert await city.notices.handle(notice_id) == Verdict.UNMATCHED


async def test_the_amount_of_the_answer_counts_and_not_that_of_the_hint(city: City):
    order_no, attempt = await begun(city)
    city.channel.facts[attempt.attempt_no] = success(attempt, amount_fen=1)
    notice_id = await hint(city, success(attempt))
    assert await city.notices.handle(notice_id) == Verdict.QUARANTINED
    assert (await state_of(city, order_no))[0] == OrderState.OPEN


async def test_money_that_came_after_the_end_is_found_by_its_hint(city: City):
    order_no, attempt = await begun(city)
    city.clock.at = attempt.expires_at + timedelta(hours=1)
    await city.payments.ask_providers()
    city.channel.facts[attempt.attempt_no] = success(attempt)
    assert await city.notices.handle(await hint(city, success(attempt))) == Verdict.APPLIED
    assert (await state_of(city, order_no))[0] != OrderState.OPEN


async def test_a_hint_about_a_strangers_trade_asks_nobody(city: City):
    _, attempt = await begun(city)
    asked: list[str] = []
    true_query = city.channel.query

    async def query(out_trade_no: str) -> TradeFact:
        asked.append(out_trade_no)
        return await true_query(out_trade_no)

    city.channel.query = query  # type: ignore[method-assign]
    stranger = success(attempt, out_trade_no="nobody")
    assert await city.notices.handle(await hint(city, stranger)) is None
    assert asked == []


async def test_a_hint_waits_while_the_provider_is_silent(city: City):
    order_no, attempt = await begun(city)
    true_query = city.channel.query

    async def silent(out_trade_no: str) -> TradeFact:
        raise ChannelUnavailable(out_trade_no)

    city.channel.query = silent  # type: ignore[method-assign]
    notice_id = await hint(city, success(attempt))
    with pytest.raises(ChannelUnavailable):
        await city.notices.handle(notice_id)
    city.channel.query = true_query  # type: ignore[method-assign]
    city.channel.facts[attempt.attempt_no] = success(attempt)
    assert await city.notices.handle(notice_id) == Verdict.APPLIED
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


async def test_a_hint_of_failure_ends_the_attempt_as_the_provider_says(city: City):
    _, attempt = await begun(city)
    failed = success(attempt, state=TradeState.FAILED)
    city.channel.facts[attempt.attempt_no] = failed
    assert await city.notices.handle(await hint(city, failed)) == Verdict.APPLIED
    again = await city.payments.begin(attempt.order_no, "other", key=key())
    assert again.state == AttemptState.PENDING
