"""The match of a bill with our books, said a second time: slowly, pair by pair, no index."""

from onepark.contexts.reconciliation.model import Case, DifferenceClass, LineKind, LineState


def differences(case: Case) -> set[tuple[DifferenceClass, str, int]]:
    """Class, number and money of every difference but of duplicates."""
    found: set[tuple[DifferenceClass, str, int]] = set()
    for line in case.lines:
        found |= _of_line(line, case)
    for thing in case.paid:
        one = case.ours[thing]
        named = [each for each in _same(case, *thing) if _names(each, one)]
        near = [
            each
            for each in case.elsewhere
            if each.thing == thing
            and -1 <= (each.day - case.day).days <= 1
            and (one.kind is LineKind.REFUND or each.provider_txn == one.provider_txn)
        ]
        if not named and not near:
            found.add((DifferenceClass.OURS_ONLY, one.number, one.amount_fen))
    return found


def _of_line(line, case) -> set[tuple[DifferenceClass, str, int]]:
    theirs_only = {(DifferenceClass.THEIRS_ONLY, line.our_no, line.amount_fen)}
    mates = [
        one for one in case.ours.values() if (one.kind, one.number) == (line.kind, line.our_no)
    ]
    if not mates:
        return theirs_only
    [one] = mates
    same = _same(case, line.kind, line.our_no)
    if one.kind is LineKind.TRADE and one.state is not LineState.SUCCESS:
        return theirs_only if same[0] is line else set()
    named = [each for each in same if _names(each, one)]
    if not named:
        return theirs_only
    return _of_pair(line, one, case) if named[0] is line else set()


def _same(case, kind, number):
    return [each for each in case.lines if (each.kind, each.our_no) == (kind, number)]


def _names(line, one) -> bool:
    return one.kind is LineKind.REFUND or line.provider_txn == one.provider_txn


def _of_pair(line, one, case) -> set[tuple[DifferenceClass, str, int]]:
    if line.currency != "CNY":
        return {(DifferenceClass.CURRENCY_DIFFERS, one.number, line.amount_fen)}
    if line.amount_fen != one.amount_fen:
        off = abs(line.amount_fen - one.amount_fen)
        return {(DifferenceClass.AMOUNT_DIFFERS, one.number, off)}
    if line.state is not LineState.PENDING and line.state is not one.state:
        return {(DifferenceClass.STATE_DIFFERS, one.number, line.amount_fen)}
    ppm = case.fee_ppm if case.fee_ppm is not None else line.fee_ppm
    if line.kind is LineKind.TRADE and ppm is not None:
        whole, rest = divmod(line.settled_fen * ppm, 1_000_000)
        fee = whole + (1 if rest * 2 >= 1_000_000 else 0)
        if fee != line.fee_fen:
            return {(DifferenceClass.FEE_DIFFERS, one.number, abs(fee - line.fee_fen))}
    return set()
