"""Heartbeats against the real database: the clock of a device, and the numbers of its passages."""

from datetime import timedelta
from typing import Any

import msgspec

from onepark.contexts.gate.clocks import Clocks
from onepark.contexts.gate.model import HeartbeatAnswer
from onepark.contexts.gate.service import Gate
from onepark.contexts.stays.model import Progress
from onepark.infra.db import Database
from onepark.kernel.types import DeviceId
from tests.builders import minutes
from tests.fakes.clock import HandClock
from tests.store.gate.test_commands import clock, credentials, gate, owner, stays

__all__ = ["clock", "gate", "owner", "stays"]  # fixtures

OUT = DeviceId("out-1")


async def beat(gate: Gate, clock: HandClock, **told: Any) -> HeartbeatAnswer:
    body = msgspec.json.encode(told)
    return await gate.heartbeat(credentials(clock, body), body)


async def report(gate: Gate, clock: HandClock, passage_id: str, **changes: Any) -> Any:
    passage = {
        "passage_id": passage_id,
        "lot": "320281001101",
        "lane": "out-1-lane",
        "kind": "entry",
        "plate": f"苏B7{abs(hash(passage_id)) % 10_000:04d}",
        "seen_at": clock.at.isoformat(),
    }
    body = msgspec.json.encode({"passages": [passage | changes]})
    return await gate.passages(credentials(clock, body), body)


async def test_a_clock_that_is_off_is_known_to_every_process(
    gate: Gate, clock: HandClock, service_db: Database, owner
):
    told = await beat(gate, clock, device_time=(clock.at + minutes(12)).isoformat())
    assert (told.clock_offset_ms, told.clock) == (720_000, "not_billed")
    elsewhere = Clocks(service_db)
    assert await elsewhere.load()
    assert elsewhere.offset_of(OUT) == gate.clocks.offset_of(OUT) == minutes(12)
    assert not await elsewhere.load(), "nothing is new"

    passage_id = f"clock-{clock.at.timestamp()}"
    await report(gate, clock, passage_id, seen_at=(clock.at + minutes(12)).isoformat())
    row = await owner.fetchrow(
        "SELECT seen_at, corrected_at, clock_suspect FROM stays.passage WHERE passage_id = $1",
        passage_id,
    )
    assert tuple(row) == (clock.at + minutes(12), clock.at, True)

    told = await beat(gate, clock, device_time=(clock.at - timedelta(seconds=2)).isoformat())
    assert told.clock == "right"
    await elsewhere.load()
    assert elsewhere.offset_of(OUT) == gate.clocks.offset_of(OUT) == timedelta(0)


async def test_a_heartbeat_without_a_time_leaves_what_is_known_of_the_clock(
    gate: Gate, clock: HandClock, service_db: Database
):
    await beat(gate, clock, device_time=(clock.at + minutes(2)).isoformat())
    await beat(gate, clock, status="ok")
    elsewhere = Clocks(service_db)
    await elsewhere.load()
    assert elsewhere.offset_of(OUT) == minutes(2)
    await beat(gate, clock, device_time=clock.at.isoformat())


async def test_a_gate_is_told_its_holes_in_answers_and_in_heartbeats(gate: Gate, clock: HandClock):
    epoch = int(clock.at.timestamp())
    first = await report(gate, clock, f"{epoch}-1", epoch=epoch, seq=1)
    assert first.progress == Progress(epoch, 1, (), 0)
    later = await report(gate, clock, f"{epoch}-4", epoch=epoch, seq=4)
    assert (later.progress.acked_through, later.progress.missing) == (1, ((2, 3),))
    again = await report(gate, clock, f"{epoch}-4", epoch=epoch, seq=4)
    assert again.results[0].outcome == "duplicate"
    assert again.progress == later.progress, "a repeat asks for the holes as well"
    told = await beat(gate, clock, epoch=epoch, lost=[[2, 2]])
    assert isinstance(told.progress, Progress)
    assert told.progress.missing == ((3, 3),)
