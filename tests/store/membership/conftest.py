"""A city that sells passes: two lots of operator 7, one of operator 8."""

from collections.abc import AsyncIterator
from itertools import count
from typing import ClassVar, NamedTuple

import asyncpg
import pytest
from redis.asyncio import Redis

from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership.coupons import CouponOffice, Coupons
from onepark.contexts.membership.earning import Earning
from onepark.contexts.membership.lists import Lists
from onepark.contexts.membership.office import PassOffice
from onepark.contexts.membership.service import Passes
from onepark.contexts.payments.notices import Notices
from onepark.contexts.payments.payables import Payables
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.contexts.stays.coupon_orders import CouponOrders
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.infra.limits import Limiter
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import LotCode, LotId, OperatorId
from tests.builders import EIGHT, minutes
from tests.fakes.channel import OpenChannel
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till

OURS = Principal(1, "li.ming", StaffRole.OPERATOR_ADMIN, OperatorId(7))
THEIRS = Principal(2, "wang.fang", StaffRole.OPERATOR_ADMIN, OperatorId(8))
CITY = Principal(3, "zhao.lei", StaffRole.CITY_ADMIN, None)
plates = count(10_001)


class ALot(NamedTuple):
    lot_id: LotId
    code: LotCode
    operator_id: OperatorId


class FewLots:
    """Lots 1 and 2 of operator 7, lot 3 of operator 8."""

    lots: ClassVar = [
        ALot(LotId(n), LotCode(f"{n:012}"), OperatorId(8 if n == 3 else 7)) for n in (1, 2, 3)
    ]

    def lot(self, code: LotCode) -> ALot | None:
        return next((one for one in self.lots if one.code == code), None)

    def lot_by_id(self, lot_id: LotId) -> ALot | None:
        return next((one for one in self.lots if one.lot_id == lot_id), None)


class Town(NamedTuple):
    clock: HandClock
    stays: Stays
    passes: Passes
    office: PassOffice
    lists: Lists
    coupons: Coupons
    coupon_office: CouponOffice
    earning: Earning
    payments: Payments
    notices: Notices
    refunds: Refunds
    channel: OpenChannel


@pytest.fixture
async def town(batch_db, service_db, staff_db, redis) -> Town:
    return town_of(batch_db, service_db, staff_db, redis)


def town_of(batch_db: Database, service_db: Database, staff_db: Database, redis: Redis) -> Town:
    """A town over these connections."""
    clock, plans, channel = HandClock(EIGHT + minutes(61)), OnePlan(FIVE_AN_HOUR), OpenChannel()
    archive, limiter = FewLots, Limiter(redis)
    stays = Stays(batch_db, service_db, plans=plans, clock=clock)
    passes = Passes(service_db, archive=archive, limiter=limiter, clock=clock, per_minute=1_000)
    coupons = Coupons(
        service_db,
        parking=CouponOrders(plans),
        ledger=Ledger(),
        limiter=limiter,
        clock=clock,
        per_minute=1_000,
    )
    payable = Payables(parking=stays, members=passes)
    till = a_till(service_db, payable, {"open": channel, "other": channel}, clock)
    return Town(
        clock,
        stays,
        passes,
        PassOffice(staff_db, archive=archive, audit=Audit(), clock=clock),
        Lists(staff_db, archive=archive, audit=Audit(), clock=clock),
        coupons,
        CouponOffice(staff_db, archive=archive, audit=Audit(), clock=clock),
        Earning(service_db, ledger=Ledger(), clock=clock),
        *till,
        channel,
    )


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that sees everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def plate() -> str:
    """A plate of this test's own."""
    return f"苏B{next(plates)}"
