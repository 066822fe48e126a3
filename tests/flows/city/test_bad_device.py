"""A device that lies or has gone mad is flagged, quarantined or refused; its neighbour is not."""

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.flows.city.served import City, Lot, a_plate, call

REPEATS = int(os.environ.get("DUPLICATES", "20000"))  # a million on demand
AT_ONCE = 1000


@pytest.fixture
def lot(city: City) -> Lot:
    return city.lots[7]


@pytest.fixture
def next_door(city: City) -> Lot:
    return city.lots[8]


def beat(lot: Lot, **told: Any) -> dict[str, Any]:
    body = json.dumps(told).encode()
    url = f"{lot.base_url}/v1/gate/heartbeats"
    status, answer = call(url, "POST", body, lot.entry.signed(body))
    assert status == 200, answer
    heard: dict[str, Any] = answer
    return heard


def snapshot(lot: Lot, **short_stay: int) -> dict[str, Any]:
    told = {
        "snapshot_id": f"bad-{time.monotonic_ns()}",
        "lot": lot.code,
        "taken_at": datetime.now(UTC).isoformat(),
        "pools": {"short_stay": short_stay},
    }
    body = json.dumps({"snapshots": [told]}).encode()
    url = f"{lot.base_url}/v1/gate/snapshots"
    status, answer = call(url, "POST", body, lot.entry.signed(body))
    assert status == 200, answer
    result: dict[str, Any] = answer["results"][0]
    return result


def test_a_device_that_reuses_its_numbers_is_told_so_and_loses_no_passage(lot: Lot):
    epoch = time.monotonic_ns()
    url = f"{lot.base_url}/v1/gate/passages"
    rows = [lot.entry.row("entry", a_plate(), epoch=epoch, seq=1) for _ in range(3)]
    body = json.dumps({"passages": rows}).encode()
    status, told = call(url, "POST", body, lot.entry.signed(body))
    assert status == 200
    assert [one["outcome"] for one in told["results"]] == ["accepted"] * 3
    assert told["progress"] == {"epoch": epoch, "acked_through": 1, "missing": [], "reused": 2}
    assert beat(lot, epoch=epoch)["progress"]["reused"] == 2


def test_a_jump_of_a_year_is_refused_ahead_and_billed_to_nobody_behind(city: City, lot: Lot):
    year = timedelta(days=365)
    ahead = lot.entry.pass_by("entry", a_plate(), seen_at=(datetime.now(UTC) + year).isoformat())
    assert (ahead["outcome"], ahead["reason"]) == ("rejected", "gate.seen_at_in_future")

    plate, came_at = a_plate(), datetime.now(UTC) - year
    lot.entry.pass_by("entry", plate, seen_at=came_at.isoformat())
    told = lot.exit.pass_by("exit_request", plate)
    assert told["decision"]["type"] == "open", "nobody pays for a year by such a clock"
    marks = city.known("SELECT marks FROM stays.stay WHERE plate = $1", plate)
    assert marks == ["clock_suspect"]


def test_duplicates_without_end_get_their_first_answer_and_move_nothing(lot: Lot):
    free = lot.free()
    row = lot.entry.row("entry", a_plate())
    first = lot.entry.report(row)[0]
    lot.free_becomes(free - 1)
    body = json.dumps({"passages": [row] * AT_ONCE}).encode()
    for _ in range(REPEATS // AT_ONCE):
        status, told = lot.entry.send(body)
        assert status == 200
        assert {one["outcome"] for one in told["results"]} == {"duplicate"}
        assert told["results"][-1]["stay_id"] == first["stay_id"]
    assert lot.free() == free - 1


def test_another_body_under_an_old_id_is_a_conflict_and_changes_nothing(lot: Lot):
    row = lot.entry.row("entry", a_plate())
    lot.entry.report(row)
    free = lot.free()
    told = lot.entry.report(row | {"plate": a_plate()})[0]
    assert (told["outcome"], told["reason"]) == ("conflict", "stays.passage_id_reused")
    assert lot.free() == free


def test_more_free_bays_than_there_are_is_refused_by_name(lot: Lot):
    free = lot.free()
    told = snapshot(lot, free=10_000)
    assert (told["outcome"], told["reason"]) == ("rejected", "gate.over_capacity")
    assert "short_stay" in told["detail"]
    assert lot.free() == free


def test_a_stay_of_minus_three_hours_is_refused_by_name(lot: Lot):
    ahead = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    told = lot.exit.pass_by("exit", a_plate(), entered_at=ahead)
    assert (told["outcome"], told["reason"]) == ("rejected", "gate.entered_at_out_of_range")


def test_an_exit_before_its_entry_is_no_stay_of_less_than_nothing(city: City, lot: Lot):
    plate, now = a_plate(), datetime.now(UTC)
    lot.entry.pass_by("entry", plate, seen_at=now.isoformat())
    lot.exit.pass_by("exit", plate, seen_at=(now - timedelta(hours=3)).isoformat())
    query = "SELECT string_agg(state, ',' ORDER BY state) FROM stays.stay WHERE plate = $1"
    assert city.known(query, plate) == "entry_missing,open"


def test_the_lot_next_door_notices_nothing(lot: Lot, next_door: Lot):
    """A clock eleven minutes off is its own device's matter."""
    free, plate = next_door.free(), a_plate()
    off = datetime.now(UTC) + timedelta(minutes=11)
    assert beat(lot, device_time=off.isoformat())["clock"] == "not_billed"
    told = next_door.entry.pass_by("entry", plate)
    assert (told["outcome"], told["decision"]["type"]) == ("accepted", "open")
    next_door.free_becomes(free - 1)
    assert beat(lot, device_time=datetime.now(UTC).isoformat())["clock"] == "right"
