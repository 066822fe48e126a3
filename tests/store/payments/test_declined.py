"""What a provider declines: over, open, or paid before, as the provider itself says."""

import pytest

from onepark.contexts.payments.errors import ChannelDeclined, ChannelUnavailable
from onepark.contexts.payments.model import (
    AttemptState,
    PayRequest,
    TradeFact,
    TradeState,
)
from onepark.contexts.stays.model import OrderState
from onepark.kernel.types import Fen
from tests.builders import EIGHT, minutes
from tests.store.payments.conftest import City, a_car_inside, key, state_of


async def test_a_declined_attempt_is_over_and_the_next_one_may_be_paid(city: City):
    order_no = await a_car_inside(city)
    city.channel.refusal = ChannelDeclined("no")
    with pytest.raises(ChannelDeclined):
        await city.payments.begin(order_no, "open", key=key())
    city.channel.refusal = None
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert attempt.state == AttemptState.PENDING


async def test_a_declined_key_stays_declined(city: City):
    order_no = await a_car_inside(city)
    mine = key()
    city.channel.refusal = ChannelDeclined("no")
    for _ in range(2):
        with pytest.raises(ChannelDeclined):
            await city.payments.begin(order_no, "open", key=mine)


async def test_a_payment_that_was_placed_and_paid_before_we_died_is_found_when_it_begins_again(
    city: City,
):
    order_no = await a_car_inside(city)
    mine = key()
    city.channel.refusal = ChannelUnavailable("we died before the answer")
    with pytest.raises(ChannelUnavailable):
        await city.payments.begin(order_no, "open", key=mine)
    placed = city.channel.asked[-1]
    paid = TradeFact(
        placed.out_trade_no,
        TradeState.SUCCESS,
        "m",
        "a",
        placed.amount_fen,
        "CNY",
        f"txn-{placed.out_trade_no}",
        EIGHT + minutes(62),
    )
    city.channel.facts[placed.out_trade_no] = paid
    city.channel.refusal = ChannelDeclined("the order is paid")
    again = await city.payments.begin(order_no, "open", key=mine)
    assert (again.attempt_no, again.state) == (placed.out_trade_no, AttemptState.SUCCESS)
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


async def test_a_declined_payment_that_the_provider_knows_is_asked_after_and_not_given_up(
    city: City,
):
    order_no = await a_car_inside(city)
    mine = key()
    city.channel.refusal = ChannelDeclined("once is enough")
    attempt_no = None

    async def place(request: PayRequest) -> None:
        nonlocal attempt_no
        attempt_no = request.out_trade_no
        pending = TradeFact(attempt_no, TradeState.PENDING, "m", "a")
        city.channel.facts[attempt_no] = pending

    city.channel.during_create = place
    with pytest.raises(ChannelDeclined):
        await city.payments.begin(order_no, "open", key=mine)
    assert attempt_no is not None
    city.channel.facts[attempt_no] = TradeFact(
        attempt_no, TradeState.SUCCESS, "m", "a", Fen(1000), "CNY", "txn-late", EIGHT + minutes(62)
    )
    city.clock.go(minutes(1))
    await city.payments.ask_providers()
    assert await state_of(city, order_no) == (OrderState.PAID, 0)
