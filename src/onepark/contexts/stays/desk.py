"""What is done about misread exits that were held.

Owns: the list that waits for staff, a decision (passage, task, reading and audit at once), and the
later look at exits whose car came in, as far as we knew, after them.
Never: shows or decides a row of another operator.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from msgspec.json import Decoder, Encoder

from onepark.contexts.access.rules import allows
from onepark.contexts.stays import (
    history_store,
    misreads,
    seat_store,
    store,
    task_store,
    tasks,
)
from onepark.contexts.stays.batch import sort_out
from onepark.contexts.stays.case import Kept
from onepark.contexts.stays.errors import (
    CandidateGone,
    CandidateUnknown,
    MisreadDecided,
    MisreadOvertaken,
    MisreadUnknown,
    StoreUnavailable,
)
from onepark.contexts.stays.model import Candidate, Passage
from onepark.contexts.stays.ports import Archive, AuditTrail, Matches
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.staff import lot_named, settled
from onepark.contexts.stays.tasks import Choice, Decided, Misread, MisreadPage
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Permission, Principal
from onepark.kernel.types import LotCode, LotId

TRY_EVERY = timedelta(minutes=10)
TRY_FOR = timedelta(hours=72)  # a gate that was offline for a weekend has sent its entries by then
TRIED_AT_ONCE = 50
KEEP_REQUESTS = timedelta(days=1)
CLOSED_AT_ONCE = 500

log = structlog.get_logger(__name__)

_DECIDED = Decoder(Decided)
_ENCODER = Encoder()


class MisreadDesk:
    """Misread exits that wait for a person.

    A person's own scope says whether a misread may be seen at all. The decision is then folded by
    the role of the passage path, for it moves what passages move.
    """

    def __init__(
        self,
        staff_db: Database,
        batch_db: Database,
        *,
        stays: Stays,
        matches: Matches,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._staff_db, self._batch_db = staff_db, batch_db
        self._stays, self._matches, self._archive = stays, matches, archive
        self._audit, self._clock = audit, clock

    async def page(self, *, lot: LotCode, after: int, limit: int, by: Principal) -> MisreadPage:
        """Return the next misreads of one lot, or of all, that this person may see."""
        lot_id = lot_named(self._archive(), lot).lot_id if lot else None
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await task_store.page_of_misreads(
                tx, after=after, lot_id=lot_id, now=self._clock.now(), limit=limit
            )
        whole = allows(by.role, Permission.DECIDE_MISREAD)
        views = tuple(tasks.view_of(one, self._lot(one.lot_id), whole=whole) for one in found)
        return MisreadPage(views, found[-1].task_id if len(found) == limit else None)

    async def decide(self, task_id: int, choice: Choice, *, by: Principal) -> Decided:
        """Say whose exit it was; the same decision again changes nothing."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            task = await task_store.find_misread(tx, task_id)
        if task is None:
            raise MisreadUnknown(f"No misread exit {task_id}.")
        candidate = tasks.candidate_of(task, choice)
        if candidate is None and choice.stay_id is not None:
            raise CandidateUnknown("The stay is none of the candidates.", field="stay_id")
        return await self._settle(task, candidate, actor=by.login)

    async def recognise_later(self) -> int:
        """Compare exits that wait with the plates that are inside by now; return how many."""
        now = self._clock.now()
        async with self._batch_db.transaction() as tx:
            await task_store.close_overtaken(
                tx, at=now, by=tasks.PLATFORM, before=now - KEEP_REQUESTS, limit=CLOSED_AT_ONCE
            )
            held = await task_store.held_exits(
                tx, tried_before=now - TRY_EVERY, opened_after=now - TRY_FOR, limit=TRIED_AT_ONCE
            )
        for task in held:
            try:
                await self._try_again(task, now)
            except Exception:  # one exit that cannot be tried costs no other
                log.exception("stays.try_failed", task_id=task.task_id)
        return len(held)

    async def _try_again(self, task: Misread, now: datetime) -> None:
        async with self._batch_db.transaction() as tx:
            inside = await task_store.inside_at(
                tx, task.lot_id, task.seen_at, limit=misreads.CANDIDATES_MAX
            )
            suspicion = misreads.again_suspected(task.verdict, misreads.NOBODY)
            if inside:
                found = self._matches.match(tasks.as_read(task, at=now), inside)
                suspicion = misreads.again_suspected(task.verdict, found)
            await task_store.rank_again(tx, task.task_id, suspicion, at=now)
        candidate = misreads.recognised_later(suspicion, of=len(inside))
        if candidate is not None:
            with suppress(CandidateGone, MisreadDecided, MisreadOvertaken, StoreUnavailable):
                await self._settle(task, candidate, actor=tasks.PLATFORM)

    async def _settle(self, task: Misread, candidate: Candidate | None, *, actor: str) -> Decided:
        return await settled(lambda: self._decide(task, candidate, actor=actor))

    async def _decide(self, seen: Misread, candidate: Candidate | None, *, actor: str) -> Decided:
        """Lock the cars, then the task; fold, and note it all, or none."""
        at = self._clock.now()
        choice = Choice(None if candidate is None else candidate.stay_id)
        async with self._batch_db.transaction() as tx:
            if candidate is not None:
                passage = tasks.passage_of(seen, candidate, at=at)
                await store.lock(tx, [passage], also=[_observed_car(seen)])
            task = await task_store.lock_misread(tx, seen.task_id)
            if task.decided_at is not None:
                return _decided_before(task, choice)
            kept = None
            if candidate is not None:
                passage = tasks.passage_of(task, candidate, at=at)
                kept = await self._fold(tx, task, passage, choice=choice)
                actual = tasks.reading_of(candidate)
                if actual is not None:
                    await task_store.add_reading(tx, task, actual=actual, at=at)
            outcome = tasks.decided(task, kept)
            await task_store.decide(
                tx,
                task.task_id,
                at=at,
                by=actor,
                chosen=outcome.chosen_stay_id,
                outcome=_ENCODER.encode(outcome).decode(),
            )
            change = tasks.change_of(task, choice, actor=actor)
            await self._audit.append(tx, [change], at=at)
        return outcome

    async def _fold(self, tx: Tx, task: Misread, passage: Passage, *, choice: Choice) -> Kept:
        """Fold the kept passage onto the chosen stay as if it had been read rightly."""
        if task.stay_id is not None and not await task_store.withdraw_stay(tx, task):
            raise MisreadOvertaken("The exit has found its own entry.", task_id=task.task_id)
        loaded = await store.load(tx, [passage])
        _, cases = sort_out([passage], loaded)
        await history_store.load_history(tx, cases)
        await seat_store.load_seats(tx, cases)
        open_or_given_up = tasks.could_leave(cases, choice)
        folds = self._stays.fold(cases, loaded[0].block)
        [kept] = [one for fold in folds for one in fold.kept]
        if not open_or_given_up or not tasks.is_done(kept, choice):
            raise CandidateGone("The chosen car is not inside any more.", field="stay_id")
        await self._stays.save(tx, folds)
        return kept

    def _lot(self, lot_id: LotId) -> tuple[LotCode, str]:
        lot = self._archive().lot_by_id(lot_id)
        return (LotCode(""), "") if lot is None else (lot.code, lot.name)


def _decided_before(task: Misread, choice: Choice) -> Decided:
    """Return the outcome of the same decision; another one comes too late."""
    if task.chosen_stay_id != choice.stay_id or task.outcome is None:
        raise MisreadDecided("Somebody has decided otherwise.", task_id=task.task_id)
    return _DECIDED.decode(task.outcome)


def _observed_car(task: Misread) -> tuple[int, str, int]:
    return (task.lot_id, task.car_key, task.operator_id)
