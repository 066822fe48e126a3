"""The past of a lot, asked of the served city by strangers: devices report, citizens look back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg

from tests.flows.city.served import City, Gate, Lot, a_plate, call, numbers, soon

RAW = """
    SELECT
        count(*) FILTER (WHERE kind = 'entry')
        - count(*) FILTER (WHERE kind IN ('exit', 'exit_request')) AS inside
    FROM stays.passage JOIN registry.lot USING (lot_id)
    WHERE code = $1 AND state IN ('folded', 'misread_exit') AND date_trunc('second', seen_at) <= $2
"""


def ago(minutes: float) -> datetime:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).replace(microsecond=0)


def history(lot: Lot, **asked: Any) -> Any:
    query = urlencode({name: str(value) for name, value in asked.items()})
    status, told = call(f"{lot.base_url}/v1/vacancies/{lot.code}/history?{query}")
    assert status == 200, told
    return told


def held(lot: Lot, at: datetime) -> Any:
    return history(lot, at=at.isoformat())["pools"]["short_stay"]


def live(lot: Lot) -> Any:
    status, told = call(f"{lot.base_url}/v1/vacancies/{lot.code}")
    assert status == 200, told
    return told["pools"]["short_stay"]


def report(gate: Gate, **changes: Any) -> dict[str, Any]:
    snapshot = {
        "snapshot_id": f"s-{next(numbers)}",
        "lot": gate.lot,
        "taken_at": ago(30).isoformat(),
        "pools": {"short_stay": {"occupied": 9}},
    } | changes
    body = json.dumps({"snapshots": [snapshot]}).encode()
    url = f"{gate.base_url}/v1/gate/snapshots"
    status, told = call(url, "POST", body, gate.signed(body))
    assert status == 200, told
    [result] = told["results"]
    assert result["snapshot_id"] == snapshot["snapshot_id"]
    return dict(result)


async def test_what_is_told_of_the_past_equals_a_recount_of_the_raw_passages(city: City):
    lot = city.lots[2]
    stayed, left, late = a_plate(), a_plate(), a_plate()
    lot.entry.pass_by("entry", stayed, seen_at=ago(300).isoformat())
    lot.entry.pass_by("entry", left, seen_at=ago(200).isoformat())
    lot.exit.pass_by("exit", left, seen_at=ago(100).isoformat())
    lot.entry.pass_by("entry", late, seen_at=ago(4_000).isoformat())
    lot.exit.pass_by("exit", late, seen_at=ago(250).isoformat())
    connection = await asyncpg.connect(city.demo["database_url"])
    for minutes in (5_000, 3_000, 275, 225, 150, 50, 0):
        at = ago(minutes)
        assert held(lot, at)["raw"] == await connection.fetchval(RAW, lot.code, at), minutes
    await connection.close()
    assert live(lot)["raw"] == held(lot, ago(0))["raw"]
    began_at = ago(330)
    asked = {"from": began_at.isoformat(), "to": (began_at + timedelta(hours=4)).isoformat()}
    steps = [step["pools"]["short_stay"] for step in history(lot, **asked)["steps"]]
    assert [(step["entries"], step["exits"]) for step in steps] == [(1, 0), (0, 1), (1, 0), (0, 1)]


def test_a_lots_own_count_calibrates_and_hides_no_drift(city: City):
    lot = city.lots[3]
    lot.admit(a_plate(), hours_ago=2)
    before = held(lot, ago(40))
    assert (before["calibrated"], before["drift"]) == (None, None)
    snapshot = {"snapshot_id": f"s-{next(numbers)}", "taken_at": ago(30).isoformat()}
    assert report(lot.entry, **snapshot)["outcome"] == "accepted"
    assert report(lot.entry, **snapshot)["outcome"] == "duplicate"
    other = {"pools": {"short_stay": {"occupied": 8}}}
    assert report(lot.entry, **snapshot, **other)["reason"] == "gate.snapshot_id_reused"
    lot.entry.pass_by("entry", a_plate(), seen_at=ago(10).isoformat())
    now = held(lot, ago(5))
    assert (now["raw"], now["calibrated"]) == (before["raw"] + 1, 10)
    soon(lambda: live(lot)["occupied"] == 10, within_s=5)
    lot.admit(a_plate(), hours_ago=3)  # a gate was late: raw and drift move, calibrated does not
    later = held(lot, ago(5))
    assert (later["raw"], later["calibrated"]) == (now["raw"] + 1, 10)
    assert later["drift"] == now["drift"] - 1 == 10 - later["raw"]
    soon(lambda: live(lot)["drift"] == later["drift"], within_s=20)
    shown = live(lot)
    assert (shown["occupied"], shown["raw"], shown["free"]) == (
        10,
        later["raw"],
        shown["capacity"] - 10,
    )


def test_a_large_lot_is_counted_by_the_zones_that_its_entrances_lead_into(city: City):
    lot = max(city.lots, key=lambda lot: lot.capacity)
    before = history(lot, at=ago(1).isoformat())
    assert list(before["zones"]) == ["B1", "B2"]
    lot.admit(a_plate(), hours_ago=2)
    after = history(lot, at=ago(1).isoformat())
    raw = {zone: of["raw"] for zone, of in after["zones"].items()}
    assert raw == {
        "B1": before["zones"]["B1"]["raw"] + 1,  # where its first entrance leads
        "B2": before["zones"]["B2"]["raw"],
    }
    assert sum(raw.values()) == sum(pool["raw"] for pool in after["pools"].values())
    alone = history(lot, at=ago(1).isoformat(), zone="B1")
    assert alone["whole"]["raw"] == raw["B1"]
    query = urlencode({"at": ago(1).isoformat(), "zone": "B3"})
    status, problem = call(f"{lot.base_url}/v1/vacancies/{lot.code}/history?{query}")
    assert (status, problem["code"], problem["field"]) == (400, "vacancies.query_invalid", "zone")


def test_a_snapshot_of_another_lot_or_of_nothing_is_rejected(city: City):
    gate = city.lots[3].entry
    foreign = report(gate, lot=city.lots[4].code)
    assert (foreign["outcome"], foreign["reason"]) == ("rejected", "gate.foreign_lot")
    empty = report(gate, pools={})
    assert (empty["outcome"], empty["reason"]) == ("rejected", "gate.invalid_field")
    body = b'{"snapshots":[]}'
    url = f"{gate.base_url}/v1/gate/snapshots"
    assert call(url, "POST", body, gate.signed(body))[0] == 422
    assert call(url, "POST", body, gate.signed(b"other"))[0] == 401
