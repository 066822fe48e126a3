"""What the platform is made of, read from top to bottom.

Owns: which part is handed to which; nothing connects before it is opened here.
Never: decides anything about parking, or hides a part from a test.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from redis.asyncio import Redis

from onepark.app.databases import Databases, open_databases
from onepark.app.money import Counterparts, Money, Parking, money_of, open_counterparts
from onepark.app.outboxes import Outboxes, outboxes_of
from onepark.app.staff import Staff, staff_of
from onepark.contexts.access.service import Audit
from onepark.contexts.calendar.service import Calendar
from onepark.contexts.gate import jobs as gate_jobs
from onepark.contexts.gate.meters import Devices
from onepark.contexts.gate.service import Gate
from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.service import Registry, RegistryImports, RegistryOffice
from onepark.contexts.stays import jobs as stay_jobs
from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.entered_again import EnteredAgain
from onepark.contexts.stays.ghosts import Ghosts
from onepark.contexts.stays.lessons import School
from onepark.contexts.stays.meters import StayMeters
from onepark.contexts.stays.odd_counts import OddCounts
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.rulings import Rulings
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.two_lots import TwoLots
from onepark.contexts.stays.unopened import Unopened
from onepark.contexts.stays.views import PublicOrders
from onepark.contexts.tariffs.office import Checks, TariffOffice
from onepark.contexts.tariffs.service import Tariffs
from onepark.contexts.vacancies.calibrator import Calibrator
from onepark.contexts.vacancies.past import PastOfLots
from onepark.contexts.vacancies.service import Vacancies
from onepark.contexts.webhooks.ports import Posts
from onepark.contexts.webhooks.service import WebhookOffice
from onepark.infra import faults
from onepark.infra.clock import Clock, SystemClock
from onepark.infra.limits import Limiter
from onepark.infra.redis import open_redis
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings, secret_key
from onepark.infra.tokens import derive

REFRESH_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Every part that is spoken to from outside, opened."""

    settings: Settings
    clock: Clock
    databases: Databases
    redis: Redis
    staff: Staff
    registry: Registry
    office: RegistryOffice
    imports: RegistryImports
    calendar: Calendar
    tariffs: Tariffs
    checks: Checks
    tariff_office: TariffOffice
    school: School
    stays: Stays
    desk: MisreadDesk
    ghosts: Ghosts
    rulings: Rulings
    two_lots: TwoLots
    odd_counts: OddCounts
    orders: PublicOrders
    money: Money
    vacancies: Vacancies
    past: PastOfLots
    calibrator: Calibrator
    gate: Gate
    posts: Posts

    @property
    def directory(self) -> Directory:
        """Return the archive as it is known now."""
        return self.registry.directory

    def refresh_jobs(self) -> list[Job]:
        """Return what keeps the archive, tariffs, plate models and clocks up to date."""

        async def refresh() -> int:
            await self.registry.refresh()
            await self.tariffs.refresh()
            await self.school.models.refresh()
            await self.gate.clocks.load()
            return 0

        return [Job("refresh", REFRESH_EVERY_S, refresh), *self.money.taking.refresh_jobs()]

    def work_jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return [
            *self.refresh_jobs(),
            *self._stay_jobs(),
            *self.money.jobs(),
            *self.outboxes.jobs(),
            *gate_jobs.jobs(self.gate, self.clock, on_left_open=self.ghosts.note_left_open),
            *self.calibrator.jobs(),
            *self.measuring_jobs(),
        ]

    @cached_property
    def outboxes(self) -> Outboxes:
        """Return what hands facts on to those who act on them."""
        key = secret_key(self.settings)
        return outboxes_of(self.databases, self.clock, key, gate=self.gate, posts=self.posts)

    @property
    def webhook_office(self) -> WebhookOffice:
        """Return what staff do with the endpoints of operators."""
        return self.outboxes.office

    def _stay_jobs(self) -> list[Job]:
        """Return what stays do by themselves."""
        unopened = Unopened(
            self.databases.service,
            plans=self.tariffs,
            lanes=self.gate.barriers,
            archive=lambda: self.directory,
            clock=self.clock,
            within=timedelta(seconds=self.settings.tailgate_within_s),
        )
        again = EnteredAgain(self.databases.service, self.clock)
        watch = stay_jobs.Watch(unopened, self.two_lots, again, self.odd_counts)
        return stay_jobs.jobs(
            *(self.stays, self.school, self.desk, self.ghosts), watch=watch, clock=self.clock
        )

    def measuring_jobs(self) -> list[Job]:
        """Return what reads from the database how the city is, for the metrics of the worker."""
        service = self.databases.service
        devices = Devices(service, archive=lambda: self.directory, clock=self.clock)
        return [
            *devices.jobs(),
            *StayMeters(self.databases.batch, service).jobs(),
            *self.money.measuring_jobs(),
            *self.outboxes.measuring_jobs(),
        ]


@asynccontextmanager
async def open_platform(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Platform]:
    """Connect and assemble the platform; leaving closes what was opened."""
    clock = clock or SystemClock()
    faults.arm(settings.fault_point)
    async with AsyncExitStack() as stack:
        databases = await open_databases(settings, stack)
        redis = open_redis(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        counterparts = await open_counterparts(settings, clock, stack)
        platform = _assemble(
            settings, clock, databases=databases, redis=redis, counterparts=counterparts
        )
        await platform.registry.load()
        await platform.tariffs.load()
        await platform.school.models.load()
        await platform.gate.clocks.load()
        yield platform


def _assemble(
    settings: Settings,
    clock: Clock,
    *,
    databases: Databases,
    redis: Redis,
    counterparts: Counterparts,
) -> Platform:
    key, audit = secret_key(settings), Audit()
    limiter = Limiter(redis, key=derive(key, "limits v1"))
    registry = Registry(databases.service, key, clock)
    tariffs, checks = Tariffs(databases.service, clock), Checks(limiter)
    plates = PlateModels(databases.service, clock)
    stays = Stays(databases.batch, databases.service, plans=tariffs, clock=clock, matches=plates)
    vacancies = _vacancies(settings, clock, databases=databases, redis=redis, registry=registry)
    ghosts = _ghosts(settings, clock, databases=databases, stays=stays, registry=registry)
    past = _past(clock, databases=databases, registry=registry, ghosts=ghosts)
    parking = Parking(stays, tariffs, registry)
    money = money_of(settings, databases, parking, limiter=limiter, counterparts=counterparts)
    return Platform(
        settings=settings,
        clock=clock,
        databases=databases,
        redis=redis,
        staff=staff_of(settings, clock, databases=databases, limiter=limiter),
        registry=registry,
        office=RegistryOffice(databases.staff, key, audit=audit, clock=clock),
        imports=RegistryImports(databases.service, key, audit=audit, clock=clock),
        calendar=Calendar(databases.service, audit=audit, clock=clock),
        tariffs=tariffs,
        checks=checks,
        tariff_office=_tariff_office(databases, clock, tariffs=tariffs, checks=checks),
        school=School(plates, cameras=lambda: registry.directory),
        stays=stays,
        desk=_desk(databases, clock, stays=stays, plates=plates, registry=registry),
        ghosts=ghosts,
        rulings=_rulings(settings, clock, databases=databases, stays=stays, registry=registry),
        two_lots=_two_lots(databases, clock, registry=registry),
        odd_counts=_odd_counts(settings, clock, databases=databases, registry=registry),
        orders=_orders(settings, stays, money=money, registry=registry, limiter=limiter),
        money=money,
        vacancies=vacancies,
        past=past,
        calibrator=_calibrator(settings, clock, databases=databases),
        gate=_gate(settings, databases, registry, stays=stays, vacancies=vacancies, past=past),
        posts=counterparts.posts,
    )


def _gate(
    settings: Settings,
    databases: Databases,
    registry: Registry,
    *,
    stays: Stays,
    vacancies: Vacancies,
    past: PastOfLots,
) -> Gate:
    return Gate(
        databases.service,
        archive=lambda: registry.directory,
        stays=stays,
        vacancies=vacancies,
        past=past,
        clock=registry.clock,
        settings=settings,
    )


def _tariff_office(
    databases: Databases, clock: Clock, *, tariffs: Tariffs, checks: Checks
) -> TariffOffice:
    return TariffOffice(databases.staff, tariffs=tariffs, checks=checks, audit=Audit(), clock=clock)


def _vacancies(
    settings: Settings, clock: Clock, *, databases: Databases, redis: Redis, registry: Registry
) -> Vacancies:
    return Vacancies(
        redis,
        databases.service,
        directory_source=lambda: registry.directory,
        clock=clock,
        settings=settings,
    )


def _past(clock: Clock, *, databases: Databases, registry: Registry, ghosts: Ghosts) -> PastOfLots:
    return PastOfLots(
        databases.service,
        databases.staff,
        directory_source=lambda: registry.directory,
        clock=clock,
        on_empty=ghosts.note_empty,
    )


def _calibrator(settings: Settings, clock: Clock, *, databases: Databases) -> Calibrator:
    every = timedelta(seconds=settings.vacancy_calibrate_s)
    return Calibrator(databases.service, clock=clock, every=every)


def _ghosts(
    settings: Settings, clock: Clock, *, databases: Databases, stays: Stays, registry: Registry
) -> Ghosts:
    return Ghosts(
        databases.service,
        databases.staff,
        stays=stays,
        archive=lambda: registry.directory,
        clock=clock,
        waits=timedelta(seconds=settings.ghost_waits_s),
    )


def _desk(
    databases: Databases, clock: Clock, *, stays: Stays, plates: PlateModels, registry: Registry
) -> MisreadDesk:
    return MisreadDesk(
        databases.staff,
        databases.batch,
        stays=stays,
        matches=plates,
        archive=lambda: registry.directory,
        audit=Audit(),
        clock=clock,
    )


def _rulings(
    settings: Settings, clock: Clock, *, databases: Databases, stays: Stays, registry: Registry
) -> Rulings:
    return Rulings(
        databases.staff,
        databases.batch,
        stays=stays,
        archive=lambda: registry.directory,
        audit=Audit(),
        clock=clock,
        no_plate_after=timedelta(seconds=settings.no_plate_after_s),
    )


def _odd_counts(
    settings: Settings, clock: Clock, *, databases: Databases, registry: Registry
) -> OddCounts:
    return OddCounts(
        databases.service,
        databases.staff,
        archive=lambda: registry.directory,
        audit=Audit(),
        clock=clock,
        lasts=timedelta(seconds=settings.odd_count_after_s),
    )


def _two_lots(databases: Databases, clock: Clock, *, registry: Registry) -> TwoLots:
    return TwoLots(
        databases.service,
        databases.staff,
        archive=lambda: registry.directory,
        audit=Audit(),
        clock=clock,
    )


def _orders(
    settings: Settings, stays: Stays, *, money: Money, registry: Registry, limiter: Limiter
) -> PublicOrders:
    return PublicOrders(
        stays,
        refunds=money.taking.refunds,
        archive=lambda: registry.directory,
        limiter=limiter,
        per_minute=settings.dues_per_minute_max,
    )
