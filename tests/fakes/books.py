"""The books of one car in memory: what the statements of stays keep, without a database.

Owns: claim, load, history and save as they treat one car.
Never: decides what a passage means.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime

from onepark.contexts.membership.model import Benefit
from onepark.contexts.stays import refold, rules
from onepark.contexts.stays.case import CarCase, Folded, History, Known, PriceOf
from onepark.contexts.stays.model import (
    Answer,
    Car,
    Kind,
    Order,
    Passage,
    PassageState,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.stays.moments import begun_at, is_late
from onepark.contexts.stays.visits import REMEMBERED
from onepark.contexts.tariffs.model import FreeQuota, Quote
from onepark.kernel.types import PlanId, StayId
from tests.builders import LOT, NewIds, five_an_hour, run
from tests.reference.stay_oracle import Visit

Key = tuple[int, str, str]


class Books:
    """One car's stays, orders and passages."""

    def __init__(
        self,
        *,
        price: Callable[[PriceOf], Quote] = five_an_hour,
        quota: FreeQuota | None = None,
        benefits: tuple[Benefit, ...] = (),
    ) -> None:
        self.car = Car(LOT, "苏B12345/blue")
        self.stays: dict[StayId, Stay] = {}
        self.orders: dict[StayId, Order] = {}
        self.passages: dict[Key, Known] = {}
        self.answers: dict[Key, Answer] = {}
        self.occupied = 0
        self.price, self.quota, self.new_ids = price, quota, NewIds()
        self.benefits = benefits

    def take(self, *passages: Passage) -> Folded | None:
        """Take a batch; a passage that is known already is not folded again."""
        new = list({one.key: one for one in passages if one.key not in self.passages}.values())
        if not new:
            return None
        case = self.case(new)
        how = rules.fold if case.history is None else refold.refold
        folding = how(
            case,
            new_ids=self.new_ids,
            plan_for=lambda _: PlanId(1),
            quota_of=lambda _: self.quota,
        )
        folded = run(folding, self.price)
        self.save(folded)
        return folded

    def case(self, new: Sequence[Passage]) -> CarCase:
        """Return what the statements would load."""
        case = CarCase(
            deepcopy(self.car),
            list(new),
            self.pair(self.car.open_stay_id),
            self.pair(self.car.last_stay_id),
            benefits=self.benefits,
        )
        late = [one.seen_at for one in new if is_late(one, self.car)]
        if late:
            case.history = self.history(min(late))
            assert refold.is_whole(case.history)
        return case

    def history(self, late_at: datetime) -> History:
        before = [stay for stay in self.real() if begun_at(stay) < late_at]
        last = max(before, key=begun_at, default=None)
        from_at = None if last is None else begun_at(last)
        known = [
            one
            for one in self.passages.values()
            if one.passage.kind != Kind.EXIT_REQUEST and one.state != PassageState.VOID
        ]
        pairs = [
            pair
            for stay in self.real()
            if from_at is None or stay.first_at >= from_at - REMEMBERED
            if (pair := self.pair(stay.stay_id)) is not None
        ]
        by_exit = last is not None and last.entry_lane is None
        return refold.history_of(known, pairs, from_at=from_at, by_exit=by_exit)

    def pair(self, stay_id: StayId | None) -> StayAndOrder | None:
        if stay_id is None or self.stays[stay_id].state == StayState.VOID:
            return None
        return deepcopy(StayAndOrder(self.stays[stay_id], self.orders.get(stay_id)))

    def real(self) -> list[Stay]:
        return [stay for stay in self.stays.values() if stay.state != StayState.VOID]

    def save(self, folded: Folded) -> None:
        """Keep what was decided, and look that nothing was raised that had been fixed."""
        for order in folded.orders.values():
            before = self.orders.get(order.stay_id)
            if before is not None and before.owed_fen is not None and order.owed_fen is not None:
                assert order.owed_fen <= before.owed_fen, "more is owed after the car has left"
            if order.fee_fen is not None and order.owed_fen is not None:
                sides = order.paid_fen + order.owed_fen + order.written_off_fen
                assert order.fee_fen == sides - order.refund_due_fen
            self.orders[order.stay_id] = deepcopy(order)
        self.stays |= deepcopy(folded.stays)
        self.car = deepcopy(folded.car)
        self.occupied += sum(delta for _, delta in folded.deltas)
        for kept in folded.kept:
            self.passages[kept.passage.key] = Known(kept.passage, kept.state, kept.stay_id)
            self.answers[kept.passage.key] = kept.answer
        for one in folded.amended:
            key = (one.lot_id, one.device_id, one.passage_id)
            self.passages[key] = self.passages[key]._replace(state=one.state, stay_id=one.stay_id)

    def visits(self) -> list[Visit]:
        """Return the stays as the oracle tells visits."""
        return [
            Visit(
                stay.state.value,
                stay.entered_at,
                stay.entry_lane,
                stay.exited_at,
                stay.exit_lane,
                stay.exit_derived,
            )
            for stay in sorted(self.real(), key=begun_at)
        ]

    def fees(self) -> list[int | None]:
        """Return the computed fees of the visits that have ended with an entry and an exit."""
        return [
            self.orders[stay.stay_id].fee_fen
            for stay in sorted(self.real(), key=begun_at)
            if stay.state == StayState.CLOSED
        ]

    def used(self) -> list[int | None]:
        """Return how many free visits each visit had before it."""
        return [stay.free_visits_used for stay in sorted(self.real(), key=begun_at)]
