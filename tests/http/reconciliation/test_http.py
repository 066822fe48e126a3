"""Staff look at differences over HTTP and end them, each within what is theirs."""

from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.reconciliation import http
from onepark.contexts.reconciliation.desk import ReconciliationDesk
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.integrations.payments.bank_statements import read_camt053
from tests.adapters.support import VECTORS
from tests.archive import NOON, HandClock
from tests.http.staff_app import bearer, served

DAYS, DIFFERENCES = "/v1/reconciliation/days", "/v1/reconciliation/differences"
STATEMENTS = "/v1/reconciliation/statements"
WHY = {"resolution": "explained", "reason": "The bank booked it a day late."}
STATEMENT = VECTORS / "bills" / "camt053_v2_two_statements.xml"
numbers = count(1)


class Nobody:
    """Nobody is asked and nothing is told in these tests."""


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
async def client(service_db, staff_db, clock):
    nobody: Any = Nobody()
    reconciliation = Reconciliation(
        service_db, sources={}, attempts=nobody, refunds=nobody, fees=None, fee_ppm={}, clock=clock
    )
    desk = ReconciliationDesk(
        service_db,
        staff_db,
        reconciliation=reconciliation,
        readers={"camt053": read_camt053},
        audit=Audit(),
        clock=clock,
    )
    async with served(http.HANDLERS, clock, {"reconciliation_desk": desk}) as opened:
        yield opened


async def found(database_url: str, *, operator_id: int | None = 7, kind: str = "ours_only") -> int:
    """A difference that was found at eight."""
    connection = await asyncpg.connect(database_url)
    try:
        number: int = await connection.fetchval(
            "INSERT INTO reconciliation.difference"
            " (channel, day, class, kind, number, off_fen, owner, found_at, operator_id)"
            " VALUES ('wechat', $1, $2, 'trade', $3, 500, 'finance', $4, $5)"
            " RETURNING difference_id",
            *(NOON.date(), kind, f"n{next(numbers)}", NOON - timedelta(hours=4), operator_id),
        )
    finally:
        await connection.close()
    return number


def ids(answer) -> set[int]:
    assert answer.status_code == 200, answer.text
    return {one["difference_id"] for one in answer.json()["differences"]}


async def test_an_operator_sees_its_own_and_the_city_all(client, clock, database_url):
    ours, theirs = await found(database_url), await found(database_url, operator_id=8)
    nobodys = await found(database_url, operator_id=None)
    seen = ids(
        await client.get(DIFFERENCES, headers=bearer(clock, "operator_finance", operator_id=7))
    )
    assert ours in seen
    assert not {theirs, nobodys} & seen
    seen = ids(await client.get(DIFFERENCES, headers=bearer(clock, "city_finance")))
    assert {ours, theirs, nobodys} <= seen


async def test_differences_are_filtered_by_class_age_and_whether_they_are_open(
    client, clock, database_url
):
    headers = bearer(clock, "city_finance")
    one = await found(database_url, kind="fee_differs")
    assert one in ids(await client.get(f"{DIFFERENCES}?class=fee_differs", headers=headers))
    assert one not in ids(await client.get(f"{DIFFERENCES}?class=ours_only", headers=headers))
    assert one not in ids(await client.get(f"{DIFFERENCES}?older_than_days=1", headers=headers))
    assert one not in ids(await client.get(f"{DIFFERENCES}?open=false", headers=headers))
    page = await client.get(f"{DIFFERENCES}?limit=1", headers=headers)
    assert page.json()["next_after"] == page.json()["differences"][0]["difference_id"]
    shown = next(
        each
        for each in (await client.get(DIFFERENCES, headers=headers)).json()["differences"]
        if each["difference_id"] == one
    )
    assert (shown["age_s"], shown["off_fen"], shown["owner"]) == (14_400, 500, "finance")


@pytest.mark.parametrize(
    "query",
    [
        *("class=odd", "limit=0", "limit=999", "after=-1", "open=perhaps", "older_than_days=x"),
        "channel=%00",
    ],
)
async def test_a_wrong_filter_is_refused_by_name(client, clock, query):
    answer = await client.get(f"{DIFFERENCES}?{query}", headers=bearer(clock, "city_finance"))
    assert (answer.status_code, answer.json()["code"]) == (400, "reconciliation.query_invalid")


@pytest.mark.parametrize("query", ["until=0001-01-01", "since=2000-01-01", "channel=%00"])
async def test_days_that_have_no_bills_are_refused(client, clock, query):
    answer = await client.get(f"{DAYS}?{query}", headers=bearer(clock, "city_finance"))
    assert (answer.status_code, answer.json()["code"]) == (400, "reconciliation.query_invalid")


async def test_a_difference_is_ended_once_with_a_reason_in_the_audit_trail(
    client, clock, database_url
):
    one, headers = await found(database_url), bearer(clock, "operator_finance", operator_id=7)
    path = f"{DIFFERENCES}/{one}/settlements"
    answer = await client.post(path, json=WHY, headers=headers)
    assert (answer.status_code, answer.json()) == (
        200,
        {"difference_id": one, "resolution": "explained"},
    )
    assert one not in ids(await client.get(DIFFERENCES, headers=headers))
    assert one in ids(await client.get(f"{DIFFERENCES}?open=false", headers=headers))
    again = await client.post(path, json=WHY, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "reconciliation.difference_closed")
    connection = await asyncpg.connect(database_url)
    audited = await connection.fetchrow(
        "SELECT actor, action, operator_id, after FROM access.audit WHERE subject = $1",
        f"difference {one}",
    )
    await connection.close()
    assert audited is not None
    assert tuple(audited)[:3] == ("somebody", "reconciliation.difference_settled", 7)
    assert WHY["reason"] in audited["after"]


async def test_nobody_ends_the_difference_of_another_operator(client, clock, database_url):
    one = await found(database_url, operator_id=8)
    headers = bearer(clock, "operator_finance", operator_id=7)
    answer = await client.post(f"{DIFFERENCES}/{one}/settlements", json=WHY, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (
        404,
        "reconciliation.difference_unknown",
    )


@pytest.mark.parametrize("resolution", ["matched_later", "believed"])
async def test_people_do_not_say_what_only_the_books_say(client, clock, database_url, resolution):
    one = await found(database_url)
    answer = await client.post(
        f"{DIFFERENCES}/{one}/settlements",
        json={**WHY, "resolution": resolution},
        headers=bearer(clock, "city_finance"),
    )
    assert (answer.status_code, answer.json()["code"]) == (
        422,
        "reconciliation.resolution_misplaced",
    )


@pytest.mark.parametrize(("role", "operator_id"), [("auditor", None), ("operator_clerk", 7)])
async def test_who_only_reads_ends_nothing(client, clock, database_url, role, operator_id):
    one = await found(database_url)
    headers = bearer(clock, role, operator_id=operator_id)
    answer = await client.post(f"{DIFFERENCES}/{one}/settlements", json=WHY, headers=headers)
    assert answer.status_code == 403
    answer = await client.post(STATEMENTS, content=b"x", headers=headers)
    assert answer.status_code == 403


async def test_nobody_without_an_account_sees_anything(client):
    for path in (DAYS, DIFFERENCES):
        assert (await client.get(path)).status_code == 401


async def test_the_city_uploads_a_statement_that_adds_up(client, clock):
    headers = bearer(clock, "city_finance")
    answer = await client.post(STATEMENTS, content=STATEMENT.read_bytes(), headers=headers)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["account"], answer.json()["rows"]) == ("NL26VAYB8060476890", 2)
    shown = await client.get(
        f"{DAYS}?channel=bank:NL26VAYB8060476890&since=2014-12-01&until=2014-12-31", headers=headers
    )
    assert [(one["state"], one["rows"]) for one in shown.json()["days"]] == [("read", 2)]
    operators = await client.get(
        f"{DAYS}?since=2014-12-01&until=2014-12-31",
        headers=bearer(clock, "operator_finance", operator_id=7),
    )
    assert operators.json() == {"days": []}


@pytest.mark.parametrize(
    "body",
    [
        STATEMENT.read_bytes().replace(b">8.85<", b">8.86<", 1),
        b"<a/>",
        b"",
        b"\x1f\x8b\x00",
    ],
    ids=["totals", "form", "empty", "packing"],
)
async def test_a_statement_that_does_not_add_up_is_refused_whole(client, clock, body):
    answer = await client.post(STATEMENTS, content=body, headers=bearer(clock, "city_finance"))
    assert (answer.status_code, answer.json()["code"]) == (422, "reconciliation.bill_refused")


async def test_a_statement_in_a_format_that_is_unknown_here_is_refused(client, clock):
    headers = bearer(clock, "city_finance")
    answer = await client.post(f"{STATEMENTS}?format=pdf", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "reconciliation.query_invalid")


async def test_an_operator_uploads_no_statement_of_the_citys_accounts(client, clock):
    headers = bearer(clock, "operator_finance", operator_id=7)
    answer = await client.post(STATEMENTS, content=STATEMENT.read_bytes(), headers=headers)
    assert answer.status_code == 400


async def test_too_many_days_are_refused(client, clock):
    answer = await client.get(
        f"{DAYS}?since=2014-01-01&until=2026-12-31", headers=bearer(clock, "auditor")
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "reconciliation.query_invalid")
