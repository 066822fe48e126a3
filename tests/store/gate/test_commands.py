"""Commands of a lane against the real database: who gets them, how long, and what an ack does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import msgspec
import pytest

from onepark.app.outboxes import stays_relay
from onepark.contexts.gate.model import Command, Credentials
from onepark.contexts.gate.service import Gate
from onepark.contexts.registry.model import Device, DeviceSecret, Direction, Lane
from onepark.contexts.stays.model import Kind, Outcome
from onepark.contexts.stays.service import Stays
from onepark.infra.db import Database
from onepark.infra.settings import Settings
from onepark.infra.signing import sign
from onepark.kernel.types import DeviceId, LaneCode, LotId, OperatorId, OrderNo
from tests.builders import EIGHT, a_passage, minutes
from tests.fakes.clock import HandClock
from tests.fakes.plans import NoPlans

KEY = b"k" * 32
LOT = LotId(42)
plates = count(20_000)


def a_device(name: str) -> Device:
    lane = LaneCode(f"{name}-lane")
    secrets = (DeviceSecret(KEY, None),)
    return Device(DeviceId(name), LOT, OperatorId(7), frozenset({lane}), secrets)


class TwoLanes:
    """An archive of two exit devices whose lanes never report an exit."""

    code = "320281001101"

    def device(self, device_id: DeviceId) -> Device | None:
        return a_device(device_id) if device_id in {"out-1", "out-2"} else None

    def lane(self, code: LaneCode) -> Lane | None:
        return Lane(code, LOT, Direction.EXIT, confirms_exit=False)

    def lot_by_id(self, lot_id: LotId) -> Any:
        return self


class KeepsNothing:
    async def keep_snapshots(self, snapshots: Any) -> list[Outcome]:
        return [Outcome.ACCEPTED for _ in snapshots]


class ShowsNothing:
    async def publish(self, counts: Any) -> None: ...

    async def heard(self, lot_ids: Any, at: Any) -> None: ...


@pytest.fixture
def clock() -> HandClock:
    return HandClock(EIGHT + minutes(60))


@pytest.fixture
def stays(batch_db: Database, service_db: Database, clock: HandClock) -> Stays:
    return Stays(batch_db, service_db, plans=NoPlans(), clock=clock)


@pytest.fixture
async def gate(service_db: Database, stays: Stays, clock: HandClock) -> AsyncIterator[Gate]:
    gate = Gate(
        service_db,
        archive=TwoLanes,
        stays=stays,
        vacancies=ShowsNothing(),
        past=KeepsNothing(),
        clock=clock,
        settings=Settings("", "", ""),
    )
    gate.start()
    yield gate
    await gate.stop()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.execute("DELETE FROM gate.command")
    await connection.close()


def credentials(clock: HandClock, body: bytes = b"", device: str = "out-1") -> Credentials:
    now_s = int(clock.at.timestamp())
    return Credentials(device, "m", str(now_s), sign(body, KEY, message_id="m", timestamp_s=now_s))


async def hand_on(gate: Gate, clock: HandClock) -> int:
    """Let the gate hear of what stays published."""
    return await stays_relay(gate._db, clock, gate=gate).run()


async def commands(gate: Gate, clock: HandClock, device: str = "out-1") -> list[Command]:
    return (await gate.commands(credentials(clock, device=device), wait_s=0)).commands


async def acknowledge(
    gate: Gate, clock: HandClock, command_id: int, *, device: str = "out-1", result: str = "done"
) -> str:
    body = msgspec.json.encode({"acks": [{"command_id": command_id, "result": result}]})
    told = await gate.acknowledge(credentials(clock, body, device), body)
    return told.results[0].outcome.value


async def a_car_that_asked(stays: Stays, clock: HandClock, **changes: Any) -> OrderNo:
    """A car inside since eight whose exit request at out-1 was answered with a price."""
    plate = f"苏B{next(plates)}"
    entry = a_passage(plate=plate)
    ask = a_passage(
        Kind.EXIT_REQUEST, clock.at, plate=plate, device_id="out-1", lane="out-1-lane", **changes
    )
    batch = await stays.take([entry, ask])
    assert batch.taken[0].answer is not None
    assert isinstance(batch.taken[0].answer.order_no, str)
    return OrderNo(batch.taken[0].answer.order_no)


async def pay(owner: Any, order_no: OrderNo, clock: HandClock, **changes: Any) -> None:
    """Publish that the order is paid, as stays do."""
    row = await owner.fetchrow("SELECT * FROM stays.stay_order WHERE order_no = $1", order_no)
    fact = {
        "fact": "stays.order_paid.v1",
        "lot_id": row["lot_id"],
        "stay_id": row["stay_id"],
        "order_no": order_no,
        "still_inside": True,
        "plate": row["plate"],
        "car_key": row["car_key"],
        "covered_until_at": None,
        "asked_lane": row["asked_lane"],
        "asked_device_id": row["asked_device_id"],
        "asked_passage_id": row["asked_passage_id"],
        "asked_at": clock.at,
    } | changes
    payload = msgspec.json.encode(fact).decode()
    insert = "INSERT INTO stays.outbox (fact, payload) VALUES ('stays.order_paid.v1', $1)"
    await owner.execute(insert, payload)


STATE = """
    SELECT s.state, s.exit_derived FROM stays.stay AS s
    JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
    WHERE o.order_no = $1
"""


async def state_of(owner: Any, order_no: OrderNo) -> tuple[str, bool]:
    row = await owner.fetchrow(STATE, order_no)
    return row["state"], row["exit_derived"]


async def an_open_command(gate, stays, owner, clock) -> Command:
    order_no = await a_car_that_asked(stays, clock)
    await pay(owner, order_no, clock)
    assert await hand_on(gate, clock) == 1
    [command] = await commands(gate, clock)
    assert command.order_no == order_no
    return command


async def test_a_command_goes_to_the_lane_where_the_car_asked_and_to_no_other(
    gate, stays, owner, clock
):
    await an_open_command(gate, stays, owner, clock)
    assert await commands(gate, clock, "out-2") == []


async def test_a_fact_that_is_told_twice_opens_once(gate, stays, owner, clock):
    order_no = await a_car_that_asked(stays, clock)
    for _ in range(2):
        await pay(owner, order_no, clock)
    await hand_on(gate, clock)
    assert len(await commands(gate, clock)) == 1


async def test_a_command_is_void_after_thirty_seconds(gate, stays, owner, clock):
    await an_open_command(gate, stays, owner, clock)
    clock.go(timedelta(seconds=29))
    assert len(await commands(gate, clock)) == 1
    clock.go(timedelta(seconds=1))
    assert await commands(gate, clock) == []


@pytest.mark.parametrize("changes", [{"still_inside": False}, {"asked_at": None}])
async def test_no_command_is_given_for_a_car_that_is_not_there(gate, stays, owner, clock, changes):
    order_no = await a_car_that_asked(stays, clock)
    await pay(owner, order_no, clock, **changes)
    assert await hand_on(gate, clock) == 1
    assert await commands(gate, clock) == []


async def test_an_ack_of_another_device_is_unknown_and_changes_nothing(gate, stays, owner, clock):
    command = await an_open_command(gate, stays, owner, clock)
    assert await acknowledge(gate, clock, command.command_id, device="out-2") == "unknown"
    assert await acknowledge(gate, clock, 999_999_999) == "unknown"
    assert len(await commands(gate, clock)) == 1


async def test_where_no_exit_is_ever_sent_an_opened_lane_ends_the_stay_once(
    gate, stays, owner, clock
):
    command = await an_open_command(gate, stays, owner, clock)
    assert await state_of(owner, command.order_no) == ("open", False)
    assert await acknowledge(gate, clock, command.command_id) == "accepted"
    assert await state_of(owner, command.order_no) == ("closed", True)
    held = "SELECT occupied FROM stays.count WHERE lot_id = $1"
    before = await owner.fetchval(held, LOT)
    assert await acknowledge(gate, clock, command.command_id) == "duplicate"
    assert await owner.fetchval(held, LOT) == before


async def test_a_lane_that_failed_to_open_ends_nothing(gate, stays, owner, clock):
    command = await an_open_command(gate, stays, owner, clock)
    assert await acknowledge(gate, clock, command.command_id, result="failed") == "accepted"
    assert await state_of(owner, command.order_no) == ("open", False)


async def test_old_commands_are_forgotten_with_their_plates(gate, stays, owner, clock):
    command = await an_open_command(gate, stays, owner, clock)
    clock.go(timedelta(days=2))
    assert await gate.drop_commands(before=clock.at - timedelta(days=1)) == 1
    left = await owner.fetchval(
        "SELECT count(*) FROM gate.command WHERE command_id = $1", command.command_id
    )
    assert left == 0


async def let_out(stays: Stays, clock: HandClock) -> OrderNo:
    """A car that a person recognised at out-1, and that owes nothing."""
    plate = f"苏B{next(plates)}"
    await stays.take([a_passage(plate=plate)])
    decided = a_passage(
        Kind.EXIT_REQUEST,
        clock.at,
        plate=plate,
        device_id=":desk",
        lane="out-1-lane",
        decided_for=("out-1", f"asked-{plate}"),
        received_at=clock.at,
    )
    batch = await stays.take([decided])
    assert batch.taken[0].answer is not None
    return OrderNo(str(batch.taken[0].answer.order_no))


async def test_a_car_that_a_person_recognised_is_let_out_where_it_asked(gate, stays, owner, clock):
    order_no = await let_out(stays, clock)
    assert await hand_on(gate, clock) == 1
    assert await hand_on(gate, clock) == 0
    [command] = await commands(gate, clock)
    assert (command.order_no, command.reason) == (order_no, "recognised")
    assert command.passage_id == f"asked-{command.plate}", "the request that the device sent"
    assert await commands(gate, clock, "out-2") == []


async def test_a_car_that_was_recognised_too_late_is_not_let_out(gate, stays, owner, clock):
    await let_out(stays, clock)
    clock.go(minutes(3.1))
    assert await hand_on(gate, clock) == 1
    assert await commands(gate, clock) == []


async def test_where_no_exit_is_sent_the_lane_opened_for_a_recognised_car_ends_its_stay(
    gate, stays, owner, clock
):
    order_no = await let_out(stays, clock)
    await hand_on(gate, clock)
    [command] = await commands(gate, clock)
    assert await state_of(owner, order_no) == ("open", False)
    await acknowledge(gate, clock, command.command_id)
    assert await state_of(owner, order_no) == ("closed", True)
