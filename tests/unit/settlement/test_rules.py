"""Sharing loses no fen, forgets no refund, and comes to the same by the day and by the cycle."""

from datetime import UTC, date, datetime
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark.contexts.settlement import rules
from onepark.contexts.settlement.rules import NOTHING, Span, Sums
from onepark.contexts.settlement.terms import Base, Cycle, Guarantee, Share, Terms, Tier
from tests.reference import settlement_oracle as oracle

NAMES = ("a", "b", "c", "d", "e")
SIXTY = (600_000, 250_000, 150_000)
ONE, TWO = date(2026, 5, 1), date(2026, 5, 2)


def terms_of(shares=SIXTY, **changes) -> Terms:
    parties = tuple(Share(name, share) for name, share in zip(NAMES, shares, strict=False))
    return Terms(parties=parties, **changes)


@st.composite
def shares(draw, parties: int) -> tuple[int, ...]:
    cuts = sorted(draw(st.lists(st.integers(0, 10**6), min_size=parties - 1, max_size=parties - 1)))
    return tuple(high - low for low, high in pairwise([0, *cuts, 10**6]))


@st.composite
def any_terms(draw, tiers: bool = False) -> Terms:
    parties = draw(st.integers(1, 5))
    bearers = st.none() | st.sampled_from(NAMES[:parties])
    edges = sorted(draw(st.sets(st.integers(1, 3_000), max_size=3 if tiers else 0)))
    return terms_of(
        draw(shares(parties)),
        base=draw(st.sampled_from(Base)),
        fee_bearer=draw(bearers),
        coupon_bearer=draw(bearers),
        tiers=tuple(Tier(edge, draw(shares(parties))) for edge in edges),
    )


money = st.builds(Sums, st.integers(0, 5_000), st.integers(0, 60), st.integers(0, 500))


def oracle_of(terms: Terms, sums: Sums) -> tuple[int, ...]:
    at = {share.party: index for index, share in enumerate(terms.parties)}
    return tuple(
        oracle.payment(
            sums,
            rules.weights_of(terms),
            base=terms.base,
            fee_by=at.get(terms.fee_bearer or ""),
            coupon_by=at.get(terms.coupon_bearer or ""),
        )
    )


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (1001, (60, 25, 15), (601, 250, 150)),
        (1, (1, 1, 1), (1, 0, 0)),
        (-1, (1, 1, 1), (-1, 0, 0)),
        (0, (60, 25, 15), (0, 0, 0)),
        (9, (80, 15, 5), (7, 1, 1)),
        (10, (80, 15, 5), (8, 2, 0)),
        (6, (60, 25, 15), (4, 1, 1)),
        (10**12, SIXTY, (600_000_000_000, 250_000_000_000, 150_000_000_000)),
    ],
)
def test_known_splits(total, weights, parts):
    assert rules.split(total, weights) == parts


def test_one_fen_more_may_cost_a_party_a_fen():
    assert rules.split(10, (80, 15, 5))[2] < rules.split(9, (80, 15, 5))[2]


def test_a_refund_may_give_a_party_a_fen():
    terms = terms_of((800_000, 150_000, 50_000))
    assert rules.lines(terms, Sums(10), Sums(9)) == (-1, -1, 1)


@pytest.mark.parametrize("weights", [(60, 25, 15), (80, 15, 5), (1, 1, 1), (7, 0, 2, 90, 1)])
def test_every_amount_to_thirty_yuan_is_split_as_the_oracle_splits_it(weights):
    for total in range(3_001):
        parts = rules.split(total, weights)
        assert parts == tuple(oracle.split(total, weights))
        assert sum(parts) == total


@given(total=st.integers(-(10**12), 10**12), weights=shares(4))
def test_a_split_loses_no_fen_and_nobody_is_a_whole_fen_off(total, weights):
    parts = rules.split(total, weights)
    assert parts == tuple(oracle.split(total, weights))
    assert sum(parts) == total
    assert all(
        abs(part * 10**6 - total * weight) < 10**6
        for part, weight in zip(parts, weights, strict=True)
    )
    assert rules.split(total, weights) == parts, "it is the same each time"


@given(terms=any_terms(), sums=money)
def test_a_payment_is_shared_as_the_oracle_shares_it(terms, sums):
    assert rules.entitled(terms, sums) == oracle_of(terms, sums)


@given(terms=any_terms(), facts=st.lists(money, max_size=6))
def test_when_all_went_back_every_party_has_nothing(terms, facts):
    before, given_fen = NOTHING, (0,) * len(terms.parties)
    for fact in [*facts, *(Sums(*(-value for value in fact)) for fact in reversed(facts))]:
        after = before.plus(fact)
        given_fen = rules.plus(given_fen, rules.lines(terms, before, after))
        before = after
    assert before == NOTHING
    assert given_fen == (0,) * len(terms.parties)


@given(terms=any_terms(), paid=money, back=st.lists(st.integers(1, 900), min_size=2, max_size=4))
def test_the_order_of_refunds_does_not_matter(terms, paid, back):
    outcomes = set()
    for order in permutations(back):
        before, given_fen = paid, rules.entitled(terms, paid)
        for amount in order:
            after = before.plus(Sums(-amount))
            given_fen = rules.plus(given_fen, rules.lines(terms, before, after))
            before = after
        outcomes.add(given_fen)
    assert len(outcomes) == 1
    assert outcomes == {rules.entitled(terms, paid.plus(Sums(-sum(back))))}


def test_who_bears_what():
    sums = Sums(1_000, 6, 200)
    half = (500_000, 500_000)
    assert rules.entitled(terms_of(half), sums) == (500, 500)
    assert rules.entitled(terms_of(half, fee_bearer="a"), sums) == (494, 500)
    assert rules.entitled(terms_of(half, fee_bearer="b", coupon_bearer="a"), sums) == (300, 494)
    assert rules.entitled(terms_of(half, base=Base.NET_OF_FEE), sums) == (497, 497)
    assert rules.entitled(terms_of(half, base=Base.NET_OF_FEE, fee_bearer="a"), sums) == (497, 497)
    assert rules.entitled(terms_of(half, base=Base.NET_OF_COUPONS), sums) == (400, 400)
    assert rules.entitled(terms_of(half, base=Base.NET), sums) == (397, 397)


TIERED = terms_of(
    (700_000, 300_000), tiers=(Tier(1_000, (600_000, 400_000)), Tier(3_000, (500_000, 500_000)))
)


@pytest.mark.parametrize(
    ("base_fen", "due"),
    [(0, (0, 0)), (1_000, (700, 300)), (1_010, (706, 304)), (4_000, (2_400, 1_600)),
     (-10, (-7, -3))],
)  # fmt: skip
def test_a_tier_holds_for_what_lies_above_it_alone(base_fen, due):
    assert rules.banded(TIERED, base_fen) == due


@settings(max_examples=60)
@given(terms=any_terms(tiers=True), base_fen=st.integers(-2_000, 4_000))
def test_bands_are_shared_as_the_oracle_shares_them(terms, base_fen):
    bands = [(0, rules.weights_of(terms)), *((t.above_fen, t.shares_ppm) for t in terms.tiers)]
    assert rules.banded(terms, base_fen) == tuple(oracle.banded(base_fen, bands))


def cleared(terms: Terms, days: list[list[Sums]]) -> tuple[int, ...]:
    """What a cycle gave each party when it was cleared in these days."""
    sums, given_fen = NOTHING, (0,) * len(terms.parties)
    for day in days:
        for payment in day:
            sums = sums.plus(payment)
            given_fen = rules.plus(given_fen, rules.entitled(terms, payment))
        given_fen = rules.plus(given_fen, rules.tier_lines(terms, sums, given_fen))
    return given_fen


@given(
    terms=any_terms(tiers=True), days=st.lists(st.lists(money, max_size=4), min_size=1, max_size=4)
)
def test_clearing_day_by_day_comes_to_the_whole(terms, days):
    whole = [[payment for day in days for payment in day]]
    assert cleared(terms, days) == cleared(terms, whole)
    assert sum(cleared(terms, days)) == sum(
        sum(rules.entitled(terms, payment)) for payment in whole[0]
    )


@given(terms=any_terms(tiers=True), sums=money)
def test_lines_of_tiers_add_up_to_nothing(terms, sums):
    assert sum(rules.tier_lines(terms, sums, rules.entitled(terms, sums))) == 0


def test_the_worked_example_of_the_page():
    terms = terms_of(base=Base.NET_OF_FEE, tiers=(Tier(1_000, (500_000, 300_000, 200_000)),))
    a, a_with_fee, a_less = Sums(1_001), Sums(1_001, 6), Sums(701, 6)
    b, b_with_fee = Sums(500), Sums(500, 3)
    facts = [
        (NOTHING, a, (601, 250, 150)),
        (a, a_with_fee, (-4, -1, -1)),
        (NOTHING, b, (300, 125, 75)),
        (b, b_with_fee, (-2, -1, 0)),
    ]
    assert [rules.lines(terms, before, after) for before, after, _ in facts] == [
        given for *_, given in facts
    ]
    given = rules.total_of([given for *_, given in facts], 3)
    tiers = rules.tier_lines(terms, a_with_fee.plus(b_with_fee), given)
    assert tiers == (-49, 25, 24)
    given = rules.plus(given, tiers)
    assert given == (846, 398, 248)
    back = rules.lines(terms, a_with_fee, a_less)
    assert back == (-180, -75, -45)
    given = rules.plus(given, back)
    tiers = rules.tier_lines(terms, a_less.plus(b_with_fee), given)
    assert tiers == (30, -15, -15)
    assert rules.plus(given, tiers) == (696, 308, 188)


GUARANTEED = terms_of(
    (500_000, 500_000), guarantees=(Guarantee("b", 31_000, "a"),), cycle=Cycle.MONTH
)


@pytest.mark.parametrize(
    ("given_fen", "valid_days", "made_up"),
    [
        ((10_000, 10_000), 31, (-21_000, 21_000)),
        ((31_000, 31_000), 31, (0, 0)),
        ((40_000, 40_000), 31, (0, 0)),
        ((10_000, 10_000), 11, (-1_000, 1_000)),
        ((-5, -5), 31, (-31_005, 31_005)),
    ],
)
def test_a_guarantee_is_made_up_for_the_days_it_holds(given_fen, valid_days, made_up):
    found = rules.guarantee_lines(GUARANTEED, given_fen, valid_days=valid_days, cycle_days=31)
    assert found == made_up


def test_the_day_is_that_of_jiangyin():
    assert rules.clearing_day(datetime(2026, 4, 30, 15, 59, 59, tzinfo=UTC)) == date(2026, 4, 30)
    assert rules.clearing_day(datetime(2026, 4, 30, 16, 0, 0, tzinfo=UTC)) == ONE


def test_a_late_fact_goes_to_the_first_open_day():
    assert rules.open_day(ONE, None) == ONE
    assert rules.open_day(TWO, ONE) == TWO
    assert rules.open_day(ONE, ONE) == TWO
    assert rules.open_day(date(2026, 1, 1), ONE) == TWO


def test_cycles():
    assert rules.cycle_of(Cycle.DAY, TWO) == Span(TWO, TWO)
    assert rules.cycle_of(Cycle.MONTH, TWO) == Span(ONE, date(2026, 5, 31))
    assert rules.cycle_of(Cycle.MONTH, date(2028, 2, 29)).days == 29
    assert rules.cycle_of(Cycle.MONTH, date(2026, 12, 31)).last == date(2026, 12, 31)


def test_days_of_a_cycle_in_which_a_version_holds():
    may = Span(ONE, date(2026, 5, 31))
    assert rules.days_within(may, date(2026, 1, 1), None) == 31
    assert rules.days_within(may, date(2026, 5, 21), None) == 11
    assert rules.days_within(may, date(2026, 1, 1), date(2026, 5, 2)) == 1
    assert rules.days_within(may, date(2026, 6, 1), None) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shares": (600_000, 300_000)}, "parties"),
        ({"fee_bearer": "z"}, "fee_bearer"),
        ({"coupon_bearer": "z"}, "coupon_bearer"),
        ({"tiers": (Tier(5, SIXTY), Tier(5, SIXTY))}, "tiers"),
        ({"tiers": (Tier(5, (500_000, 500_000)),)}, "tiers"),
        ({"tiers": (Tier(5, (1, 2, 3)),)}, "tiers"),
        ({"guarantees": (Guarantee("z", 1, "a"),)}, "guarantees"),
        ({"guarantees": (Guarantee("a", 1, "b"), Guarantee("a", 2, "b"))}, "guarantees"),
        ({"guarantees": (Guarantee("a", 1, "b"), Guarantee("b", 2, "c"))}, "guarantees"),
    ],
)
def test_terms_that_cannot_be_kept_are_told_by_field(changes, field):
    assert [flaw.field for flaw in rules.flaws(terms_of(**changes))] == [field]


def test_a_party_stands_in_terms_once():
    twice = Terms(parties=(Share("a", 500_000), Share("a", 500_000)))
    assert [flaw.field for flaw in rules.flaws(twice)] == ["parties"]
    assert rules.flaws(TIERED) == rules.flaws(GUARANTEED) == []
