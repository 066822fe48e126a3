"""Alipay's bills are read out of their archives, in GBK, and refused whole if a fen is missing."""

from datetime import date

import pytest

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.contexts.reconciliation.model import Fetched, LineKind
from onepark.integrations.payments import alipay_bills
from onepark.simulator.providers import bills
from tests.adapters.bills.samples import BILLS, DAY, SELLER, a_refund, a_row, zipped

SAMPLE = (BILLS / "alipay_trades_2019-09-16.csv").read_text(encoding="utf-8")
SAMPLE_DAY, SAMPLE_SELLER = date(2019, 9, 16), "2088021109625633"


def read(fetched: Fetched, day: date = DAY, merchant: str = SELLER):
    return alipay_bills.read_trades(fetched, day, merchant=merchant).lines


def reason_of(fetched: Fetched, day: date = SAMPLE_DAY, merchant: str = SAMPLE_SELLER) -> str:
    with pytest.raises(BillRefused) as refused:
        read(fetched, day, merchant)
    return refused.value.reason


def test_a_bill_that_alipay_wrote_is_read_whole():
    lines = read(zipped(SAMPLE), SAMPLE_DAY, SAMPLE_SELLER)
    assert [line.kind for line in lines].count(LineKind.TRADE) == 6
    assert [line.kind for line in lines].count(LineKind.REFUND) == 4
    first, refund = lines[0], lines[1]
    assert (first.provider_txn, first.our_no) == (
        "2019091622001458860515315453",
        "service_1568601259302",
    )
    assert (refund.our_no, refund.of_no, refund.amount_fen) == (
        *("re_test_1568602607356", first.our_no),
        1,
    )


def test_the_archive_may_hold_summaries_and_names_in_gbk():
    lines = read(Fetched(bills.alipay_trades([a_row(1), a_refund(1, amount_fen=100)], DAY)))
    assert [(line.kind, line.amount_fen, line.fee_fen) for line in lines] == [
        (LineKind.TRADE, 305, 2),
        (LineKind.REFUND, 100, -1),
    ]
    assert lines[0].fund_key == lines[1].fund_key == lines[0].our_no


def test_the_account_moves_by_what_was_paid_less_the_fee():
    body = bills.alipay_funds([a_row(1), a_refund(1, amount_fen=100)], DAY)
    moved = alipay_bills.read_funds(Fetched(body), DAY, merchant=SELLER).movements
    assert [(one.kind, one.amount_fen) for one in moved] == [
        *((LineKind.TRADE, 305), (LineKind.FEE, -2)),
        *((LineKind.REFUND, -100), (LineKind.FEE, 1)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("6笔", "7笔", "rows"),
        ("0.06元", "0.07元", "totals"),
        ("共-0.04元", "共-0.03元", "totals"),
        (",0.01,0.01,", ",0.01,0.02,", "totals"),
        (",0.01,0.01,", ",0.01,0.011,", "amount"),
        ("交易\t", "别的\t", "word"),
        ("业务明细列表结束", "业务明细列表", "cut_short"),
        ("#交易合计", "#交易", "cut_short"),
        ("商家实收（元）", "商家实收", "column"),
        ("2019-09-16 10:55:23", "2019-09-19 10:55:23", "day"),
        ("2019年09月16日", "2019年09月15日", "day"),
        ("[2088021109625633", "[2088021109625634", "merchant"),
    ],
)
def test_one_wrong_field_has_the_whole_file_refused_with_its_reason(old, new, reason):
    assert old in SAMPLE
    assert reason_of(zipped(SAMPLE.replace(old, new, 1))) == reason


def test_a_row_that_is_missing_is_noticed():
    lines = SAMPLE.split("\n")
    assert reason_of(zipped("\n".join([*lines[:5], *lines[6:]]))) == "rows"


def test_another_encoding_is_refused():
    assert reason_of(zipped(SAMPLE, encoding="utf-16")) in {"encoding", "form", "cut_short"}


def test_an_archive_without_details_is_refused():
    assert reason_of(zipped(SAMPLE, "业务明细(汇总).csv")) == "form"
    assert reason_of(zipped(SAMPLE, "read.me")) == "form"
