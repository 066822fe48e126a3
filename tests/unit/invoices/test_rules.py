"""What an invoice says: tax to the fen, tax ids that check, states that go forward."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, text

from onepark.contexts.invoices import rules
from onepark.contexts.invoices.model import (
    BuyerKind,
    Document,
    Invoice,
    InvoiceState,
    Said,
    Title,
    Word,
)
from onepark.kernel.types import Fen, OperatorId, OrderNo
from tests.reference import invoice_oracle

RATES = sampled_from([0, 100, 150, 300, 500, 600, 900, 1_300]) | integers(0, 5_000)
AMOUNTS = integers(1, 10**9)
AT = datetime(2026, 11, 20, tzinfo=UTC)


# -- tax -----------------------------------------------------------------------------------------


@given(amount=AMOUNTS, rate=RATES)
def test_the_tax_of_a_line_is_the_fraction_rounded_half_up(amount, rate):
    assert rules.tax_of(amount, rate) == invoice_oracle.tax_of(amount, rate)


@given(amounts=lists(AMOUNTS, min_size=1, max_size=50), rate=RATES)
def test_tax_and_net_of_all_lines_add_up_to_the_total(amounts, rate):
    taxes = [rules.tax_of(amount, rate) for amount in amounts]
    nets = [amount - tax for amount, tax in zip(amounts, taxes, strict=True)]
    assert sum(taxes) + sum(nets) == sum(amounts)
    assert all(0 <= tax < amount for amount, tax in zip(amounts, taxes, strict=True))
    whole = invoice_oracle.tax_of(sum(amounts), rate)
    assert abs(sum(taxes) - whole) <= len(amounts), "half a fen a line, and half for the whole"


@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [(1000, 900, 83), (109, 900, 9), (1, 900, 0), (6, 900, 0), (7, 900, 1), (500, 300, 15),
     (105, 500, 5), (21, 500, 1), (3, 5_000, 1), (1000, 0, 0)],
)  # fmt: skip
def test_published_rates_come_to_these_taxes(amount, rate, tax):
    assert rules.tax_of(amount, rate) == tax


# -- tax ids -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    ["91350100M000100Y43", "91110000600037341L", "91440300708461136T", "91110108551385082Q"],
)
def test_codes_that_others_publish_as_right_are_right(code):
    assert rules.is_credit_code(code)


@pytest.mark.parametrize(
    "code",
    ["51110000600037341L", "91350100M000100Y4A", "91350100M000100Y4", "91350100M000100Y433",
     "", "91350100m000100y43", "9135010OM000100Y43", "９1350100M000100Y43"],
)  # fmt: skip
def test_codes_that_do_not_check_are_wrong(code):
    assert not rules.is_credit_code(code)


@given(body=text(alphabet=list(invoice_oracle.VALUES), min_size=17, max_size=17))
def test_of_all_last_characters_one_fits(body):
    fitting = [one for one in invoice_oracle.VALUES if rules.is_credit_code(body + one)]
    assert fitting == [invoice_oracle.check_character(body)]


@given(
    body=text(alphabet=list(invoice_oracle.VALUES), min_size=17, max_size=17),
    place=integers(0, 16),
    other=sampled_from(list(invoice_oracle.VALUES)),
)
def test_one_wrong_character_is_always_noticed(body, place, other):
    right = body + invoice_oracle.check_character(body)
    wrong = right[:place] + other + right[place + 1 :]
    assert rules.is_credit_code(wrong) == (wrong == right)


@pytest.mark.parametrize(
    ("title", "field"),
    [
        (Title(BuyerKind.INDIVIDUAL, "张三"), None),
        (Title(BuyerKind.INDIVIDUAL, "张三", "91350100M000100Y43"), "title.tax_id"),
        (Title(BuyerKind.ORGANISATION, "某公司"), "title.tax_id"),
        (Title(BuyerKind.ORGANISATION, "某公司", "91350100M000100Y43"), None),
        (Title(BuyerKind.ORGANISATION, "某公司 ", "91350100M000100Y43"), "title.name"),
    ],
)
def test_a_title_says_what_is_wrong_with_it(title, field):
    fault = rules.title_fault(title)
    assert (fault and fault[0]) == field


# -- where -----------------------------------------------------------------------------------------


def test_another_prefecture_is_another_city():
    assert not rules.is_cross_city("320281001", "320211")
    assert rules.is_cross_city("320281001", "320582")


def test_a_lease_is_written_to_the_minute_in_china():
    assert rules.lease_text(datetime(2026, 12, 31, 16, 0, 59, tzinfo=UTC)) == "2027-01-01 00:00"


# -- states ----------------------------------------------------------------------------------------


def an_invoice(state: InvoiceState, **changes: Any) -> Invoice:
    values: dict[str, Any] = {
        "invoice_no": "I", "operator_id": OperatorId(7), "seller_id": 1,
        "document": Document.GENERAL, "fingerprint": b"", "buyer_kind": BuyerKind.INDIVIDUAL,
        "buyer_name": "张三", "buyer_tax_id": None, "contact": None, "total_fen": Fen(100),
        "tax_fen": Fen(8), "rate_bp": 900, "state": state, "requested_at": AT, "lines": 1,
    }  # fmt: skip
    return Invoice(**(values | changes))


@given(
    state=sampled_from(list(InvoiceState)),
    word=sampled_from(list(Word)),
    red=sampled_from([None, "R"]),
)
def test_a_word_leads_forward_or_nowhere(state, word, red):
    wanted = rules.judge(an_invoice(state, red_no=red), Said("I", word))
    order = list(InvoiceState)
    assert wanted is None or order.index(wanted) > order.index(state)
    if red is None:
        assert wanted in {None, InvoiceState.ISSUED}


@pytest.mark.parametrize(
    ("said", "agrees"),
    [
        (Said("I", Word.ISSUED, number="1", total_fen=Fen(100)), True),
        (Said("I", Word.ISSUED, number="1"), True),
        (Said("J", Word.ISSUED, number="1"), False),
        (Said("I", Word.ISSUED, number="1", total_fen=Fen(101)), False),
        (Said("I", Word.REVERSED, number="1"), False),
    ],
)
def test_a_provider_must_speak_of_the_invoice_that_was_asked_for(said, agrees):
    assert rules.agrees(an_invoice(InvoiceState.ISSUING), said) is agrees


def test_a_second_number_for_one_invoice_is_not_believed():
    issued = an_invoice(InvoiceState.ISSUED, number="1")
    assert not rules.agrees(issued, Said("I", Word.ISSUED, number="2"))


def test_waiting_grows_and_ends():
    waits = [
        rules.ask_again_at(an_invoice(InvoiceState.ISSUING, tries=n), AT) - AT for n in range(1, 60)
    ]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)
    assert rules.tell_again_at(rules.TELL_MAX, AT) is None
    assert sum((rules.tell_again_at(n, AT) or AT) > AT for n in range(1, 100)) == rules.TELL_MAX - 1


def test_the_order_of_orders_makes_no_other_request():
    title = Title(BuyerKind.INDIVIDUAL, "张三")
    one, two = OrderNo("A"), OrderNo("B")
    prints = {rules.fingerprint(pair, title, Document.GENERAL) for pair in ([one, two], [two, one])}
    assert len(prints) == 1
    assert rules.fingerprint([one], title, Document.GENERAL) not in prints
