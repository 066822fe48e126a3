"""What heartbeats say of barriers, kept and told on, against the real database."""

from datetime import datetime
from itertools import count
from typing import Any

import msgspec
import pytest

from onepark.contexts.gate.errors import BodyMalformed
from onepark.contexts.gate.model import HeartbeatAnswer
from onepark.contexts.gate.service import Gate
from onepark.contexts.stays.model import LaneMoment, LeftOpen, Lift
from onepark.kernel.types import Pool
from tests.builders import EIGHT, minutes
from tests.store.gate.test_commands import LOT, clock, credentials, gate, owner, stays
from tests.store.gate.test_heartbeats import beat

__all__ = ["clock", "gate", "owner", "stays"]  # fixtures

LANE = "out-1-lane"
hours, numbers = count(1), count(1)


@pytest.fixture
def lift_at() -> datetime:
    """A moment of this test's own, after those of the tests before it."""
    return EIGHT + minutes(60 * (next(hours) - 60))


def barrier(lift_at: datetime, **changes: Any) -> dict[str, Any]:
    return {"lane": LANE, "raised_at": lift_at.isoformat(), "by": "hand"} | changes


def outcomes(told: HeartbeatAnswer) -> list[str]:
    assert isinstance(told.barriers, tuple)
    return [one.outcome.value for one in told.barriers]


async def found(gate: Gate) -> list[LeftOpen]:
    told: list[LeftOpen] = []

    async def keep(one: LeftOpen) -> int:
        told.append(one)
        return 1

    assert await gate.barriers.tell_left_open(keep) == len(told)
    return told


async def says(owner: Any, at: datetime, cars: int, *, received_at: datetime) -> None:
    await owner.execute(
        """
        INSERT INTO vacancies.snapshot VALUES (
            $1, 'cam', $2, 7, $3, $4, '', jsonb_build_object('short_stay', $5::integer))
        """,
        *(LOT, f"s{next(numbers)}", at, received_at, cars),
    )


async def test_a_barrier_is_told_of_once_and_lowered_once(gate, clock, owner, lift_at):
    lowered_at = (lift_at + minutes(5)).isoformat()
    raised, lowered = barrier(lift_at), barrier(lift_at, lowered_at=lowered_at)
    assert outcomes(await beat(gate, clock, barriers=[raised])) == ["accepted"]
    assert outcomes(await beat(gate, clock, barriers=[raised])) == ["duplicate"]
    assert outcomes(await beat(gate, clock, barriers=[lowered])) == ["accepted"]
    assert outcomes(await beat(gate, clock, barriers=[raised, lowered])) == ["duplicate"] * 2
    other = barrier(lift_at, lowered_at=(lift_at + minutes(6)).isoformat())
    assert outcomes(await beat(gate, clock, barriers=[other])) == ["conflict"]
    row = await owner.fetchrow(
        "SELECT raised_at, lowered_at, raised_by FROM gate.pub_barrier WHERE lift_at = $1", lift_at
    )
    assert tuple(row) == (lift_at, lift_at + minutes(5), "hand")


async def test_a_bad_barrier_costs_nothing_else_of_a_heartbeat(gate, clock, owner, lift_at):
    bad = [barrier(lift_at, lane="out-2-lane"), barrier(lift_at, by="wind"), 7]
    told = await beat(gate, clock, status="odd", barriers=[*bad, barrier(lift_at)])
    assert outcomes(told) == ["rejected"] * 3 + ["accepted"]
    assert isinstance(told.barriers, tuple)
    assert told.barriers[0].reason == "gate.foreign_lane"
    assert await owner.fetchval("SELECT status FROM gate.device_status") == "odd"


async def test_more_barriers_than_a_heartbeat_may_hold_are_refused_by_name(gate, clock, lift_at):
    with pytest.raises(BodyMalformed, match="barriers"):
        await beat(gate, clock, barriers=[barrier(lift_at)] * 101)


async def test_an_old_heartbeat_may_be_a_replay_and_tells_nothing(gate, clock, lift_at):
    body = msgspec.json.encode({"barriers": [barrier(lift_at)]})
    signed = credentials(clock, body)
    clock.at += minutes(6)
    assert (await gate.heartbeat(signed, body)).barriers is msgspec.UNSET


async def test_a_barrier_is_moved_by_the_clock_of_its_device(gate, clock, owner, lift_at):
    ahead = minutes(3)
    shown = barrier(lift_at + ahead, lowered_at=(lift_at + ahead + minutes(2)).isoformat())
    await beat(gate, clock, device_time=(clock.at + ahead).isoformat(), barriers=[shown])
    await beat(gate, clock, device_time=clock.at.isoformat())
    assert outcomes(await beat(gate, clock, barriers=[shown])) == ["duplicate"]
    row = await owner.fetchrow(
        "SELECT raised_at, lowered_at FROM gate.pub_barrier WHERE lift_at = $1", lift_at + ahead
    )
    assert tuple(row) == (lift_at, lift_at + minutes(2))


async def test_the_least_that_a_lot_held_after_its_barrier_was_lowered_is_told_on(
    gate, clock, owner, lift_at
):
    lowered_at = lift_at + minutes(5)
    await beat(gate, clock, barriers=[barrier(lift_at, lowered_at=lowered_at.isoformat())])
    await says(owner, lowered_at - minutes(1), 0, received_at=clock.at)
    assert lift_at not in {one.raised_at for one in await found(gate)}, "it counted before"
    for minute, cars in ((1, 4), (2, 3), (3, 5)):
        await says(owner, lowered_at + minutes(minute), cars, received_at=clock.at)
    [told] = [one for one in await found(gate) if one.raised_at == lift_at]
    counted_at = lowered_at + minutes(2)
    assert told == LeftOpen(
        *(LOT, Pool.SHORT_STAY, LANE, "hand", lift_at, lowered_at, counted_at, 3, "cam")
    )
    clock.at += minutes(11)
    assert lift_at not in {one.raised_at for one in await found(gate)}, "nothing is new"
    await says(owner, clock.at - minutes(71), 1, received_at=clock.at)
    assert lift_at not in {one.raised_at for one in await found(gate)}, "it was taken long ago"
    await says(owner, clock.at, 2, received_at=clock.at)
    [told] = [one for one in await found(gate) if one.raised_at == lift_at]
    assert (told.counted_at, told.counted) == (clock.at, 2)


@pytest.mark.parametrize(
    ("changes", "device_ahead"),
    [({"by": "platform"}, minutes(0)), ({}, minutes(11))],
)
async def test_a_barrier_that_let_one_car_out_or_was_told_by_a_wrong_clock_shows_nothing(
    gate, clock, owner, lift_at, changes, device_ahead
):
    raised_at, lowered_at = lift_at + device_ahead, lift_at + device_ahead + minutes(0.5)
    told = barrier(raised_at, lowered_at=lowered_at.isoformat(), **changes)
    await beat(gate, clock, device_time=(clock.at + device_ahead).isoformat(), barriers=[told])
    await says(owner, lift_at + minutes(20), 0, received_at=clock.at)
    assert lift_at not in {one.raised_at for one in await found(gate)}
    await beat(gate, clock, device_time=clock.at.isoformat())


async def test_of_a_lane_is_known_whom_it_was_told_to_let_out_and_how_its_barrier_stood(
    gate, clock, owner, service_db, lift_at
):
    lowered_at = lift_at + minutes(5)
    await beat(gate, clock, barriers=[barrier(lift_at, lowered_at=lowered_at.isoformat())])
    for number, (given, result) in enumerate([(20, "done"), (21, "failed"), (22, None)]):
        created_at = lift_at + minutes(given)
        await owner.execute(
            """
            INSERT INTO gate.command (
                lot_id, operator_id, device_id, lane, kind, reason, passage_id, plate, car_key,
                order_no, created_at, expires_at, acked_at, result)
            VALUES ($1, 7, 'out-1', $2, 'open', 'paid', $3, '', '', $3, $4, $5, $6, $7)
            """,
            *(LOT, LANE, f"o{number}", created_at, created_at + minutes(1)),
            *(created_at + minutes(0.1) if result else None, result),
        )
    at = [lift_at + minutes(n) for n in (4, 6, 29, 31.5)]
    async with service_db.transaction() as tx:
        asked = [LaneMoment(LOT, LANE, one) for one in at]
        then = await gate.barriers.lanes_then(tx, asked)
    lift = Lift("hand", lift_at, lowered_at)
    assert [one.lifts for one in then] == [(lift,), (), (), ()]
    done, given = lift_at + minutes(20.1), lift_at + minutes(22)
    assert [one.commanded for one in then] == [{}, {}, {"o0": done, "o2": given}, {"o2": given}]
