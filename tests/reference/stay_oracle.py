"""What one car's passages come to, found the slow way: all of them at once, in order of time.

Owns: the plainest reading of docs/ARCHITECTURE.md, "How passages become stays", and of
docs/membership.md, "What a pass covers", at 5 yuan a begun hour.
Never: imports the rules that it judges, or remembers anything from one call to the next.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.stays.model import Kind, Passage
from onepark.kernel.types import CHINA

TWO_MINUTES = timedelta(minutes=2)
TEN_MINUTES = timedelta(minutes=10)
ONE_MINUTE = timedelta(minutes=1)

Coupon = tuple[str, int]


class Visit(NamedTuple):
    """One visit: who came where and when, and how it ended."""

    state: str
    entered_at: datetime | None
    entry_lane: str | None
    exited_at: datetime | None
    exit_lane: str | None
    derived: bool


class Right(NamedTuple):
    """A pass, or a coupon (with its kind) that was redeemed for the visit that began then."""

    from_at: datetime
    until_at: datetime
    weekday: int | None = None  # 0 is Monday; a pass counts on it only
    minutes: tuple[int, int] = (0, 1_440)  # of that day, or of every day
    coupon: tuple[str, int] | None = None


def fee_fen(visit: Visit, rights: Sequence[Right]) -> int:
    """Return what a visit costs, minute by minute; no right makes it dearer."""
    assert visit.entered_at is not None
    assert visit.exited_at is not None
    passes = [one for one in rights if one.coupon is None]
    coupons = [
        one.coupon
        for one in rights
        if one.coupon is not None and visit.entered_at <= one.from_at <= visit.exited_at
    ]
    whole = (visit.entered_at, visit.exited_at)
    return min(
        _discounted(_walked(*whole, passes, coupons), coupons),
        _discounted(_walked(*whole, [], coupons), coupons),
    )


def _walked(
    from_at: datetime, until_at: datetime, passes: Sequence[Right], coupons: Sequence[Coupon]
) -> int:
    due_fen, left = 0, 0
    skipped = sum(value for kind, value in coupons if kind == "minutes")
    for minute in range(int((until_at - from_at) // ONE_MINUTE)):
        at = from_at + minute * ONE_MINUTE
        if minute < skipped or any(_counts(one, at) for one in passes):
            left = 0
            continue
        if left == 0:
            due_fen, left = due_fen + 500, 60
        left -= 1
    return due_fen


def _counts(one: Right, at: datetime) -> bool:
    local = at.astimezone(CHINA)
    of_day = local.hour * 60 + local.minute
    return (
        one.from_at <= at < one.until_at
        and one.weekday in {None, local.weekday()}
        and one.minutes[0] <= of_day < one.minutes[1]
    )


def _discounted(due_fen: int, coupons: Sequence[Coupon]) -> int:
    for kind, value in coupons:
        if kind == "off_permille":
            due_fen = due_fen * (1_000 - value) // 1_000  # what is left is rounded down
    for kind, value in coupons:
        if kind == "amount_fen":
            due_fen = max(due_fen - value, 0)
    return 0 if any(kind == "full" for kind, _ in coupons) else due_fen


def visits(passages: Sequence[Passage]) -> list[Visit]:
    """Return the visits of one car, in order of time; requests to leave move nothing."""
    found: list[Visit] = []
    for one in in_time(passages):
        inside = bool(found) and found[-1].state == "open"
        if one.kind == Kind.ENTRY:
            _enter(found, one, inside=inside)
        elif one.device_id == ":evidence":
            if inside:  # nobody saw it leave, but by then it had
                found[-1] = found[-1]._replace(state="exit_missing", exited_at=one.seen_at)
        elif inside:
            found[-1] = found[-1]._replace(
                state="closed", exited_at=one.seen_at, exit_lane=one.lane, derived=one.derived
            )
        elif not one.derived:
            _leave_outside(found, one)
    return found


def in_time(passages: Sequence[Passage]) -> list[Passage]:
    """Return each passage once, in order of time, kind, device, epoch, sequence and id."""
    moving = {one.key: one for one in passages if one.kind != Kind.EXIT_REQUEST}
    rank = {Kind.ENTRY: 0, Kind.EXIT: 2}

    def place(one: Passage) -> tuple[datetime, int, str, int, int, str]:
        told = (one.device_id, one.epoch or 0, one.seq or 0, one.passage_id)
        return (one.seen_at, rank[one.kind], *told)

    return sorted(moving.values(), key=place)


def _enter(found: list[Visit], one: Passage, *, inside: bool) -> None:
    if inside:
        came_at = found[-1].entered_at
        assert came_at is not None
        if one.seen_at <= came_at + TWO_MINUTES:
            return  # a second camera of the entrance
        found[-1] = found[-1]._replace(state="exit_missing")
    found.append(Visit("open", one.seen_at, one.lane, None, None, derived=False))


def _leave_outside(found: list[Visit], one: Passage) -> None:
    last = found[-1].exited_at if found else None
    if last is not None and found[-1].state == "exit_missing" and not one.derived:
        found[-1] = found[-1]._replace(state="closed", exited_at=one.seen_at, exit_lane=one.lane)
        return
    if last is not None:
        if found[-1].derived and one.seen_at <= last + TEN_MINUTES:
            found[-1] = found[-1]._replace(derived=False)  # the barrier opened; now it has gone
            return
        if one.seen_at <= last + TWO_MINUTES:
            return  # a second camera of the exit
        if one.entered_at is not None and one.entered_at < last:
            return  # it tells of a time in which the car was somewhere else
    state = "entry_missing" if one.entered_at is None else "closed"
    found.append(Visit(state, one.entered_at, None, one.seen_at, one.lane, derived=False))
