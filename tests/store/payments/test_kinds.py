"""Ways of paying: what each channel offers, and whose a payment is."""

import asyncio
from datetime import timedelta

import pytest

from onepark.contexts.payments.errors import KeyReused, KindNotOffered, PayerMissing
from onepark.contexts.payments.model import (
    AttemptState,
    JsapiCall,
    Payer,
    PayInstruction,
    PayKind,
    PaymentAsked,
    Terms,
    TradeFact,
    TradeState,
)
from tests.store.payments.conftest import City, a_car_inside, key

CALL = JsapiCall("wx1", "1777608000", "n", "prepay_id=wx2", "RSA", "c2lnbmVk")
EVERY_KIND = Terms(kinds=(PayKind.QR, PayKind.REDIRECT, PayKind.JSAPI))


def offering(city: City, terms=EVERY_KIND):
    city.channel.terms = terms

    async def create(request):
        city.channel.asked.append(request)
        if request.kind is PayKind.JSAPI:
            return PayInstruction("jsapi", jsapi=CALL)
        return PayInstruction(request.kind, f"{request.kind}://{request.out_trade_no}")

    city.channel.create = create  # type: ignore[method-assign]


async def pay(city, order_no, kind, *, by=None, with_key=None):
    asked = PaymentAsked(order_no, "open", kind, by)
    return await city.payments.pay(asked, key=with_key or key(), address="198.51.100.7")


async def test_a_call_of_the_app_is_handed_out_again_under_its_key(city: City):
    offering(city)
    order_no = await a_car_inside(city)
    told = await pay(city, order_no, PayKind.JSAPI, by="o-1", with_key="one-page")
    assert told.pay == PayInstruction("jsapi", None, CALL)
    assert await pay(city, order_no, PayKind.JSAPI, by="o-1", with_key="one-page") == told
    with pytest.raises(KeyReused):
        await pay(city, order_no, PayKind.JSAPI, by="o-2", with_key="one-page")


async def test_a_code_is_shared_and_a_call_of_the_app_is_its_payers_own(city: City):
    offering(city)
    order_no = await a_car_inside(city)
    codes = [await pay(city, order_no, PayKind.QR) for _ in range(2)]
    calls = [await pay(city, order_no, PayKind.JSAPI, by=who) for who in ("o-1", "o-2")]
    page = await pay(city, order_no, PayKind.REDIRECT)
    assert len({one.payment_no for one in codes}) == 1
    assert len({one.payment_no for one in (*codes, *calls, page)}) == 4
    assert {one.amount_fen for one in (*codes, *calls, page)} == {1000}
    assert city.channel.asked[-1].payer_address == "198.51.100.7"


@pytest.mark.parametrize("kind", [PayKind.REDIRECT, PayKind.JSAPI, PayKind.COUNTER])
async def test_what_a_channel_does_not_offer_is_refused_by_its_field(city: City, kind):
    order_no = await a_car_inside(city)
    with pytest.raises(KindNotOffered) as refused:
        await pay(city, order_no, kind, by="o-1")
    assert refused.value.facts == {"field": "kind", "kinds": ["qr"]}


@pytest.mark.parametrize(("kind", "by"), [(PayKind.JSAPI, None), (PayKind.QR, "o-1")])
async def test_a_payer_is_named_for_a_call_of_the_app_and_only_for_it(city: City, kind, by):
    offering(city)
    order_no = await a_car_inside(city)
    with pytest.raises(PayerMissing):
        await pay(city, order_no, kind, by=by)


async def test_what_cannot_be_closed_is_asked_for_until_its_schedule_ends(city: City):
    waits = tuple(timedelta(minutes=m) for m in (5, 5, 20))
    city.channel.terms = Terms(query_after=waits, closes=False)
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    began_at, asked_at, states = city.clock.now(), [], []
    true_query = city.channel.query

    async def query(number):
        asked_at.append(city.clock.now())
        await true_query(number)
        return TradeFact(number, TradeState.PENDING, "m", "a")

    city.channel.query = query  # type: ignore[method-assign]
    for _ in range(40):
        city.clock.at += timedelta(minutes=1)
        await city.payments.ask_providers()
        again = await city.payments.begin(order_no, "open", key=key(), payer=Payer())
        states.append(again.attempt_no == attempt.attempt_no)
        await asyncio.sleep(0)
    mine = [at - began_at for at in asked_at]
    assert timedelta(minutes=5) in mine
    assert timedelta(minutes=30) in mine
    assert states[0]
    assert not states[-1], "a code that has expired is never handed out again"
    assert attempt.state == AttemptState.PENDING
