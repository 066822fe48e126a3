"""What a passage means for its car.

Owns: the fold of one car's passages into stays, orders, answers and counts.
Never: awaits, reads the clock, prices by itself, or knows a table name.
"""

from collections.abc import Callable, Generator
from datetime import datetime, timedelta

from msgspec import UNSET

from onepark.contexts.stays import money
from onepark.contexts.stays.events import Entered, Left
from onepark.contexts.stays.model import (
    Answer,
    CarCase,
    Decision,
    Due,
    Folded,
    Hold,
    HoldReason,
    Kept,
    Kind,
    Nothing,
    Open,
    OpenReason,
    Order,
    OrderState,
    Passage,
    PassageState,
    Pay,
    PriceOf,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.stays.ports import NewIds
from onepark.contexts.tariffs.model import Quote
from onepark.kernel.types import PlanId, Pool

LIVE = timedelta(minutes=3)  # older than this, nobody waits at the barrier for the answer
OPEN_HOLDS = timedelta(minutes=3)
REREAD = timedelta(minutes=2)  # the same car seen again at another camera of the same side
CONFIRMS = timedelta(minutes=10)  # a real exit after a derived one

KIND_ORDER = {Kind.ENTRY: 0, Kind.EXIT_REQUEST: 1, Kind.EXIT: 2}

PlanFor = Callable[[Passage], PlanId | None]
Told = Generator[PriceOf, Quote, tuple[Answer, PassageState]]


def in_order(passage: Passage) -> tuple[datetime, int, str, int, int]:
    """Return where a passage stands among those of its car."""
    order = (passage.device_id, passage.epoch or 0, passage.seq or 0)
    return (passage.seen_at, KIND_ORDER[passage.kind], *order)


def fold(case: CarCase, *, new_ids: NewIds, plan_for: PlanFor) -> Generator[PriceOf, Quote, Folded]:
    """Fold a car's new passages, in order of time, into what the batch saves.

    A generator: it yields the prices that a decision needs and is sent the quotes, so that the
    whole batch is priced at once.
    """
    folding = _Fold(case, new_ids, plan_for)
    for passage in sorted(case.passages, key=in_order):
        yield from folding.take(passage)
    return folding.folded


class _Fold:
    """One car while its passages are folded; an entry, a request and an exit each read top down."""

    def __init__(self, case: CarCase, new_ids: NewIds, plan_for: PlanFor) -> None:
        self.car, self.open, self.last = case.car, case.open, case.last
        self.new_ids, self.plan_for = new_ids, plan_for
        self.folded = Folded(case.car, [], {}, {}, [], [])

    def take(self, passage: Passage) -> Generator[PriceOf, Quote, None]:
        if passage.kind == Kind.ENTRY:
            answer, state = yield from self.enter(passage)
        elif passage.kind == Kind.EXIT_REQUEST:
            answer, state = yield from self.ask(passage)
        else:
            answer, state = yield from self.leave(passage)
        stay_id = None if answer.stay_id is UNSET else answer.stay_id
        self.folded.kept.append(Kept(passage, answer, state, stay_id))

    # -- entry ---------------------------------------------------------------------------------

    def enter(self, passage: Passage) -> Told:
        inside, before = self.open, self.last
        if inside is not None and inside.stay.entered_at is not None:
            since = passage.seen_at - inside.stay.entered_at
            if since < timedelta(0):
                return _late(passage)
            if since <= REREAD:
                return self.entered(passage, inside), PassageState.DUPLICATE_ENTRY
            self.give_up(inside)
        elif before is not None and _before_exit(passage, before.stay):
            if before.stay.state != StayState.ENTRY_MISSING:
                return _late(passage)
            before.stay.entered_at, before.stay.entry_lane = passage.seen_at, passage.lane
            before.order = before.order or self.new_order(before.stay)
            yield from self.fix_fee(before)
            return _told(Nothing(), before), PassageState.FOLDED
        return self.entered(passage, self.begin(passage)), PassageState.FOLDED

    def begin(self, passage: Passage) -> StayAndOrder:
        """Open a stay and its order; the lot holds one car more."""
        stay = self.new_stay(passage, StayState.OPEN)
        stay.entered_at, stay.entry_lane = passage.seen_at, passage.lane
        self.open = StayAndOrder(stay, self.new_order(stay))
        self.car.open_stay_id = stay.stay_id
        self.folded.deltas.append((stay, 1))
        self.folded.facts.append(Entered(stay.lot_id, stay.stay_id, passage.seen_at))
        return self.open

    def entered(self, passage: Passage, inside: StayAndOrder) -> Answer:
        return _told(_open(passage, OpenReason.ENTERED), inside)

    def give_up(self, ghost: StayAndOrder) -> None:
        """End a stay whose exit nobody saw: the car pays nothing for time that nobody watched."""
        ghost.stay.state = StayState.EXIT_MISSING
        self.end(ghost)
        if ghost.order is not None:
            money.close(ghost.order, fee_fen=ghost.order.paid_fen, at=ghost.order.opened_at)
            if ghost.order.paid_fen == 0:
                ghost.order.state = OrderState.VOID
            self.folded.orders[ghost.order.order_no] = ghost.order

    # -- exit request --------------------------------------------------------------------------

    def ask(self, passage: Passage) -> Told:
        inside = self.open
        if inside is None:
            if self.last is not None and _is_leaving(passage, self.last.stay):
                return _told(_open(passage, OpenReason.LEAVING), self.last), PassageState.ASKED
            return Answer(Hold(HoldReason.ENTRY_MISSING)), PassageState.HELD
        if inside.stay.entered_at is None or passage.seen_at < inside.stay.entered_at:
            return _told(Hold(HoldReason.CLOCK_SUSPECT), inside), PassageState.HELD
        assert inside.order is not None, "an open stay has an order"
        quote = yield PriceOf(inside.stay, passage.seen_at)
        due = money.due_of(inside.order, inside.stay, quote, at=passage.seen_at)
        self.note_request(passage, inside.order, quote)
        decision = _decide_exit(passage, due)
        if isinstance(decision, Open) and not passage.confirms_exit:
            inside.stay.exit_derived = True
            self.close(inside, passage, quote)
            return _told(decision, inside, due), PassageState.FOLDED
        return _told(decision, inside, due), PassageState.ASKED

    def note_request(self, passage: Passage, order: Order, quote: Quote) -> None:
        order.quoted_fen, order.quoted_at = quote.amount_fen, passage.seen_at
        order.asked_lane, order.asked_device_id = passage.lane, passage.device_id
        order.asked_passage_id = passage.passage_id
        order.asked_at = passage.received_at if _is_live(passage) else None
        self.folded.orders[order.order_no] = order

    # -- exit ----------------------------------------------------------------------------------

    def leave(self, passage: Passage) -> Told:
        inside, before = self.open, self.last
        if inside is not None and _reaches(passage, inside.stay):
            quote = yield PriceOf(inside.stay, passage.seen_at)
            self.close(inside, passage, quote)
            return _told(Nothing(), inside), PassageState.FOLDED
        if before is not None and (state := _says_of_the_last(passage, before.stay)) is not None:
            return (yield from self.leave_again(passage, before, state))
        if inside is not None:
            return _late(passage)
        return (yield from self.leave_unseen(passage))

    def leave_again(self, passage: Passage, before: StayAndOrder, state: PassageState) -> Told:
        """Let an exit speak of the stay before: confirm it, complete it, repeat it, or be late."""
        if state == PassageState.LATE:
            return _late(passage)
        if state == PassageState.CONFIRMED:
            before.stay.exit_derived = False
            self.folded.stays[before.stay.stay_id] = before.stay
        elif state == PassageState.FOLDED:
            _end_at(before.stay, passage)
            yield from self.fix_fee(before)
        return _told(Nothing(), before), state

    def leave_unseen(self, passage: Passage) -> Told:
        """Keep the exit of a car that no entry was told of; the exit may carry the entry part."""
        if passage.entered_at is None:
            stay = self.new_stay(passage, StayState.ENTRY_MISSING)
            stay.exited_at, stay.exit_lane = passage.seen_at, passage.lane
            self.remember(StayAndOrder(stay, None))
            self.folded.facts.append(_left(stay, None))
            return Answer(Hold(HoldReason.ENTRY_MISSING), stay.stay_id), PassageState.HELD
        stay = self.new_stay(passage, StayState.CLOSED)
        stay.entered_at = passage.entered_at
        _end_at(stay, passage)
        pair = StayAndOrder(stay, self.new_order(stay))
        self.remember(pair)
        yield from self.fix_fee(pair)
        return _told(Nothing(), pair), PassageState.FOLDED

    def close(self, inside: StayAndOrder, passage: Passage, quote: Quote) -> None:
        _end_at(inside.stay, passage)
        self.end(inside)
        self.charge(inside, quote)

    def fix_fee(self, pair: StayAndOrder) -> Generator[PriceOf, Quote, None]:
        """Price a stay that a late passage completed."""
        stay = pair.stay
        assert stay.exited_at is not None, "a completed stay has an exit"
        stay.state = StayState.CLOSED
        self.folded.stays[stay.stay_id] = stay
        quote = yield PriceOf(stay, stay.exited_at)
        self.charge(pair, quote)

    # -- bookkeeping ---------------------------------------------------------------------------

    def charge(self, pair: StayAndOrder, quote: Quote) -> None:
        """Fix what the ended stay owes."""
        assert pair.order is not None, "a priced stay has an order"
        assert pair.stay.exited_at is not None, "a priced stay has ended"
        money.close(pair.order, fee_fen=quote.amount_fen, at=pair.stay.exited_at)
        if quote.carry is not None:
            self.car.cap_anchor_at = quote.carry.anchor_at
            self.car.cap_charged_fen = quote.carry.charged_fen
        self.folded.orders[pair.order.order_no] = pair.order
        self.folded.facts.append(_left(pair.stay, pair.order))

    def end(self, inside: StayAndOrder) -> None:
        """Take the stay out of the lot; the lot holds one car less."""
        self.open = None
        self.car.open_stay_id = None
        self.folded.deltas.append((inside.stay, -1))
        self.remember(inside)

    def remember(self, pair: StayAndOrder) -> None:
        self.last = pair
        self.car.last_stay_id = pair.stay.stay_id
        self.folded.stays[pair.stay.stay_id] = pair.stay

    def new_stay(self, passage: Passage, state: StayState) -> Stay:
        stay = Stay(
            lot_id=passage.lot_id,
            stay_id=self.new_ids.stay_id(),
            operator_id=passage.operator_id,
            car_key=passage.car_key,
            plate=passage.plate,
            plate_color=passage.plate_color,
            vehicle=passage.vehicle,
            pool=Pool.SHORT_STAY,
            plan_id=self.plan_for(passage),
            state=state,
            marks=["plate_suspect"] if passage.plate_suspect else [],
            cap_anchor_at=self.car.cap_anchor_at,
            cap_charged_fen=self.car.cap_charged_fen,
        )
        self.folded.stays[stay.stay_id] = stay
        return stay

    def new_order(self, stay: Stay) -> Order:
        assert stay.entered_at is not None, "an order counts from an entry"
        order = Order(
            lot_id=stay.lot_id,
            order_no=self.new_ids.order_no(stay.lot_id),
            stay_id=stay.stay_id,
            operator_id=stay.operator_id,
            car_key=stay.car_key,
            plate=stay.plate,
            state=OrderState.OPEN,
            opened_at=stay.entered_at,
        )
        self.folded.orders[order.order_no] = order
        return order


def _decide_exit(passage: Passage, due: Due) -> Decision:
    if due.due_fen > 0:
        wait = Pay(passage.received_at + money.QUOTE_HOLDS)
        return wait if _is_live(passage) else Nothing()
    return _open(passage, OpenReason.PAID if due.order.paid_fen else OpenReason.FREE)


def _open(passage: Passage, reason: OpenReason) -> Decision:
    """Open for a car that stands there; nobody waits for the answer to an old passage."""
    return Open(reason, passage.received_at + OPEN_HOLDS) if _is_live(passage) else Nothing()


def _is_live(passage: Passage) -> bool:
    return passage.received_at - passage.seen_at <= LIVE


def _told(decision: Decision, pair: StayAndOrder, due: Due | None = None) -> Answer:
    return Answer(
        decision,
        pair.stay.stay_id,
        UNSET if pair.order is None else pair.order.order_no,
        UNSET if due is None else due.due_fen,
        UNSET if due is None else due.lines,
    )


def _late(passage: Passage) -> tuple[Answer, PassageState]:
    return Answer(Nothing(), reason=f"late_{passage.kind}"), PassageState.LATE


def _before_exit(passage: Passage, stay: Stay) -> bool:
    return stay.exited_at is not None and passage.seen_at <= stay.exited_at


def _reaches(passage: Passage, stay: Stay) -> bool:
    return stay.entered_at is not None and passage.seen_at >= stay.entered_at


def _is_leaving(passage: Passage, stay: Stay) -> bool:
    return stay.exit_derived and _confirms(passage, stay)


def _confirms(passage: Passage, stay: Stay) -> bool:
    if not stay.exit_derived or stay.exited_at is None:
        return False
    return timedelta(0) <= passage.seen_at - stay.exited_at <= CONFIRMS


def _says_of_the_last(passage: Passage, stay: Stay) -> PassageState | None:
    """Return what an exit means for the stay before; None when it speaks of another one."""
    if _confirms(passage, stay):
        return PassageState.CONFIRMED
    if stay.exited_at is None:
        return PassageState.FOLDED if _reaches(passage, stay) else None
    if passage.seen_at <= stay.exited_at:
        return PassageState.LATE
    again = passage.seen_at - stay.exited_at <= REREAD and passage.entered_at is None
    return PassageState.DUPLICATE_EXIT if again else None


def _end_at(stay: Stay, passage: Passage) -> None:
    stay.state = StayState.CLOSED
    stay.exited_at, stay.exit_lane = passage.seen_at, passage.lane


def _left(stay: Stay, order: Order | None) -> Left:
    assert stay.exited_at is not None, "it has gone"
    fee, owed = (None, None) if order is None else (order.fee_fen, order.owed_fen)
    number = None if order is None else order.order_no
    return Left(stay.lot_id, stay.stay_id, number, stay.exited_at, fee, owed)
