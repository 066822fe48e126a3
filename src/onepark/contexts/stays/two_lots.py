"""One plate in two lots at once.

Owns: finding visits that lie over each other and are both real, and what the city says of them.
Never: changes a stay, or shows one operator the visit at another's lot.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from onepark.contexts.access.rules import allows
from onepark.contexts.stays import two_lots_store
from onepark.contexts.stays.errors import PairDecided, PairUnknown
from onepark.contexts.stays.moments import AHEAD_MAX, DECIDED_IN
from onepark.contexts.stays.oddities import Owner
from onepark.contexts.stays.ports import Archive, AuditTrail
from onepark.contexts.stays.rulings import Reason, check_texts
from onepark.contexts.stays.two_lots_store import Pair, Visit
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.masks import mask_plate
from onepark.kernel.staff import Change, Permission, Principal
from onepark.kernel.types import StayId

OVERLAPS = AHEAD_MAX  # two clocks that are right enough may differ by so much
LOOKS_BACK = timedelta(days=7)  # an exit that was given up may be told so much later
TOLD_AT_ONCE = 200


class PairVerdict(StrEnum):
    """Why one plate was seen in two lots at once."""

    CLONED_PLATE = "cloned_plate"  # two cars bear it
    MISREAD = "misread"  # one of the readings is wrong: its operator corrects it
    WRONG_CLOCK = "wrong_clock"  # it was in one after the other


class VisitView(Struct, frozen=True):
    """One of the two visits."""

    lot: str
    lot_name: str
    operator_id: int
    stay_id: StayId
    entered_at: datetime
    exited_at: datetime


class PairView(Struct, frozen=True):
    """A plate that was in two lots at once; who may not decide sees no whole plate."""

    pair_id: int
    owner: Owner
    plate: str
    plate_color: str
    overlap_from_at: datetime
    overlap_until_at: datetime
    found_at: datetime
    due_at: datetime
    visits: tuple[VisitView, VisitView]


class PairPage(Struct, frozen=True):
    """Some pairs, oldest first; ``next_after`` asks for more, null is the end."""

    pairs: tuple[PairView, ...]
    next_after: int | None


class PairDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """What it was, and why somebody thinks so."""

    verdict: Annotated[
        PairVerdict,
        Meta(description="套牌、误识别或时钟错误 two cars, a wrong reading, or a wrong clock"),
    ]
    reason: Reason


class PairRuled(Struct, frozen=True):
    """What was decided; the same decision again gets the same answer."""

    pair_id: int
    verdict: PairVerdict


class TwoLots:
    """Plates that were in two lots at once, as both exits show."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db = service_db, staff_db
        self._archive, self._audit, self._clock = archive, audit, clock

    async def note(self) -> int:
        """Note pairs that are new, and tell the operators; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            new = await two_lots_store.note(
                tx, now, due_in=DECIDED_IN, seen_after=now - LOOKS_BACK, overlaps=OVERLAPS
            )
            await two_lots_store.tell(tx, now, limit=TOLD_AT_ONCE)
        return new

    async def page(self, *, after: int, limit: int, by: Principal) -> PairPage:
        """Return the next pairs that wait for the city; an operator sees none."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await two_lots_store.page(tx, after=after, limit=limit)
        whole = allows(by.role, Permission.DECIDE_TWO_LOTS)
        views = tuple(self._view(one, whole=whole) for one in found)
        return PairPage(views, found[-1].pair_id if len(found) == limit else None)

    async def decide(self, pair_id: int, said: PairDecision, *, by: Principal) -> PairRuled:
        """Say what it was; the same verdict again changes nothing."""
        check_texts(reason=said.reason)
        now = self._clock.now()
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            if not await two_lots_store.exists(tx, pair_id):
                raise PairUnknown(f"No pair {pair_id}.")
        async with self._db.transaction() as tx:
            before = await two_lots_store.decide(
                tx, pair_id, said.verdict, said.reason, by=by.login, at=now
            )
            if before is None:
                await self._tell(tx, pair_id, said.verdict, at=now)
                change = _change(pair_id, said, actor=by.login)
                await self._audit.append(tx, [change], at=now)
            elif before != said.verdict:
                raise PairDecided("Somebody has decided otherwise.", pair_id=pair_id)
        return PairRuled(pair_id, said.verdict)

    async def _tell(self, tx: Tx, pair_id: int, verdict: PairVerdict, *, at: datetime) -> None:
        """Hand a misread plate on to the operators, one of whom corrects it; let others go."""
        if verdict == PairVerdict.MISREAD:
            await two_lots_store.hand_on(tx, pair_id, due_at=at + DECIDED_IN)
        else:
            await two_lots_store.let_go(tx, pair_id)

    def _view(self, one: Pair, *, whole: bool) -> PairView:
        return PairView(
            pair_id=one.pair_id,
            owner=Owner.CITY,
            plate=one.plate if whole else mask_plate(one.plate),
            plate_color=one.plate_color,
            overlap_from_at=one.overlap_from_at,
            overlap_until_at=one.overlap_until_at,
            found_at=one.found_at,
            due_at=one.due_at,
            visits=(self._visit(one.first), self._visit(one.other)),
        )

    def _visit(self, one: Visit) -> VisitView:
        lot = self._archive().lot_by_id(one.lot_id)
        return VisitView(
            lot="" if lot is None else lot.code,
            lot_name="" if lot is None else lot.name,
            operator_id=one.operator_id,
            stay_id=one.stay_id,
            entered_at=one.entered_at,
            exited_at=one.exited_at,
        )


def _change(pair_id: int, said: PairDecision, *, actor: str) -> Change:
    """Return the line of the audit trail; it holds no plate, and the city's rows were touched."""
    return Change(
        actor=actor,
        action="stays.two_lots_decided",
        subject=f"pair {pair_id}",
        operator_id=None,
        after={"verdict": said.verdict, "reason": said.reason},
    )
