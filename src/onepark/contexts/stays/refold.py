"""How late passages find their places.

Owns: folding a car again from the visit before them, which of its old stays each visit is, and what
that changes. Money that was taken stays where it was: only what is owed or given back changes.
Never: awaits, reads the clock, or folds otherwise than rules.py does.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from itertools import count

from msgspec import UNSET
from msgspec.structs import replace

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays import money
from onepark.contexts.stays.case import (
    Amended,
    CarCase,
    Doubt,
    Folded,
    History,
    Kept,
    Known,
    PriceOf,
    Seats,
)
from onepark.contexts.stays.events import Entered, left_of
from onepark.contexts.stays.model import (
    Answer,
    Car,
    Kind,
    Nothing,
    Order,
    Passage,
    PassageState,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.stays.moments import begun_at, covers, in_order, moves
from onepark.contexts.stays.ports import NewIds
from onepark.contexts.stays.rules import Fold, PlanFor, QuotaOf, told
from onepark.contexts.stays.visits import remember
from onepark.contexts.tariffs.model import Quote
from onepark.kernel.types import LotId, OrderNo, StayId

ENDS = frozenset({PassageState.FOLDED, PassageState.MISREAD_EXIT, PassageState.HELD})
GONE = frozenset({StayState.CLOSED, StayState.ENTRY_MISSING})

PassageKey = tuple[int, str, str]


def refold(
    case: CarCase, *, new_ids: NewIds, plan_for: PlanFor, quota_of: QuotaOf
) -> Generator[PriceOf, Quote, Folded]:
    """Fold a car's passages, of which some are late, in their places among those of before.

    A generator as ``rules.fold`` is. What the late passages do not change is not saved again.
    """
    assert case.history is not None, "late passages need what came after them"
    last = case.history.before
    then = CarCase(
        *(_car_then(case, quota_of), [], None, last, None, case.suspicions, case.again),
        *(case.benefits, _SeatsBefore(case.history, case.seats)),
    )
    replay = Fold(then, _Placeholders(), plan_for, quota_of)
    known = [one.passage for one in case.history.known]
    for passage in sorted([*known, *filter(moves, case.passages)], key=in_order):
        yield from replay.take(passage)
    change = _Change(case, case.history, replay, new_ids)
    yield from change.answer_requests(plan_for, quota_of)
    return change.folded


def history_of(
    known: Iterable[Known],
    pairs: Iterable[StayAndOrder],
    *,
    from_at: datetime | None,
    by_exit: bool,
) -> History:
    """Part what is folded again from what stands.

    ``from_at`` is when the last visit before the late passages began, None if there is none; if its
    exit began it, it is over and stands.
    """

    def is_again(at: datetime) -> bool:
        return from_at is None or at > from_at or (at == from_at and not by_exit)

    in_time = sorted(pairs, key=lambda pair: begun_at(pair.stay))
    again = [pair for pair in in_time if is_again(begun_at(pair.stay))]
    stand = [pair for pair in in_time if not is_again(begun_at(pair.stay))]
    return History(
        [one for one in known if is_again(one.passage.seen_at)],
        again,
        stand[-1] if by_exit and stand else None,
        sorted((pair.stay for pair in stand), key=lambda stay: stay.first_at),
    )


def is_whole(history: History) -> bool:
    """Tell whether every stay still has a passage that it came from."""
    told_of = {one.stay_id for one in history.known}
    return all(pair.stay.stay_id in told_of for pair in history.pairs)


def _car_then(case: CarCase, quota_of: QuotaOf) -> Car:
    """Return the car as it was before the first of the stays that are folded again."""
    assert case.history is not None, "late passages need what came after them"
    car = Car(case.car.lot_id, case.car.car_key)
    used = case.history.pairs[0].stay if case.history.pairs else case.car
    car.cap_anchor_at, car.cap_charged_fen = used.cap_anchor_at, used.cap_charged_fen
    for stay in case.history.earlier:
        quota, free = quota_of(stay.plan_id), stay.free_visits_used
        if quota is None or free is None or free >= quota.visits or stay.entered_at is None:
            continue
        car.free_entries_at = remember(car.free_entries_at or [], stay.entered_at)
    return car


class _SeatsBefore(Seats):
    """The seats that visits of before have, and those that are free for others."""

    def __init__(self, history: History, free: Seats | None) -> None:
        super().__init__({})
        self._had = {pair.stay.entered_at: pair.stay.fleet_id for pair in history.pairs}
        self._free = free

    def take(self, lot_id: LotId, fleet: Benefit, at: datetime) -> bool:
        """Keep the seat of a visit that is folded again; let a new one take its own."""
        if at in self._had:
            return self._had[at] == fleet.fleet_id
        return self._free is not None and self._free.take(lot_id, fleet, at)


class _Placeholders:
    """Numbers of visits until it is known which stays they are."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def stay_id(self) -> StayId:
        return StayId(-next(self._numbers))

    def order_no(self, lot_id: LotId) -> OrderNo:
        return OrderNo(f"{lot_id}:{next(self._numbers)}")


class _Change:
    """What a second fold makes of the stays, orders and passages of before."""

    def __init__(self, case: CarCase, history: History, replay: Fold, new_ids: NewIds) -> None:
        self.case, self.history, self.replay, self.new_ids = case, history, replay, new_ids
        self.folded = Folded(case.car, [], {}, {}, [], [])
        self.before = {pair.stay.stay_id: pair for pair in history.pairs}
        self.standing = set() if history.before is None else {history.before.stay.stay_id}
        visits = {n: stay for n, stay in replay.folded.stays.items() if n not in self.standing}
        was = same_stays(visits.values(), replay.folded.kept, history)
        self.ids = {
            number: was[number] if number in was else new_ids.stay_id() for number in visits
        }
        orders = {order.stay_id: order for order in replay.folded.orders.values()}
        self.pairs = {
            number: self.pair(stay, orders.get(number)) for number, stay in visits.items()
        }
        self.drop(set(self.before) - set(was.values()))
        self.move_car()
        self.keep_passages()

    def pair(self, visit: Stay, priced: Order | None) -> StayAndOrder:
        """Return a visit as the stay that it is, and note what that changes."""
        stay = replace(visit, stay_id=self.ids[visit.stay_id])
        old = self.before.get(stay.stay_id)
        order = self.order(stay, None if old is None else old.order, priced)
        if old is None or old.stay != stay:
            self.folded.stays[stay.stay_id] = stay
            self.tell(stay, order, before=None if old is None else old.stay.state)
        if order is not None and (old is None or old.order != order):
            self.folded.orders[order.order_no] = order
        return StayAndOrder(stay, order)

    def order(self, stay: Stay, old: Order | None, priced: Order | None) -> Order | None:
        """Return the order of a stay: the money is of before, the fee is of now."""
        if old is not None:
            order = replace(old)
            _put_right(order, stay, priced)
            return order
        if priced is None:
            return None
        number = self.new_ids.order_no(stay.lot_id)
        return replace(priced, order_no=number, stay_id=stay.stay_id)

    def tell(self, stay: Stay, order: Order | None, *, before: StayState | None) -> None:
        if stay.state in GONE:
            self.folded.facts.append(left_of(stay, order))
        elif stay.state == StayState.OPEN and before is None and stay.entered_at is not None:
            self.folded.facts.append(Entered(stay.lot_id, stay.stay_id, stay.entered_at))

    def drop(self, gone: Iterable[StayId]) -> None:
        """Void stays that never were, as is known by now."""
        for stay_id in sorted(gone):
            old = self.before[stay_id]
            self.folded.stays[stay_id] = replace(old.stay, state=StayState.VOID)
            if old.order is not None:
                order = replace(old.order)
                money.cancel(order)
                self.folded.orders[order.order_no] = order

    def move_car(self) -> None:
        """Let the car be where it is now, and the lot hold one more or less."""
        car, then = self.case.car, self.replay.car
        car.cap_anchor_at, car.cap_charged_fen = then.cap_anchor_at, then.cap_charged_fen
        car.free_entries_at = then.free_entries_at
        at = then.known_until_at
        car.known_until_at = max(filter(None, (car.known_until_at, at)), default=None)
        self.open, self.last = self.now(self.replay.open), self.now(self.replay.last)
        car.open_stay_id = None if self.open is None else self.open.stay.stay_id
        car.last_stay_id = None if self.last is None else self.last.stay.stay_id
        was = None if self.case.open is None else self.case.open.stay
        is_ = None if self.open is None else self.open.stay
        if was is None or is_ is None or was.pool != is_.pool:
            self.folded.deltas += [(was, -1)] if was is not None else []
            self.folded.deltas += [(is_, 1)] if is_ is not None else []

    def now(self, pair: StayAndOrder | None) -> StayAndOrder | None:
        if pair is None or pair is self.history.before:
            return pair
        return self.pairs[pair.stay.stay_id]

    def keep_passages(self) -> None:
        """Keep the new passages with their answers, and what others have come to instead."""
        before = {one.passage.key: one for one in self.history.known}
        for kept in self.replay.folded.kept:
            known = before.get(kept.passage.key)
            stay_id = None if kept.stay_id is None else self.ids.get(kept.stay_id, kept.stay_id)
            if known is None:
                answer = self.as_now(kept.answer)
                self.folded.kept.append(Kept(kept.passage, answer, kept.state, stay_id))
            elif (kept.state, stay_id) != (known.state, known.stay_id):
                self.folded.amended.append(_amended(kept, stay_id))
        for doubt in self.replay.folded.doubts:
            if doubt.passage.key not in before:
                self.folded.doubts.append(self.doubt_now(doubt))

    def doubt_now(self, doubt: Doubt) -> Doubt:
        stay_id = None if doubt.stay_id is None else self.ids[doubt.stay_id]
        return doubt._replace(stay_id=stay_id)

    def as_now(self, answer: Answer) -> Answer:
        """Return an answer with the numbers that its stay and order really have."""
        if answer.stay_id is UNSET or answer.stay_id not in self.pairs:
            return answer
        pair = self.pairs[answer.stay_id]
        order_no = UNSET if pair.order is None else pair.order.order_no
        return replace(answer, stay_id=pair.stay.stay_id, order_no=order_no)

    def answer_requests(self, plan_for: PlanFor, quota_of: QuotaOf) -> Generator[PriceOf, Quote]:
        """Answer who asked to leave by what is known now; it moves nothing that has passed."""
        case = CarCase(
            *(self.case.car, [], self.open, self.last, None, self.case.suspicions, self.case.again),
            benefits=self.case.benefits,
        )
        asking = Fold(case, self.new_ids, plan_for, quota_of)
        asking.folded = self.folded
        requests = [one for one in self.case.passages if not moves(one)]
        for passage in sorted(requests, key=in_order):
            then = [pair for pair in self.pairs.values() if covers(pair.stay, passage.seen_at)]
            if then and then[0].stay.state == StayState.CLOSED:
                asking.keep(passage, told(Nothing(), then[0]), PassageState.ASKED)
            else:
                yield from asking.take(passage)


def _put_right(order: Order, stay: Stay, priced: Order | None) -> None:
    """Bring an order to what its stay has come to; nothing is raised that was fixed before."""
    order.opened_at = stay.first_at
    match stay.state:
        case StayState.OPEN:
            if order.fee_fen is not None:
                money.reopen(order)
        case StayState.CLOSED:
            assert priced is not None, "a closed stay has a price"
            assert priced.fee_fen is not None, "a closed stay has a price"
            fix = money.close if order.fee_fen is None else money.close_again
            fix(order, fee_fen=priced.fee_fen, at=stay.last_at)
            if not stay.is_billed:
                money.write_off(order)
        case _:
            money.void(order)


def _amended(kept: Kept, stay_id: StayId | None) -> Amended:
    passage = kept.passage
    key = (passage.lot_id, passage.device_id, passage.passage_id)
    return Amended(*key, passage.received_at, kept.state, stay_id)


def same_stays(
    visits: Iterable[Stay], kept: Sequence[Kept], history: History
) -> dict[StayId, StayId]:
    """Say which of the stays of before each visit is; what is left is new.

    Who has left is known by the exit, where it was paid; who is inside, by the entry.
    """
    states = {visit.stay_id: visit.state for visit in visits}
    now, then = _Ends(kept), _Ends(history.known)
    olds = [pair.stay for pair in history.pairs]
    left = [
        (old, now.exits.get(then.exit_of.get(old.stay_id))) for old in olds if old.state in GONE
    ]
    paid = [
        (old, visit)
        for old, visit in left
        if visit is None
        or states[visit] == StayState.CLOSED
        or old.state == StayState.ENTRY_MISSING
    ]
    entered = [(old, now.entries.get(then.entry_of.get(old.stay_id))) for old in olds]
    any_of = [(old, now.members.get(key)) for old in olds for key in then.all_of[old.stay_id]]
    was: dict[StayId, StayId] = {}
    found: set[StayId] = set()
    for old, visit in (*paid, *entered, *left, *any_of):
        if visit is not None and visit not in was and old.stay_id not in found:
            was[visit] = old.stay_id
            found.add(old.stay_id)
    return was


class _Ends:
    """Which passages began, ended and belonged to which stays, asked from either side."""

    def __init__(self, kept: Iterable[Kept | Known]) -> None:
        self.entries: dict[PassageKey | None, StayId] = {}
        self.exits: dict[PassageKey | None, StayId] = {}
        self.members: dict[PassageKey | None, StayId] = {}
        self.entry_of: dict[StayId, PassageKey] = {}
        self.exit_of: dict[StayId, PassageKey] = {}
        self.all_of: defaultdict[StayId, list[PassageKey]] = defaultdict(list)
        for one in kept:
            if one.stay_id is not None:
                self.note(one.passage, one.state, one.stay_id)

    def note(self, passage: Passage, state: PassageState, stay_id: StayId) -> None:
        key = passage.key
        self.members[key] = stay_id
        self.all_of[stay_id].append(key)
        if passage.kind == Kind.ENTRY and state == PassageState.FOLDED:
            self.entries[key], self.entry_of[stay_id] = stay_id, key
        elif passage.kind == Kind.EXIT and state in ENDS:
            self.exits[key], self.exit_of[stay_id] = stay_id, key
