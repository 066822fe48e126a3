"""Invoices against the real database: one that stands an order, never above what stays paid."""

import asyncio
from datetime import date

import asyncpg
import pytest
from msgspec.structs import replace

from onepark.contexts.invoices.desk import RedAsked, ResultAsked, RetryAsked
from onepark.contexts.invoices.errors import (
    ChannelNotInvoiced,
    FileMissing,
    FiscalReceiptOnly,
    InvoiceUnknown,
    NothingPaid,
    NotWaiting,
    OrderInvoiced,
    OrdersDiffer,
    OrderStillOpen,
    SellerInvalid,
    SellerMissing,
    TitleInvalid,
    VatInvoiceOnly,
)
from onepark.contexts.invoices.model import Document, FileFormat, InvoiceState, RedReason, Word
from onepark.contexts.invoices.store import Wanted
from onepark.contexts.payments.model import RefundFact, RefundWord, Verdict
from onepark.kernel.types import Fen
from tests.fakes.invoice_provider import DECLINED
from tests.store.invoices.conftest import (
    COMPANY,
    FINANCE,
    FISCAL,
    FOREIGN,
    SOMEBODY,
    STRANGER,
    STREET,
    Bureau,
    a_paid_order,
    a_seller,
    ask,
)
from tests.store.payments.conftest import tell
from tests.store.payments.refunding import ask as ask_refund
from tests.store.payments.refunding import drive

WHY = RetryAsked("talked to the tax office")


# -- asking --------------------------------------------------------------------------------------


async def test_a_paid_order_is_invoiced_with_its_tax_and_lease(bureau: Bureau):
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no, title=COMPANY)
    assert (made.state, made.document) == (InvoiceState.REQUESTED, Document.GENERAL)
    assert (made.total_fen, made.tax_fen, made.rate_bp) == (1000, 83, 900)
    await bureau.work(2)
    shown = await bureau.invoices.show(made.invoice_no)
    assert (shown.state, shown.number) == (InvoiceState.ISSUED, "26322000000000000000")
    [lease] = (await bureau.desk.one(made.invoice_no, by=FINANCE)).lease
    assert (lease.province, lease.city, lease.address) == ("江苏省", "无锡市", "人民路 7 号")
    assert (lease.lease_from, lease.lease_until) == ("2026-11-20 08:00", "2026-11-20 09:02")
    assert not lease.cross_city
    assert lease.plate.startswith("苏B")
    assert (await bureau.invoices.file(made.invoice_no, FileFormat.PDF)).body.startswith(b"%PDF")
    with pytest.raises(FileMissing):
        await bureau.invoices.file(made.invoice_no, FileFormat.OFD)


async def test_several_orders_stand_on_one_invoice_and_each_line_has_its_tax(bureau: Bureau):
    orders = [await a_paid_order(bureau) for _ in range(3)]
    made = await ask(bureau, *orders)
    assert (made.total_fen, made.tax_fen) == (3000, 249), "three times 83, not 248"
    assert set(made.order_nos) == set(orders)


async def test_the_same_request_again_is_the_same_invoice_and_another_is_refused(bureau: Bureau):
    first, second = await a_paid_order(bureau), await a_paid_order(bureau)
    made = await ask(bureau, first)
    assert (await ask(bureau, first)).invoice_no == made.invoice_no
    for wanted in ({"title": COMPANY}, {"document": Document.SPECIAL, "title": COMPANY}):
        with pytest.raises(OrderInvoiced):
            await ask(bureau, first, **wanted)
    with pytest.raises(OrderInvoiced):
        await ask(bureau, second, first)


async def test_fifty_requests_at_once_for_one_order_make_one_invoice(bureau: Bureau, owner):
    order_no = await a_paid_order(bureau)
    titles = [replace(SOMEBODY, name=f"某人{n % 5}") for n in range(50)]
    asked = (ask(bureau, order_no, title=title) for title in titles)
    done = await asyncio.gather(*asked, return_exceptions=True)
    made = {one.invoice_no for one in done if not isinstance(one, BaseException)}
    assert len(made) == 1
    assert all(isinstance(one, OrderInvoiced) for one in done if isinstance(one, BaseException))
    assert await owner.fetchval("SELECT count(*) FROM invoices.line WHERE live") == 1


async def test_the_database_itself_keeps_a_second_invoice_from_standing(bureau: Bureau, owner):
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no)
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute(
            "INSERT INTO invoices.line SELECT 'I2', 1, true, operator_id, lot_id, order_no,"
            " amount_fen, tax_fen, province, city, address, cross_city, lease_from_at,"
            " lease_until_at, plate FROM invoices.line WHERE invoice_no = $1",
            made.invoice_no,
        )


@pytest.mark.parametrize("document", [Document.GENERAL, Document.SPECIAL])
async def test_non_tax_revenue_is_never_invoiced_for_tax(bureau: Bureau, document):
    order_no = await a_paid_order(bureau, lot_id=STREET)
    with pytest.raises(FiscalReceiptOnly):
        await ask(bureau, order_no, title=COMPANY, document=document)
    made = await ask(bureau, order_no, title=COMPANY)
    assert (made.document, made.tax_fen, made.rate_bp) == (Document.FISCAL, 0, None)


async def test_a_sale_gets_no_fiscal_receipt_and_neither_goes_with_the_other(bureau: Bureau):
    sale, fee = await a_paid_order(bureau), await a_paid_order(bureau, lot_id=STREET)
    with pytest.raises(VatInvoiceOnly):
        await ask(bureau, sale, document=Document.FISCAL)
    with pytest.raises(OrdersDiffer):
        await ask(bureau, sale, fee)


async def test_orders_of_two_operators_do_not_go_on_one_invoice(bureau: Bureau):
    ours, theirs = await a_paid_order(bureau), await a_paid_order(bureau, lot_id=FOREIGN)
    with pytest.raises(OrdersDiffer):
        await ask(bureau, ours, theirs)
    with pytest.raises(SellerMissing):
        await ask(bureau, theirs)


async def test_a_car_that_is_inside_is_not_invoiced_yet(bureau: Bureau):
    order_no = await a_paid_order(bureau, left=False)
    with pytest.raises(OrderStillOpen):
        await ask(bureau, order_no)


@pytest.mark.parametrize("tax_id", [None, "91350100M000100Y44", "91350100M000100Y4I"])
async def test_an_organisation_needs_a_tax_id_whose_check_fits(bureau: Bureau, tax_id):
    order_no = await a_paid_order(bureau)
    with pytest.raises(TitleInvalid) as refused:
        await ask(bureau, order_no, title=replace(COMPANY, tax_id=tax_id))
    assert refused.value.facts["field"] == "title.tax_id"


async def test_a_provider_that_does_not_cover_the_channel_is_not_asked(bureau: Bureau):
    bureau.provider.channels = frozenset({"open"})
    order_no = await a_paid_order(bureau, channel="other")
    with pytest.raises(ChannelNotInvoiced):
        await ask(bureau, order_no)


async def test_the_seller_of_the_day_makes_it_out(bureau: Bureau):
    await bureau.office.file(
        a_seller(rate_bp=500, valid_from=date(2026, 11, 20), valid_until=date(2026, 11, 20)),
        by=FINANCE,
    )
    order_no = await a_paid_order(bureau)
    assert (await ask(bureau, order_no)).rate_bp == 500
    with pytest.raises(SellerInvalid):
        await bureau.office.file(a_seller(), by=FINANCE)
    later = await a_paid_order(bureau)
    bureau.city.clock.at = bureau.city.clock.at.replace(day=21)
    with pytest.raises(SellerMissing):
        await ask(bureau, later)


# -- providers -----------------------------------------------------------------------------------


async def test_an_invoice_whose_answer_got_lost_is_made_out_once(bureau: Bureau):
    bureau.provider.silent = 3
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(6)
    assert await bureau.state(made) == InvoiceState.ISSUED
    assert len(bureau.provider.books) == 1


async def test_a_request_that_got_lost_is_sent_again_under_its_number(bureau: Bureau):
    bureau.provider.loses = 3
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(6)
    assert await bureau.state(made) == InvoiceState.ISSUED
    assert (bureau.provider.issues, list(bureau.provider.books)) == (4, [made.invoice_no])


async def test_many_workers_ask_for_each_invoice_once(bureau: Bureau):
    made = [await ask(bureau, await a_paid_order(bureau)) for _ in range(5)]
    await asyncio.gather(*(bureau.issuing.ask_providers() for _ in range(8)))
    assert (bureau.provider.issues, len(bureau.provider.books)) == (5, len(made))


async def test_a_declined_invoice_fails_and_a_person_has_it_tried_again(bureau: Bureau):
    bureau.provider.refusal = DECLINED
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no)
    await bureau.work()
    detail = await bureau.desk.one(made.invoice_no, by=FINANCE)
    assert (detail.invoice.state, detail.trouble) == (InvoiceState.FAILED, "TAX_ID_UNKNOWN")
    page = await bureau.desk.page(Wanted(None, None, True), after="", limit=10, by=FINANCE)
    assert [one.invoice.invoice_no for one in page.invoices] == [made.invoice_no]
    bureau.provider.refusal = None
    await bureau.desk.retry(made.invoice_no, WHY, by=FINANCE)
    await bureau.work(3)
    assert await bureau.state(made) == InvoiceState.ISSUED
    with pytest.raises(NotWaiting):
        await bureau.desk.retry(made.invoice_no, WHY, by=FINANCE)


async def test_a_failed_invoice_makes_room_and_is_not_tried_again_beside_the_next(bureau: Bureau):
    bureau.provider.refusal = DECLINED
    order_no = await a_paid_order(bureau)
    failed = await ask(bureau, order_no)
    await bureau.work()
    bureau.provider.refusal = None
    again = await ask(bureau, order_no, title=COMPANY)
    assert again.invoice_no != failed.invoice_no
    with pytest.raises(OrderInvoiced):
        await bureau.desk.retry(failed.invoice_no, WHY, by=FINANCE)


async def test_a_failed_invoice_is_not_tried_again_for_more_than_stays_paid(bureau: Bureau):
    bureau.provider.refusal = DECLINED
    order_no = await a_paid_order(bureau)
    failed = await ask(bureau, order_no)
    await bureau.work()
    await ask_refund(bureau.city, 300, order_no=order_no)
    with pytest.raises(NotWaiting):
        await bureau.desk.retry(failed.invoice_no, WHY, by=FINANCE)


async def test_a_provider_that_speaks_of_another_amount_is_not_believed(bureau: Bureau):
    bureau.provider.more_fen = 1
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(2)
    detail = await bureau.desk.one(made.invoice_no, by=FINANCE)
    assert (detail.invoice.state, detail.trouble) == (InvoiceState.ISSUING, "mismatch")


async def test_an_invoice_that_is_never_made_out_is_handed_to_a_person(bureau: Bureau):
    bureau.provider.slow = True
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work(50)
    detail = await bureau.desk.one(made.invoice_no, by=FINANCE)
    assert (detail.invoice.state, detail.trouble) == (InvoiceState.ISSUING, "slow")
    assert detail.waits_since_at is not None


# -- taking back ---------------------------------------------------------------------------------


async def test_a_refund_has_the_invoice_taken_back_and_the_rest_made_out(bureau: Bureau):
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no, title=COMPANY)
    await bureau.work(2)
    [refund] = await ask_refund(bureau.city, 300, order_no=order_no)
    await drive(bureau.city)
    assert (await bureau.city.desk.one(refund.refund_no, by=FINANCE)).refunded_at is not None, (
        "the payer waits for no red invoice"
    )
    with pytest.raises(OrderInvoiced):
        await ask(bureau, order_no)
    await bureau.work(6)
    first = await bureau.invoices.show(made.invoice_no)
    assert (first.state, first.red_number is not None) == (InvoiceState.REVERSED, True)
    rest = await ask(bureau, order_no, title=COMPANY)
    assert rest.invoice_no != made.invoice_no
    assert (rest.total_fen, rest.state) == (700, InvoiceState.ISSUED)
    assert bureau.provider.stands_fen() == 700
    assert (await bureau.desk.one(rest.invoice_no, by=FINANCE)).follows == made.invoice_no
    assert first.followed_by == rest.invoice_no


async def test_a_whole_refund_leaves_nothing_to_invoice(bureau: Bureau):
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no)
    await bureau.work(2)
    await ask_refund(bureau.city, 1000, order_no=order_no)
    await drive(bureau.city)
    await bureau.work(6)
    assert await bureau.state(made) == InvoiceState.REVERSED
    assert (bureau.provider.stands_fen(), len(bureau.provider.books)) == (0, 1)
    with pytest.raises(NothingPaid):
        await ask(bureau, order_no)


async def test_a_closed_refund_that_is_paid_after_all_has_the_invoice_taken_back(bureau: Bureau):
    bureau.city.channel.refunds.accepts_as = RefundWord.CLOSED
    order_no = await a_paid_order(bureau)
    [refund] = await ask_refund(bureau.city, 300, order_no=order_no)
    await drive(bureau.city)
    made = await ask(bureau, order_no)
    await bureau.work(2)
    assert (made.total_fen, bureau.provider.stands_fen()) == (1000, 1000)
    paid = RefundFact(refund.refund_no, refund.payment_no, RefundWord.SUCCESS, "m", Fen(300))
    assert await tell(bureau.city, None, refund=paid) == Verdict.APPLIED
    await bureau.work(6)
    assert await bureau.state(made) == InvoiceState.REVERSED
    assert bureau.provider.stands_fen() == 700


async def test_after_a_refund_only_the_rest_is_invoiced(bureau: Bureau):
    order_no = await a_paid_order(bureau)
    await ask_refund(bureau.city, 300, order_no=order_no)
    assert (await ask(bureau, order_no)).total_fen == 700


async def test_a_refund_before_the_provider_heard_withdraws_and_makes_out_the_rest(bureau: Bureau):
    order_no = await a_paid_order(bureau)
    made = await ask(bureau, order_no)
    await ask_refund(bureau.city, 300, order_no=order_no)
    await bureau.work(5)
    assert await bureau.state(made) == InvoiceState.FAILED
    assert (len(bureau.provider.books), bureau.provider.stands_fen()) == (1, 700)


async def test_refunds_and_requests_at_once_end_at_what_stays_paid(bureau: Bureau):
    orders = [await a_paid_order(bureau) for _ in range(8)]
    asked = [ask(bureau, order_no) for order_no in orders]
    refunds = [ask_refund(bureau.city, 400, order_no=order_no) for order_no in orders]
    await asyncio.gather(*asked, *refunds)
    await bureau.work(8)
    assert bureau.provider.stands_fen() == 8 * 600


async def test_a_red_invoice_that_the_buyer_refuses_waits_for_a_person(bureau: Bureau):
    bureau.provider.refuses_red = True
    made = await ask(bureau, await a_paid_order(bureau), title=COMPANY)
    await bureau.work(2)
    asked = RedAsked(RedReason.ISSUE_ERROR)
    await bureau.desk.take_back(made.invoice_no, asked, by=FINANCE)
    await bureau.work(2)
    detail = await bureau.desk.one(made.invoice_no, by=FINANCE)
    assert (detail.invoice.state, detail.trouble) == (InvoiceState.RED_REQUESTED, "red_refused")
    bureau.provider.refuses_red = False
    await bureau.desk.retry(made.invoice_no, WHY, by=FINANCE)
    await bureau.work(3)
    assert await bureau.state(made) == InvoiceState.REVERSED
    assert (await bureau.desk.take_back(made.invoice_no, asked, by=FINANCE)).invoice.red_number


async def test_only_an_issued_invoice_is_taken_back(bureau: Bureau):
    made = await ask(bureau, await a_paid_order(bureau))
    asked = RedAsked(RedReason.ISSUE_ERROR)
    with pytest.raises(NotWaiting):
        await bureau.desk.take_back(made.invoice_no, asked, by=FINANCE)


async def test_a_provider_that_takes_back_unasked_is_not_believed(bureau: Bureau):
    made = await ask(bureau, await a_paid_order(bureau))
    await bureau.work()
    bureau.provider.books[made.invoice_no].word = Word.REVERSED
    await bureau.work()
    detail = await bureau.desk.one(made.invoice_no, by=FINANCE)
    assert (detail.invoice.state, detail.trouble) == (InvoiceState.ISSUING, "mismatch")


async def test_a_receipt_is_made_out_and_taken_back_by_hand(bureau: Bureau):
    await bureau.office.file(
        a_seller(**FISCAL, provider="by_hand", valid_from=date(2026, 11, 1)), by=FINANCE
    )
    made = await ask(bureau, await a_paid_order(bureau, lot_id=STREET))
    await bureau.work()
    at = bureau.city.clock.now()
    done = await bureau.desk.result(made.invoice_no, ResultAsked("32000001", at), by=FINANCE)
    assert (done.invoice.state, done.invoice.number) == (InvoiceState.ISSUED, "32000001")
    await bureau.desk.take_back(made.invoice_no, RedAsked(RedReason.ISSUE_ERROR), by=FINANCE)
    await bureau.work()
    done = await bureau.desk.result(made.invoice_no, ResultAsked("32000002", at), by=FINANCE)
    assert (done.invoice.state, done.invoice.red_number) == (InvoiceState.REVERSED, "32000002")


# -- who may see it ------------------------------------------------------------------------------


async def test_staff_of_another_operator_see_nothing_of_it(bureau: Bureau):
    made = await ask(bureau, await a_paid_order(bureau))
    with pytest.raises(InvoiceUnknown):
        await bureau.desk.one(made.invoice_no, by=STRANGER)
    with pytest.raises(InvoiceUnknown):
        await bureau.desk.retry(made.invoice_no, WHY, by=STRANGER)
    page = await bureau.desk.page(Wanted(None, None, False), after="", limit=10, by=STRANGER)
    assert page.invoices == ()
    assert (await bureau.office.sellers(by=STRANGER)).sellers == ()
