"""The real adapter makes invoices out through the provider simulator, over HTTP.

Owns: an invoice from its request to its red one in WeChat's words, and each misbehaviour.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from onepark.contexts.invoices.errors import ProviderDeclined, ProviderUnavailable
from onepark.contexts.invoices.model import (
    BuyerKind,
    Contact,
    Document,
    FileFormat,
    Invoice,
    InvoiceState,
    Line,
    RedReason,
    Seller,
    SellerKind,
    ToIssue,
    ToReverse,
    Word,
)
from onepark.contexts.payments.kept import KeptPayment
from onepark.infra.clock import SystemClock
from onepark.integrations.invoices.config import open_providers
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, RevenueKind

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def provider(folder, client):
    """The real adapter, opened from the simulator's own file."""
    opened = open_providers(folder / "payments.json", client, SystemClock(), demo=True)
    assert set(opened) == {"wechat", "by_hand"}
    return opened["wechat"]


@pytest.fixture
async def bureau(tester):
    """An ordinary day, with no time between an application and its invoice."""
    await tester.post("invoices/behaviour", delay_s=0)
    yield tester
    await tester.post("invoices/behaviour")


def a_request(**changes: Any) -> ToIssue:
    """Ten yuan for an hour in a garage."""
    day = NOW.date()
    seller = Seller(
        1, OperatorId(7), SellerKind.VAT, "某停车公司", "91110000600037341L", "320281",
        "江苏省", "无锡市", "wechat", "1900000109", "drawer1", 900, "3040502020200000000",
        "车辆停放服务", None, day, None,
    )  # fmt: skip
    line = Line(
        LotId(7), OrderNo("P"), Fen(1000), Fen(83), "江苏省", "无锡市", "人民路 7 号",
        cross_city=False, lease_from_at=NOW - timedelta(hours=1), lease_until_at=NOW,
        plate="苏B12345",
    )  # fmt: skip
    values: dict[str, Any] = {
        "invoice_no": f"I{uuid4().hex[:26].upper()}", "operator_id": OperatorId(7), "seller_id": 1,
        "document": Document.GENERAL, "fingerprint": b"", "buyer_kind": BuyerKind.ORGANISATION,
        "buyer_name": "江阴某某有限公司", "buyer_tax_id": "91350100M000100Y43", "contact": None,
        "total_fen": Fen(1000), "tax_fen": Fen(83), "rate_bp": 900, "state": InvoiceState.ISSUING,
        "requested_at": NOW, "lines": 1,
    }  # fmt: skip
    invoice = Invoice(**(values | changes))
    paid = KeptPayment("A" * 32, "wechat", "4200000", Fen(1000), NOW, RevenueKind.COMMERCIAL)
    contact = Contact("buyer@example.com", "13800000000")
    return ToIssue(invoice, seller, [line], contact, [paid])


def of(asked: ToIssue, **changes: Any) -> ToReverse:
    return ToReverse(replace(asked.invoice, **changes), asked.seller)


async def line_of(bureau, asked: ToIssue) -> Any:
    lines = await bureau.get("invoices")
    number = asked.invoice.invoice_no
    return next((one for one in lines if one["fapiao_apply_id"] == number), None)


async def test_an_invoice_is_made_out_later_and_its_file_is_had(provider, bureau):
    asked = a_request()
    assert (await provider.query(of(asked))).word is Word.ABSENT
    assert (await provider.issue(asked)).word is Word.ACCEPTED
    said = await provider.query(of(asked))
    assert (said.word, said.total_fen) == (Word.ISSUED, 1000)
    assert said.number is not None
    assert len(said.number) == 20
    assert (await line_of(bureau, asked))["email"] == "buyer@example.com", (
        "unsealed by WeChat alone"
    )
    file = await provider.download(of(asked), FileFormat.PDF)
    assert (file.media_type, file.body[:5]) == ("application/pdf", b"%PDF-")
    assert await provider.download(of(asked), FileFormat.XML) is None


async def test_the_same_number_again_is_the_same_invoice_and_with_other_content_declined(
    provider, bureau
):
    asked = a_request()
    await provider.issue(asked)
    await provider.issue(asked)
    first = (await provider.query(of(asked))).number
    assert (await line_of(bureau, asked))["applied"] == 2
    assert (await provider.query(of(asked))).number == first
    with pytest.raises(ProviderDeclined) as declined:
        await provider.issue(a_request(invoice_no=asked.invoice.invoice_no, buyer_name="别人"))
    assert declined.value.facts["provider_code"] == "INVALID_REQUEST"


async def test_an_application_that_is_not_answered_in_time_was_booked_once(provider, bureau):
    await bureau.post("invoices/behaviour", delay_s=0, answer_timeout=True)
    asked = a_request()
    with pytest.raises(ProviderUnavailable):
        await provider.issue(asked)
    await bureau.post("invoices/behaviour", delay_s=0)
    assert (await provider.query(of(asked))).word is Word.ISSUED
    await provider.issue(asked)
    lines = await bureau.get("invoices")
    assert [one["fapiao_apply_id"] for one in lines].count(asked.invoice.invoice_no) == 1


async def test_an_invoice_takes_its_time_and_one_that_got_lost_is_absent(provider, bureau):
    await bureau.post("invoices/behaviour", delay_s=0.5)
    asked = a_request()
    await provider.issue(asked)
    assert (await provider.query(of(asked))).word is Word.ACCEPTED
    await asyncio.sleep(0.6)
    assert (await provider.query(of(asked))).word is Word.ISSUED
    await bureau.post("invoices/behaviour", lose=True)
    lost = a_request()
    assert (await provider.issue(lost)).word is Word.ACCEPTED
    assert (await provider.query(of(lost))).word is Word.ABSENT


async def test_a_refusal_comes_with_its_code(provider, bureau):
    await bureau.post("invoices/behaviour", refuse="PARAM_ERROR")
    with pytest.raises(ProviderDeclined) as declined:
        await provider.issue(a_request())
    assert declined.value.facts["provider_code"] == "PARAM_ERROR"


async def test_more_than_was_paid_is_declined(provider, bureau):
    asked = a_request()
    with pytest.raises(ProviderDeclined):
        await provider.issue(
            replace(asked, payments=[replace(asked.payments[0], amount_fen=Fen(999))])
        )


async def test_an_invoice_is_taken_back_by_a_red_one(provider, bureau):
    asked = a_request()
    await provider.issue(asked)
    assert (await provider.red_confirm(of(asked))).word is Word.ISSUED
    red = of(asked, red_no="R", red_reason=RedReason.SERVICE_STOPPED.value)
    assert (await provider.red_request(red)).word is Word.RED_CONFIRMED
    await provider.red_request(red)
    said = await provider.red_issue(red)
    assert said.word is Word.REVERSED
    assert said.red_number not in {None, said.number}
    assert (await provider.red_issue(red)).red_number == said.red_number


async def test_an_invoice_that_is_not_there_is_not_taken_back(provider, bureau):
    red = of(a_request(), red_no="R", red_reason=RedReason.ISSUE_ERROR.value)
    with pytest.raises(ProviderUnavailable):
        await provider.red_request(red)


async def test_another_amount_is_told_as_it_was_said(provider, bureau):
    await bureau.post("invoices/behaviour", delay_s=0, wrong_amount=True)
    asked = a_request()
    await provider.issue(asked)
    assert (await provider.query(of(asked))).total_fen == 1001
