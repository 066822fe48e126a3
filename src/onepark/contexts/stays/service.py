"""The use cases of stays.

Owns: the transaction around a batch of passages, around a look at dues and around a payment.
Never: writes SQL, or speaks HTTP.
"""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from onepark.contexts.membership import coupons
from onepark.contexts.registry.model import Device
from onepark.contexts.stays import (
    history_store,
    meters,
    misreads,
    money,
    order_store,
    refold,
    rules,
    save_store,
    seat_store,
    sequence_store,
    settle_store,
    settling,
    store,
    task_store,
)
from onepark.contexts.stays.batch import Came, Resolved, in_request_order, sort_out
from onepark.contexts.stays.case import CarCase, Folded, PriceOf
from onepark.contexts.stays.errors import (
    NothingDue,
    OrderUnknown,
    StoreUnavailable,
)
from onepark.contexts.stays.model import (
    Candidate,
    Charge,
    Count,
    Due,
    Passage,
    Progress,
    Stay,
    Taken,
)
from onepark.contexts.stays.moments import in_order
from onepark.contexts.stays.numbers import FreshIds, lot_of
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.ports import Matches, NewIds, Plans
from onepark.contexts.stays.pricing import price_stays
from onepark.contexts.tariffs.model import FreeQuota, Quote
from onepark.infra import faults
from onepark.infra.clock import Clock
from onepark.infra.db import Again, Database, Trouble, Tx, trouble_of
from onepark.infra.traces import as_part
from onepark.kernel.types import Fen, LotId, OrderNo, PaidCharge, PlanId

TRIES = 4
DUES_MAX = 20
FORGET_AT_ONCE = 5_000
PASSAGE_MONTHS_AHEAD = 2
DEFAULT_GRACE = timedelta(minutes=15)

Also = frozenset[store.CarName]  # cars to lock beside those of the passages

log = structlog.get_logger(__name__)


class Batch(NamedTuple):
    """What a batch of passages came to, in their order, and the counts that it changed."""

    taken: list[Taken]
    counts: list[Count]


class CandidateTaken(Again):
    """Cars that misread passages were taken for are in other hands: they go to the next batch."""

    def __init__(self, taken: Sequence[misreads.Recognised]) -> None:
        super().__init__(f"{len(taken)} candidates are in other hands")
        self.keys = {one.passage.key for one in taken}
        self.cars = {(*one.car, one.passage.operator_id) for one in taken}


class Stays:
    """Cars in lots."""

    def __init__(
        self,
        batch_db: Database,
        service_db: Database,
        *,
        plans: Plans,
        clock: Clock,
        matches: Matches | None = None,
    ) -> None:
        self._batch_db, self._service_db = batch_db, service_db
        self._plans, self._clock = plans, clock
        self._matches = matches or PlateModels(service_db, clock)  # unloaded: the shipped model

    # -- passages ------------------------------------------------------------------------------

    async def take(self, passages: Sequence[Passage]) -> Batch:
        """Take a batch; when this returns, everything in it is committed.

        Repeats inside the batch are joined first. One bad passage never costs the good ones.
        Raises StoreUnavailable when the outcome is unknown: the same ids may be sent again.
        """
        unique = list({passage.key: passage for passage in reversed(passages)}.values())
        unique.sort(key=lambda passage: (passage.car, in_order(passage)))
        came = await self._take(unique, also=frozenset(), tries=TRIES)
        if all(one.is_bug for one in came.resolved.values()):
            raise StoreUnavailable("The passages were not kept; send them again.")
        return Batch(in_request_order(passages, came), came.counts)

    async def _take(self, passages: Sequence[Passage], *, also: Also, tries: int) -> Came:
        try:
            return await self._take_whole(passages, also)
        except Exception as error:
            trouble = trouble_of(error)
            if trouble in {Trouble.GUILTY, Trouble.BUG}:
                return await self._take_halves(passages, error, also)
            if tries <= 1:
                log.exception("stays.batch_failed", passages=len(passages))
                raise StoreUnavailable("The passages were not kept; send them again.") from error
            if isinstance(error, CandidateTaken):
                return await self._take_apart(passages, error, also=also, tries=tries - 1)
        return await self._take(passages, also=also, tries=tries - 1)

    async def _take_halves(self, passages: Sequence[Passage], error: Exception, also: Also) -> Came:
        """Find the guilty passage by halving; all others are kept."""
        if len(passages) == 1:
            log.error("stays.passage_rejected", exc_info=error)
            is_bug = trouble_of(error) == Trouble.BUG
            rejected = Resolved(passages[0].fingerprint, None, is_new=True, is_bug=is_bug)
            return Came({passages[0].key: rejected}, [], {})
        middle = len(passages) // 2
        first = await self._take(passages[:middle], also=also, tries=TRIES)
        return first.and_then(await self._take(passages[middle:], also=also, tries=TRIES))

    async def _take_apart(
        self, passages: Sequence[Passage], taken: CandidateTaken, *, also: Also, tries: int
    ) -> Came:
        """Keep all others first; then wait for the candidates, whose rows the next batch locks."""
        others = [passage for passage in passages if passage.key not in taken.keys]
        left = [passage for passage in passages if passage.key in taken.keys]
        first = Came({}, [], {})
        if others:
            first = await self._take(others, also=also, tries=TRIES)
        return first.and_then(await self._take(left, also=also | taken.cars, tries=tries))

    async def _take_whole(self, passages: Sequence[Passage], also: Also) -> Came:
        async with self._batch_db.transaction() as tx:
            await store.lock(tx, passages, also=also)
            faults.point("stays.locked")
            loaded = await store.load(tx, passages)
            faults.point("stays.loaded")
            resolved, cases = sort_out(passages, loaded)
            if loaded[0].others is not None:
                inside = store.inside_of(loaded[0].others)
                cases = await self._recognise(tx, cases, inside)
            await history_store.load_history(tx, cases)
            await seat_store.load_seats(tx, cases)
            folds = self.fold(cases, loaded[0].block)
            faults.point("stays.folded")
            saved = await self.save(tx, folds) if folds else save_store.Saved([], {})
            faults.point("stays.saved")
        meters.saved(folds)
        for fold in folds:
            for kept in fold.kept:
                answer = Resolved(kept.passage.fingerprint, kept.answer, is_new=True)
                resolved[kept.passage.key] = answer
        return Came(resolved, saved.counts, saved.progress)

    async def _recognise(
        self, tx: Tx, cases: list[CarCase], inside: Mapping[LotId, Sequence[Candidate]]
    ) -> list[CarCase]:
        """Hand misread exits to the cars inside that they are of; the others are left to people."""
        recognised = misreads.judge(cases, inside, self._matches)
        here = {(case.car.lot_id, case.car.car_key) for case in cases}
        wanted = {(*one.car, one.candidate.stay_id) for one in recognised if one.car not in here}
        locked = await task_store.lock_inside(tx, wanted) if wanted else []
        here |= {(case.car.lot_id, case.car.car_key) for case in locked}
        taken = [one for one in recognised if one.car not in here]
        if taken:
            raise CandidateTaken(taken)
        return misreads.hand_over(cases, recognised, locked)

    async def save(self, tx: Tx, folds: Sequence[Folded]) -> save_store.Saved:
        """Save what was folded, and amend what earlier passages have come to."""
        amended = [one for fold in folds for one in fold.amended]
        if amended:
            await history_store.amend(tx, amended)
        return await save_store.save(tx, folds)

    @as_part("stays.fold")
    def fold(self, cases: Sequence[CarCase], block: int) -> list[Folded]:
        """Fold every car, pricing the whole batch at once in each round."""
        new_ids = FreshIds(block)
        folded: list[Folded] = []
        foldings = (self._folding(case, new_ids) for case in cases)
        asking = [asked for one in foldings if (asked := _go_on(one, None, folded))]
        while asking:
            quotes = price_stays(self._plans, [ask for _, ask in asking])
            pairs = zip(asking, quotes, strict=True)
            asking = [asked for (g, _), q in pairs if (asked := _go_on(g, q, folded))]
        misreads.name_stays(folded)
        return folded

    def _folding(self, case: CarCase, new_ids: NewIds) -> Generator[PriceOf, Quote, Folded]:
        how = rules.fold if case.history is None else refold.refold
        return how(case, new_ids=new_ids, plan_for=self._plan_for, quota_of=self._quota_of)

    def _plan_for(self, passage: Passage) -> PlanId | None:
        plan = self._plans.plan_at(passage.lot_id, passage.entered_at or passage.seen_at)
        return None if plan is None else plan.plan_id

    def _quota_of(self, plan_id: PlanId | None) -> FreeQuota | None:
        plan = None if plan_id is None else self._plans.plan(plan_id)
        return None if plan is None else plan.free_quota

    # -- dues and payments ---------------------------------------------------------------------

    async def due(self, order_no: OrderNo) -> Due:
        """Say what an order owes now; looking writes nothing."""
        lot_id = lot_of(order_no)
        async with self._service_db.connection() as tx:
            case = await order_store.read_order(tx, lot_id, order_no)
        if case is None:
            raise OrderUnknown("No order has this number.")
        return self._due(case)

    async def dues(self, plate: str) -> list[Due]:
        """Say what a plate owes now, oldest first."""
        async with self._service_db.connection() as tx:
            cases = await order_store.unsettled_by_plate(tx, plate, limit=DUES_MAX)
        dues = [self._due(case) for case in cases]
        return [due for due in dues if due.due_fen > 0]

    async def freeze(self, tx: Tx, order_no: OrderNo, *, keep: bool) -> Charge:
        """Freeze what an order owes now as a charge; ``keep`` the frozen one that is being paid."""
        lot_id = lot_of(order_no)
        await order_store.lock_order(tx, lot_id, order_no)
        case = await order_store.read_order(tx, lot_id, order_no)
        if case is None:
            raise OrderUnknown("No order has this number.")
        live = await order_store.live_charge(tx, lot_id, order_no)
        if live is not None and keep:
            return live
        due = self._due(case)
        if due.due_fen == 0:
            raise NothingDue("The order owes nothing now.", order_no=order_no)
        if live is not None:
            await order_store.drop_charge(tx, lot_id, order_no)
            await coupons.release(tx, lot_id, order_no)
        at = {"opened_at": due.order.opened_at, "frozen_at": self._clock.now()}
        charge = await order_store.freeze_charge(tx, money.charge_of(due), **at)
        await coupons.freeze(tx, lot_id, order_no, charge.charge_no)
        return charge

    async def settle(self, tx: Tx, paid: Sequence[PaidCharge]) -> list[bool]:
        """Count paid charges in; False for each that was settled before: its money is surplus."""
        return await settling.settle(tx, paid, grace_of=self._grace_of)

    def _grace_of(self, stay: Stay) -> timedelta:
        plan = None if stay.plan_id is None else self._plans.plan(stay.plan_id)
        return DEFAULT_GRACE if plan is None else timedelta(seconds=plan.exit_grace_s)

    async def refund_due(self, tx: Tx, order_no: OrderNo) -> Fen:
        """Lock an order and return what it has to give back."""
        lot_id = lot_of(order_no)
        await order_store.lock_order(tx, lot_id, order_no)
        case = await order_store.read_order(tx, lot_id, order_no)
        return Fen(0) if case is None else case.order.refund_due_fen

    async def refunded(self, tx: Tx, order_no: OrderNo, amount_fen: Fen) -> None:
        """Count out money that has gone back."""
        lot_id = lot_of(order_no)
        await order_store.lock_order(tx, lot_id, order_no)
        case = await order_store.read_order(tx, lot_id, order_no)
        assert case is not None, "what was paid was paid for an order"
        money.give_back(case.order, case.stay, amount_fen=amount_fen)
        await order_store.drop_charge(tx, lot_id, order_no)  # it was priced with what went back
        await coupons.release(tx, lot_id, order_no)
        await settle_store.save_money(tx, [case.order])

    async def drop_facts(self, *, before: datetime) -> int:
        """Forget facts that nobody listens to, or that were acted on; return how many."""
        async with self._service_db.transaction() as tx:
            return await order_store.drop_facts(tx, before, limit=FORGET_AT_ONCE)

    async def make_passage_months(self) -> int:
        """Make the partitions of the raw passages ahead of time."""
        async with self._service_db.transaction() as tx:
            return await order_store.make_passage_months(tx, PASSAGE_MONTHS_AHEAD)

    async def progress(
        self, device: Device, *, epoch: int | None, lost: Sequence[tuple[int, int]] = ()
    ) -> Progress | None:
        """Return which numbers of an epoch are kept, or of the newest; first note what is lost.

        ``lost`` holds the first and the last number of each hole that nobody can fill any more.
        None: no passage of the device has a number.
        """
        async with self._service_db.transaction() as tx:
            if lost and epoch is not None:
                await sequence_store.note_lost(tx, device, epoch, lost)
            return await sequence_store.progress(tx, device, epoch)

    def _due(self, case: order_store.OrderCase) -> Due:
        until_at = money.priced_until(case.order, case.stay, self._clock.now())
        [quote] = price_stays(self._plans, [PriceOf(case.stay, until_at, benefits=case.benefits)])
        return money.due_of(case.order, case.stay, quote, at=until_at)


def _go_on(
    folding: Generator[PriceOf, Quote, Folded], quote: Quote | None, folded: list[Folded]
) -> tuple[Generator[PriceOf, Quote, Folded], PriceOf] | None:
    """Run a fold to its next question, or collect what it came to."""
    try:
        ask = next(folding) if quote is None else folding.send(quote)
    except StopIteration as done:
        folded.append(done.value)
        return None
    return folding, ask
