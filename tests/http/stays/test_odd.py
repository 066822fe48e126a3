"""Staff look at odd stays and odd counts over HTTP, and say that they are right."""

from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.model import Kind, LaneThen
from onepark.contexts.stays.odd_counts import OddCounts
from onepark.contexts.stays.rulings import Rulings
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.staff_http import (
    confirm_odd_count,
    confirm_stay,
    list_odd_counts,
    list_odd_stays,
    void_passage,
)
from onepark.contexts.stays.unopened import Unopened
from onepark.kernel.types import LotId
from tests.archive import NOON, HandClock
from tests.builders import a_passage, minutes
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import FIVE_AN_HOUR, OnePlan
from tests.http.staff_app import bearer, served

COUNTS, WHY = "/v1/stays/odd-counts", {"reason": "looked at the images"}
lots = count(1)


class NothingAtLanes:
    async def lanes_then(self, tx: Any, asked: Any) -> list[LaneThen]:
        return [LaneThen({}, ()) for _ in asked]


@pytest.fixture
def lot() -> LotId:
    return LotId(next(lots))


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON + minutes(120))


@pytest.fixture
async def client(batch_db, service_db, staff_db, clock, lot):
    """A car that left owing, and nobody had opened for it."""
    plans = OnePlan(FIVE_AN_HOUR)
    stays = Stays(batch_db, service_db, plans=plans, clock=clock)
    unopened = Unopened(
        service_db,
        plans=plans,
        lanes=NothingAtLanes(),
        archive=NumberedLots,
        clock=clock,
        within=timedelta(seconds=10),
    )
    audited = {"archive": NumberedLots, "audit": Audit(), "clock": clock}
    for kind, at in ((Kind.ENTRY, NOON), (Kind.EXIT, NOON + minutes(60))):
        await stays.take([a_passage(kind, at, lot_id=lot)])
    await unopened.judge()
    peers = {
        "rulings": Rulings(staff_db, batch_db, stays=stays, **audited),
        "odd_counts": OddCounts(service_db, staff_db, lasts=timedelta(hours=1), **audited),
    }
    handlers = [list_odd_stays, confirm_stay, void_passage, list_odd_counts, confirm_odd_count]
    async with served(handlers, clock, peers) as client:
        yield client


@pytest.fixture
async def odd_count(database_url: str, lot: LotId, clock: HandClock):
    connection = await asyncpg.connect(database_url)
    number = await connection.fetchval(
        """
        INSERT INTO stays.odd_count (
            lot_id, pool, operator_id, since_at, seen_at, occupied, capacity, off_by_max)
        VALUES ($1, 'short_stay', 7, $2, $2, 5, 2, 3) RETURNING odd_count_id
        """,
        *(lot, clock.at - minutes(90)),
    )
    yield number
    await connection.close()


async def test_what_shows_that_nobody_opened_is_shown_and_confirmed(client, clock, lot):
    headers, url = bearer(clock, "operator_clerk", 7), f"/v1/stays/odd?lot={lot:012d}"
    [one] = (await client.get(url, headers=headers)).json()["stays"]
    assert (one["oddities"], one["owner"]) == (["unopened_exit"], "operator")
    [found] = one["found"]
    assert found["proof"] == {
        "type": "unopened",
        "lane": "L1",
        "exited_at": found["proof"]["exited_at"],
        "owed_fen": 500,
    }
    confirm = f"/v1/lots/{lot:012d}/stays/{one['stay_id']}/confirmations"
    bad = await client.post(confirm, json={"reason": "a\nb c"}, headers=headers)
    assert (bad.status_code, bad.json()["code"]) == (422, "stays.ruling_impossible")
    assert (await client.post(confirm, json=WHY, headers=headers)).status_code == 200
    assert (await client.get(url, headers=headers)).json()["stays"] == []


async def test_a_count_that_cannot_be_is_shown_and_confirmed(client, clock, lot, odd_count):
    headers = bearer(clock, "operator_clerk", 7)
    page = (await client.get(f"{COUNTS}?lot={lot:012d}", headers=headers)).json()
    [one] = page["counts"]
    assert (one["odd_count_id"], one["free"], one["off_by_max"]) == (odd_count, -3, 3)
    url = f"{COUNTS}/{odd_count}/confirmations"
    assert (await client.post(url, json=WHY, headers=headers)).status_code == 200
    again = await client.post(url, json=WHY, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "stays.odd_count_confirmed")
    page = (await client.get(f"{COUNTS}?lot={lot:012d}", headers=headers)).json()
    assert page == {"counts": [], "next_after": None}


@pytest.mark.parametrize(
    ("role", "operator_id", "status"),
    [("city_supervisor", None, 403), ("operator_clerk", 8, 404), ("operator_admin", 7, 200)],
)
async def test_whoever_runs_the_lot_confirms_its_count(
    client, clock, odd_count, role, operator_id, status
):
    headers = bearer(clock, role, operator_id)
    url = f"{COUNTS}/{odd_count}/confirmations"
    assert (await client.post(url, json=WHY, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [("lot=x", 400), ("lot=000000000000", 404), ("limit=0", 400), ("after=-1", 400), ("", 200)],
)
async def test_a_page_that_cannot_be_is_refused(client, clock, query, status):
    headers = bearer(clock, "operator_clerk", 7)
    assert (await client.get(f"{COUNTS}?{query}", headers=headers)).status_code == status


@pytest.mark.parametrize("number", ["0", str(2**63)])
async def test_a_number_that_cannot_be_is_refused(client, clock, number):
    headers = bearer(clock, "operator_clerk", 7)
    answer = await client.post(f"{COUNTS}/{number}/confirmations", json=WHY, headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ticket": "T1"}, 400),
        ({"plate": "", "ticket": ""}, 400),
        ({"plate": "", "ticket": "a\tb"}, 422),
        ({"plate": "", "ticket": "T1"}, 404),
        ({"plate": ""}, 404),
    ],
)
async def test_a_passage_of_a_car_without_a_plate_is_named_by_its_ticket(
    client, clock, lot, changes, status
):
    named = {"lot": f"{lot:012d}", "device": "cam", "passage_id": "none", "plate": "苏B12345"}
    body = named | {"plate_color": "blue", "reason": "there was no car"} | changes
    headers = bearer(clock, "operator_clerk", 7)
    answer = await client.post("/v1/stays/passages/voidings", json=body, headers=headers)
    assert answer.status_code == status
