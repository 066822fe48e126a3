"""Two people put a tariff in force in a served city, and a stranger computes an amount again."""

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onepark.app.data_dir import DataDir
from tests.flows.city.served import City, Lot, call

PASSWORD = "correct horse battery"
PLAN = {
    "windows": [
        {
            "name": "全天 all day",
            "from": "00:00",
            "to": "24:00",
            "tiers": [{"unit_minutes": 60, "price_fen": 300}],
        }
    ],
    "caps": {"natural_day_fen": 3_000},
}


def command(city: City, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command against the city's own servers."""
    env = {
        **os.environ,
        "ONEPARK_DATABASE_URL": city.demo["database_url"],
        "ONEPARK_REDIS_URL": city.demo["redis_url"],
        "ONEPARK_SECRET_KEY": DataDir(city.data).secret_key(),
    }
    whole = [sys.executable, "-m", "onepark.app.cli", *arguments]
    return subprocess.run(
        whole, input=typed, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def lot(city: City) -> Lot:
    """A market lot: its operator sets its price."""
    code = city.known(
        "SELECT code FROM registry.lot WHERE price_form = 'market' ORDER BY code DESC"
    )
    return next(lot for lot in city.lots if lot.code == code)


@pytest.fixture(scope="module")
def owner(city: City, lot: Lot) -> int:
    owner: int = city.known("SELECT operator_id FROM registry.lot WHERE code = $1", lot.code)
    return owner


def logged_in(city: City, role: str, *more: str) -> dict[str, str]:
    """Give an account from the command line and log in over HTTP."""
    login = f"{role}.{random.randrange(10**9)}".replace("_", ".")
    arguments = ("staff", "add", login, "--name", "某人", "--role", role, *more)
    done = command(city, *arguments, "--password", PASSWORD)
    assert done.returncode == 0, done.stderr
    body = {"login": login, "password": PASSWORD}
    url = f"{city.base_url}/v1/staff/sessions"
    status, told = call(url, "POST", body, address=f"127.0.3.{random.randrange(1, 250)}")
    assert status == 201, told
    return {"Authorization": f"Bearer {told['token']}"}


def test_a_tariff_is_drafted_checked_published_assigned_and_shown(city: City, lot: Lot, owner: int):
    clerk = logged_in(city, "operator_clerk", "--operator-id", str(owner))
    boss = logged_in(city, "operator_admin", "--operator-id", str(owner))
    url = f"{city.base_url}/v1/tariffs"
    key = f"story_{random.randrange(10**9)}"
    status, draft = call(
        f"{url}/drafts", "POST", {"plan_key": key, "name": "新规则", "body": PLAN}, clerk
    )
    assert status == 201, draft
    one = f"{url}/drafts/{draft['draft_id']}"
    assert call(f"{one}/check", "POST", {}, clerk)[1]["state"] == "checked"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert call(f"{one}/publish", "POST", {"valid_from_at": tomorrow}, clerk)[0] == 403
    status, told = call(f"{one}/publish", "POST", {"valid_from_at": tomorrow}, boss)
    assert (status, told["state"]) == (200, "published"), told
    asked = {"plan_key": key, "lots": [lot.code], "valid_from_at": tomorrow}
    status, told = call(f"{url}/assignments", "POST", asked, boss)
    assert (status, told["lots"]) == (201, [lot.code]), told

    status, shown = call(f"{city.base_url}/v1/lots/{lot.code}/tariff")
    assert status == 200
    assert shown["in_force"]["valid_until_at"] == shown["next"]["valid_from_at"]
    assert (shown["next"]["plan_key"], shown["next"]["body"]) == (key, PLAN)
    assert "全天：每小时 3 元" in shown["next"]["text_zh"]


def test_a_quote_of_the_city_is_computed_again_by_a_stranger(city: City, lot: Lot, tmp_path: Path):
    asked = {
        "lot": lot.code,
        "entered_at": "2026-11-20T08:00:00+08:00",
        "until_at": "2026-11-21T19:30:00+08:00",
    }
    status, quote = call(f"{city.base_url}/v1/tariffs/quote", "POST", asked)
    assert status == 200
    file = tmp_path / "quote.json"
    for changes, code in (({}, 0), ({"amount_fen": quote["amount_fen"] + 1}, 1)):
        told: dict[str, Any] = quote | changes
        file.write_text(json.dumps(told))
        done = command(city, "quote", "verify", str(file), "--url", city.base_url)
        assert done.returncode == code, done.stdout + done.stderr
    file.write_text(json.dumps(quote | {"plan_hash": "0" * 64}))
    assert command(city, "quote", "verify", str(file), "--url", city.base_url).returncode == 2


def test_anybody_has_a_plan_checked_by_the_city(city: City):
    url = f"{city.base_url}/v1/tariffs/check"
    assert call(url, "POST", PLAN)[1]["good"] is True
    status, told = call(url, "POST", {"windows": 7})
    assert (status, told["good"], told["findings"][0]["field"]) == (200, False, "windows")


@pytest.mark.timeout(240)
def test_nothing_that_staff_can_send_makes_filing_fail(city: City, owner: int, tmp_path: Path):
    boss = logged_in(city, "operator_admin", "--operator-id", str(owner))
    checks = "not_a_server_error,status_code_conformance,content_type_conformance"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run"),
            f"{city.base_url}/schema/openapi.json",
            *("--include-path-regex", "^/v1/tariffs/(drafts|versions|assignments)"),
            *("--checks", f"{checks},response_schema_conformance"),
            *("--max-examples", "25", "--seed", "320281", "--no-color"),
            *("--header", f"Authorization: {boss['Authorization']}"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "Tested: 9" in done.stdout, "every endpoint of filing"
