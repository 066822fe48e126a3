"""Whose exit it is when no car of its plate came in.

Owns: which passages are matched with the plates inside, when a match is taken for granted, and what
is left for a person.
Never: awaits, reads the clock, or scores a plate by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from onepark.contexts.stays.case import CarCase, Doubt, Folded
from onepark.contexts.stays.model import Candidate, Kind, Passage, StayState, Suspicion, Verdict
from onepark.contexts.stays.moments import (
    CONFIRMS,
    REREAD,
    again,
    in_order,
    is_late,
    is_live,
    reaches,
)
from onepark.contexts.stays.ports import Matches
from onepark.kernel.types import LotId, StayId

RECENT_MAX = 500  # of a lot's last stays are looked at for cars that have just left it
CANDIDATES_MAX = 10_000  # plates of one lot; in a fuller one nothing is taken for granted
COMPARED_MAX = 100_000  # plates in one batch; exits beyond it are held and tried again later
KEPT_MAX = 5
NOBODY = Suspicion(Verdict.NONE, (), 0)
LIKE = frozenset({Verdict.EXACT, Verdict.ACCEPTED})

CarKey = tuple[int, str]


class Recognised(NamedTuple):
    """A misread passage and the car inside that it is taken for."""

    passage: Passage
    candidate: Candidate

    @property
    def car(self) -> CarKey:
        """Return the key of that car's row."""
        return (self.passage.lot_id, self.candidate.car_key)


def may_be_misread(passage: Passage) -> bool:
    """Tell whether a passage may speak of another plate than it says: an exit that was read."""
    if passage.kind == Kind.ENTRY or passage.entered_at is not None:
        return False
    return bool(passage.plate) and not passage.derived and passage.decided_for is None


def unmatched(case: CarCase) -> list[Passage]:
    """Return a car's exits that no entry and no earlier visit of its own explains."""
    if case.open is not None:
        return []
    exits = [passage for passage in case.passages if may_be_misread(passage)]
    entered = [passage.seen_at for passage in case.passages if passage.kind == Kind.ENTRY]
    return [
        passage
        for passage in exits
        if not any(at <= passage.seen_at for at in entered) and not _is_explained(passage, case)
    ]


def _is_explained(passage: Passage, case: CarCase) -> bool:
    """Tell whether the car's own last visit is near enough to be what the passage speaks of."""
    if is_late(passage, case.car):
        return True
    if case.last is None:
        return False
    stay = case.last.stay
    return passage.seen_at <= stay.last_at + CONFIRMS or (
        stay.state == StayState.EXIT_MISSING and reaches(passage, stay)
    )


def judge(
    cases: Sequence[CarCase], inside: Mapping[LotId, Sequence[Candidate]], matches: Matches
) -> list[Recognised]:
    """Match the unmatched exits of a batch with the plates inside their lots, in order of time.

    What is not taken for granted is written to its case as a suspicion. A lot whose plates were not
    loaded is left alone: a match means little without its rivals.
    """
    by_lot: dict[LotId, list[CarCase]] = {lot_id: [] for lot_id in inside}
    for case in cases:
        if case.car.lot_id in by_lot:
            by_lot[case.car.lot_id].append(case)
    lots = {lot_id: _Lot(by_lot[lot_id], others) for lot_id, others in inside.items()}
    waiting = [
        (one, case) for of_lot in by_lot.values() for case in of_lot for one in unmatched(case)
    ]
    recognised: list[Recognised] = []
    compared = 0
    for passage, case in sorted(waiting, key=lambda pair: _in_turn(pair[0])):
        lot = lots[passage.lot_id]
        compared += lot.size
        if compared > COMPARED_MAX:
            case.suspicions[passage.key] = NOBODY
            continue
        candidate = lot.judge(passage, case, matches)
        if candidate is not None:
            recognised.append(Recognised(passage, candidate))
    return recognised


def _in_turn(passage: Passage) -> tuple[bool, object]:
    """Whoever waits at a barrier comes before a backlog, which may fill the batch."""
    return (not is_live(passage), in_order(passage))


class _Lot:
    """The plates inside one lot while its misread exits are matched one after the other."""

    def __init__(self, cases: Sequence[CarCase], others: Sequence[Candidate]) -> None:
        own = {case.car.car_key for case in cases}
        self.cases = [case for case in cases if _may_be_inside(case)]
        inside = {one.car_key for one in others if one.left_s is None}
        self.others = [
            one
            for one in others
            if one.car_key not in own and (one.left_s is None or one.car_key not in inside)
        ]
        self.is_crowded = len(inside) >= CANDIDATES_MAX
        self.size = len(self.cases) + len(self.others)
        self.gone: dict[str, Passage] = {}  # recognised at an exit before

    def judge(self, passage: Passage, case: CarCase, matches: Matches) -> Candidate | None:
        """Return the car that the passage is taken for; else note whose it may be."""
        told = [_as_seen(one, passage.seen_at) for one in self.cases if one is not case]
        of_batch = {one.car_key: is_inside for one, is_inside in filter(None, told)}
        candidates = [one for one, _ in filter(None, told)]
        seen_s = int(passage.seen_at.timestamp())
        candidates += [one for one in self.others if _is_rival(one, seen_s)]
        suspicion = matches.match(passage, candidates) if candidates else NOBODY
        inside = [
            one
            for one in suspicion.candidates
            if one.car_key not in self.gone and of_batch.get(one.car_key, one.left_s is None)
        ]
        if not self.is_crowded and _is_sure(passage, suspicion, inside):
            if passage.kind == Kind.EXIT:
                self.gone[inside[0].car_key] = passage
            return inside[0]
        if passage.kind == Kind.EXIT and suspicion.verdict in LIKE:
            best = suspicion.candidates[0]
            if _is_read_again(passage, self.gone.get(best.car_key)):
                return best
            # A plate that somebody may carry can still have an entry of its own on the way.
            if passage.plate_suspect and best.stay_id and _has_just_left(best, seen_s):
                case.again[passage.key] = best.stay_id
        case.suspicions[passage.key] = _doubt(suspicion, inside)
        return None


def _is_read_again(passage: Passage, gone: Passage | None) -> bool:
    """Tell whether a second camera read the same as the first one, whose car was recognised."""
    return gone is not None and gone.car_key == passage.car_key and again(passage, gone.seen_at)


def _doubt(suspicion: Suspicion, inside: Sequence[Candidate]) -> Suspicion:
    """Return what a person may choose from; never sure is what a car that has gone explains."""
    kept = tuple(inside[:KEPT_MAX])
    is_gone = suspicion.verdict in LIKE and suspicion.candidates[:1] != kept[:1]
    verdict = Verdict.AMBIGUOUS if is_gone else suspicion.verdict
    return replace(suspicion, candidates=kept, verdict=verdict)


def _is_rival(candidate: Candidate, seen_s: int) -> bool:
    """Tell whether a car was inside at a moment, or had left it just before."""
    was_inside = candidate.left_s is None or _has_just_left(candidate, seen_s)
    return candidate.entered_s <= seen_s and was_inside


def _has_just_left(candidate: Candidate, seen_s: int) -> bool:
    """Tell whether a second camera may speak of a car that the first one saw leave."""
    left_s = candidate.left_s
    return left_s is not None and 0 <= seen_s - left_s <= REREAD.total_seconds()


def _may_be_inside(case: CarCase) -> bool:
    return case.open is not None or any(one.kind == Kind.ENTRY for one in case.passages)


def _as_seen(case: CarCase, at: datetime) -> tuple[Candidate, bool] | None:
    """Return a car of the batch as it was at a moment, and whether it can have left just then.

    A car that left by its own plate, or was read rightly inside later on, stays a candidate, so
    that its plate speaks against all others; but nothing is taken for it.
    """
    came_at = None if case.open is None else case.open.stay.entered_at
    stay_id = None if case.open is None else case.open.stay.stay_id
    is_inside, first = came_at is not None, case.passages[0]
    left_s = None
    for passage in sorted(case.passages, key=in_order):
        if passage.seen_at > at:
            is_inside = is_inside and passage.kind == Kind.ENTRY
            break
        if passage.kind == Kind.ENTRY and not (is_inside and again(passage, came_at)):
            came_at, stay_id, is_inside, left_s = passage.seen_at, None, True, None
        elif passage.kind == Kind.EXIT:
            is_inside, left_s = False, int(passage.seen_at.timestamp())
    if came_at is None or came_at > at or not first.plate:
        return None
    whole = (stay_id, case.car.car_key, first.plate, first.plate_color, first.vehicle)
    return Candidate(*whole, int(came_at.timestamp()), left_s), is_inside


def again_suspected(before: Verdict, now: Suspicion) -> Suspicion:
    """Return whose a held exit may be, now that the plates inside are others.

    What was in doubt once stays so: a rival that has left since was a rival at the exit.
    """
    return replace(now, verdict=before) if before == Verdict.AMBIGUOUS else now


def recognised_later(suspicion: Suspicion, *, of: int) -> Candidate | None:
    """Return the car that a held exit is taken for by now, among so many."""
    is_sure = suspicion.verdict in LIKE and of < CANDIDATES_MAX
    return suspicion.candidates[0] if is_sure else None


def _is_sure(passage: Passage, suspicion: Suspicion, inside: Sequence[Candidate]) -> bool:
    """Tell whether nobody has to be asked.

    The best candidate must be able to leave, and the entry of a well-read plate must not be on its
    way still: from a backlog, exits often come before the entries.
    """
    if not inside or inside[0] is not suspicion.candidates[0]:
        return False
    if not (is_live(passage) or passage.plate_suspect):
        return False
    return suspicion.verdict in LIKE


def hand_over(
    cases: Iterable[CarCase], recognised: Sequence[Recognised], locked: Iterable[CarCase]
) -> list[CarCase]:
    """Move every recognised passage to the car that it is of; return the cases to be folded."""
    by_car: dict[CarKey, CarCase] = {}
    by_car |= {(case.car.lot_id, case.car.car_key): case for case in (*cases, *locked)}
    for one in recognised:
        by_car[one.passage.car].passages.remove(one.passage)
        by_car[one.car].passages.append(one.passage)
    return [case for case in by_car.values() if case.passages]


def name_stays(folds: Sequence[Folded]) -> None:
    """Give the candidates of held passages the stays that this very batch began."""
    if not any(fold.doubts for fold in folds):
        return
    inside: dict[CarKey, StayId | None] = {}
    inside |= {(fold.car.lot_id, fold.car.car_key): fold.car.open_stay_id for fold in folds}
    for fold in folds:
        fold.doubts = [_named(doubt, inside) for doubt in fold.doubts]


def _named(doubt: Doubt, inside: Mapping[CarKey, StayId | None]) -> Doubt:
    lot_id = doubt.passage.lot_id
    candidates = [
        replace(one, stay_id=one.stay_id or inside.get((lot_id, one.car_key)))
        for one in doubt.suspicion.candidates
    ]
    known = tuple(one for one in candidates if one.stay_id is not None)
    return doubt._replace(suspicion=replace(doubt.suspicion, candidates=known))
