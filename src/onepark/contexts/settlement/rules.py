"""How money is shared.

Owns: the split of an amount, what each party is due of a payment and of a cycle, and the days and
cycles that clearing knows.
Never: awaits, reads a clock, or loses or makes a fen.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from onepark.contexts.settlement.terms import PPM, Base, Cycle, Share, Terms
from onepark.kernel.types import CHINA

Amounts = tuple[int, ...]  # one of fen for each party, in the order of the terms


class Sums(NamedTuple):
    """What a payment, a day or a cycle came to."""

    gross_fen: int = 0  # what payers were to pay before coupons, less what went back
    fee_fen: int = 0  # of it the providers' fees
    coupon_fen: int = 0  # of it what coupons paid for

    def plus(self, other: "Sums") -> "Sums":
        """Return both together."""
        return Sums(*(mine + its for mine, its in zip(self, other, strict=True)))


NOTHING = Sums()


class Span(NamedTuple):
    """The days of a cycle, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Return how many they are."""
        return (self.last - self.first).days + 1


# -- splitting ---------------------------------------------------------------------------------


def split(total_fen: int, weights: Sequence[int]) -> Amounts:
    """Share an amount by weights, to the fen, by the largest remainder.

    Each gets its whole fen; the fen that are left go to the largest remainders, the earlier party
    first where two are equal. A negative amount is shared as its opposite is. The parts always add
    up. They are not monotone, nor can those of any exact rule be that rounds each amount by itself:
    at 80/15/5 the third party has one fen of 9 and none of 10. What goes back is therefore the
    split of what is left less the split of what was there, and may hold a fen that goes forth.
    """
    if total_fen < 0:
        return tuple(-part for part in split(-total_fen, weights))
    whole = sum(weights)
    parts = [total_fen * weight // whole for weight in weights]
    left = total_fen - sum(parts)
    if left:
        remainders = [total_fen * weight % whole for weight in weights]
        order = sorted(range(len(weights)), key=lambda at: -remainders[at])  # stable
        for at in order[:left]:
            parts[at] += 1
    return tuple(parts)


def weights_of(terms: Terms) -> Amounts:
    """Return the shares of the first band."""
    return tuple(share.share_ppm for share in terms.parties)


# -- one payment -------------------------------------------------------------------------------


def base_of(base: Base, sums: Sums) -> int:
    """Return what is shared of these sums."""
    fee_fen = sums.fee_fen if base in {Base.NET_OF_FEE, Base.NET} else 0
    coupon_fen = sums.coupon_fen if base in {Base.NET_OF_COUPONS, Base.NET} else 0
    return sums.gross_fen - fee_fen - coupon_fen


def entitled(terms: Terms, sums: Sums) -> Amounts:
    """Return what each party is due of a payment: its share, less what it bears."""
    return less_borne(terms, split(base_of(terms.base, sums), weights_of(terms)), sums)


def less_borne(terms: Terms, shared: Amounts, sums: Sums) -> Amounts:
    """Take off what the base leaves in and a party bears."""
    fee_by = None if terms.base in {Base.NET_OF_FEE, Base.NET} else terms.fee_bearer
    coupon_by = None if terms.base in {Base.NET_OF_COUPONS, Base.NET} else terms.coupon_bearer
    return tuple(
        part
        - (sums.fee_fen if share.party == fee_by else 0)
        - (sums.coupon_fen if share.party == coupon_by else 0)
        for share, part in zip(terms.parties, shared, strict=True)
    )


def lines(terms: Terms, before: Sums, after: Sums) -> Amounts:
    """Return what one more fact of a payment gives each party: what it is due now, less before.

    So a refund in full leaves every party with nothing, and the order of refunds does not matter.
    """
    if before == NOTHING:
        return entitled(terms, after)
    return minus(entitled(terms, after), entitled(terms, before))


def plus(some: Amounts, more: Amounts) -> Amounts:
    """Add party by party."""
    return tuple(one + other for one, other in zip(some, more, strict=True))


def minus(some: Amounts, less: Amounts) -> Amounts:
    """Subtract party by party."""
    return tuple(one - other for one, other in zip(some, less, strict=True))


def total_of(columns: Iterable[Amounts], parties: int) -> Amounts:
    """Add up amounts, party by party."""
    total = (0,) * parties
    for one in columns:
        total = plus(total, one)
    return total


# -- one cycle ---------------------------------------------------------------------------------


def banded(terms: Terms, base_fen: int) -> Amounts:
    """Share a cycle's base band by band: each tier holds for what lies above it alone.

    A cycle in which more went back than came in lies in the first band.
    """
    edges = [tier.above_fen for tier in terms.tiers]
    weights = [weights_of(terms), *(tier.shares_ppm for tier in terms.tiers)]
    parts = [
        split(_within(base_fen, low, high), by)
        for low, high, by in zip([None, *edges], [*edges, None], weights, strict=True)
    ]
    return total_of(parts, len(terms.parties))


def _within(base_fen: int, low_fen: int | None, high_fen: int | None) -> int:
    top = base_fen if high_fen is None else min(base_fen, high_fen)
    return top if low_fen is None else max(top - low_fen, 0)


def tier_lines(terms: Terms, sums: Sums, given: Amounts) -> Amounts:
    """Return what each party is still to get of a cycle so far, or to give, for its tiers.

    ``sums`` and ``given`` are those of the whole cycle up to now, earlier lines of tiers included:
    so cleared day by day or at once, a cycle comes to the same. The lines add up to nothing.
    """
    if not terms.tiers:
        return (0,) * len(terms.parties)
    due = less_borne(terms, banded(terms, base_of(terms.base, sums)), sums)
    return minus(due, given)


def guarantee_lines(terms: Terms, given: Amounts, *, valid_days: int, cycle_days: int) -> Amounts:
    """Return what makes up for guarantees that a whole cycle has missed; they add up to nothing.

    A version in force for a part of the cycle guarantees that part, rounded down to the fen.
    """
    at = {share.party: index for index, share in enumerate(terms.parties)}
    made_up = [0] * len(terms.parties)
    for one in terms.guarantees:
        least_fen = one.amount_fen * valid_days // cycle_days
        missing_fen = max(least_fen - given[at[one.party]], 0)
        made_up[at[one.party]] += missing_fen
        made_up[at[one.paid_by]] -= missing_fen
    return tuple(made_up)


# -- days and cycles ---------------------------------------------------------------------------


def clearing_day(at: datetime) -> date:
    """Return the day in Jiangyin on which something happened by the provider's time."""
    return at.astimezone(CHINA).date()


def open_day(day: date, closed_through: date | None) -> date:
    """Return the day to which a fact goes: its own, or the first after those that are closed."""
    if closed_through is None or day > closed_through:
        return day
    return closed_through + timedelta(days=1)


def cycle_of(cycle: Cycle, day: date) -> Span:
    """Return the days of the cycle that a day lies in."""
    if cycle == Cycle.DAY:
        return Span(day, day)
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return Span(first, after - timedelta(days=1))


def days_within(span: Span, valid_from: date, valid_until: date | None) -> int:
    """Return how many days of a cycle a version is in force; ``valid_until`` is not one of them."""
    first = max(span.first, valid_from)
    last = span.last if valid_until is None else min(span.last, valid_until - timedelta(days=1))
    return max((last - first).days + 1, 0)


# -- what terms may say ------------------------------------------------------------------------


class Flaw(NamedTuple):
    """What is wrong with terms, and where."""

    field: str
    reason: str


def flaws(terms: Terms) -> list[Flaw]:
    """Return what keeps terms from being kept."""
    return [*_flaws_of_parties(terms.parties), *_flaws_of_tiers(terms), *_flaws_of_names(terms)]


def _flaws_of_parties(parties: Sequence[Share]) -> list[Flaw]:
    found = []
    if len({share.party for share in parties}) != len(parties):
        found.append(Flaw("parties", "A party is named twice."))
    if sum(share.share_ppm for share in parties) != PPM:
        found.append(Flaw("parties", f"The shares do not add up to {PPM}."))
    return found


def _flaws_of_tiers(terms: Terms) -> list[Flaw]:
    found = []
    edges = [tier.above_fen for tier in terms.tiers]
    if sorted(set(edges)) != edges:
        found.append(Flaw("tiers", "Tiers do not rise."))
    for tier in terms.tiers:
        if len(tier.shares_ppm) != len(terms.parties):
            found.append(Flaw("tiers", "A tier does not have one share for each party."))
        elif sum(tier.shares_ppm) != PPM:
            found.append(Flaw("tiers", f"The shares of a tier do not add up to {PPM}."))
    return found


def _flaws_of_names(terms: Terms) -> list[Flaw]:
    known = {share.party for share in terms.parties}
    found = [
        Flaw(field, "This is no party of the contract.")
        for field, name in (
            ("fee_bearer", terms.fee_bearer),
            ("coupon_bearer", terms.coupon_bearer),
        )
        if name is not None and name not in known
    ]
    guaranteed = [one.party for one in terms.guarantees]
    payers = {one.paid_by for one in terms.guarantees}
    if not {*guaranteed, *payers} <= known:
        found.append(Flaw("guarantees", "This is no party of the contract."))
    if len(set(guaranteed)) != len(guaranteed):
        found.append(Flaw("guarantees", "A party is guaranteed two amounts."))
    if payers & set(guaranteed):
        found.append(Flaw("guarantees", "Who pays for a guarantee has none itself."))
    return found
