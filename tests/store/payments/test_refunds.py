"""Money that goes back, against the real database: never twice, never above what was paid."""

import asyncio
from datetime import timedelta

import pytest

from onepark.contexts.payments.errors import (
    KeyMissing,
    KeyReused,
    PaymentUnknown,
    RefundAbovePaid,
    RefundImpossible,
)
from onepark.contexts.payments.model import (
    RefundFact,
    RefundState,
    RefundWord,
    Verdict,
)
from onepark.contexts.stays.model import OrderState
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import Fen, OperatorId
from tests.builders import minutes
from tests.store.payments.conftest import City, a_car_inside, key, success, tell
from tests.store.payments.refunding import (
    BOSS,
    a_paid_order,
    ask,
    balanced,
    drive,
    leaves,
    now,
    order_of,
    told,
)

pytestmark = pytest.mark.usefixtures("nothing_goes_back")


# -- asking --------------------------------------------------------------------------------------


async def test_part_of_a_payment_goes_back_and_the_order_is_asked_for_no_more(city: City):
    order_no, attempt = await a_paid_order(city)
    await leaves(city, order_no, after=62)
    [refund] = await ask(city, 300, order_no=order_no)
    assert (refund.state, refund.payment_no) == (RefundState.NEW, attempt.attempt_no)
    assert (await order_of(city, order_no)).paid_fen == 1000
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.owed_fen, order.written_off_fen) == (700, 0, 300)
    assert (order.state, balanced(order)) == (OrderState.PAID, True)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 300


async def test_a_car_that_got_everything_back_while_inside_has_paid_nothing(city: City):
    order_no, _ = await a_paid_order(city)
    await ask(city, 1000, order_no=order_no)
    await drive(city)
    order = await order_of(city, order_no)
    assert (order.paid_fen, order.state, order.covered_until_at) == (0, OrderState.OPEN, None)
    assert (await city.stays.due(order_no)).due_fen == 1500


async def test_the_same_key_asks_once_and_another_refund_under_it_is_refused(city: City):
    order_no, attempt = await a_paid_order(city)
    mine = key()
    first = await ask(city, 300, order_no=order_no, key=mine)
    assert await ask(city, 300, order_no=order_no, key=mine) == first
    with pytest.raises(KeyReused):
        await ask(city, 301, order_no=order_no, key=mine)
    await drive(city, times=3)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 300


async def test_fifty_requests_at_once_never_come_to_more_than_was_paid(city: City, owner):
    order_no, attempt = await a_paid_order(city)
    many = (ask(city, 70, order_no=order_no) for _ in range(50))
    done = await asyncio.gather(*many, return_exceptions=True)
    refused = [one for one in done if isinstance(one, RefundAbovePaid)]
    assert len(done) - len(refused) == 14, "14 times 70 is 980"
    assert {one.facts["left_fen"] for one in refused} == {20}
    await drive(city, times=16)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 980
    assert (await order_of(city, order_no)).paid_fen == 20


async def test_fifty_copies_of_one_request_reserve_once(city: City):
    order_no, _ = await a_paid_order(city)
    mine = key()
    done = await asyncio.gather(*(ask(city, 70, order_no=order_no, key=mine) for _ in range(50)))
    assert len({refund.refund_no for [refund] in done}) == 1


async def test_an_order_that_was_paid_in_parts_gives_back_from_the_newest_payment_on(city: City):
    order_no, first = await a_paid_order(city)
    city.clock.go(minutes(70))
    second = await city.payments.begin(order_no, "other", key=key())
    assert second.amount_fen == 500
    paid = success(second, paid_at=city.clock.at)
    assert await tell(city, paid, channel="other") == Verdict.APPLIED
    refunds = await ask(city, 800, order_no=order_no)
    assert {one.payment_no: one.amount_fen for one in refunds} == {
        second.attempt_no: 500,
        first.attempt_no: 300,
    }
    with pytest.raises(RefundAbovePaid) as above:
        await ask(city, 701, order_no=order_no)
    assert above.value.facts["left_fen"] == 700


@pytest.mark.parametrize(
    ("named", "reason", "refusal"),
    [
        ({}, "because so", RefundImpossible),
        ({"order_no": "P0000007" + "A" * 24, "payment_no": "A" * 32}, "no", RefundImpossible),
        ({"order_no": "P0000007" + "A" * 24}, "a\nb", RefundImpossible),
        ({"order_no": "P0000007" + "A" * 24}, "because so", PaymentUnknown),
        ({"payment_no": "A" * 32}, "because so", PaymentUnknown),
    ],
)
async def test_a_request_that_names_no_payment_is_refused(city: City, named, reason, refusal):
    with pytest.raises(refusal):
        await ask(city, 100, reason=reason, **named)


async def test_nothing_goes_back_of_a_payment_that_is_not_paid(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    for named in ({"order_no": order_no}, {"payment_no": attempt.attempt_no}):
        with pytest.raises(RefundAbovePaid) as above:
            await ask(city, 1, **named)
        assert above.value.facts["left_fen"] == 0


async def test_another_operator_neither_sees_nor_moves_the_money(city: City):
    order_no, _ = await a_paid_order(city)
    stranger = Principal(9, "stranger", StaffRole.OPERATOR_ADMIN, OperatorId(8))
    with pytest.raises(PaymentUnknown):
        await ask(city, 1, order_no=order_no, by=stranger)
    assert await ask(city, 1, order_no=order_no, by=BOSS)


async def test_a_refund_needs_a_key(city: City):
    order_no, _ = await a_paid_order(city)
    with pytest.raises(KeyMissing):
        await ask(city, 1, order_no=order_no, key="a\nb")


async def test_who_asked_and_why_stands_in_the_audit_trail(city: City, owner):
    order_no, _ = await a_paid_order(city)
    [refund] = await ask(city, 300, order_no=order_no, by=BOSS)
    row = await owner.fetchrow(
        "SELECT actor, action, operator_id, after FROM access.audit WHERE subject = $1",
        f"refund {refund.refund_no}",
    )
    assert row[:3] == ("boss", "payments.refund_asked", 7)
    assert "the barrier stayed shut" in row[3]


# -- time-outs, answers, queries, notices ----------------------------------------------------------


@pytest.mark.parametrize("lost", ["loses", "silent"])
async def test_after_a_time_out_the_same_number_is_sent_and_never_a_second_refund(city: City, lost):
    order_no, attempt = await a_paid_order(city)
    setattr(city.channel.refunds, lost, 3)
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city)
    after = await now(city, refund)
    assert (after.state, after.trouble) == (RefundState.UNKNOWN, "unanswered")
    await drive(city, times=4)
    assert (await now(city, refund)).state == RefundState.SUCCESS
    assert {one.refund_no for one in city.channel.refunds.asked} == {refund.refund_no}
    assert len(set(city.channel.refunds.asked)) == 1, "with the same content"
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 300
    assert (await order_of(city, order_no)).paid_fen == 700


async def test_an_unanswered_refund_is_sent_again_after_growing_pauses(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.loses = 100
    await ask(city, 300, order_no=order_no)
    began, asked_after = city.clock.at, []
    for _ in range(6 * 25):
        before = len(city.channel.refunds.asked)
        await city.refunds.ask_providers()
        if len(city.channel.refunds.asked) > before:
            asked_after.append(int((city.clock.at - began).total_seconds()))
        city.clock.go(timedelta(seconds=10))
    assert asked_after == [0, 10, 40, 100, 220, 520, 1120]


async def test_nobody_asks_twice_at_the_same_time(city: City):
    order_no, _ = await a_paid_order(city)
    await ask(city, 300, order_no=order_no)
    await asyncio.gather(*(city.refunds.ask_providers() for _ in range(3)))
    assert len(city.channel.refunds.asked) == 1


async def test_refunds_of_one_trade_are_asked_for_seconds_apart(city: City):
    order_no, _ = await a_paid_order(city)
    for _ in range(2):
        await ask(city, 100, order_no=order_no)
    asked = city.channel.refunds.asked
    await city.refunds.ask_providers()
    await city.refunds.ask_providers()
    assert len(asked) == 1
    city.clock.go(timedelta(seconds=3))
    await city.refunds.ask_providers()
    assert len({one.refund_no for one in asked}) == 2


async def test_an_accepted_refund_is_paid_when_a_notice_a_query_or_both_say_so(city: City):
    city.channel.refunds.accepts_as = RefundWord.PROCESSING
    order_no, attempt = await a_paid_order(city)
    [by_notice] = await ask(city, 100, order_no=order_no)
    [by_query] = await ask(city, 200, order_no=order_no)
    await drive(city, times=2)
    assert (await now(city, by_query)).state == RefundState.PROCESSING
    assert (await order_of(city, order_no)).paid_fen == 1000
    assert await tell(city, None, refund=told(by_notice, attempt)) == Verdict.APPLIED
    assert await tell(city, None, refund=told(by_notice, attempt)) == Verdict.NOTHING_NEW
    city.channel.refunds.books[by_query.refund_no].word = RefundWord.SUCCESS
    await drive(city, times=2)
    assert (await now(city, by_query)).state == RefundState.SUCCESS
    assert await tell(city, None, refund=told(by_query, attempt)) == Verdict.NOTHING_NEW
    assert (await order_of(city, order_no)).paid_fen == 700


async def test_an_accepted_refund_that_the_provider_lost_is_sent_again(city: City):
    city.channel.refunds.accepts_as = RefundWord.PROCESSING
    order_no, _ = await a_paid_order(city)
    [refund] = await ask(city, 100, order_no=order_no)
    await drive(city)
    city.channel.refunds.books.clear()
    city.channel.refunds.accepts_as = RefundWord.SUCCESS
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS


async def test_a_hundred_copies_of_a_refund_notice_count_once(city: City):
    order_no, attempt = await a_paid_order(city)
    [refund] = await ask(city, 400, order_no=order_no)
    fact = told(refund, attempt)
    verdicts = await asyncio.gather(*(tell(city, None, refund=fact) for _ in range(100)))
    assert verdicts.count(Verdict.APPLIED) == 1
    assert (await order_of(city, order_no)).paid_fen == 600


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": Fen(301)},
        {"merchant": "another"},
        {"paid_fen": Fen(999)},
        {"amount_fen": None, "so_far_fen": Fen(299)},
        {"amount_fen": None, "so_far_fen": Fen(1001)},
    ],
)
async def test_a_refund_that_does_not_agree_is_set_aside_and_changes_nothing(city: City, changes):
    order_no, attempt = await a_paid_order(city)
    [refund] = await ask(city, 300, order_no=order_no)
    fact = told(refund, attempt, **changes)
    assert await tell(city, None, refund=fact) == Verdict.QUARANTINED
    assert (await now(city, refund)).state == RefundState.NEW


async def test_a_refund_that_is_told_of_another_trade_is_set_aside(city: City):
    order_no, _ = await a_paid_order(city)
    [refund] = await ask(city, 300, order_no=order_no)
    _, another = await a_paid_order(city)
    assert await tell(city, None, refund=told(refund, another)) == Verdict.QUARANTINED


# -- a notice that tells of a payment and a refund at once -----------------------------------------


async def test_a_refund_notice_before_the_payment_notice_tells_of_both(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    foreign = RefundFact(
        "made-at-the-provider",
        attempt.attempt_no,
        RefundWord.SUCCESS,
        "m",
        so_far_fen=Fen(100),
    )
    assert await tell(city, success(attempt), refund=foreign) == Verdict.UNMATCHED
    assert (await order_of(city, order_no)).paid_fen == 1000


async def test_a_refund_notice_alone_has_the_payment_asked_for(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    city.channel.facts[attempt.attempt_no] = success(attempt)
    foreign = RefundFact("strange", attempt.attempt_no, RefundWord.SUCCESS, "m", Fen(1000))
    assert await tell(city, None, refund=foreign) == Verdict.UNMATCHED
    await city.payments.ask_providers()
    assert (await order_of(city, order_no)).paid_fen == 1000


async def test_the_payment_notice_may_come_after_its_refund_was_paid(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    city.channel.facts[attempt.attempt_no] = success(attempt)
    city.clock.go(minutes(1))
    await city.payments.ask_providers()
    await ask(city, 1000, order_no=order_no)
    await drive(city)
    assert await tell(city, success(attempt)) == Verdict.NOTHING_NEW
    assert (await order_of(city, order_no)).paid_fen == 0


async def test_a_cumulative_sum_that_is_told_twice_counts_each_refund_once(city: City):
    order_no, attempt = await a_paid_order(city)
    refunds = [(await ask(city, fen, order_no=order_no))[0] for fen in (300, 200)]
    facts = [
        told(refund, attempt, amount_fen=None, so_far_fen=Fen(so_far))
        for refund, so_far in zip(refunds, (300, 500), strict=True)
    ]
    paid = success(attempt)
    verdicts = [await tell(city, paid, refund=fact) for fact in (facts[1], facts[0], *facts)]
    assert verdicts[:2] == [Verdict.APPLIED] * 2
    assert verdicts[2:] == [Verdict.NOTHING_NEW] * 2
    assert (await order_of(city, order_no)).paid_fen == 500


async def test_a_wrong_payment_keeps_its_refund_from_being_believed(city: City):
    order_no = await a_car_inside(city)
    attempt = await city.payments.begin(order_no, "open", key=key())
    wrong = success(attempt, amount_fen=Fen(1))
    refund = RefundFact("strange", attempt.attempt_no, RefundWord.SUCCESS, "m", Fen(1))
    assert await tell(city, wrong, refund=refund) == Verdict.QUARANTINED


async def test_a_refund_of_a_trade_that_is_not_ours_waits(city: City):
    fact = RefundFact("r", "nobody", RefundWord.SUCCESS, "m", Fen(1))
    assert await tell(city, None, refund=fact) is None
