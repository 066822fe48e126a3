"""Bank statements are believed only when their balances follow from their entries."""

from datetime import date

import pytest

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.integrations.payments import bank_statements
from onepark.integrations.payments.bank_statements import Profile
from tests.adapters.bills.samples import BILLS

SAMPLE = (BILLS / "camt053_v2_two_statements.xml").read_bytes()
TOO_MANY = (BILLS / "camt053_v8_four_currencies.xml").read_bytes()
PROFILE = Profile(
    account="6222", booked_on="记账日", reference="流水号", came="收入", went="支出", balance="余额"
)
CSV = (
    "流水号,记账日,支出,收入,余额\r\n"
    "b3,2026-11-22,,3.03,10.03\r\n"
    "b2,2026-11-21,1.00,,7.00\r\n"
    "b1,2026-11-20,,8.00,8.00\r\n"
)


def reason_of(work) -> str:
    with pytest.raises(BillRefused) as refused:
        work()
    return refused.value.reason


def test_a_statement_that_somebody_else_published_is_read():
    bill = bank_statements.read_camt053(SAMPLE)
    assert (bill.account, bill.day) == ("NL26VAYB8060476890", date(2014, 12, 31))
    assert [(one.amount_fen, one.number, one.currency) for one in bill.movements] == [
        (885, "000000001", "EUR"),
        (-700, "000000002", "EUR"),
    ]


def test_balances_in_several_currencies_are_refused():
    assert reason_of(lambda: bank_statements.read_camt053(TOO_MANY)) == "currency"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b">8.85<", b">8.86<", "totals"),
        (b">27.00<", b">27.01<", "totals"),
        (b"<CdtDbtInd>DBIT", b"<CdtDbtInd>CRDT", "totals"),
        (b"<Sts>BOOK", b"<Sts>PDNG", "totals"),
        (b">CLBD<", b">CLAV<", "cut_short"),
        (b"camt.053.001.02", b"camt.054.001.02", "form"),
        (b"</Document>", b"", "form"),
        (b"<IBAN>NL26", b"<IBAN>NL27", "form"),
        (b"<Dt>2014-12-31</Dt>\n                </BookgDt>", b"<Dt>late</Dt></BookgDt>", "time"),
        (b"<Document", b'<!DOCTYPE Document [<!ENTITY a "b">]><Document', "form"),
    ],
)
def test_a_statement_that_does_not_hold_together_is_refused(old, new, reason):
    assert old in SAMPLE
    bent = SAMPLE.replace(old, new, 1)
    assert reason_of(lambda: bank_statements.read_camt053(bent)) == reason


def test_depth_has_a_bound():
    deep = SAMPLE.replace(b"<GrpHdr>", b"<a>" * 100 + b"</a>" * 100 + b"<GrpHdr>", 1)
    assert reason_of(lambda: bank_statements.read_camt053(deep)) == "form"


OLDEST_FIRST = "\r\n".join([CSV.splitlines()[0], *CSV.splitlines()[:0:-1]])


@pytest.mark.parametrize("text", [CSV, OLDEST_FIRST])
def test_a_csv_file_is_read_by_its_named_columns_newest_first_or_last(text):
    bill = bank_statements.read_csv(text.encode(), PROFILE)
    assert sorted((one.number, one.amount_fen) for one in bill.movements) == [
        *(("b1", 800), ("b2", -100)),
        ("b3", 303),
    ]
    assert bill.day == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [("3.03", "3.04", "totals"), ("记账日", "日", "column"), ("2026-11-21", "21.11.2026", "time")],
)
def test_a_csv_file_that_does_not_add_up_is_refused(old, new, reason):
    bent = CSV.replace(old, new, 1).encode()
    assert reason_of(lambda: bank_statements.read_csv(bent, PROFILE)) == reason
