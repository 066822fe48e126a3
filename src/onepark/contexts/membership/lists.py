"""White lists and fleets.

Owns: who parks free for a reason, and which cars share the seats of an account.
Never: covers time that has passed.
"""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from onepark.contexts.membership import desk, list_store, store
from onepark.contexts.membership.errors import (
    CarInFleet,
    CarNotInFleet,
    EntryUnknown,
    FleetUnknown,
    LotUnknown,
)
from onepark.contexts.membership.model import Entry, Fleet, FleetCar, Source
from onepark.contexts.membership.ports import Archive, AuditTrail
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.kernel.masks import mask_plate
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import PlateColor, Pool

CARS_SHOWN = 1_000


class EntryAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A car that is to park free in some lots; without any, in the whole city."""

    plate: desk.PlateText
    plate_color: PlateColor
    until_at: desk.Instant
    reason: desk.Reason
    lots: desk.LotCodes = ()
    from_at: desk.Instant | None = None
    pool: Pool = Pool.SHORT_STAY
    operator_id: desk.Operator | None = None


class EntryView(Struct, frozen=True):
    """An entry of a white list."""

    entry: Entry
    lots: tuple[str, ...]


class EntryPage(Struct, frozen=True):
    """Some entries, oldest first; ``next_after`` asks for more, null is the end."""

    entries: list[EntryView]
    next_after: int | None


class FleetAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """An account with cars of which so many park free at once in each of its lots."""

    name: desk.Name
    lots: desk.LotCodes
    seats: Annotated[int, Meta(ge=1, le=10_000, examples=[5])]
    until_at: desk.Instant
    from_at: desk.Instant | None = None
    pool: Pool = Pool.SHORT_STAY
    operator_id: desk.Operator | None = None


class CarAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """A car of a fleet."""

    plate: desk.PlateText
    plate_color: PlateColor


class FleetView(Struct, frozen=True):
    """A fleet with its cars."""

    fleet: Fleet
    lots: tuple[str, ...]
    cars: list[FleetCar]


class FleetPage(Struct, frozen=True):
    """Some fleets, oldest first; ``next_after`` asks for more, null is the end."""

    fleets: list[Fleet]
    next_after: int | None


class Lists:
    """White lists and fleets of one's own operator, or, for the city, of all."""

    def __init__(
        self,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._archive, self._audit, self._clock = staff_db, archive, audit, clock

    # -- white lists ---------------------------------------------------------------------------

    async def let_in(self, asked: EntryAsked, *, by: Principal) -> EntryView:
        """Let a car park free from now on."""
        now, archive = self._clock.now(), self._archive()
        desk.check_texts(reason=asked.reason)
        owner = desk.owner_of(asked.operator_id, by)
        if not asked.lots and by.operator_id is not None:
            raise LotUnknown("An operator names its lots.", field="lots")
        lots = desk.lots_of(asked.lots, owner, archive)
        car = (desk.plate_of(asked.plate), asked.plate_color)
        term = desk.term_of(asked.from_at, asked.until_at, now)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            made = Entry(0, owner, lots, *car, asked.reason, *term, by.login, now)
            entry = await list_store.add_entry(tx, made)
            given = desk.benefits_in(
                *(lots, car, term),
                operator_id=owner,
                source=(Source.WHITE_LIST, entry.entry_id),
                name="白名单 white list",
                now=now,
            )
            await store.add_benefits(tx, [one._replace(pool=asked.pool) for one in given])
            await self._note(tx, by, "membership.let_in", entry)
        return EntryView(entry, tuple(asked.lots))

    async def end_entry(self, entry_id: int, *, by: Principal) -> EntryView:
        """Let a car park free no longer."""
        now = self._clock.now()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            entry = await list_store.end_entry(tx, entry_id, by=by.login, at=now)
            if entry is None:
                raise EntryUnknown("No such entry, or it has ended.")
            await store.end_benefits(tx, Source.WHITE_LIST, entry_id, now)
            await self._note(tx, by, "membership.entry_ended", entry)
        return EntryView(entry, desk.codes_of(entry.lots, self._archive()))

    async def entries(self, *, after: int, limit: int, by: Principal) -> EntryPage:
        """List white lists."""
        archive = self._archive()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await list_store.entries(tx, after=after, limit=limit)
        views = [EntryView(one, desk.codes_of(one.lots, archive)) for one in found]
        return EntryPage(views, found[-1].entry_id if len(found) == limit else None)

    async def _note(self, tx: Tx, by: Principal, action: str, entry: Entry) -> None:
        told = asdict(entry) | {"plate": mask_plate(entry.plate)}
        subject = f"white list {entry.entry_id}"
        change = Change(by.login, action, subject, entry.operator_id, after=told)
        await self._audit.append(tx, [change], at=self._clock.now())

    # -- fleets --------------------------------------------------------------------------------

    async def open_fleet(self, asked: FleetAsked, *, by: Principal) -> FleetView:
        """Open an account that has no cars yet."""
        now = self._clock.now()
        desk.check_texts(name=asked.name)
        owner = desk.owner_of(asked.operator_id, by)
        lots = desk.lots_of(asked.lots, owner, self._archive())
        if not lots:
            raise LotUnknown("A fleet parks in lots that it names.", field="lots")
        term = desk.term_of(asked.from_at, asked.until_at, now)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            made = Fleet(0, owner, asked.name, lots, asked.seats, asked.pool, *term, by.login, now)
            fleet = await list_store.add_fleet(tx, made)
            subject = f"fleet {fleet.fleet_id}"
            change = Change(by.login, "membership.fleet_opened", subject, owner, after=fleet)
            await self._audit.append(tx, [change], at=now)
        return FleetView(fleet, tuple(asked.lots), [])

    async def add_car(self, fleet_id: int, asked: CarAsked, *, by: Principal) -> FleetView:
        """Let a car share the seats from now on."""
        now = self._clock.now()
        car = (desk.plate_of(asked.plate), asked.plate_color)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            fleet = await self._fleet(tx, fleet_id)
            term = desk.term_of(fleet.from_at, fleet.until_at, now)
            if not await list_store.add_car(tx, fleet, car, by=by.login, at=now):
                raise CarInFleet("The car is in the fleet already.", field="plate")
            given = desk.benefits_in(
                *(fleet.lots, car, term),
                operator_id=fleet.operator_id,
                source=(Source.FLEET, fleet_id),
                name=fleet.name,
                now=now,
            )
            seated = [
                one._replace(fleet_id=fleet_id, seats=fleet.seats, pool=fleet.pool) for one in given
            ]
            await store.add_benefits(tx, seated)
            return await self._changed(tx, fleet, "membership.car_added", plate=car[0], by=by)

    async def remove_car(self, fleet_id: int, asked: CarAsked, *, by: Principal) -> FleetView:
        """Let a car share the seats no longer."""
        now = self._clock.now()
        car = (desk.plate_of(asked.plate), asked.plate_color)
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            fleet = await self._fleet(tx, fleet_id)
            if not await list_store.remove_car(tx, fleet_id, car, now):
                raise CarNotInFleet("The car is not in the fleet.", field="plate")
            car_key = desk.car_key_of(*car)
            await store.end_benefits(tx, Source.FLEET, fleet_id, now, car_key=car_key)
            return await self._changed(tx, fleet, "membership.car_removed", plate=car[0], by=by)

    async def fleet(self, fleet_id: int, *, by: Principal) -> FleetView:
        """Show a fleet."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            return await self._view(tx, await self._fleet(tx, fleet_id))

    async def fleets(self, *, after: int, limit: int, by: Principal) -> FleetPage:
        """List fleets."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await list_store.fleets(tx, after=after, limit=limit)
        return FleetPage(found, found[-1].fleet_id if len(found) == limit else None)

    async def _fleet(self, tx: Tx, fleet_id: int) -> Fleet:
        fleet = await list_store.fleet(tx, fleet_id)
        if fleet is None:
            raise FleetUnknown("No such fleet.")
        return fleet

    async def _changed(
        self, tx: Tx, fleet: Fleet, action: str, *, plate: str, by: Principal
    ) -> FleetView:
        subject, after = f"fleet {fleet.fleet_id}", {"plate": mask_plate(plate)}
        change = Change(by.login, action, subject, fleet.operator_id, after=after)
        await self._audit.append(tx, [change], at=self._clock.now())
        return await self._view(tx, fleet)

    async def _view(self, tx: Tx, fleet: Fleet) -> FleetView:
        cars = await list_store.cars(tx, fleet.fleet_id, limit=CARS_SHOWN)
        return FleetView(fleet, desk.codes_of(fleet.lots, self._archive()), cars)
