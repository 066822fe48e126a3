"""Staff look at misread exits over HTTP: who sees what, who decides, and what is refused."""

from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.stays.desk import MisreadDesk
from onepark.contexts.stays.http import decide_misread, list_misreads
from onepark.contexts.stays.model import Kind
from onepark.contexts.stays.plates import PlateModels
from onepark.contexts.stays.service import Stays
from onepark.kernel.types import LotId
from tests.archive import NOON, HandClock
from tests.builders import a_passage, minutes
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.plans import NoPlans
from tests.http.staff_app import bearer, served

LOT = LotId(1)
TRUE, READ, TWIN = "苏B31585", "苏B3158S", "苏B3158Z"
URL = "/v1/stays/misreads"


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON + minutes(61))


@pytest.fixture
async def held(batch_db, service_db, clock) -> dict[str, int]:
    """A car of two that look alike waits at the exit; the stays of both by their plates."""
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=clock)
    entries = [a_passage(Kind.ENTRY, NOON, lot_id=LOT, plate=plate) for plate in (TRUE, TWIN)]
    batch = await stays.take(entries)
    ask = a_passage(Kind.EXIT_REQUEST, clock.at, lot_id=LOT, plate=READ, device_id="out")
    await stays.take([ask])
    ids = [taken.answer.stay_id for taken in batch.taken if taken.answer is not None]
    return dict(zip((TRUE, TWIN), map(int, ids), strict=True))  # type: ignore[arg-type]  # both are set


@pytest.fixture
async def client(batch_db, service_db, staff_db, clock, held):
    stays = Stays(batch_db, service_db, plans=NoPlans(), clock=clock)
    desk = MisreadDesk(
        staff_db,
        batch_db,
        stays=stays,
        matches=PlateModels(service_db, clock),
        archive=Archive([a_city_lot(1)]),
        audit=Audit(),
        clock=clock,
    )
    async with served([list_misreads, decide_misread], clock, {"desk": desk}) as client:
        yield client


async def newest(client: Any, clock: HandClock, role: str = "operator_clerk") -> dict[str, Any]:
    operator_id = 7 if role.startswith("operator") else None
    page = (await client.get(URL, headers=bearer(clock, role, operator_id))).json()
    found: dict[str, Any] = page["misreads"][-1]
    return found


@pytest.mark.parametrize("role", ["operator_clerk", "operator_admin"])
async def test_staff_of_the_lot_see_whole_plates(client, clock, held, role):
    one = await newest(client, clock, role)
    assert (one["plate"], one["lot"], one["kind"]) == (READ, "320281001101", "exit_request")
    assert {view["plate"]: view["stay_id"] for view in one["candidates"]} == held


@pytest.mark.parametrize("role", ["city_admin", "city_supervisor", "auditor"])
async def test_the_city_sees_masked_plates_and_decides_nothing(client, clock, held, role):
    one = await newest(client, clock, role)
    assert {view["plate"] for view in one["candidates"]} == {"苏B****5", "苏B****Z"}
    answer = await client.post(
        f"{URL}/{one['task_id']}/decisions",
        json={"stay_id": held[TRUE]},
        headers=bearer(clock, role),
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "access.not_allowed")


async def test_another_operators_staff_see_nothing_and_find_nothing(client, clock, held):
    one = await newest(client, clock)
    headers = bearer(clock, "operator_admin", 8)
    assert (await client.get(URL, headers=headers)).json() == {"misreads": [], "next_after": None}
    answer = await client.post(
        f"{URL}/{one['task_id']}/decisions", json={"stay_id": held[TRUE]}, headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "stays.misread_unknown")


async def test_a_clerk_decides_and_is_told_what_came_of_it(client, clock, held):
    one = await newest(client, clock)
    headers = bearer(clock, "operator_clerk", 7)
    url = f"{URL}/{one['task_id']}/decisions"
    answers = [await client.post(url, json={"stay_id": held[TRUE]}, headers=headers) for _ in "12"]
    assert [answer.status_code for answer in answers] == [200, 200]
    told = answers[0].json()
    assert (told["task_id"], told["chosen_stay_id"]) == (one["task_id"], held[TRUE])
    assert told["decision"]["type"] == "open"
    assert answers[1].json() == told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"stay_id": 17}, 422),
        ({}, 400),
        ({"stay_id": "苏B31585"}, 400),
        ({"stay_id": 0}, 400),
        ({"stay_id": 2**63}, 400),
        ({"stay_id": None, "note": "?"}, 400),
        ([], 400),
    ],
)
async def test_a_decision_that_cannot_be_is_refused(client, clock, body, status):
    one = await newest(client, clock)
    headers = bearer(clock, "operator_clerk", 7)
    answer = await client.post(f"{URL}/{one['task_id']}/decisions", json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("task_id", "status"), [("999999999", 404), ("0", 400), (str(2**63), 400), ("x", 404)]
)
async def test_a_task_that_is_not_there_is_unknown(client, clock, task_id, status):
    headers = bearer(clock, "operator_clerk", 7)
    answer = await client.post(
        f"{URL}/{task_id}/decisions", json={"stay_id": None}, headers=headers
    )
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("lot=320281001101", 200),
        ("lot=", 200),
        ("lot=320281001199", 404),
        *((query, 400) for query in ("lot=x", "limit=0", "limit=101", "after=-1")),
        (f"after={2**63 - 1}", 200),
        (f"after={2**63}", 400),
    ],
)
async def test_a_page_that_cannot_be_is_refused(client, clock, query, status):
    headers = bearer(clock, "operator_clerk", 7)
    assert (await client.get(f"{URL}?{query}", headers=headers)).status_code == status
