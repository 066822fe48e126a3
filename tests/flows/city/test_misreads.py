"""A misread car at the exit of the served city: it is recognised, or staff say whose it is."""

import os
import random
import subprocess
import sys
from itertools import count
from typing import Any

import pytest

from tests.flows.city.served import City, Lot, call, soon

PASSWORD = "a long enough one"
numbers = count(random.randrange(9_000))


def a_car() -> tuple[str, str, str]:
    """A plate, what a camera makes of it, and another plate that is as near to that."""
    start = f"苏C{next(numbers) * 4_871 % 10_000:04d}"  # unlike those that have just left
    return f"{start}5", f"{start}S", f"{start}Z"


@pytest.fixture(scope="module")
def lot(city: City) -> Lot:
    """The lot of these stories."""
    return city.priced_lot()


def appoint(city: City, login: str, operator_id: int) -> None:
    """Give a clerk an account, as a person at the machine does."""
    env = {
        **os.environ,
        "ONEPARK_DATABASE_URL": city.demo["database_url"],
        "ONEPARK_REDIS_URL": city.demo["redis_url"],
        "ONEPARK_SECRET_KEY": (city.data / "secret.key").read_text().strip(),
    }
    command = [*(sys.executable, "-m", "onepark.app.cli", "staff", "add", login)]
    given = ("--name", "李明", "--role", "operator_clerk", "--operator-id", str(operator_id))
    done = subprocess.run(
        [*command, *given],
        input=f"{PASSWORD}\n{PASSWORD}\n",
        env=env,
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def clerk(city: City, lot: Lot) -> dict[str, str]:
    """Headers of a clerk of the lot's operator."""
    operator_id = city.known("SELECT operator_id FROM registry.lot WHERE code = $1", lot.code)
    appoint(city, "desk-clerk", operator_id)
    login = {"login": "desk-clerk", "password": PASSWORD}
    status, session = call(f"{city.base_url}/v1/staff/sessions", "POST", login)
    assert status == 201, session
    return {"authorization": f"Bearer {session['token']}"}


def paid(city: City, order_no: str) -> None:
    assert city.pay(order_no, "wechat")[0] == 201
    soon(lambda: city.is_paid(order_no))


def waiting(city: City, lot: Lot, clerk: dict[str, str], plate: str) -> dict[str, Any]:
    """The task about what the camera read."""
    url = f"{city.base_url}/v1/stays/misreads?lot={lot.code}&limit=100"
    status, told = call(url, headers=clerk)
    assert status == 200, told
    [task] = [one for one in told["misreads"] if one["plate"] == plate]
    found: dict[str, Any] = task
    return found


def decide(city: City, clerk: dict[str, str], task_id: int, stay_id: int | None) -> Any:
    url = f"{city.base_url}/v1/stays/misreads/{task_id}/decisions"
    return call(url, "POST", {"stay_id": stay_id}, clerk)


def test_a_misread_car_pays_its_own_order_is_let_out_and_is_counted(city: City, lot: Lot):
    plate, misread, _ = a_car()
    free = lot.free()
    entry = lot.admit(plate)
    asked = lot.exit.pass_by("exit_request", misread)
    assert (asked["decision"]["type"], asked["reason"]) == ("pay", "misread_exit")
    assert (asked["order_no"], asked["stay_id"]) == (entry["order_no"], entry["stay_id"])
    paid(city, asked["order_no"])
    [command] = lot.exit.commands_for(plate, within_s=10)
    assert command["passage_id"] == asked["passage_id"]
    lot.exit.acknowledge(command["command_id"])
    gone = lot.exit.pass_by("exit", misread)
    assert (gone["outcome"], gone["stay_id"]) == ("accepted", entry["stay_id"])
    lot.free_becomes(free)
    assert city.dues(plate) == []


def test_a_misread_car_that_has_paid_is_let_out_at_once(city: City, lot: Lot):
    plate, misread, _ = a_car()
    paid(city, lot.admit(plate)["order_no"])
    decision = lot.exit.pass_by("exit_request", misread)["decision"]
    assert (decision["type"], decision["reason"]) == ("open", "paid")
    lot.exit.pass_by("exit", misread)


def test_staff_say_whose_a_doubtful_car_is_and_it_pays_and_leaves(
    city: City, lot: Lot, clerk: dict[str, str]
):
    plate, misread, twin = a_car()
    entry = lot.admit(plate)
    lot.admit(twin)
    row = lot.exit.row("exit_request", misread)
    [asked] = lot.exit.report(row)
    assert asked["decision"] == {"type": "hold", "reason": "misread_exit"}

    task = waiting(city, lot, clerk, misread)
    assert {one["plate"] for one in task["candidates"]} >= {plate, twin}
    told = decide(city, clerk, task["task_id"], entry["stay_id"])
    status, decided = told
    assert (status, decided["decision"]["type"]) == (200, "pay"), decided
    assert decided["order_no"] == entry["order_no"]
    assert decide(city, clerk, task["task_id"], entry["stay_id"]) == told
    status, other = decide(city, clerk, task["task_id"], None)
    assert (status, other["code"]) == (409, "stays.misread_decided")
    [again] = lot.exit.report(row)
    assert {**again, "outcome": ""} == {**asked, "outcome": ""}, "a passage keeps its answer"

    paid(city, entry["order_no"])
    [command] = lot.exit.commands_for(plate, within_s=10)
    assert (command["passage_id"], command["reason"]) == (asked["passage_id"], "paid")
    lot.exit.acknowledge(command["command_id"])
    lot.exit.pass_by("exit", plate)
    lot.exit.pass_by("exit", twin)


def test_a_lane_opens_for_a_doubtful_car_that_owes_nothing_once_staff_have_decided(
    city: City, lot: Lot, clerk: dict[str, str]
):
    plate, misread, twin = a_car()
    free = lot.free()
    entry = lot.admit(plate)
    lot.admit(twin)
    paid(city, entry["order_no"])
    asked = lot.exit.pass_by("exit_request", misread)
    task = waiting(city, lot, clerk, misread)
    status, decided = decide(city, clerk, task["task_id"], entry["stay_id"])
    assert (status, decided["decision"]["type"]) == (200, "open"), decided
    [command] = lot.exit.commands_for(plate, within_s=10)
    assert (command["passage_id"], command["reason"]) == (asked["passage_id"], "recognised")
    lot.exit.acknowledge(command["command_id"])

    held = lot.exit.pass_by("exit", misread)
    assert held["decision"]["type"] == "hold"
    task = waiting(city, lot, clerk, misread)
    assert task["kind"] == "exit"
    assert decide(city, clerk, task["task_id"], entry["stay_id"])[0] == 200
    lot.exit.pass_by("exit", twin)
    lot.free_becomes(free)
    assert city.order(entry["order_no"])["due_fen"] == 0


def test_nobody_without_an_account_sees_or_decides_a_misread(city: City, lot: Lot):
    assert call(f"{city.base_url}/v1/stays/misreads")[0] == 401
    assert decide(city, {}, 1, None)[0] == 401
