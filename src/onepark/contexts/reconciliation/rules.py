"""What differs between our books, a trade bill and an account.

Owns: the pairing of lines, the order in which one difference outranks another, and due days.
Never: awaits, or reads a clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from onepark.contexts.payments.model import RefundFact, RefundWord, TradeFact, TradeState
from onepark.contexts.reconciliation.model import (
    BillLine,
    Booked,
    Case,
    DifferenceClass,
    Found,
    FundsMatched,
    LineKind,
    LineState,
    Matched,
    Movement,
    Ours,
    Owner,
    Resolution,
    Thing,
)
from onepark.kernel.types import CHINA, Fen

CURRENCY = "CNY"
PPM = 1_000_000
READY_AT_HOUR = 10  # of the next day, in China: providers write the bills of a day until then
RETRY_AFTER = timedelta(minutes=30)
RETRY_SLOWLY_AFTER = timedelta(hours=6)
QUICK_TRIES = 48
BACK_DAYS = 7  # so many days back a file is asked for that was never had
PAYOUT_TAKES = timedelta(days=10)  # over the longest holidays
DUE_AFTER = timedelta(days=3)
BY_PEOPLE = frozenset(
    {Resolution.REFUNDED, Resolution.CORRECTED, Resolution.WRITTEN_OFF, Resolution.EXPLAINED}
)


def wanted_days(now: datetime) -> list[date]:
    """Return the days whose files should be there by now, the latest first."""
    here = now.astimezone(CHINA)
    last = here.date() - timedelta(days=1 if here.hour >= READY_AT_HOUR else 2)
    return [last - timedelta(days=back) for back in range(BACK_DAYS)]


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins in China, and the next one."""
    return (
        datetime.combine(day, time.min, CHINA),
        datetime.combine(day + timedelta(days=1), time.min, CHINA),
    )


def next_try_at(tries: int, now: datetime) -> datetime:
    """Return when a file is asked for again."""
    return now + (RETRY_AFTER if tries < QUICK_TRIES else RETRY_SLOWLY_AFTER)


def match(case: Case) -> Matched:
    """Compare a trade bill with our books, both ways."""
    by_thing: dict[Thing, list[BillLine]] = defaultdict(list)
    for line in case.lines:
        by_thing[Thing(line.kind, line.our_no)].append(line)
    elsewhere: dict[Thing, list[Booked]] = defaultdict(list)
    for booked in case.elsewhere:
        elsewhere[booked.thing].append(booked)
    matched = Matched([], [], [], [])
    booked_here: set[Thing] = set()
    for thing, lines in by_thing.items():
        before = any(one.day < case.day for one in elsewhere[thing])
        if _judge(lines, case.ours.get(thing), case, matched, before=before):
            booked_here.add(thing)
    for thing in case.paid:
        one = case.ours[thing]
        if thing not in booked_here and not _is_near(one, elsewhere[thing], case.day):
            matched.found.append(_ours_only(one))
    return matched


def _is_near(one: Ours, elsewhere: Iterable[Booked], day: date) -> bool:
    """Say whether a neighbouring bill names it: providers cut their days minutes from midnight."""
    return any(abs(each.day - day).days <= 1 and _same_txn(one, each) for each in elsewhere)


def _same_txn(one: Ours, other: BillLine | Booked) -> bool:
    """Refunds go by the number that we gave; trades by the provider's too."""
    return one.kind is LineKind.REFUND or one.provider_txn == other.provider_txn


def _judge(
    lines: list[BillLine], one: Ours | None, case: Case, matched: Matched, *, before: bool
) -> bool:
    """Compare the lines of one number with what we have under it; say whether it is booked."""
    if one is None:
        matched.found.extend(_theirs_only(line, None) for line in lines)
        return False
    if one.kind is LineKind.TRADE and one.state is not LineState.SUCCESS:
        matched.unpaid.append(lines[0])
        matched.found.append(_theirs_only(lines[0], one))
        matched.found.extend(_duplicates(lines[1:], one))
        return False
    own = [line for line in lines if _same_txn(one, line)]
    if not own:
        matched.found.extend(_theirs_only(line, one) for line in lines)
        return False
    rest = [line for line in lines if line is not own[0]]
    matched.found.extend(_duplicates(lines if before else rest, one))
    difference = None if before else _compare(own[0], one, case.fee_ppm)
    if difference is not None:
        matched.found.append(difference)
        if difference.difference_class is DifferenceClass.STATE_DIFFERS:
            matched.moved.append(own[0])
    elif not before:
        matched.agreed.append(Thing(one.kind, one.number))
    return True


def _compare(line: BillLine, one: Ours, fee_ppm: int | None) -> Found | None:
    """Return the gravest difference of a pair."""
    if line.currency != CURRENCY:
        return _found(DifferenceClass.CURRENCY_DIFFERS, line, one, note=line.currency)
    if line.amount_fen != one.amount_fen:
        off = abs(line.amount_fen - one.amount_fen)
        return _found(DifferenceClass.AMOUNT_DIFFERS, line, one, off_fen=off)
    if line.state is not LineState.PENDING and line.state is not one.state:
        note = f"there {line.state}, here {one.state}"
        return _found(DifferenceClass.STATE_DIFFERS, line, one, owner=Owner.PLATFORM, note=note)
    expected = expected_fee(line, fee_ppm)
    if expected is not None and expected != line.fee_fen:
        return _found(
            DifferenceClass.FEE_DIFFERS,
            line,
            one,
            off_fen=abs(expected - line.fee_fen),
            owner=Owner.PROVIDER,
            note=f"expected {expected} fen, charged {line.fee_fen}",
        )
    return None


def expected_fee(line: BillLine, fee_ppm: int | None) -> Fen | None:
    """Return the fee of a trade by the contract, else by the rate that the bill names itself.

    Providers round a half fen up. What of a fee comes back with a refund no contract tells us.
    """
    ppm = fee_ppm if fee_ppm is not None else line.fee_ppm
    if ppm is None or line.kind is not LineKind.TRADE:
        return None
    return Fen((line.settled_fen * ppm * 2 + PPM) // (2 * PPM))


def _duplicates(lines: Sequence[BillLine], one: Ours) -> list[Found]:
    """Return what was paid again under one number, once for each of the provider's transactions."""
    sums: dict[str, list[BillLine]] = defaultdict(list)
    for line in lines:
        sums[line.provider_txn].append(line)
    return [
        _found(
            DifferenceClass.DUPLICATE,
            same[0],
            one,
            off_fen=sum(line.amount_fen for line in same),
            note=f"{len(same)} more",
        )
        for same in sums.values()
    ]


def _theirs_only(line: BillLine, one: Ours | None) -> Found:
    if one is None:
        note = "no such number here"
    elif one.state is LineState.SUCCESS:
        note = "paid here by another transaction"
    else:
        note = f"here {one.state}"
    return _found(DifferenceClass.THEIRS_ONLY, line, one, note=note)


def _ours_only(one: Ours) -> Found:
    return Found(
        DifferenceClass.OURS_ONLY,
        one.kind,
        one.number,
        off_fen=one.amount_fen,
        owner=Owner.PLATFORM,
        ours_fen=one.amount_fen,
        provider_txn=one.provider_txn,
        operator_id=one.operator_id,
        lot_id=one.lot_id,
    )


def _found(
    what: DifferenceClass,
    line: BillLine,
    one: Ours | None,
    *,
    off_fen: int | None = None,
    owner: Owner = Owner.FINANCE,
    note: str = "",
) -> Found:
    return Found(
        what,
        line.kind,
        line.our_no,
        off_fen=Fen(line.amount_fen if off_fen is None else off_fen),
        owner=owner,
        note=note,
        ours_fen=None if one is None else one.amount_fen,
        theirs_fen=line.amount_fen,
        provider_txn=line.provider_txn,
        operator_id=None if one is None else one.operator_id,
        lot_id=None if one is None else one.lot_id,
    )


def fact_of(line: BillLine, merchant: str) -> TradeFact:
    """Return what a line of a bill says of a trade, in the words of payments."""
    return TradeFact(
        out_trade_no=line.our_no,
        state=TradeState.SUCCESS,
        merchant=merchant,
        app=line.app,
        amount_fen=line.amount_fen,
        currency=line.currency,
        provider_txn=line.provider_txn,
        paid_at=line.at,
    )


def refund_fact_of(line: BillLine, merchant: str) -> RefundFact:
    """Return what a line of a bill says of a refund that went through."""
    return RefundFact(
        refund_no=line.our_no,
        out_trade_no=line.of_no,
        word=RefundWord.SUCCESS,
        merchant=merchant,
        amount_fen=line.amount_fen,
        refunded_at=line.at,
    )


def proves_payment(fact: TradeFact, *, ours_fen: Fen | None) -> bool:
    """Say whether a provider that was asked stands by a payment that its bill does not name."""
    return fact.state is TradeState.SUCCESS and fact.amount_fen == ours_fen


# -- the account -----------------------------------------------------------------------------------


def net_of_line(line: BillLine) -> int:
    """Return by how much a line of a bill moves the account; a fee given back is negative."""
    if line.state is LineState.FAILED:
        return 0
    sign = 1 if line.kind is LineKind.TRADE else -1
    return sign * line.settled_fen - line.fee_fen


def match_funds(
    keys: Iterable[str], lines: Sequence[BillLine], movements: Sequence[Movement]
) -> FundsMatched:
    """Compare, thing by thing, what a bill says with what the account did, over all days known."""
    billed = _sums((line.fund_key, net_of_line(line)) for line in lines)
    moved = _sums((one.fund_key, one.amount_fen) for one in movements)
    waiting = {line.fund_key for line in lines if line.state is LineState.PENDING}
    matched = FundsMatched([], [])
    for key in sorted(set(keys)):
        if key in waiting and key not in moved:
            continue
        there, here = moved.get(key, 0), billed.get(key, 0)
        if there == here:
            matched.agreed.append(key)
        else:
            matched.found.append(_bank_differs(key, billed=here, moved=there))
    return matched


def _sums(pairs: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for key, amount_fen in pairs:
        sums[key] += amount_fen
    return sums


def _bank_differs(key: str, *, billed: int, moved: int, kind: LineKind = LineKind.OTHER) -> Found:
    return Found(
        DifferenceClass.BANK_DIFFERS,
        kind,
        key,
        off_fen=Fen(abs(billed - moved)),
        owner=Owner.FINANCE,
        ours_fen=Fen(billed),
        theirs_fen=Fen(moved),
        note=f"billed {billed} fen, moved {moved} fen",
    )


def match_payouts(
    payouts: Sequence[Movement], credits_: Sequence[Movement], until: date
) -> FundsMatched:
    """Find for each payout of a provider the credit at the bank, the earliest first.

    A payout that could not have arrived by ``until``, the last day of the statements, waits.
    """
    free = sorted(credits_, key=lambda one: (one.at, one.number))
    matched = FundsMatched([], [])
    for payout in sorted(payouts, key=lambda one: (one.at, one.number)):
        paid_on = payout.at.astimezone(CHINA).date()
        credit = next((one for one in free if _arrives(one, -payout.amount_fen, paid_on)), None)
        if credit is not None:
            free.remove(credit)
            matched.agreed.append(payout.number)
        elif paid_on + PAYOUT_TAKES <= until:
            matched.found.append(
                _bank_differs(
                    payout.number, billed=-payout.amount_fen, moved=0, kind=LineKind.PAYOUT
                )
            )
    return matched


def _arrives(credit: Movement, amount_fen: int, paid_on: date) -> bool:
    took = credit.at.astimezone(CHINA).date() - paid_on
    return credit.amount_fen == amount_fen and timedelta(0) <= took <= PAYOUT_TAKES
