"""WeChat Pay's bills are read as they are written, and refused whole if a fen is missing."""

from datetime import date, datetime

import pytest

from onepark.contexts.reconciliation.errors import BillRefused
from onepark.contexts.reconciliation.model import Fetched, LineKind, LineState
from onepark.integrations.payments import wechat_bills
from onepark.kernel.types import CHINA
from onepark.simulator.providers import bills
from tests.adapters.bills.samples import (
    BILLS,
    DAY,
    MERCHANT,
    NOON,
    a_refund,
    a_row,
    wechat_trades,
)


def read(fetched: Fetched, day: date = DAY, merchant: str = MERCHANT):
    return wechat_bills.read_trades(fetched, day, merchant=merchant).lines


def bent(old: str, new: str, *rows) -> Fetched:
    """A bill in which one text stands for another; no digest is announced."""
    text = bills.wechat_trades(rows or (a_row(1), a_refund(2))).decode()
    assert old in text
    return Fetched(text.replace(old, new, 1).encode())


def reason_of(fetched: Fetched, **options) -> str:
    with pytest.raises(BillRefused) as refused:
        read(fetched, **options)
    return refused.value.reason


def test_a_bill_that_wechat_wrote_is_read_whole():
    fetched = Fetched((BILLS / "wechat_trades_2019-02-19.csv").read_bytes())
    lines = read(fetched, date(2019, 2, 19), "1921000401")
    assert len(lines) == 45
    assert sum(line.amount_fen for line in lines if line.kind is LineKind.TRADE) == 47
    assert sum(line.amount_fen for line in lines if line.kind is LineKind.REFUND) == 14
    assert sum(line.fee_fen for line in lines) == 8
    first, third = lines[0], lines[2]
    assert (first.kind, first.provider_txn) == (LineKind.REFUND, "50000709672019011908420787722")
    assert (first.our_no, first.of_no) == (
        "REF4200000263201902167700963919",
        "autotest_20190216081946_82335",
    )
    assert (third.our_no, third.amount_fen, third.fee_fen, third.fee_ppm, third.line_no) == (
        *("autotest_20190219015232_89201", 3, 1, 390_000),
        4,
    )
    assert third.at == datetime(2019, 2, 19, 1, 52, 32, tzinfo=CHINA)


def test_a_flow_of_funds_that_lacks_a_row_is_refused():
    fetched = Fetched((BILLS / "wechat_funds_cut_short.csv").read_bytes())
    with pytest.raises(BillRefused) as refused:
        wechat_bills.read_funds(fetched, date(2021, 2, 1))
    assert refused.value.reason == "rows"
    assert refused.value.facts["told"] == 3


def test_columns_may_stand_in_another_order():
    text = bills.wechat_trades([a_row(1), a_refund(2)]).decode()
    lines = text.removeprefix("\ufeff").split("\r\n")
    turned = "\r\n".join(",".join(reversed(line.split(","))) for line in lines[:3])
    turned += "\r\n" + "\r\n".join(lines[3:])
    assert read(Fetched(turned.encode())) == read(Fetched(text.encode()))


def test_a_refund_keeps_both_numbers_and_gives_its_fee_back():
    waits = a_refund(1, refund_word="PROCESSING", amount_fen=100)
    trade, refund = read(wechat_trades(a_row(1), waits))
    assert (trade.kind, trade.state, trade.fund_key) == (
        LineKind.TRADE,
        LineState.SUCCESS,
        trade.provider_txn,
    )
    assert (refund.kind, refund.state) == (LineKind.REFUND, LineState.PENDING)
    assert (refund.our_no, refund.of_no) == ("R" + "1".zfill(19), trade.our_no)
    assert (refund.amount_fen, refund.fee_fen) == (100, -1)


def test_commas_in_quotes_and_back_ticks_stay_in_their_field():
    lines = read(bent("`停车费", '"`停车,费"'))
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("`3.05,`0.00,`0,`0", "`3.06,`0.00,`0,`0", "totals"),
        ("`0.60%,`3.05", "`0.60%,`3.06", "totals"),
        ("`0.02000", "`0.03000", "totals"),
        ("`0.02000", "`0.02100", "amount"),
        ("`2.0,", "`3.0,", "rows"),
        ("`2.0,", "`2.5,", "totals"),
        ("手续费,", "手续费x,", "column"),
        ("交易时间,", "商户号,", "column"),
        (f"`{MERCHANT}", "`1900000000", "merchant"),
        ("`SUCCESS,`OTHERS", "`MAYBE,`OTHERS", "word"),
        ("`ORIGINAL,`SUCCESS", "`ORIGINAL,`PERHAPS", "word"),
        ("`2026-11-20 12:00:01", "`2026-11-24 12:00:01", "day"),
        ("`2026-11-20 12:00:01", "`noon", "time"),
        ("`NATIVE,", "", "form"),
        ("`T0000000000000000001", "`T 1", "number"),
        ("`T0000000000000000001", "`", "number"),
    ],
)
def test_one_wrong_field_has_the_whole_file_refused_with_its_reason(old, new, reason):
    assert reason_of(bent(old, new)) == reason


def test_totals_that_are_off_by_a_fen_are_refused():
    assert reason_of(wechat_trades(a_row(1), off_fen=1)) == "totals"


def test_a_file_of_another_digest_is_refused():
    fetched = wechat_trades(a_row(1))
    assert reason_of(fetched._replace(sha1="0" * 40)) == "sha1"
    assert len(read(fetched._replace(sha1=str(fetched.sha1).upper()))) == 1


def test_the_digest_is_that_of_the_file_unpacked():
    packed = wechat_trades(a_row(1))
    plain = Fetched(bills.wechat_trades([a_row(1)]), packed.sha1)
    assert read(plain) == read(packed)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_file_that_is_cut_short_is_refused(kept):
    lines = bills.wechat_trades([a_row(1)]).decode().split("\r\n")
    assert reason_of(Fetched("\r\n".join(lines[:kept]).encode() or b"\n")) == "cut_short"


def test_nothing_may_follow_the_totals():
    text = bills.wechat_trades([a_row(1)]) + b"`1\r\n"
    assert reason_of(Fetched(text)) == "form"


def test_the_account_moves_by_what_was_paid_less_the_fee():
    text = bills.wechat_funds([a_row(1), a_refund(1, amount_fen=100)])
    moved = wechat_bills.read_funds(Fetched(bills.packed(text), bills.sha1(text)), DAY).movements
    assert [(one.kind, one.amount_fen) for one in moved] == [
        (LineKind.TRADE, 305),
        (LineKind.FEE, -2),
        (LineKind.REFUND, -99),
    ]
    assert moved[0].at.replace(second=0) == NOON


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [("`收入", "`支出", "rows"), ("`3.05,", "`3.04,", "totals"), ("`收入", "`送", "word")],
)
def test_a_flow_of_funds_that_does_not_add_up_is_refused(old, new, reason):
    text = bills.wechat_funds([a_row(1)]).decode().replace(old, new, 1)
    with pytest.raises(BillRefused) as refused:
        wechat_bills.read_funds(Fetched(text.encode()), DAY)
    assert refused.value.reason == reason
