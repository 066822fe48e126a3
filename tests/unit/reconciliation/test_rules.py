"""Whatever differs between two books is found, once, by its class; and nothing else is."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepark.contexts.reconciliation import rules
from onepark.contexts.reconciliation.model import (
    Booked,
    DifferenceClass,
    Fetched,
    LineKind,
    LineState,
    Movement,
    Thing,
)
from onepark.integrations.payments import alipay_bills, wechat_bills
from onepark.kernel.types import CHINA, Fen
from onepark.simulator.providers import bills
from onepark.simulator.providers.keys import ALIPAY_SELLER_ID
from tests.reference.match_oracle import differences
from tests.unit.reconciliation.days import DAY, FAULTS, case_of, days, lines_of

PROVIDERS = st.sampled_from(["wechat", "alipay"])


def movements_of(rows, provider):
    if provider == "wechat":
        return wechat_bills.read_funds(Fetched(bills.wechat_funds(rows)), DAY).movements
    body = bills.alipay_funds(rows, DAY)
    return alipay_bills.read_funds(Fetched(body), DAY, merchant=ALIPAY_SELLER_ID).movements


def plainly(found):
    """Differences as the oracle tells them; duplicates have a test of their own."""
    return {
        (one.difference_class, one.number, one.off_fen)
        for one in found
        if one.difference_class is not DifferenceClass.DUPLICATE
    }


@given(days(), PROVIDERS)
def test_a_bill_of_what_we_believe_agrees_line_by_line(rows, provider):
    case = case_of(rows, rows, provider)
    matched = rules.match(case)
    assert matched.found == []
    assert sorted(matched.agreed) == sorted(case.paid)
    assert [line.amount_fen for line in case.lines] == [row.amount_fen for row in rows]
    assert [line.fee_fen for line in case.lines] == [row.fee_fen for row in rows]
    assert [line.at for line in case.lines] == [row.at for row in rows]


@pytest.mark.parametrize("name", FAULTS)
@given(data=st.data(), provider=PROVIDERS)
def test_a_single_fault_is_found_and_named(name, data, provider):
    fault, rows = FAULTS[name], data.draw(days())
    able = [
        place
        for place, row in enumerate(rows)
        if fault.of_refund is None or row.is_refund == fault.of_refund
    ]
    place = data.draw(st.sampled_from(able))
    row = rows[place]
    billed = [*rows[:place], *fault.spoil(row), *rows[place + 1 :]]
    case = case_of(rows, billed, provider)
    matched = rules.match(case)
    classes = [one.difference_class for one in matched.found]
    assert fault.what in classes, "the fault was not found"
    extra = {DifferenceClass.THEIRS_ONLY} if name == "another transaction" else set()
    assert set(classes) == {fault.what} | extra
    [found] = [one for one in matched.found if one.difference_class is fault.what]
    kind = LineKind.REFUND if row.is_refund else LineKind.TRADE
    assert found.kind is kind
    number = row.refund_no or row.out_trade_no
    assert found.number == (f"Z{number[1:]}" if name == "extra" else number)
    if name in {"one fen more", "one fen less", "fee"}:
        assert found.off_fen == 1
    assert len(matched.agreed) == len(rows) - (0 if name in {"extra", "twice", "paid again"} else 1)
    assert plainly(matched.found) == differences(case)


@given(data=st.data(), provider=PROVIDERS)
def test_any_faults_together_are_what_the_oracle_says(data, provider):
    rows = data.draw(days())
    billed: list[bills.BillRow] = []
    for row in rows:
        name = data.draw(st.sampled_from(["none", *FAULTS]))
        fits = name != "none" and FAULTS[name].of_refund in {None, row.is_refund}
        billed += FAULTS[name].spoil(row) if fits else [row]
    case = case_of(rows, billed, provider)
    matched = rules.match(case)
    assert plainly(matched.found) == differences(case)
    keys = {(f.difference_class, f.kind, f.number, f.provider_txn) for f in matched.found}
    assert len(keys) == len(matched.found), "each difference has a key of its own"


@given(days(), PROVIDERS, st.data())
def test_an_account_that_moves_by_a_fen_more_is_found(rows, provider, data):
    lines, moved = lines_of(rows, provider), movements_of(rows, provider)
    keys = [line.fund_key for line in lines]
    honest = rules.match_funds(keys, lines, moved)
    assert honest.found == []
    assert honest.agreed == sorted(set(keys))
    place = data.draw(st.integers(0, len(moved) - 1))
    spoilt = moved[place]._replace(amount_fen=Fen(moved[place].amount_fen + 1))
    [found] = rules.match_funds(keys, lines, [*moved[:place], spoilt, *moved[place + 1 :]]).found
    assert (found.difference_class, found.number, found.off_fen) == (
        *(DifferenceClass.BANK_DIFFERS, spoilt.fund_key),
        1,
    )


@given(days(), PROVIDERS, st.data())
def test_a_movement_that_is_missing_is_found(rows, provider, data):
    lines, moved = lines_of(rows, provider), movements_of(rows, provider)
    place = data.draw(st.integers(0, len(moved) - 1))
    keys = [line.fund_key for line in lines]
    [found] = rules.match_funds(keys, lines, [*moved[:place], *moved[place + 1 :]]).found
    assert found.off_fen == abs(moved[place].amount_fen)


@pytest.mark.parametrize(("apart", "found"), [(-2, 1), (-1, 0), (1, 0), (2, 1)])
def test_a_payment_may_stand_in_the_bill_of_the_next_day_or_the_last(apart, found):
    rows = days_of_one()
    case = case_of(rows, [], "wechat")
    booked = Booked(case.paid[0], rows[0].txn, DAY + timedelta(days=apart))
    assert len(rules.match(case._replace(elsewhere=[booked])).found) == found


def test_a_payment_that_the_last_day_has_billed_is_a_duplicate_today():
    rows = days_of_one()
    case = case_of(rows, rows, "wechat")
    booked = Booked(case.paid[0], rows[0].txn, DAY - timedelta(days=1))
    [found] = rules.match(case._replace(elsewhere=[booked])).found
    assert found.difference_class is DifferenceClass.DUPLICATE


@pytest.mark.parametrize("state", [LineState.PENDING, LineState.FAILED])
def test_what_is_paid_there_and_waits_here_is_handed_on_to_be_believed(state):
    rows = days_of_one()
    case = case_of(rows, rows, "wechat")
    [thing] = case.paid
    waits = case.ours[thing]._replace(state=state, provider_txn=None)
    matched = rules.match(case._replace(ours={thing: waits}, paid=[]))
    assert matched.unpaid == case.lines
    assert [one.difference_class for one in matched.found] == [DifferenceClass.THEIRS_ONLY]


@pytest.mark.parametrize(
    ("there", "here", "differs"),
    [
        (LineState.SUCCESS, LineState.SUCCESS, False),
        (LineState.SUCCESS, LineState.PENDING, True),
        (LineState.FAILED, LineState.PENDING, True),
        (LineState.FAILED, LineState.SUCCESS, True),
        (LineState.PENDING, LineState.SUCCESS, False),
        (LineState.PENDING, LineState.PENDING, False),
    ],
)
def test_a_refund_differs_by_its_state_unless_the_bill_was_written_too_early(there, here, differs):
    case = refund_case()
    thing = Thing(LineKind.REFUND, case.lines[0].our_no)
    case = case._replace(
        lines=[case.lines[0]._replace(state=there)],
        ours={thing: case.ours[thing]._replace(state=here)},
        paid=[],
    )
    found = [one.difference_class for one in rules.match(case).found]
    assert found == [DifferenceClass.STATE_DIFFERS] * differs


def test_another_currency_outranks_the_amount():
    rows = days_of_one()
    case = case_of(rows, rows, "wechat")
    line = case.lines[0]._replace(currency="USD", amount_fen=Fen(1))
    [found] = rules.match(case._replace(lines=[line])).found
    assert found.difference_class is DifferenceClass.CURRENCY_DIFFERS


@pytest.mark.parametrize(
    ("hour", "last"), [(9, date(2026, 11, 18)), (10, date(2026, 11, 19)), (23, date(2026, 11, 19))]
)
def test_a_bill_is_asked_for_from_ten_on_of_the_next_day(hour, last):
    now = datetime(2026, 11, 20, hour, tzinfo=CHINA)
    wanted = rules.wanted_days(now)
    assert wanted[0] == last
    assert len(wanted) == rules.BACK_DAYS


def a_payout(day: int, amount: int, number: str) -> Movement:
    at = datetime(2026, 11, day, tzinfo=CHINA)
    return Movement("x", LineKind.PAYOUT, number, number, Fen(amount), at, 1)


def test_each_payout_takes_one_credit_of_its_amount_the_earliest_first():
    payouts = [a_payout(1, -500, "p1"), a_payout(2, -500, "p2"), a_payout(2, -300, "p3")]
    came = [a_payout(3, 500, "c1"), a_payout(4, 500, "c2"), a_payout(1, 300, "c3")]
    matched = rules.match_payouts(payouts, came, date(2026, 11, 30))
    assert matched.agreed == ["p1", "p2"]
    assert [(one.number, one.off_fen) for one in matched.found] == [("p3", 300)]


def test_a_payout_waits_for_the_statement_of_its_last_day():
    assert rules.match_payouts([a_payout(25, -5, "p")], [], date(2026, 11, 30)).found == []


def days_of_one():
    at = datetime(2026, 11, 20, 12, tzinfo=CHINA)
    return [bills.BillRow("4".zfill(28), "T1", 305, at, bills.fee_of(305))]


def refund_case():
    [trade] = days_of_one()
    row = bills.BillRow("4".zfill(28), "T1", 100, trade.at, -1, refund_id="5", refund_no="R1")
    return case_of([row], [row], "wechat")
