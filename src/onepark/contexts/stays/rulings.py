"""What people say of passages and stays, with a reason.

Owns: voiding a passage, putting another in its place, and leaving an odd stay as it is.
Never: changes what a device said, or money other than by the fold.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.stays import (
    history_store,
    oddities,
    oddity_store,
    ruling_store,
    seat_store,
    store,
)
from onepark.contexts.stays.batch import sort_out
from onepark.contexts.stays.case import CarCase
from onepark.contexts.stays.errors import (
    PassageRuled,
    PassageUnknown,
    PlateInvalid,
    RulingImpossible,
    StayConfirmed,
    StayUnknown,
)
from onepark.contexts.stays.model import Passage
from onepark.contexts.stays.moments import AHEAD_MAX, DECIDED_IN, FIRST_SEEN_AT
from onepark.contexts.stays.oddities import OddStayPage
from onepark.contexts.stays.ports import Archive, AuditTrail
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.staff import lot_named, settled
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import LotCode, OperatorId, PlateColor, StayId

RULED = ":ruling"  # no device can have this name: who says what a passage really was

Reason = Annotated[str, Meta(min_length=3, max_length=500, description="理由 why")]
Id = Annotated[str, Meta(min_length=1, max_length=64)]


class PassageRef(Struct, frozen=True, forbid_unknown_fields=True):
    """A passage by what its device said, and the plate under which it was kept."""

    lot: Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)")]
    device: Id
    passage_id: Id
    plate: Annotated[
        str,
        Meta(max_length=16, description="识别车牌，无牌为空 the plate as it was read, or nothing"),
    ]
    plate_color: PlateColor
    ticket: Annotated[Id | None, Meta(description="临时票号 of a car without a plate")] = None


class Voiding(PassageRef, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """There was no such passage."""

    reason: Reason


class Correction(PassageRef, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the passage really was; what is not given was right."""

    reason: Reason
    true_plate: Annotated[str, Meta(max_length=16)] | None = None
    true_plate_color: PlateColor | None = None
    true_seen_at: Annotated[datetime, Meta(tz=True)] | None = None


class Confirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """The odd stay is right as it is."""

    reason: Reason


class Ruled(Struct, frozen=True):
    """What a ruling came to: stays of the cars that it touched, and what took a passage's place."""

    ruling_id: int
    stays_changed: int
    true_passage_id: str | None = None  # of the device RULED, by which it may be ruled on again


class Ruling(NamedTuple):
    """What somebody says, when and why; ``truth`` takes the place of a corrected passage."""

    kind: str
    reason: str
    by: str
    at: datetime
    truth: Correction | None = None


class Rulings:
    """What people say of passages and stays of their own operator."""

    def __init__(
        self,
        staff_db: Database,
        batch_db: Database,
        *,
        stays: Stays,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
        no_plate_after: timedelta = DECIDED_IN,
    ) -> None:
        self._staff_db, self._batch_db, self._stays = staff_db, batch_db, stays
        self._archive, self._audit, self._clock = archive, audit, clock
        self._no_plate_after = no_plate_after

    async def odd_stays(
        self, *, lot: LotCode, after: int, limit: int, by: Principal
    ) -> OddStayPage:
        """Return the next stays of a lot that nobody has looked at, with masked plates."""
        found_lot = lot_named(self._archive(), lot)
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await oddity_store.odd_stays(
                tx,
                found_lot.lot_id,
                after=StayId(after),
                limit=limit,
                no_plate_before=self._clock.now() - self._no_plate_after,
            )
        named, waits = (lot, found_lot.name), self._no_plate_after
        views = tuple(oddities.view_of(one, named, no_plate_after=waits) for one in found)
        return OddStayPage(views, found[-1].stay_id if len(found) == limit else None)

    async def confirm(
        self, lot: LotCode, stay_id: int, said: Confirmation, *, by: Principal
    ) -> Ruled:
        """Leave an odd stay as it is."""
        check_texts(reason=said.reason)
        ruling = Ruling("confirm", said.reason, by.login, self._clock.now())
        lot_id = lot_named(self._archive(), lot).lot_id
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            operator_id = await ruling_store.operator_of_stay(tx, lot_id, StayId(stay_id))
        if operator_id is None:
            raise StayUnknown("The lot has no such stay.", field="stay_id")
        async with self._batch_db.transaction() as tx:
            key = (lot_id, operator_id, StayId(stay_id))
            ruling_id = await ruling_store.rule_on_stay(
                tx, key, ruling.reason, by=ruling.by, at=ruling.at
            )
            if ruling_id is None:
                raise StayConfirmed("Somebody has confirmed it already.", stay_id=stay_id)
            change = _change(ruling, f"stay {stay_id}", operator_id)
            await self._audit.append(tx, [change], at=ruling.at)
        return Ruled(ruling_id, 0)

    async def void(self, said: Voiding, *, by: Principal) -> Ruled:
        """Fold a car again without a passage that never was."""
        return await self._rule(said, Ruling("void", said.reason, by.login, self._clock.now()), by)

    async def correct(self, said: Correction, *, by: Principal) -> Ruled:
        """Fold a car again, and whoever the passage was of, with what it really was."""
        ruling = Ruling("correct", said.reason, by.login, self._clock.now(), said)
        return await self._rule(said, ruling, by)

    async def _rule(self, said: PassageRef, ruling: Ruling, by: Principal) -> Ruled:
        texts = {"device": said.device, "passage_id": said.passage_id, "plate": said.plate}
        texts |= {} if said.ticket is None else {"ticket": said.ticket}
        check_texts(reason=ruling.reason, **texts)
        lot_id = lot_named(self._archive(), LotCode(said.lot)).lot_id
        passage = (said.device, said.passage_id)
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            known = await ruling_store.find(tx, lot_id, _key_of(said), passage)
        if known is None:
            raise PassageUnknown("No such passage was kept under this plate.", field="passage_id")
        return await settled(lambda: self._settle(known.passage, ruling))

    async def _settle(self, told: Passage, ruling: Ruling) -> Ruled:
        """Lock the cars, void the passage, fold what is left and what takes its place."""
        true = [] if ruling.truth is None else [_true_passage(told, ruling.truth, ruling.at)]
        async with self._batch_db.transaction() as tx:
            await store.lock(tx, true, also=[_car_of(told)])
            ruling_id = await ruling_store.rule_on_passage(
                tx, ruling.kind, told, ruling.reason, by=ruling.by, at=ruling.at
            )
            if ruling_id is None or not await ruling_store.void(tx, told):
                raise PassageRuled("Somebody has ruled on it already.", passage_id=told.passage_id)
            changed = await self._fold_again(tx, told, true)
            subject = f"passage {told.device_id}/{told.passage_id}"
            change = _change(ruling, subject, told.operator_id)
            await self._audit.append(tx, [change], at=ruling.at)
        return Ruled(ruling_id, changed, true[0].passage_id if true else None)

    async def _fold_again(self, tx: Tx, told: Passage, true: list[Passage]) -> int:
        loaded = await store.load(tx, [told, *true])
        cases = _cases(loaded, told, true)
        await history_store.load_history(tx, cases, since={told.car: told.seen_at})
        await seat_store.load_seats(tx, cases)
        if cases[0].history is None:
            raise RulingImpossible("Too much has come after it to be folded again.")
        folds = self._stays.fold(cases, loaded[0].block)
        await self._stays.save(tx, folds)
        return sum(len(fold.stays) for fold in folds)


def check_texts(**texts: str) -> None:
    """Refuse a text that holds a control character, by the name of its field."""
    for field, text in texts.items():
        if not text.isprintable():
            raise RulingImpossible(f"{field}: holds a control character", field=field)


def _change(ruling: Ruling, subject: str, operator_id: int) -> Change:
    """Return the line of the audit trail; it holds no plate."""
    return Change(
        actor=ruling.by,
        action=f"stays.{ruling.kind}",
        subject=subject,
        operator_id=OperatorId(operator_id),
        after={"reason": ruling.reason},
    )


def _car_of(told: Passage) -> tuple[int, str, int]:
    return (*told.car, told.operator_id)


def _cases(loaded: list[store.Loaded], told: Passage, true: list[Passage]) -> list[CarCase]:
    """Return the car that the passage was of, without it, and the one that it really was of."""
    first = loaded[0]
    case = CarCase(first.car, [], first.open, first.last, benefits=first.benefits)
    _, others = sort_out(true, loaded[1:])
    if others and others[0].car.car_key == told.car_key:
        case.passages, others = others[0].passages, []
    return [case, *others]


def _true_passage(told: Passage, truth: Correction, at: datetime) -> Passage:
    """Return what the passage really was, as the desk says it."""
    plate = told.plate if truth.true_plate is None else _native.normalise_plate(truth.true_plate)
    color = truth.true_plate_color or PlateColor(told.plate_color)
    seen_at = truth.true_seen_at or told.seen_at
    if not plate or not plate.isprintable():
        raise PlateInvalid("A passage is corrected to a plate.", field="true_plate")
    if seen_at < (told.entered_at or FIRST_SEEN_AT):
        raise RulingImpossible("It cannot have been so early.", field="true_seen_at")
    if seen_at > at + AHEAD_MAX:
        raise RulingImpossible("Nobody can have seen it later than now.", field="true_seen_at")
    of = blake2b(f"{told.device_id}/{told.passage_id}".encode(), digest_size=16)
    passage_id = f"corrected:{of.hexdigest()}"
    return replace(
        told,
        device_id=RULED,
        passage_id=passage_id,
        confirms_exit=True,
        car_key=f"{plate}/{color.value}",
        plate=plate,
        plate_raw=plate,
        plate_color=color.value,
        seen_at=seen_at,
        received_at=at,
        fingerprint=of.digest(),
        plate_suspect=not _native.plate_is_plausible(plate, color.value),
        derived=False,
        clock_suspect=False,
        shown_at=None,
        decided_for=None,
        epoch=None,
        seq=None,
    )


def _key_of(ref: PassageRef) -> str:
    """Return the car under which the passage was kept: a plate, a ticket, or the passage alone."""
    plate = _native.normalise_plate(ref.plate)
    if plate and ref.ticket is not None:
        raise PlateInvalid("A car is kept under its plate or its ticket, not both.", field="ticket")
    if plate:
        return f"{plate}/{ref.plate_color.value}"
    if ref.ticket is not None:
        return f"ticket:{ref.ticket}"
    return f"unread:{ref.device}:{ref.passage_id}"
