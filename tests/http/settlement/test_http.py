"""Settlement over HTTP: who may, what is shown, and what is refused by field."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.settlement import http, payout_http, statement_http
from onepark.contexts.settlement.payouts import Payouts
from onepark.infra.db import Database
from onepark.integrations.payouts.bank_file import drivers
from tests.http.staff_app import bearer, served
from tests.store.settlement.conftest import Rig, fresh_url, owner, rig, staff  # noqa: F401

HANDLERS = [*http.HANDLERS, *statement_http.HANDLERS, *payout_http.HANDLERS]
ACCOUNT = {"holder": "青阳镇", "account_no": "6222021001116245702", "bank_code": "102302200015"}
STATEMENT = "/v1/settlement/statements/7/town/day/2026-05-01"


@pytest.fixture
async def client(rig: Rig, staff: Database) -> AsyncIterator[Any]:  # noqa: F811
    """A day that was cleared: 1,001 fen at 60/25/15."""
    await rig.contract()
    await rig.fact(1001)
    await rig.clear()
    payouts = Payouts(
        rig.db, staff, books=rig.ledger, drivers=drivers(), audit=Audit(), clock=rig.clock
    )
    peers = {
        "contracts": rig.contracts,
        "clearing": rig.clearing,
        "statements": rig.statements,
        "payouts": payouts,
    }
    async with served(HANDLERS, rig.clock, peers) as client:  # type: ignore[arg-type]
        yield client


@pytest.fixture
def finance(rig: Rig, client: Any) -> dict[str, str]:  # noqa: F811
    return bearer(rig.clock, "city_finance")  # type: ignore[arg-type]


async def test_a_contract_is_drafted_and_not_approved_by_who_drafted_it(client, finance):
    body = http.EXAMPLE | {
        "lots": ["320281001105"],
        "terms": {"parties": [{"party": "group", "share_ppm": 1_000_000}]},
    }
    made = await client.post("/v1/settlement/contracts", json=body, headers=finance)
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    url = f"/v1/settlement/contracts/{made.json()['version_id']}"
    assert (await client.get(url, headers=finance)).json()["form"] == "revenue_share"
    refused = await client.post(f"{url}/approvals", headers=finance)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"terms": {"parties": [{"party": "group", "share_ppm": 5}]}}, 422),
        ({"terms": {"parties": []}}, 400),
        ({"form": "friendship"}, 400),
        ({"lots": ["1"]}, 400),
        ({"lots": ["999999999999"]}, 404),
        ({"valid_from": "2026-13-01"}, 400),
        ({"unknown": 1}, 400),
    ],
)
async def test_a_draft_that_cannot_be_is_refused(client, finance, change, status):
    answer = await client.post(
        "/v1/settlement/contracts", json=http.EXAMPLE | change, headers=finance
    )
    assert answer.status_code == status


async def test_statements_are_shown_exported_and_led_to_their_lines(client, finance):
    page = (await client.get("/v1/settlement/statements?party=town", headers=finance)).json()
    assert [one["total_fen"] for one in page["statements"]] == [250]
    assert (await client.get(STATEMENT, headers=finance)).json()["total_fen"] == 250
    exported = await client.get(f"{STATEMENT}/export", headers=finance)
    assert exported.headers["content-type"].startswith("text/csv")
    assert "share_fen" in exported.text
    lines = (await client.get(f"{STATEMENT}/lines", headers=finance)).json()
    assert [one["share_fen"] for one in lines["lines"]] == [250]
    text = (await client.get(f"{STATEMENT}/lines/export?limit=5", headers=finance)).text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/v1/settlement/statements/7/town/week/2026-05-01", 400),
        ("/v1/settlement/statements/7/nobody/day/2026-05-01", 404),
        ("/v1/settlement/statements/7/town/day/2026-05-41", 404),
        (f"{STATEMENT}/lines?after=2026-02-30.1", 400),
        (f"{STATEMENT}/lines?limit=0", 400),
        ("/v1/settlement/contracts/0", 400),
        ("/v1/settlement/contracts/999", 404),
        ("/v1/settlement/payouts/PO9", 404),
        ("/v1/settlement/payout-files/PF9", 404),
        ("/v1/settlement/days?until=soon", 400),
    ],
)
async def test_what_is_not_there_or_cannot_be_is_refused(client, finance, url, status):
    assert (await client.get(url, headers=finance)).status_code == status


async def test_days_and_tasks(client, finance):
    days = (await client.get("/v1/settlement/days", headers=finance)).json()["days"]
    assert [(one["day"], one["state"], one["gross_fen"]) for one in days] == [
        (date(2026, 5, 1).isoformat(), "closed", 1001)
    ]
    assert (await client.get("/v1/settlement/tasks", headers=finance)).json() == {"tasks": []}
    done = await client.post(
        "/v1/settlement/tasks/9/completions", json={"reason": "done"}, headers=finance
    )
    assert done.status_code == 404


async def test_a_payout_is_drafted_and_checked_but_not_approved_by_finance(client, finance):
    party = {"party": "town", "name": "青阳镇", "account": ACCOUNT, "operator_id": 7}
    kept = await client.post("/v1/settlement/parties", json=party, headers=finance)
    assert kept.status_code == 200
    balances = {one["party"]: one["balance_fen"] for one in kept.json()["parties"]}
    assert balances["town"] == 250
    asked = {"party": "town", "operator_id": 7}
    made = await client.post("/v1/settlement/payouts", json=asked, headers=finance)
    assert (made.status_code, made.json()["account_end"]) == (201, "5702")
    url = f"/v1/settlement/payouts/{made.json()['payout_no']}"
    assert (await client.post(f"{url}/checks", headers=finance)).json()["state"] == "checked"
    assert (await client.post(f"{url}/approvals", headers=finance)).status_code == 403
    more = await client.post("/v1/settlement/payouts", json=asked, headers=finance)
    assert (more.status_code, more.json()["code"]) == (409, "settlement.balance_too_small")


@pytest.mark.parametrize("role", ["operator_clerk", "city_admin"])
async def test_who_has_nothing_to_do_with_money_sees_nothing(client, rig, role):  # noqa: F811
    headers = bearer(rig.clock, role, 7 if role.startswith("operator") else None)
    assert (await client.get("/v1/settlement/payouts", headers=headers)).status_code == 403
