"""Stays on the real database, a look behind them, and the desk that decides misread exits."""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.kernel.types import LotId
from tests.builders import EIGHT, minutes
from tests.fakes.clock import HandClock
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan

lots = count(100_000)


@pytest.fixture
def lot() -> LotId:
    """A lot of this test's own."""
    return LotId(next(lots))


@pytest.fixture(scope="module")
async def owner(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that sees and may do everything."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def clock() -> HandClock:
    """A minute after nine."""
    return HandClock(EIGHT + minutes(61))


@pytest.fixture
def stays(batch_db: Database, service_db: Database, clock: HandClock) -> Stays:
    return Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)


@pytest.fixture
def desk(batch_db, service_db, staff_db, stays: Stays, clock: HandClock) -> MisreadDesk:
    return MisreadDesk(
        staff_db,
        batch_db,
        stays=stays,
        matches=PlateModels(service_db, clock),
        archive=NumberedLots,
        audit=Audit(),
        clock=clock,
    )
