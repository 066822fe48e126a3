"""A city with the real adapters, and both providers in this process under one hand-moved clock."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from onepark.app.reconciling import BilledFees
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.model import Attempt
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.contexts.reconciliation.desk import ReconciliationDesk
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.infra.http_client import HttpAnswer, PeerUnavailable
from onepark.integrations.payments.bank_statements import read_camt053
from onepark.integrations.payments.bill_sources import open_bill_sources
from onepark.integrations.payments.config import open_channels
from onepark.kernel.types import CHINA, LotId, OrderNo
from onepark.simulator.providers.app import make_app
from onepark.simulator.providers.keys import load_or_make, write_payments_file
from tests.builders import a_passage
from tests.fakes.asgi import client_of
from tests.fakes.clock import HandClock
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.fakes.till import a_till

HOST = "http://127.0.0.1:1"
numbers = count(1)
days = count(0)


class InProcess:
    """The client of the adapters, spoken to an app in this process; ``down`` answers nobody."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.down = False

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpAnswer:
        if self.down:
            raise PeerUnavailable("down")
        target = url.removeprefix(HOST)
        answer = await self._client.request(
            method, target, headers={**headers, "host": "127.0.0.1:1"}, content=body
        )
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, lower, answer.content)


class World(NamedTuple):
    """All of it; ``day`` is the day that a test lives on."""

    clock: HandClock
    day: date
    stays: Stays
    payments: Payments
    refunds: Refunds
    reconciliation: Reconciliation
    desk: ReconciliationDesk
    simulator: httpx.AsyncClient
    way: InProcess
    owner: Any
    service_db: Database

    async def go_to(self, days_later: int, hour: int) -> None:
        """Move the clock to an hour of a later day."""
        later = datetime.combine(self.day, datetime.min.time(), CHINA)
        self.clock.at = later + timedelta(days=days_later, hours=hour)

    async def wish(self, **wish: Any) -> None:
        """Have the bills of a provider spoilt."""
        answer = await self.simulator.post("/_simulator/bills", json=wish)
        assert answer.status_code == 200, answer.text

    async def run(self) -> None:
        """Do all that the worker would do by now."""
        while await self.reconciliation.fetch_next():
            pass
        while await self.reconciliation.match_next():
            pass
        await self.reconciliation.ask_overdue()

    async def differences(self) -> list[dict[str, Any]]:
        """Return every difference, oldest first."""
        rows = await self.owner.fetch(
            "SELECT * FROM reconciliation.difference WHERE day BETWEEN $1 AND $2"
            " ORDER BY difference_id",
            *(self.day, self.day + timedelta(days=3)),
        )
        return [dict(row) for row in rows]

    async def open(self) -> list[tuple[str, str, int]]:
        """Return class, number and money of what is open."""
        return [
            (one["class"], one["number"], one["off_fen"])
            for one in await self.differences()
            if one["closed_at"] is None
        ]

    async def differences_of(self, number: str) -> list[dict[str, Any]]:
        """Return every difference about one number of ours."""
        return [one for one in await self.differences() if one["number"] == number]

    async def file_of(self, kind: str, channel: str = "wechat") -> dict[str, Any]:
        """Return how far the file of the day is."""
        row = await self.owner.fetchrow(
            "SELECT * FROM reconciliation.day WHERE channel = $1 AND kind = $2 AND day = $3",
            *(channel, kind, self.day),
        )
        assert row is not None
        return dict(row)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("providers")


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def world(
    batch_db: Database, service_db: Database, staff_db: Database, folder: Path, owner: Any
) -> AsyncIterator[World]:
    """A new day for each test, a month after the last one's, so that none sees another's."""
    day = date(2026, 1, 5) + timedelta(days=30 * next(days))
    clock = HandClock(datetime.combine(day, datetime.min.time(), CHINA) + timedelta(hours=12))
    keys = load_or_make(folder)
    app, courier = make_app(keys, InProcess(httpx.AsyncClient()), clock)
    async with client_of(app) as simulator:
        way = InProcess(simulator)
        channels = open_channels(write_payments_file(folder, HOST, keys), way, clock, demo=True)
        stays = Stays(batch_db, service_db, plans=OnePlan(FIVE_AN_HOUR), clock=clock)
        till = a_till(service_db, stays, channels, clock)
        reconciliation = Reconciliation(
            service_db,
            sources=open_bill_sources(channels, way, clock),
            attempts=till.payments,
            refunds=till.refunds,
            fees=BilledFees(Ledger()),
            fee_ppm={"wechat": 6_000},
            clock=clock,
        )
        desk = ReconciliationDesk(
            service_db,
            staff_db,
            reconciliation=reconciliation,
            readers={"camt053": read_camt053},
            audit=Audit(),
            clock=clock,
        )
        await simulator.post(
            "/_simulator/behaviour",
            json={"pay": False, "lose_notices": True, "duplicates": 0, "refund_delay_s": 0},
        )
        yield World(
            *(clock, day, stays, till.payments, till.refunds, reconciliation, desk, simulator, way),
            *(owner, service_db),
        )
        await courier.close()


async def an_attempt(world: World, channel: str = "wechat") -> Attempt:
    """A car that came 61 minutes ago begins to pay."""
    number = next(numbers)
    entry = a_passage(
        plate=f"苏B{20_000 + number}",
        at=world.clock.at - timedelta(minutes=61),
        lot_id=LotId(7),
    )
    batch = await world.stays.take([entry])
    answer = batch.taken[0].answer
    assert answer is not None
    return await world.payments.begin(
        OrderNo(str(answer.order_no)), channel, key=f"{world.day}-{number}"
    )


async def paid_there(world: World, attempt: Attempt) -> None:
    """The payer scans; nobody tells us."""
    answer = await world.simulator.post(f"/_simulator/trades/{attempt.attempt_no}/pay")
    assert answer.status_code == 200, answer.text


async def paid(world: World, channel: str = "wechat") -> Attempt:
    """An attempt that both sides know to be paid."""
    attempt = await an_attempt(world, channel)
    await paid_there(world, attempt)
    await world.payments.ask_about(channel, attempt.attempt_no)
    return attempt
