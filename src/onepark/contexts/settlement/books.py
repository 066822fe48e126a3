"""What clearing and payouts post to the books.

Owns: which accounts a day's totals and a payout move, and the keys they are posted under.
Never: awaits, or posts.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time

from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.settlement.model import (
    NO_LOT,
    TREASURY_PARTY,
    CycleLine,
    DayTotal,
    VersionKind,
    VersionRow,
)
from onepark.contexts.settlement.terms import Base, Terms
from onepark.kernel.types import CHINA, Fen, LotId, OperatorId, RevenueKind

Taken = tuple[AccountKind, str, int]  # an account, its owner, and what it stands at

END_OF_DAY = time(23, 59, 59, 999_999, CHINA)


def payable(party: str) -> Account:
    """Return the account on which stands what a party is owed."""
    if party == TREASURY_PARTY:
        return Account(AccountKind.TREASURY_PAYABLE, party)
    return Account(AccountKind.PARTY_PAYABLE, party)


def borne_by_parties(terms: Terms, account: AccountKind) -> bool:
    """Tell whether fees or coupons come out of what parties get, rather than of the platform's."""
    if account == AccountKind.PROVIDER_FEE:
        return terms.base in {Base.NET_OF_FEE, Base.NET} or terms.fee_bearer is not None
    return terms.base in {Base.NET_OF_COUPONS, Base.NET} or terms.coupon_bearer is not None


def of_total(
    total: DayTotal, version: VersionRow, *, day: date, borne: Iterable[Taken]
) -> Journal | None:
    """Return the journal that gives a day's revenue to its parties; None if nothing moves."""
    treasury = version.kind == VersionKind.TREASURY_WHOLE
    revenue = RevenueKind.NON_TAX if treasury else RevenueKind.COMMERCIAL
    moves = [(Account(AccountKind.PARKING_REVENUE, revenue), total.sums.gross_fen)]
    moves += [
        (Account(kind, owner), -fen)
        for kind, owner, fen in borne
        if borne_by_parties(version.terms, kind)
    ]
    moves += _to_parties(version, total.amounts)
    late = total.original_day != day
    kind = JournalKind.CLEARING_ADJUSTED if late else JournalKind.CLEARING
    return _journal(
        JournalKind.TREASURY if treasury else kind,
        _key_of_total(day, total),
        version.operator_id,
        day=day,
        revenue=revenue,
        moves=moves,
        lot_id=None if total.lot_id == NO_LOT else LotId(total.lot_id),
        about=_key_of_total(total.original_day, total) if late else None,
    )


def of_line(line: CycleLine, version: VersionRow) -> Journal | None:
    """Return the journal of what a cycle moves between parties."""
    return _journal(
        JournalKind.CLEARING,
        f"clearing:{line.day}:{line.version_id}:{line.kind}",
        version.operator_id,
        day=line.day,
        revenue=RevenueKind.COMMERCIAL,
        moves=_to_parties(version, line.amounts),
    )


def of_payout(
    kind: JournalKind,
    payout_no: str,
    operator_id: OperatorId,
    *,
    at: datetime,
    moves: Sequence[tuple[Account, int]],
) -> Journal:
    """Return the journal of one step of a payout."""
    return Journal(
        kind=kind,
        business_key=f"{kind}:{payout_no}",
        operator_id=operator_id,
        occurred_at=at,
        revenue_kind=RevenueKind.COMMERCIAL,
        postings=_postings(moves),
        about=f"payout:{payout_no}" if kind != JournalKind.PAYOUT else None,
    )


def _to_parties(version: VersionRow, amounts: Sequence[int]) -> list[tuple[Account, int]]:
    return [
        (payable(share.party), -fen)
        for share, fen in zip(version.terms.parties, amounts, strict=True)
    ]


def _key_of_total(day: date, total: DayTotal) -> str:
    return f"clearing:{day}:{total.version_id}:{total.lot_id}:{total.original_day}"


def _journal(  # noqa: PLR0913  all that a journal says
    kind: JournalKind,
    key: str,
    operator_id: OperatorId,
    *,
    day: date,
    revenue: RevenueKind,
    moves: Sequence[tuple[Account, int]],
    lot_id: LotId | None = None,
    about: str | None = None,
) -> Journal | None:
    postings = _postings(moves)
    if not postings:
        return None
    return Journal(
        kind=kind,
        business_key=key,
        operator_id=operator_id,
        occurred_at=datetime.combine(day, END_OF_DAY),
        revenue_kind=revenue,
        postings=postings,
        lot_id=lot_id,
        about=about,
        clearing_day=day,
    )


def _postings(moves: Iterable[tuple[Account, int]]) -> tuple[Posting, ...]:
    return tuple(Posting(account, Fen(fen)) for account, fen in moves if fen)
