"""What a pass covers.

Owns: the spans of a stay that its car's passes cover, which coupons count for it, what a term
lasts, what it has earned, and what is left of it when it is given up.
Never: awaits, reads the clock, or prices.
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.membership.model import (
    DAY_MINUTES,
    Benefit,
    BenefitKind,
    Pass,
    PassState,
    Window,
)
from onepark.contexts.tariffs.model import Coupon, CouponKind
from onepark.kernel.types import CHINA, Fen

A_DAY = timedelta(days=1)
EVERY_DAY = 0b1111111
COUPONS_MAX = 8  # that the tariff engine takes


class Covered(NamedTuple):
    """A span that costs nothing, and the name of the pass that says so."""

    from_at: datetime
    until_at: datetime
    name: str


def covered(
    benefits: Iterable[Benefit],
    from_at: datetime,
    until_at: datetime,
    *,
    zone: str | None = None,
    fleet_id: int | None = None,
) -> list[Covered]:
    """Return what passes cover of a span: apart from each other, in order, in whole seconds."""
    found = [
        Covered(max(start, from_at), min(end, until_at), one.name)
        for one in benefits
        if _is_for(one, zone, fleet_id)
        for start, end in _times(one, from_at, until_at)
        if start < until_at and end > from_at
    ]
    found.sort()
    apart: list[Covered] = []
    for span in found:
        start, end = span.from_at.replace(microsecond=0), span.until_at.replace(microsecond=0)
        if apart and start <= apart[-1].until_at:
            apart[-1] = apart[-1]._replace(until_at=max(apart[-1].until_at, end))
        elif start < end:
            apart.append(Covered(start, end, span.name))
    return apart


def valid_at(benefits: Iterable[Benefit], at: datetime, *, zone: str | None) -> list[Benefit]:
    """Return the passes that cover a moment, those without a fleet first."""
    found = [
        one
        for one in benefits
        if _is_for(one, zone, one.fleet_id)
        and any(start <= at < end for start, end in _times(one, at, at + A_DAY))
    ]
    return sorted(found, key=lambda one: (one.fleet_id is not None, one.benefit_id))


def coupons(benefits: Iterable[Benefit], from_at: datetime, until_at: datetime) -> list[Benefit]:
    """Return the coupons that were redeemed for a stay, in the order of their redemption."""
    found = [
        one
        for one in benefits
        if one.kind == BenefitKind.COUPON and from_at <= one.from_at <= until_at
    ]
    return sorted(found)[:COUPONS_MAX]


def coupon_of(benefit: Benefit) -> Coupon:
    """Return a coupon as tariffs know it."""
    assert benefit.coupon_kind is not None, "a coupon has a kind"
    return Coupon(CouponKind(benefit.coupon_kind), benefit.coupon_value or 0)


def _is_for(one: Benefit, zone: str | None, fleet_id: int | None) -> bool:
    return (
        one.kind == BenefitKind.PASS
        and one.zone in {None, zone}
        and one.fleet_id in {None, fleet_id}
    )


def _times(
    one: Benefit, from_at: datetime, until_at: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield when a pass counts, as far as it touches a span."""
    if one.windows is None:
        yield one.from_at, one.until_at
        return
    start, end = max(from_at, one.from_at), min(until_at, one.until_at)
    if start >= end:
        return
    midnight = _midnight(start) - A_DAY  # a window may reach over it
    while midnight < end:
        for mask, begins, ends in _triples(one.windows):
            if mask >> midnight.weekday() & 1:
                yield (
                    max(midnight + timedelta(minutes=begins), one.from_at),
                    min(midnight + timedelta(minutes=ends), one.until_at),
                )
        midnight += A_DAY


def _triples(windows: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    parts = iter(windows)
    return zip(parts, parts, parts, strict=True)


def _midnight(at: datetime) -> datetime:
    return at.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)


def compact(windows: Sequence[Window]) -> tuple[int, ...] | None:
    """Return windows as they are kept; None: all the time."""
    numbers: list[int] = []
    for one in windows:
        mask = sum(1 << (day - 1) for day in set(one.days)) or EVERY_DAY
        begins, ends = _minute(one.from_), _minute(one.to)
        numbers += [mask, begins, ends if ends > begins else ends + DAY_MINUTES]
    return tuple(numbers) or None


def readable(windows: Sequence[int] | None) -> tuple[Window, ...]:
    """Return kept windows as people write them."""
    return tuple(
        Window(_clock(begins), _clock(ends if ends <= DAY_MINUTES else ends - DAY_MINUTES), days)
        for mask, begins, ends in _triples(windows or ())
        for days in [tuple(day for day in range(1, 8) if mask >> (day - 1) & 1)]
    )


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def after_months(at: datetime, months: int) -> datetime:
    """Return the same time so many months later, on the last day where there is no such day."""
    local = at.astimezone(CHINA)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day)


def earned(one: Pass, at: datetime) -> Fen:
    """Return what of a pass is earned by a moment: what is not left of it, or does not go back."""
    if one.state == PassState.CANCELLED:
        return Fen(one.paid_fen - one.refunded_fen - one.refund_due_fen)
    return Fen(one.paid_fen - rest_of(one.paid_fen, one.from_at, one.until_at, at))


def earned_next_at(at: datetime, one: Pass) -> datetime | None:
    """Return when a pass has earned more next: each month of its term, and at its end."""
    if one.state == PassState.CANCELLED or at >= one.until_at:
        return None
    months = 1
    while (next_at := after_months(one.from_at, months)) <= at:
        months += 1
    return min(next_at, one.until_at)


def rest_of(paid_fen: int, from_at: datetime, until_at: datetime, at: datetime) -> Fen:
    """Return what a pass that is given up is worth: its whole days ahead, rounded down to fen.

    A term that has not begun is worth all that was paid.
    """
    days = max(-((from_at - until_at) // A_DAY), 1)
    left = min(max((until_at - max(at, from_at)) // A_DAY, 0), days)
    return Fen(paid_fen if at <= from_at else paid_fen * left // days)
