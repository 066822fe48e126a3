"""What a passage means for its car.

Owns: the fold of one car's passages into stays, orders, answers and counts.
Never: awaits, reads the clock, prices by itself, or knows a table name.
"""

from collections.abc import Callable, Generator
from datetime import timedelta

from msgspec import UNSET
from msgspec.structs import replace

from onepark.contexts.stays import money
from onepark.contexts.stays.case import CarCase, Doubt, Folded, Kept, PriceOf
from onepark.contexts.stays.events import Entered, left_of, let_out_of
from onepark.contexts.stays.model import (
    CLOCK_SUSPECT,
    Answer,
    Decision,
    Due,
    Hold,
    HoldReason,
    Kind,
    Nothing,
    Open,
    OpenReason,
    Order,
    Passage,
    PassageState,
    Pay,
    Stay,
    StayAndOrder,
    StayState,
    Verdict,
)
from onepark.contexts.stays.moments import (
    EVIDENCE,
    again,
    confirms,
    decide_by,
    in_order,
    is_late,
    is_live,
    moves,
    overlaps,
    reaches,
    was_given_up,
)
from onepark.contexts.stays.ports import NewIds
from onepark.contexts.stays.pricing import settle_in
from onepark.contexts.stays.visits import count_in
from onepark.contexts.tariffs.model import FreeQuota, LineRule, Quote
from onepark.kernel.types import PlanId, Pool

OPEN_HOLDS = timedelta(minutes=3)
MISREAD = "misread_exit"  # the mark of a stay whose exit was read under another plate

PlanFor = Callable[[Passage], PlanId | None]
QuotaOf = Callable[[PlanId | None], FreeQuota | None]
Told = Generator[PriceOf, Quote, tuple[Answer, PassageState]]


def fold(
    case: CarCase, *, new_ids: NewIds, plan_for: PlanFor, quota_of: QuotaOf
) -> Generator[PriceOf, Quote, Folded]:
    """Fold a car's new passages, in order of time, into what the batch saves.

    A generator: it yields the prices that a decision needs and is sent the quotes, so that the
    whole batch is priced at once. Every passage is later than all that is known of the car, or it
    is kept as late: refold.py puts late ones in their places.
    """
    folding = Fold(case, new_ids, plan_for, quota_of)
    late = [passage for passage in case.passages if is_late(passage, case.car)]
    for passage in late:
        folding.keep(passage, *late_answer(passage))
    for passage in sorted(case.passages, key=in_order):
        if passage not in late:
            yield from folding.take(passage)
    return folding.folded


class Fold:
    """One car while its passages are folded, each later than the one before."""

    def __init__(
        self, case: CarCase, new_ids: NewIds, plan_for: PlanFor, quota_of: QuotaOf
    ) -> None:
        self.car, self.open, self.last = case.car, case.open, case.last
        self.new_ids, self.plan_for, self.quota_of = new_ids, plan_for, quota_of
        self.folded = Folded(case.car, [], {}, {}, [], [])
        self.suspicions, self.again = case.suspicions, case.again
        self.benefits, self.seats = case.benefits, case.seats

    def take(self, passage: Passage) -> Generator[PriceOf, Quote, None]:
        """Fold the next passage."""
        misread = passage.car_key != self.car.car_key
        answer, state = yield from self.recognise(passage) if misread else self.decide(passage)
        self.keep(passage, answer, state)
        if moves(passage) or state == PassageState.FOLDED:
            self.car.known_until_at = max(
                self.car.known_until_at or passage.seen_at, passage.seen_at
            )

    def keep(self, passage: Passage, answer: Answer, state: PassageState) -> None:
        stay_id = None if answer.stay_id is UNSET else answer.stay_id
        self.folded.kept.append(Kept(passage, answer, state, stay_id))

    def decide(self, passage: Passage) -> Told:
        if passage.kind == Kind.ENTRY:
            return self.enter(passage)
        asks = passage.kind == Kind.EXIT_REQUEST
        return (yield from self.ask(passage) if asks else self.leave(passage))

    def recognise(self, passage: Passage) -> Told:
        """Take an exit that was read under another plate as this car's, if it can leave then."""
        before = None if self.last is None else self.last.stay
        left = before is not None and (
            confirms(passage, before) or again(passage, before.exited_at)
        )
        if not left and (self.open is None or not reaches(passage, self.open.stay)):
            return Answer(Hold(HoldReason.MISREAD_EXIT)), PassageState.HELD
        answer, state = yield from self.decide(passage)
        moved = state in {PassageState.FOLDED, PassageState.ASKED}
        return replace(answer, reason=MISREAD), PassageState.MISREAD_EXIT if moved else state

    # -- entry ---------------------------------------------------------------------------------

    def enter(self, passage: Passage) -> tuple[Answer, PassageState]:
        inside = self.open
        if inside is not None:
            if again(passage, inside.stay.entered_at):
                return self.entered(passage, inside), PassageState.DUPLICATE_ENTRY
            self.give_up(inside)
        return self.entered(passage, self.begin(passage)), PassageState.FOLDED

    def begin(self, passage: Passage) -> StayAndOrder:
        """Open a stay and its order; the lot holds one car more."""
        stay = self.new_stay(passage, StayState.OPEN)
        self.come(stay, passage)
        if self.benefits:
            settle_in(stay, self.benefits, self.seats)
        self.open = StayAndOrder(stay, self.new_order(stay))
        self.car.open_stay_id = stay.stay_id
        self.folded.deltas.append((stay, 1))
        self.folded.facts.append(Entered(stay.lot_id, stay.stay_id, passage.seen_at))
        return self.open

    def come(self, stay: Stay, passage: Passage) -> None:
        """Let a stay begin, with as many free visits before it as its tariff counts."""
        stay.entered_at, stay.entry_lane = passage.seen_at, passage.lane
        _doubt_clock(stay, passage)
        stay.zone = passage.zone
        count_in(self.car, stay, self.quota_of(stay.plan_id))

    def entered(self, passage: Passage, inside: StayAndOrder) -> Answer:
        return told(_open(passage, OpenReason.ENTERED), inside)

    def give_up(self, ghost: StayAndOrder) -> None:
        """End a stay whose exit nobody saw."""
        ghost.stay.state = StayState.EXIT_MISSING
        self.end(ghost)
        self.void(ghost)

    def void(self, ghost: StayAndOrder) -> None:
        """Charge no more than was paid for time that nobody watched."""
        assert ghost.order is not None, "a stay with an entry has an order"
        money.void(ghost.order)
        self.folded.orders[ghost.order.order_no] = ghost.order

    # -- exit request --------------------------------------------------------------------------

    def ask(self, passage: Passage) -> Told:
        inside = self.open
        if inside is None:
            if self.last is not None and confirms(passage, self.last.stay):
                return told(_open(passage, OpenReason.LEAVING), self.last), PassageState.ASKED
            return self.hold(passage), PassageState.HELD
        if inside.stay.entered_at is None or passage.seen_at < inside.stay.entered_at:
            return told(Hold(HoldReason.CLOCK_SUSPECT), inside), PassageState.HELD
        assert inside.order is not None, "an open stay has an order"
        quote = yield self.price_of(inside.stay, passage, explained=True)
        due = money.due_of(inside.order, inside.stay, quote, at=passage.seen_at)
        if passage.clock_suspect:
            due = money.nothing_due(due)
        self.note_request(passage, inside.order, quote)
        decision = _decide_exit(passage, due)
        if isinstance(decision, Open) and passage.decided_for is not None:
            self.folded.facts.append(let_out_of(passage, inside.order))
        if isinstance(decision, Open) and not passage.confirms_exit:
            inside.stay.exit_derived = True
            self.close(inside, passage, quote)
            return told(decision, inside, due), PassageState.FOLDED
        return told(decision, inside, due), PassageState.ASKED

    def note_request(self, passage: Passage, order: Order, quote: Quote) -> None:
        """Remember where the car asked last; a request from a backlog tells of another time."""
        if order.quoted_at is not None and passage.seen_at < order.quoted_at:
            return
        order.quoted_fen, order.quoted_at = quote.amount_fen, passage.seen_at
        order.asked_lane = passage.lane
        order.asked_device_id, order.asked_passage_id = passage.asked_by
        order.asked_at = passage.received_at if is_live(passage) else None
        self.folded.orders[order.order_no] = order

    # -- exit ----------------------------------------------------------------------------------

    def leave(self, passage: Passage) -> Told:
        inside = self.open
        if passage.device_id == EVIDENCE:
            return self.end_unseen(passage)
        if passage.key in self.again:
            return Answer(Nothing(), self.again[passage.key]), PassageState.DUPLICATE_EXIT
        if inside is not None and reaches(passage, inside.stay):
            quote = yield self.price_of(inside.stay, passage)
            inside.stay.exit_derived = passage.derived
            self.close(inside, passage, quote)
            return told(Nothing(), inside), PassageState.FOLDED
        if passage.derived:
            return late_answer(passage)
        return (yield from self.leave_apart(passage))

    def end_unseen(self, passage: Passage) -> tuple[Answer, PassageState]:
        """End a stay at the last moment at which its car can have been inside."""
        inside = self.open
        if inside is None or not reaches(passage, inside.stay):
            return late_answer(passage)
        inside.stay.exited_at = passage.seen_at
        self.give_up(inside)
        return told(Nothing(), inside), PassageState.FOLDED

    def leave_apart(self, passage: Passage) -> Told:
        """Take an exit of a car that is not inside: one seen twice, or one that never came in."""
        before = self.last
        if before is None:
            return (yield from self.leave_unseen(passage))
        if was_given_up(before.stay):
            return (yield from self.leave_after_all(passage, before))
        if confirms(passage, before.stay):
            before.stay.exit_derived = False
            self.folded.stays[before.stay.stay_id] = before.stay
            return told(Nothing(), before), PassageState.CONFIRMED
        if again(passage, before.stay.exited_at):
            return told(Nothing(), before), PassageState.DUPLICATE_EXIT
        if overlaps(passage, before.stay):
            return late_answer(passage)
        return (yield from self.leave_unseen(passage))

    def leave_after_all(self, passage: Passage, before: StayAndOrder) -> Told:
        """Believe an exit more than what had shown that the car was gone before it."""
        quote = yield self.price_of(before.stay, passage)
        _end_at(before.stay, passage)
        self.folded.stays[before.stay.stay_id] = before.stay
        self.charge(before, quote)
        return told(Nothing(), before), PassageState.FOLDED

    def leave_unseen(self, passage: Passage) -> Told:
        """Keep the exit of a car that no entry was told of; the exit may carry the entry part."""
        if passage.entered_at is None:
            stay = self.new_stay(passage, StayState.ENTRY_MISSING)
            stay.exited_at, stay.exit_lane = passage.seen_at, passage.lane
            self.remember(StayAndOrder(stay, None))
            self.folded.facts.append(left_of(stay, None))
            return self.hold(passage, stay), PassageState.HELD
        stay = self.new_stay(passage, StayState.CLOSED)
        stay.entered_at = passage.entered_at
        count_in(self.car, stay, self.quota_of(stay.plan_id))
        _end_at(stay, passage)
        pair = StayAndOrder(stay, self.new_order(stay))
        self.remember(pair)
        self.charge(pair, (yield self.price_of(stay, passage)))
        return told(Nothing(), pair), PassageState.FOLDED

    def close(self, inside: StayAndOrder, passage: Passage, quote: Quote) -> None:
        _end_at(inside.stay, passage)
        self.end(inside)
        self.charge(inside, quote)

    def hold(self, passage: Passage, stay: Stay | None = None) -> Answer:
        """Let a person decide; whose exit it may be is kept for them."""
        stay_id = None if stay is None else stay.stay_id
        suspicion = self.suspicions.get(passage.key)
        reason = HoldReason.ENTRY_MISSING
        if suspicion is not None:
            if stay is not None or suspicion.candidates:
                self.doubt(Doubt(passage, suspicion, stay_id, decide_by(passage)))
            if suspicion.verdict != Verdict.NONE:
                reason = HoldReason.MISREAD_EXIT
        return Answer(Hold(reason), UNSET if stay_id is None else stay_id)

    def doubt(self, new: Doubt) -> None:
        """Keep what a person must look at; a car that asks again is one thing to look at."""
        asks = [one for one in self.folded.doubts if one.passage.kind == Kind.EXIT_REQUEST]
        if asks and new.passage.kind == Kind.EXIT_REQUEST:
            self.folded.doubts.remove(asks[0])
        self.folded.doubts.append(new)

    def price_of(self, stay: Stay, passage: Passage, *, explained: bool = False) -> PriceOf:
        return PriceOf(stay, passage.seen_at, explained, self.benefits)

    # -- bookkeeping ---------------------------------------------------------------------------

    def charge(self, pair: StayAndOrder, quote: Quote) -> None:
        """Fix what the ended stay owes."""
        assert pair.order is not None, "a priced stay has an order"
        assert pair.stay.exited_at is not None, "a priced stay has ended"
        fix = money.close if pair.order.fee_fen is None else money.close_again
        fix(pair.order, fee_fen=quote.amount_fen, at=pair.stay.exited_at)
        if not pair.stay.is_billed:
            money.write_off(pair.order)
        if quote.carry is not None:
            self.car.cap_anchor_at = quote.carry.anchor_at
            self.car.cap_charged_fen = quote.carry.charged_fen
        self.folded.orders[pair.order.order_no] = pair.order
        self.folded.facts.append(left_of(pair.stay, pair.order))

    def end(self, inside: StayAndOrder) -> None:
        """Take the stay out of the lot; the lot holds one car less."""
        self.open = None
        self.car.open_stay_id = None
        self.folded.deltas.append((inside.stay, -1))
        self.remember(inside)

    def remember(self, pair: StayAndOrder) -> None:
        """Keep a stay that has ended: it is the last one now."""
        self.folded.stays[pair.stay.stay_id] = pair.stay
        self.last = pair
        self.car.last_stay_id = pair.stay.stay_id

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
        order = money.open_order(stay, self.new_ids.order_no(stay.lot_id))
        self.folded.orders[order.order_no] = order
        return order


def _decide_exit(passage: Passage, due: Due) -> Decision:
    if due.due_fen > 0:
        wait = Pay(passage.seen_at + money.QUOTE_HOLDS)
        return wait if is_live(passage) else Nothing()
    if due.order.paid_fen:
        return _open(passage, OpenReason.PAID)
    by_pass = any(line.rule == LineRule.PASS for line in due.lines)
    return _open(passage, OpenReason.PASS if by_pass else OpenReason.FREE)


def _open(passage: Passage, reason: OpenReason) -> Decision:
    """Open for a car that stands there; nobody waits for the answer to an old passage."""
    return Open(reason, passage.received_at + OPEN_HOLDS) if is_live(passage) else Nothing()


def told(decision: Decision, pair: StayAndOrder, due: Due | None = None) -> Answer:
    """Answer with the stay and the order that a passage came to."""
    return Answer(
        decision,
        pair.stay.stay_id,
        UNSET if pair.order is None else pair.order.order_no,
        UNSET if due is None else due.due_fen,
        UNSET if due is None else due.lines,
    )


def late_answer(passage: Passage) -> tuple[Answer, PassageState]:
    """Keep a passage that has no place among what is known, and move nothing."""
    return Answer(Nothing(), reason=f"late_{passage.kind}"), PassageState.LATE


def _doubt_clock(stay: Stay, passage: Passage) -> None:
    if passage.clock_suspect and CLOCK_SUSPECT not in stay.marks:
        stay.marks.append(CLOCK_SUSPECT)


def _end_at(stay: Stay, passage: Passage) -> None:
    _doubt_clock(stay, passage)
    stay.state = StayState.CLOSED
    stay.exited_at, stay.exit_lane = passage.seen_at, passage.lane
    if passage.decided_for is not None or passage.car_key != stay.car_key:
        stay.marks.append(MISREAD)
