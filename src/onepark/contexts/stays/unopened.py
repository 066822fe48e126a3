"""Cars that left owing although nobody had opened for them.

Owns: when an exit is a tailgate or a manual lift, and looking for those in what is in the books.
Never: changes a stay or what it owes: what was found is shown, and a person looks.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from onepark.contexts.registry.model import ParkingLocate
from onepark.contexts.stays import oddity_store
from onepark.contexts.stays.model import LaneMoment, LaneThen, Lift
from onepark.contexts.stays.moments import CONFIRMS, DECIDED_IN, LIVE
from onepark.contexts.stays.oddities import Barrier, Found, Oddity, Owner, UnopenedProof
from onepark.contexts.stays.oddity_store import Asking, SeenExit, StayKey
from onepark.contexts.stays.ports import Archive, Lanes, Plans
from onepark.contexts.stays.service import DEFAULT_GRACE
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.types import Fen, LotId, PlanId, StayId

KINDS = (Oddity.TAILGATE, Oddity.MANUAL_LIFT, Oddity.UNOPENED_EXIT)
FACTS_AT_ONCE = 2_000
AGAIN_AT_ONCE = 200
AGAIN_AFTER = timedelta(minutes=10)  # what is told late may explain an exit otherwise
AGAIN_FOR = timedelta(hours=72)  # a gate that was offline for a weekend has told all by then

GraceOf = Callable[[PlanId | None], timedelta]


class Other(NamedTuple):
    """Another car at the lane: when it was let out, and when it passed, as far as is known."""

    stay_id: StayId
    opened_at: datetime | None
    passed_at: datetime | None


class ExitCase(NamedTuple):
    """An exit that ended a stay, and what was going on at its lane."""

    exit: SeenExit
    owed_fen: Fen
    opened_at: datetime | None
    others: Sequence[Other]
    lifts: Sequence[Lift]


class Unopened:
    """Looks for exits that nobody had opened for."""

    def __init__(
        self,
        service_db: Database,
        *,
        plans: Plans,
        lanes: Lanes,
        archive: Callable[[], Archive],
        clock: Clock,
        within: timedelta,
    ) -> None:
        self._db, self._plans, self._lanes = service_db, plans, lanes
        self._archive, self._clock, self._within = archive, clock, within

    async def judge(self) -> int:
        """Judge exits that were heard of since, and found ones again; return if more wait."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            taken, owing = await oddity_store.take_left(tx, limit=FACTS_AT_ONCE)
            again = await oddity_store.to_judge_again(
                tx,
                KINDS,
                judged_before=now - AGAIN_AFTER,
                seen_after=now - AGAIN_FOR,
                limit=AGAIN_AT_ONCE,
            )
            keys = sorted({*owing, *again})
            if keys:
                judged = await self._judged(tx, keys)
                await oddity_store.keep(tx, judged, KINDS, at=now, due_in=DECIDED_IN)
        return taken if taken == FACTS_AT_ONCE else 0

    async def _judged(self, tx: Tx, keys: Sequence[StayKey]) -> dict[StayKey, Found | None]:
        judged: dict[StayKey, Found | None] = dict.fromkeys(keys)
        barred = [key for key in keys if self._has_barrier(key[0])]
        seen = await oddity_store.exits(tx, barred) if barred else []
        owing = [one for one in seen if not self._is_ordinary(one)]
        if owing:
            for case in await self._cases(tx, owing):
                judged[case.exit.lot_id, case.exit.stay_id] = judge(case, within=self._within)
        return judged

    async def _cases(self, tx: Tx, seen: Sequence[SeenExit]) -> list[ExitCase]:
        moments = [LaneMoment(one.lot_id, one.lane, one.exited_at) for one in seen]
        then = await self._lanes.lanes_then(tx, moments)
        left = await oddity_store.left_near(tx, moments, within=self._within)
        asked = await oddity_store.asked_near(tx, moments, within=CONFIRMS)
        together = zip(seen, then, left, asked, strict=True)
        return [self._case(one, lane, near, ask) for one, lane, near, ask in together]

    def _case(
        self, one: SeenExit, lane: LaneThen, near: Sequence[SeenExit], asking: Sequence[Asking]
    ) -> ExitCase:
        others = [
            *(other_of(other, lane, self._grace_of) for other in near if other != one),
            *(
                Other(car.stay_id, car.opened_at or lane.commanded.get(car.order_no), None)
                for car in asking
            ),
        ]
        opened_at = one.opened_at or lane.commanded.get(one.order_no)
        return ExitCase(one, owed_at_exit(one, self._grace_of), opened_at, others, lane.lifts)

    def _is_ordinary(self, one: SeenExit) -> bool:
        """Tell whether an exit needs no look at what went on at its lane."""
        return is_explained(one, one.opened_at, owed_at_exit(one, self._grace_of))

    def _has_barrier(self, lot_id: LotId) -> bool:
        """Tell whether a car is held up there: by the roadside everybody just drives off."""
        lot = self._archive().lot_by_id(lot_id)
        return lot is not None and lot.parking_locate != ParkingLocate.ON_STREET

    def _grace_of(self, plan_id: PlanId | None) -> timedelta:
        plan = None if plan_id is None else self._plans.plan(plan_id)
        return DEFAULT_GRACE if plan is None else timedelta(seconds=plan.exit_grace_s)


def owed_at_exit(one: SeenExit, grace_of: GraceOf) -> Fen:
    """Return what a car owed as it left: what is paid later does not tell that it was let out."""
    paid_at = one.last_paid_at
    if paid_at is not None and one.exited_at <= paid_at + grace_of(one.plan_id):
        return Fen(0)
    return Fen(max(one.fee_fen - one.paid_fen, 0))


def other_of(other: SeenExit, lane: LaneThen, grace_of: GraceOf) -> Other:
    """Return another car that left there; one that slipped out itself was followed by nobody."""
    opened_at = other.opened_at or lane.commanded.get(other.order_no)
    let_out = opened_at is not None or other.derived or owed_at_exit(other, grace_of) == 0
    return Other(other.stay_id, opened_at, other.exited_at if let_out else None)


def is_explained(one: SeenExit, opened_at: datetime | None, owed_fen: Fen) -> bool:
    """Tell whether an exit is ordinary: nothing was owed, or it was let out or never seen."""
    return owed_fen == 0 or opened_at is not None or one.derived or _was_ruled(one)


def judge(case: ExitCase, *, within: timedelta) -> Found | None:
    """Say what was odd of an exit, if anything was.

    A barrier that somebody raised explains more than a car before it, and that more than nothing.
    Where an exit was told late its gate was offline: it may have opened by itself.
    """
    one = case.exit
    if is_explained(one, case.opened_at, case.owed_fen):
        return None
    standing = next((lift for lift in case.lifts if lift.raised_by != "platform"), None)
    if standing is not None:
        by_hand = standing.raised_by == "hand"
        kind = Oddity.MANUAL_LIFT if by_hand else Oddity.UNOPENED_EXIT
        return _found(case, kind, barrier=Barrier(*standing))
    before = _before(case, within)
    if before is not None:
        other, behind = before
        return _found(case, Oddity.TAILGATE, other=other, behind=behind)
    if one.received_at - one.exited_at > LIVE:
        return None
    return _found(case, Oddity.UNOPENED_EXIT)


def _before(case: ExitCase, within: timedelta) -> tuple[StayId, timedelta] | None:
    """Return the last car that was let out right before, and by how much this one was behind it."""
    at = case.exit.exited_at
    behind = [
        (at - then, other.stay_id)
        for other in case.others
        for then in (other.opened_at, other.passed_at)
        if then is not None and timedelta(0) <= at - then <= within
    ]
    if not behind:
        return None
    by, other = min(behind)
    return other, by


def _was_ruled(one: SeenExit) -> bool:
    """Tell whether a person said that it left: no device has such a name."""
    return one.device_id.startswith(":")


def _found(
    case: ExitCase,
    kind: Oddity,
    *,
    barrier: Barrier | None = None,
    other: StayId | None = None,
    behind: timedelta | None = None,
) -> Found:
    one = case.exit
    proof = UnopenedProof(
        lane=one.lane,
        exited_at=one.exited_at,
        owed_fen=case.owed_fen,
        other_stay_id=other,
        seconds_behind=None if behind is None else int(behind.total_seconds()),
        barrier=barrier,
    )
    key = (one.lot_id, one.stay_id, one.operator_id)
    return Found(*key, kind, Owner.OPERATOR, one.exited_at, proof)
