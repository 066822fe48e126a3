"""Refunds that come to nothing wait for a person, and what that person makes of them."""

import asyncio

import pytest

from onepark.contexts.payments import refund_store
from onepark.contexts.payments.errors import (
    ChannelDeclined,
    ChannelUnavailable,
    RefundAbovePaid,
    RefundImpossible,
    RefundNotWaiting,
    RefundOpen,
    RefundUnknown,
)
from onepark.contexts.payments.model import (
    RefundFact,
    RefundState,
    RefundWord,
    Ruling,
    Verdict,
)
from onepark.contexts.payments.refund_desk import RefundDetail, RulingAsked
from onepark.contexts.payments.refund_store import Wanted
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import OperatorId
from tests.builders import minutes
from tests.store.payments.conftest import City, tell
from tests.store.payments.refunding import (
    BOSS,
    CITY_BOSS,
    a_paid_order,
    ask,
    drive,
    leaves,
    now,
    order_of,
    rule,
)

pytestmark = pytest.mark.usefixtures("nothing_goes_back")


async def one_that(city: City, word: RefundWord) -> RefundDetail:
    """A refund of 300 fen of which the provider says this at once."""
    city.channel.refunds.accepts_as = word
    order_no, _ = await a_paid_order(city)
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city)
    return await now(city, refund)


async def waiting(city: City, by: Principal = CITY_BOSS) -> list[RefundDetail]:
    page = await city.desk.page(Wanted(None, None, waiting=True), after="", limit=50, by=by)
    return list(page.refunds)


def fact(refund: RefundDetail, word: RefundWord) -> RefundFact:
    return RefundFact(refund.refund_no, refund.payment_no, word, "m", refund.amount_fen)


@pytest.mark.parametrize("word", [RefundWord.ABNORMAL, RefundWord.CLOSED])
async def test_what_came_to_nothing_waits_for_a_person_with_an_owner_and_a_clock(city: City, word):
    refund = await one_that(city, word)
    [seen] = await waiting(city)
    assert (seen, seen.owner, seen.trouble) == (refund, "operator", word.value)
    assert seen.waits_since_at is not None
    assert seen.due_at is not None
    assert (seen.due_at - seen.waits_since_at).days == 1
    asked = len(city.channel.refunds.asked)
    await drive(city, times=3)
    assert len(city.channel.refunds.asked) == asked, "nobody asks for it by himself"


async def test_only_its_own_operator_and_the_city_see_what_waits(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    stranger = Principal(9, "stranger", StaffRole.OPERATOR_ADMIN, OperatorId(8))
    assert (len(await waiting(city, BOSS)), await waiting(city, stranger)) == (1, [])
    with pytest.raises(RefundUnknown):
        await city.desk.rule(
            refund.refund_no, RulingAsked(Ruling.WITHDRAWN, "not mine"), by=stranger
        )


async def test_an_abnormal_refund_is_retried_under_its_own_number(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    assert (await rule(city, refund, Ruling.RETRIED)).state == RefundState.UNKNOWN
    city.channel.refunds.books[refund.refund_no].word = RefundWord.SUCCESS
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS
    assert list(city.channel.refunds.books) == [refund.refund_no]


async def test_a_retried_refund_may_come_to_nothing_again(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    for word in (RefundWord.ABNORMAL, RefundWord.CLOSED):
        await rule(city, refund, Ruling.RETRIED)
        city.channel.refunds.books[refund.refund_no].word = word
        await drive(city)
        assert [one.refund_no for one in await waiting(city)] == [refund.refund_no]


async def test_a_closed_refund_is_retried_under_a_new_number_in_its_place(city: City):
    refund = await one_that(city, RefundWord.CLOSED)
    city.channel.refunds.accepts_as = RefundWord.SUCCESS
    await rule(city, refund, Ruling.RETRIED)
    await rule(city, refund, Ruling.RETRIED)
    await drive(city)
    order = await order_of(city, refund.order_no)
    assert (order.paid_fen, await waiting(city)) == (700, [])
    assert len(city.channel.refunds.books) == 2


async def test_what_was_paid_by_hand_counts_as_given_back_and_a_later_success_alarms(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    ruled = await rule(city, refund, Ruling.PAID_ELSEWHERE)
    assert (ruled.state, ruled.ruled_by) == (RefundState.SUCCESS, "mayor")
    assert (await order_of(city, refund.order_no)).paid_fen == 700
    success = fact(refund, RefundWord.SUCCESS)
    assert await tell(city, None, refund=success) == Verdict.QUARANTINED
    assert (await order_of(city, refund.order_no)).paid_fen == 700


@pytest.mark.parametrize("word", [RefundWord.ABNORMAL, RefundWord.CLOSED])
async def test_what_is_withdrawn_may_be_asked_for_anew(city: City, word):
    refund = await one_that(city, word)
    assert (await rule(city, refund, Ruling.WITHDRAWN)).state == RefundState.CLOSED
    assert await rule(city, refund, Ruling.WITHDRAWN) == await now(city, refund)
    with pytest.raises(RefundNotWaiting):
        await rule(city, refund, Ruling.RETRIED)
    assert await ask(city, 1000, order_no=refund.order_no)


async def test_a_withdrawn_refund_that_is_paid_after_all_counts_while_it_fits(city: City):
    fits = await one_that(city, RefundWord.ABNORMAL)
    await rule(city, fits, Ruling.WITHDRAWN)
    success = fact(fits, RefundWord.SUCCESS)
    assert await tell(city, None, refund=success) == Verdict.APPLIED
    assert (await order_of(city, fits.order_no)).paid_fen == 700
    too_much = await one_that(city, RefundWord.ABNORMAL)
    await rule(city, too_much, Ruling.WITHDRAWN)
    await ask(city, 1000, order_no=too_much.order_no)
    success = fact(too_much, RefundWord.SUCCESS)
    assert await tell(city, None, refund=success) == Verdict.QUARANTINED


async def test_a_closed_refund_whose_place_is_taken_cannot_be_retried_or_paid_by_hand(city: City):
    refund = await one_that(city, RefundWord.CLOSED)
    await ask(city, 1000, order_no=refund.order_no)
    for ruling in (Ruling.RETRIED, Ruling.PAID_ELSEWHERE):
        with pytest.raises(RefundAbovePaid):
            await rule(city, refund, ruling)


async def test_refunds_that_may_not_be_asked_for_yet_hold_up_no_other(city: City, owner):
    orders = [await a_paid_order(city) for _ in range(6)]
    for order_no, _ in orders:
        await ask(city, 300, order_no=order_no)
        city.clock.go(minutes(1))
    await owner.execute(
        "UPDATE payments.attempt SET next_refund_at = $1 WHERE attempt_no <> $2",
        *(city.clock.at + minutes(10), orders[-1][1].attempt_no),
    )
    async with city.db.transaction() as tx:
        due = await refund_store.lock_due(tx, city.clock.at, limit=1)
    assert list(due) == [orders[-1][1].attempt_no]


async def test_what_nobody_answers_is_handed_to_a_person_who_can_only_have_it_retried(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.loses = 1_000
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city, times=40)
    assert len(city.channel.refunds.asked) == 32
    [seen] = await waiting(city)
    assert (seen.state, seen.trouble) == (RefundState.ABNORMAL, "unanswered")
    for ruling in (Ruling.PAID_ELSEWHERE, Ruling.WITHDRAWN):
        with pytest.raises(RefundOpen):
            await rule(city, refund, ruling)
    city.channel.refunds.loses = 0
    await rule(city, refund, Ruling.RETRIED)
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS


async def test_what_is_declined_waits_for_a_person_at_once(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.refusal = ChannelDeclined("too old", provider_code="TOO_OLD")
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city)
    [seen] = await waiting(city)
    assert (seen.refund_no, seen.trouble) == (refund.refund_no, "TOO_OLD")


async def test_what_is_declined_but_booked_follows_the_book(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.silent = 1
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city)
    city.channel.refunds.refusal = ChannelDeclined("once only", provider_code="REPEATED")
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS


async def test_an_empty_account_is_tried_again_with_the_same_number(city: City):
    order_no, _ = await a_paid_order(city)
    city.channel.refunds.refusal = ChannelUnavailable("empty", provider_code="NOT_ENOUGH")
    [refund] = await ask(city, 300, order_no=order_no)
    await drive(city, times=3)
    assert (await now(city, refund)).trouble == "NOT_ENOUGH"
    city.channel.refunds.refusal = None
    await drive(city)
    assert (await now(city, refund)).state == RefundState.SUCCESS


async def test_two_people_cannot_settle_one_refund_differently(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    rulings = (Ruling.PAID_ELSEWHERE, Ruling.WITHDRAWN)
    done = await asyncio.gather(
        *(rule(city, refund, ruling) for ruling in rulings), return_exceptions=True
    )
    assert len([one for one in done if isinstance(one, RefundNotWaiting)]) == 1


async def test_a_ruling_needs_a_reason_that_can_be_read(city: City):
    refund = await one_that(city, RefundWord.ABNORMAL)
    with pytest.raises(RefundImpossible):
        await city.desk.rule(refund.refund_no, RulingAsked(Ruling.RETRIED, "a\nbc"), by=BOSS)


async def test_a_fee_that_sank_is_not_given_back_again_while_a_person_has_it(city: City):
    city.channel.refunds.accepts_as = RefundWord.CLOSED
    order_no, attempt = await a_paid_order(city)
    await leaves(city, order_no, after=30)
    for _ in range(3):
        await city.refunds.give_back()
        await drive(city)
    [seen] = await waiting(city)
    assert (seen.cause, seen.amount_fen) == ("order", 500)
    city.channel.refunds.accepts_as = RefundWord.SUCCESS
    await rule(city, seen, Ruling.RETRIED)
    await city.refunds.give_back()
    await drive(city, times=2)
    assert city.channel.refunds.went_back_fen(attempt.attempt_no) == 500
    assert (await order_of(city, order_no)).refund_due_fen == 0


async def test_a_slow_refund_is_handed_to_a_person_after_a_week(city: City):
    refund = await one_that(city, RefundWord.PROCESSING)
    for _ in range(180):
        await city.refunds.ask_providers()
        city.clock.go(minutes(60))
    [seen] = await waiting(city)
    assert (seen.refund_no, seen.trouble) == (refund.refund_no, "slow")
    success = fact(refund, RefundWord.SUCCESS)
    assert await tell(city, None, refund=success) == Verdict.APPLIED


async def test_a_page_goes_on_where_the_one_before_ended(city: City):
    order_no, _ = await a_paid_order(city)
    made = [(await ask(city, fen, order_no=order_no))[0] for fen in (1, 2, 3)]
    wanted, seen, after = Wanted(order_no, RefundState.NEW, waiting=False), [], ""
    for _ in range(2):
        page = await city.desk.page(wanted, after=after, limit=2, by=BOSS)
        seen += [one.refund_no for one in page.refunds]
        after = page.next_after or ""
    assert seen == sorted(one.refund_no for one in made)
