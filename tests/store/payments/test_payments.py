"""Money from a charge to a paid order, against the real database."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from onepark.contexts.ledger.errors import BusinessKeyReused
from onepark.contexts.ledger.model import Account, AccountKind
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.errors import ChannelUnavailable, KeyReused
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    Notice,
    PayRequest,
    TradeFact,
    TradeState,
    Verdict,
)
from onepark.contexts.stays.errors import NothingDue, OrderUnknown
from onepark.contexts.stays.model import Kind, OrderState
from onepark.kernel.types import Fen, LotId, OrderNo
from tests.builders import EIGHT, a_passage, minutes
from tests.store.ledger.conftest import a_journal
from tests.store.payments.conftest import City, a_car_inside, key, state_of, success, tell


async def test_a_paid_order_lets_its_car_out_in_the_grace(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert (attempt.amount_fen, attempt.state) == (1000, AttemptState.PENDING)
    assert await tell(city, success(attempt)) == Verdict.APPLIED
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


async def postings(city: City, attempt: Attempt) -> dict[Account, int]:
    async with city.db.connection() as tx:
        journal = await Ledger().journal(tx, f"attempt:{attempt.attempt_no}")
    return {} if journal is None else dict(journal.postings)


async def test_a_payment_stands_in_the_books_with_its_order_once(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert await postings(city, attempt) == {}
    for _ in range(2):
        await tell(city, success(attempt))
    assert await postings(city, attempt) == {
        Account(AccountKind.CHANNEL_RECEIVABLE, "open"): 1000,
        Account(AccountKind.PARKING_REVENUE, "commercial"): -1000,
    }


async def test_money_that_was_not_owed_stands_in_the_books_as_to_be_given_back(city: City):
    order_no = await a_car_inside(city)
    one, other = [
        await city.payments.begin(order_no, name, key=key()) for name in ("open", "other")
    ]
    await tell(city, success(one))
    await tell(city, success(other), channel="other")
    assert await postings(city, other) == {
        Account(AccountKind.CHANNEL_RECEIVABLE, "other"): 1000,
        Account(AccountKind.DUPLICATE_RECEIPTS, "other"): -1000,
    }


async def test_a_payment_that_cannot_be_posted_is_not_taken(city: City):
    """Something else stands under the attempt's key: nothing of the success is kept."""
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    async with city.db.transaction() as tx:
        await Ledger().post(tx, [a_journal(business_key=f"attempt:{attempt.attempt_no}")])
    with pytest.raises(BusinessKeyReused):
        await tell(city, success(attempt))
    assert (await state_of(city, order_no))[0] == OrderState.OPEN


async def test_an_order_keeps_the_kind_of_revenue_that_it_was_opened_with(city: City, owner):
    """The bays of a lot become the treasury's at nine; a car that came at eight pays as before."""
    await owner.execute(
        "INSERT INTO registry.lot_revenue (lot_id, operator_id, since_at, revenue_kind)"
        " VALUES (7, 1, '-infinity', 'commercial'), (7, 1, $1, 'non_tax') ON CONFLICT DO NOTHING",
        EIGHT + timedelta(days=400),
    )
    before = await a_car_inside(city)
    early = await city.payments.begin(before, "open", key=key())
    after = await a_car_inside(city, came_at=EIGHT + timedelta(days=401))
    late = await city.payments.begin(after, "open", key=key())
    await tell(city, success(late))
    assert (early.revenue_kind, late.revenue_kind) == ("commercial", "non_tax")
    assert Account(AccountKind.PARKING_REVENUE, "non_tax") in await postings(city, late)
    again = await city.payments.begin(before, "open", key=key())
    assert (again.charge_no > early.charge_no, again.revenue_kind) == (True, "commercial")


async def test_a_notice_that_comes_twice_counts_once(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    event = key()
    assert await tell(city, success(attempt), event=event) == Verdict.APPLIED
    assert await tell(city, success(attempt), event=event) is None
    assert await tell(city, success(attempt)) == Verdict.NOTHING_NEW
    due = await city.stays.due(order_no)
    assert due.order.paid_fen == 1000


async def test_a_hundred_copies_at_once_settle_one_charge(city: City, owner):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    verdicts = await asyncio.gather(*(tell(city, success(attempt)) for _ in range(100)))
    assert verdicts.count(Verdict.APPLIED) == 1
    due = await city.stays.due(order_no)
    assert due.order.paid_fen == 1000
    facts = await owner.fetchval(
        "SELECT count(*) FROM stays.outbox WHERE payload LIKE '%' || $1 || '%'"
        " AND fact = 'stays.order_paid.v1'",
        order_no,
    )
    assert facts == 1


async def test_a_notice_may_come_before_the_provider_has_answered_us(city: City):
    order_no = await a_car_inside(city)

    async def pay_at_once(request: PayRequest) -> None:
        city.channel.during_create = None
        fact = TradeFact(
            request.out_trade_no,
            TradeState.SUCCESS,
            "m",
            amount_fen=request.amount_fen,
            currency="CNY",
            provider_txn="early",
            paid_at=city.clock.now(),
        )
        assert await tell(city, fact) == Verdict.APPLIED

    city.channel.during_create = pay_at_once
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert attempt.state == AttemptState.SUCCESS
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


@pytest.mark.parametrize(
    "changes", [{"amount_fen": Fen(1)}, {"merchant": "another"}, {"currency": "USD"}]
)
async def test_money_that_does_not_agree_is_set_aside_and_changes_nothing(city: City, changes):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert await tell(city, success(attempt, **changes)) == Verdict.QUARANTINED
    assert (await state_of(city, order_no))[1] == 1000


async def test_one_transaction_of_a_provider_cannot_pay_two_attempts(city: City):
    first = await city.payments.begin(await a_car_inside(city), "open", key=key())
    second = await city.payments.begin(await a_car_inside(city), "open", key=key())
    assert await tell(city, success(first, provider_txn="same")) == Verdict.APPLIED
    assert await tell(city, success(second, provider_txn="same")) == Verdict.QUARANTINED


async def test_a_trade_that_is_not_ours_waits_and_is_given_up_after_the_providers_repeats(
    city: City, owner
):
    stranger = TradeFact("nobody", TradeState.SUCCESS, "m", amount_fen=Fen(1), provider_txn="x")
    event = key()
    assert await tell(city, stranger, event=event) is None
    late = "UPDATE payments.notice SET received_at = $2 WHERE event_key = $1"
    await owner.execute(late, event, city.clock.now() - timedelta(hours=26))
    await city.notices.handle_waiting()
    verdict = "SELECT verdict FROM payments.notice WHERE event_key = $1"
    assert await owner.fetchval(verdict, event) == "unmatched"


async def test_an_event_that_we_do_not_act_on_is_kept_and_acknowledged(city: City):
    assert await tell(city, None) == Verdict.IGNORED


async def test_an_unverifiable_notice_leaves_no_trace(city: City, owner):
    before = await owner.fetchval("SELECT count(*) FROM payments.notice")
    received = await city.notices.receive("open", {}, b"{}")
    assert (received.answer.status, received.notice_id) == (401, None)
    assert await owner.fetchval("SELECT count(*) FROM payments.notice") == before


async def test_a_stale_notice_is_only_a_hint_to_ask_the_provider(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    body = msgspec.json.encode(Notice(key(), "paid", success(attempt)))
    received = await city.notices.receive("open", {"word": "stale"}, body)
    assert received.answer.status == 401
    assert (await state_of(city, order_no))[1] == 1000
    city.channel.facts[attempt.attempt_no] = success(attempt)
    await city.payments.ask_providers()
    assert await state_of(city, order_no) == (OrderState.PAID, 0)


async def test_the_same_key_gets_the_same_attempt_and_another_request_is_refused(city: City):
    order_no = await a_car_inside(city)
    mine = key()
    first = await city.payments.begin(order_no, "open", key=mine)
    assert await city.payments.begin(order_no, "open", key=mine) == first
    with pytest.raises(KeyReused):
        await city.payments.begin(order_no, "other", key=mine)


async def test_many_payers_of_one_order_at_once_share_one_charge(city: City, owner):
    order_no = await a_car_inside(city)
    attempts = await asyncio.gather(
        *(city.payments.begin(order_no, name, key=key()) for name in ("open", "other") * 8)
    )
    assert {attempt.charge_no for attempt in attempts} == {1}
    assert len({attempt.attempt_no for attempt in attempts}) == 2


async def test_two_channels_that_both_pay_are_both_kept_and_the_later_is_to_be_refunded(
    city: City, owner
):
    order_no = await a_car_inside(city)
    first = await city.payments.begin(order_no, "open", key=key())
    second = await city.payments.begin(order_no, "other", key=key())
    assert await tell(city, success(first)) == Verdict.APPLIED
    assert await tell(city, success(second), channel="other") == Verdict.APPLIED
    rows = await owner.fetch(
        "SELECT state, surplus FROM payments.attempt WHERE order_no = $1 ORDER BY surplus", order_no
    )
    assert [tuple(row) for row in rows] == [("success", False), ("success", True)]
    due = await city.stays.due(order_no)
    assert due.order.paid_fen == 1000


async def test_while_an_attempt_lives_its_charge_keeps_its_amount(city: City):
    order_no = await a_car_inside(city, since=minutes(59))
    first = await city.payments.begin(order_no, "open", key=key())
    city.clock.go(minutes(5))
    second = await city.payments.begin(order_no, "other", key=key())
    assert (first.amount_fen, second.amount_fen) == (500, 500)
    city.clock.go(minutes(20))
    third = await city.payments.begin(order_no, "open", key=key())
    assert (third.amount_fen, third.charge_no) == (1000, 2)


async def test_late_money_for_a_dropped_charge_still_counts(city: City):
    order_no = await a_car_inside(city, since=minutes(59))
    first = await city.payments.begin(order_no, "open", key=key())
    city.clock.go(minutes(25))
    second = await city.payments.begin(order_no, "open", key=key())
    assert await tell(city, success(first)) == Verdict.APPLIED
    due = await city.stays.due(order_no)
    assert (second.amount_fen, due.order.paid_fen) == (1000, 500)


async def test_an_order_that_owes_nothing_cannot_be_paid(city: City):
    order_no = await a_car_inside(city, since=minutes(0))
    with pytest.raises(NothingDue):
        await city.payments.begin(order_no, "open", key=key())


@pytest.mark.parametrize("order_no", ["P0000007" + "A" * 24, "P9999999" + "A" * 24, "x", ""])
async def test_an_unknown_order_is_refused(city: City, order_no):
    with pytest.raises(OrderUnknown):
        await city.payments.begin(OrderNo(order_no), "open", key=key())


async def test_a_silent_provider_leaves_the_outcome_open_and_is_asked_later(city: City):
    order_no = await a_car_inside(city)
    mine = key()
    city.channel.refusal = ChannelUnavailable("silence")
    with pytest.raises(ChannelUnavailable):
        await city.payments.begin(order_no, "open", key=mine)
    number = city.channel.asked[-1].out_trade_no
    city.channel.refusal = None
    assert (await city.payments.begin(order_no, "open", key=mine)).attempt_no == number


async def test_an_attempt_that_nobody_paid_is_closed_there_and_here(city: City, owner):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    city.clock.go(minutes(11))
    await city.payments.ask_providers()
    assert attempt.attempt_no in city.channel.closed
    state = "SELECT state FROM payments.attempt WHERE attempt_no = $1"
    assert await owner.fetchval(state, attempt.attempt_no) == "closed"
    assert await tell(city, success(attempt)) == Verdict.APPLIED, "late money beats our closing"


async def test_a_car_that_left_owing_owes_to_its_exit_and_no_longer(city: City):
    order_no = await a_car_inside(city)
    plate = (await city.stays.due(order_no)).order.plate
    gone = a_passage(Kind.EXIT, EIGHT + minutes(61), plate=plate, lot_id=LotId(7))
    await city.stays.take([gone])
    city.clock.go(timedelta(days=30))
    [due] = await city.stays.dues(plate)
    assert (due.due_fen, due.state) == (1000, OrderState.OPEN)
    attempt = await city.payments.begin(order_no, "open", key=key())
    assert await tell(city, success(attempt)) == Verdict.APPLIED
    assert await city.stays.dues(plate) == []


async def test_payers_in_turn_cannot_freeze_a_price_for_the_day(city: City):
    order_no = await a_car_inside(city, since=minutes(59))
    amounts = []
    for turn in range(20):
        attempt = await city.payments.begin(order_no, ("open", "other")[turn % 2], key=key())
        amounts.append(attempt.amount_fen)
        city.clock.go(minutes(9))
    assert amounts[0] == 500
    assert amounts[-1] >= 1500, amounts


async def test_money_for_an_older_charge_is_taken_off_the_next_one(city: City):
    order_no = await a_car_inside(city, since=minutes(59))
    first = await city.payments.begin(order_no, "open", key=key())
    city.clock.go(minutes(25))
    await city.payments.begin(order_no, "open", key=key())
    await tell(city, success(first, paid_at=EIGHT + minutes(60)))
    city.clock.go(minutes(1))
    rest = await city.payments.begin(order_no, "other", key=key())
    assert rest.amount_fen == 500


async def test_a_notice_that_cannot_be_handled_holds_up_no_other(city: City, owner):
    await owner.execute(
        "INSERT INTO payments.notice (channel, event_key, event_type, fact, body, received_at)"
        " VALUES ('gone', 'k', 't', $1, '', now() - interval '1 hour')",
        msgspec.json.encode(TradeFact("x", TradeState.SUCCESS, "m")).decode(),
    )
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    body = msgspec.json.encode(Notice(key(), "paid", success(attempt)))
    await city.notices.receive("open", {"word": "please"}, body)
    late = "UPDATE payments.notice SET received_at = $1 WHERE handled_at IS NULL"
    await owner.execute(late, city.clock.now() - timedelta(minutes=1))
    await city.notices.handle_waiting()
    assert await state_of(city, order_no) == (OrderState.PAID, 0)
    await owner.execute("DELETE FROM payments.notice WHERE channel = 'gone'")
