"""The city judges one plate in two lots over HTTP: who may, and what is refused."""

from itertools import count
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.ghosts import Ghosts
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.service import Stays
from onepark.contexts.stays.staff_http import decide_two_lots, list_two_lots
from onepark.contexts.stays.two_lots import TwoLots
from onepark.kernel.types import LotId
from tests.archive import NOON, HandClock
from tests.builders import a_passage, minutes
from tests.fakes.lots import NumberedLots
from tests.fakes.plans import NoPlans
from tests.http.staff_app import bearer, served

URL = "/v1/stays/two-lots"
HERE, THERE = LotId(1), LotId(2)
plates = count(21_001)
SAID = {"verdict": "cloned_plate", "reason": "two cars on the images"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON + minutes(120))


@pytest.fixture
def plate() -> str:
    return f"苏B{next(plates)}"


@pytest.fixture
async def client(batch_db, service_db, staff_db, clock, plate):
    """One plate that was in two lots for half an hour."""
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=clock)
    ghosts = Ghosts(
        *(service_db, staff_db),
        stays=stays,
        archive=NumberedLots,
        clock=clock,
        waits=minutes(360),
    )
    two_lots = TwoLots(service_db, staff_db, archive=NumberedLots, audit=Audit(), clock=clock)
    for kind, lot, after in ((Kind.ENTRY, HERE, 0), (Kind.ENTRY, THERE, 30)):
        await stays.take([a_passage(kind, NOON + minutes(after), lot_id=lot, plate=plate)])
    await ghosts.note_elsewhere()
    for lot in (HERE, THERE):
        await stays.take([a_passage(Kind.EXIT, NOON + minutes(60), lot_id=lot, plate=plate)])
    await two_lots.note()
    async with served([list_two_lots, decide_two_lots], clock, {"two_lots": two_lots}) as client:
        yield client


async def newest(client: Any, clock: HandClock) -> dict[str, Any]:
    page = (await client.get(URL, headers=bearer(clock, "city_supervisor"))).json()
    found: dict[str, Any] = page["pairs"][-1]
    return found


async def test_a_supervisor_sees_both_visits_and_decides(client, clock, plate):
    pair = await newest(client, clock)
    assert pair["plate"] == plate
    assert [one["lot"] for one in pair["visits"]] == ["000000000001", "000000000002"]
    url, headers = f"{URL}/{pair['pair_id']}/decisions", bearer(clock, "city_supervisor")
    answer = await client.post(url, json=SAID, headers=headers)
    assert (answer.status_code, answer.json()) == (
        200,
        {"pair_id": pair["pair_id"], "verdict": "cloned_plate"},
    )
    other = await client.post(url, json=SAID | {"verdict": "misread"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "stays.pair_decided")


@pytest.mark.parametrize(
    ("role", "operator_id", "status"),
    [("operator_admin", 7, 403), ("auditor", None, 403), ("city_admin", None, 200)],
)
async def test_only_the_citys_supervisors_decide(client, clock, role, operator_id, status):
    pair = await newest(client, clock)
    url = f"{URL}/{pair['pair_id']}/decisions"
    answer = await client.post(url, json=SAID, headers=bearer(clock, role, operator_id))
    assert answer.status_code == status


async def test_an_operator_sees_no_pair(client, clock):
    answer = await client.get(URL, headers=bearer(clock, "operator_admin", 7))
    assert answer.json() == {"pairs": [], "next_after": None}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"verdict": "maybe", "reason": "because"}, 400),
        ({"verdict": "misread"}, 400),
        ({"verdict": "misread", "reason": "x"}, 400),
        ({"verdict": "misread", "reason": "a\nb c"}, 422),
        (SAID | {"more": 1}, 400),
    ],
)
async def test_a_decision_that_cannot_be_is_refused(client, clock, body, status):
    pair = await newest(client, clock)
    headers = bearer(clock, "city_supervisor")
    answer = await client.post(f"{URL}/{pair['pair_id']}/decisions", json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(("pair_id", "status"), [("999999999", 404), ("0", 400), (str(2**63), 400)])
async def test_a_pair_that_is_not_there_is_unknown(client, clock, pair_id, status):
    headers = bearer(clock, "city_supervisor")
    answer = await client.post(f"{URL}/{pair_id}/decisions", json=SAID, headers=headers)
    assert answer.status_code == status
