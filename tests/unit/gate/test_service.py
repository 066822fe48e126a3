"""Who may speak for a gate, and what becomes of a request as a whole."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from onepark.contexts.gate.errors import (
    BodyMalformed,
    Busy,
    PassageCount,
    SignatureWrong,
    SnapshotCount,
    StaleStamp,
)
from onepark.contexts.gate.model import Credentials, PassageResults
from onepark.contexts.gate.service import Gate
from onepark.contexts.registry.model import Device, DeviceSecret, Direction, Lane
from onepark.contexts.stays.model import (
    Answer,
    Count,
    Nothing,
    Outcome,
    Passage,
    Taken,
)
from onepark.contexts.stays.service import Batch
from onepark.infra.settings import Settings
from onepark.infra.signing import sign
from onepark.kernel.types import DeviceId, LaneCode, LotId, OperatorId, Pool
from tests.builders import EIGHT
from tests.fakes.clock import HandClock

LOT = "320281001101"
KEY, OLD_KEY = b"k" * 32, b"o" * 32
LANE = Lane(LaneCode(f"{LOT}-E1"), LotId(42), Direction.ENTRY, confirms_exit=True)
DEVICE = Device(
    DeviceId("cam"),
    LotId(42),
    OperatorId(7),
    frozenset({LANE.lane}),
    (DeviceSecret(KEY, None), DeviceSecret(OLD_KEY, EIGHT + timedelta(hours=24))),
)


class OneLot:
    """An archive of one lot."""

    code = LOT
    pools: ClassVar = {Pool.SHORT_STAY: 90}

    def device(self, device_id: DeviceId) -> Device | None:
        return DEVICE if device_id == DEVICE.device_id else None

    def lane(self, code: LaneCode) -> Lane | None:
        return LANE if code == LANE.lane else None

    def lot_by_id(self, lot_id: LotId) -> Any:
        return self


class AcceptsAll:
    """Stays that accept everything, once they may."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()

    async def take(self, passages: Sequence[Passage]) -> Batch:
        await self.go.wait()
        return Batch([Taken(Outcome.ACCEPTED, Answer(Nothing())) for _ in passages], [])

    async def progress(self, device: Any, *, epoch: Any, lost: Any = ()) -> Any:
        return None


class KeepsNothing:
    async def keep_snapshots(self, snapshots: Any) -> list[Outcome]:
        return [Outcome.ACCEPTED for _ in snapshots]


class ShowsNothing:
    async def publish(self, counts: Sequence[Count]) -> None: ...

    async def heard(self, lot_ids: Any, at: datetime) -> None: ...


@pytest.fixture
def stays() -> AcceptsAll:
    return AcceptsAll()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def a_gate(stays: AcceptsAll, clock: HandClock) -> Gate:
    no_database: Any = None
    return Gate(
        no_database,
        archive=OneLot,
        stays=stays,
        vacancies=ShowsNothing(),
        past=KeepsNothing(),
        clock=clock,
        settings=Settings("", "", "", gate_queue_max=1_000, gate_connections=1),
    )


@pytest.fixture
async def gate(stays: AcceptsAll, clock: HandClock):
    gate = a_gate(stays, clock)
    gate.start()
    yield gate
    stays.go.set()  # a test that failed leaves a batch in hand
    await gate.stop()


def credentials(body: bytes, *, key: bytes = KEY, at: datetime = EIGHT) -> Credentials:
    stamp = int(at.timestamp())
    signature = sign(body, key, message_id="m1", timestamp_s=stamp)
    return Credentials("cam", "m1", str(stamp), signature)


def a_body(*passages: Any) -> bytes:
    return msgspec.json.encode({"passages": list(passages)})


def a_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "passage_id": f"p{number}",
        "lot": LOT,
        "lane": LANE.lane,
        "kind": "entry",
        "plate": "苏B12345",
        "seen_at": EIGHT.isoformat(),
    } | changes


async def send(gate: Gate, body: bytes, **signing: Any) -> PassageResults:
    return await gate.passages(credentials(body, **signing), body)


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
async def test_both_keys_of_a_rotation_are_good_while_they_overlap(gate, key):
    assert (await send(gate, a_body(a_row()), key=key)).results[0].outcome == Outcome.ACCEPTED


async def test_the_old_key_ends_with_the_overlap(gate, clock):
    clock.go(timedelta(hours=25))
    with pytest.raises(SignatureWrong):
        await send(gate, a_body(a_row()), key=OLD_KEY, at=clock.at)


@pytest.mark.parametrize(
    ("off_s", "good"), [(300, True), (301, False), (-300, True), (-301, False)]
)
async def test_a_stamp_is_good_for_300_seconds_and_the_refusal_tells_the_time(
    gate, clock, off_s, good
):
    clock.go(timedelta(seconds=off_s))
    if good:
        await send(gate, a_body(a_row()), at=EIGHT)
        return
    with pytest.raises(StaleStamp) as refusal:
        await send(gate, a_body(a_row()), at=EIGHT)
    assert refusal.value.facts == {"server_time": clock.at.isoformat()}


async def test_an_unknown_device_and_a_wrong_signature_look_alike(gate):
    body = a_body(a_row())
    good = credentials(body)
    for wrong in (
        msgspec.structs.replace(good, device="stranger"),
        msgspec.structs.replace(good, signature="v1,AAAA"),
        Credentials("", "", "", ""),
    ):
        with pytest.raises(SignatureWrong) as refusal:
            await gate.passages(wrong, body)
        assert refusal.value.detail == "No known device signed this request."


async def test_one_bad_passage_costs_none_of_the_good_ones_and_the_order_is_kept(gate):
    body = a_body(a_row(1), a_row(2, lane="elsewhere"), 17, a_row(4))
    told = (await send(gate, body)).results
    assert [one.outcome for one in told] == ["accepted", "rejected", "rejected", "accepted"]
    assert [one.passage_id for one in told] == ["p1", "p2", None, "p4"]
    assert told[1].reason == "gate.foreign_lane"


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_request_holds_one_to_a_thousand_passages(gate, count):
    with pytest.raises(PassageCount):
        await send(gate, a_body(*(a_row(n) for n in range(count))))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"passages": 7}', b"\xff", b"[" * 9_000])
async def test_a_body_that_is_no_request_is_refused(gate, body):
    with pytest.raises(BodyMalformed):
        await send(gate, body)


async def test_a_request_for_which_no_room_is_left_is_told_before_a_signature_is_looked_at(
    gate, stays
):
    sent = await fill(gate, stays, waiting=998)
    two, three = ([a_row(n, kind="exit") for n in range(many)] for many in (2, 3))
    with pytest.raises(Busy):
        await send(gate, a_body(*three), key=b"nobody's key")
    with pytest.raises(SignatureWrong):
        await send(gate, a_body(*two), key=b"nobody's key")
    stays.go.set()
    await asyncio.gather(*sent)


async def test_a_gate_is_told_to_come_back_when_too_many_passages_wait(gate, stays):
    stays.go.clear()
    body = a_body(*(a_row(n) for n in range(600)))
    waiting = []
    for _ in range(2):  # the first is in hand when the second comes
        waiting.append(asyncio.create_task(send(gate, body)))
        await asyncio.sleep(0.05)
    with pytest.raises(Busy):
        await send(gate, body)
    stays.go.set()
    assert [len(told.results) for told in await asyncio.gather(*waiting)] == [600, 600]


async def fill(gate: Gate, stays: AcceptsAll, *, waiting: int) -> list[asyncio.Task[Any]]:
    """Let so many passages wait behind a batch that does not end."""
    stays.go.clear()
    sent = []
    for many in (1, waiting):
        body = a_body(*(a_row(n, kind="exit") for n in range(many)))
        sent.append(asyncio.create_task(send(gate, body)))
        await asyncio.sleep(0.02)
    assert gate.waiting == waiting
    return sent


@pytest.mark.parametrize(
    ("kinds", "is_taken"),
    [
        (["entry"], False),
        (["exit"], True),
        (["exit_request"], True),
        (["entry", "exit"], True),
        (["exit"] * 251, False),
    ],
)
async def test_when_many_wait_cars_that_want_out_are_let_in_first(gate, stays, kinds, is_taken):
    sent = await fill(gate, stays, waiting=750)  # three fourths of the queue
    body = a_body(*(a_row(n, kind=kind) for n, kind in enumerate(kinds)))
    more = asyncio.create_task(send(gate, body))
    await asyncio.sleep(0.02)
    assert more.done() is not is_taken
    assert is_taken or isinstance(more.exception(), Busy)
    stays.go.set()
    await asyncio.gather(*sent, more, return_exceptions=True)


async def test_a_full_queue_is_told_before_a_signature_is_looked_at(gate, stays):
    sent = await fill(gate, stays, waiting=1_000)
    with pytest.raises(Busy):
        await send(gate, a_body(a_row(kind="exit")), key=b"nobody's key")
    stays.go.set()
    await asyncio.gather(*sent)


async def test_entries_of_a_crowded_queue_are_told_before_a_signature_is_looked_at(gate, stays):
    sent = await fill(gate, stays, waiting=750)
    with pytest.raises(Busy):
        await send(gate, a_body(a_row()), key=b"nobody's key")
    with pytest.raises(SignatureWrong):  # a car that wants out may be let in: it is looked at
        await send(gate, a_body(a_row(), a_row(2, kind="exit")), key=b"nobody's key")
    stays.go.set()
    await asyncio.gather(*sent)
    with pytest.raises(SignatureWrong):
        await send(gate, a_body(a_row()), key=b"nobody's key")


def a_snapshot(number: int = 1, **changes: Any) -> dict[str, Any]:
    pools = {"short_stay": {"free": 7}}
    return {
        "snapshot_id": f"s{number}",
        "lot": LOT,
        "taken_at": EIGHT.isoformat(),
        "pools": pools,
    } | changes


async def send_snapshots(gate: Gate, *snapshots: Any) -> list[tuple[Any, ...]]:
    body = msgspec.json.encode({"snapshots": list(snapshots)})
    told = (await gate.snapshots(credentials(body), body)).results
    return [(one.snapshot_id, one.outcome, one.reason) for one in told]


async def test_one_bad_snapshot_costs_none_of_the_good_ones_and_the_order_is_kept(gate):
    told = await send_snapshots(gate, a_snapshot(1), a_snapshot(2, lot="x"), 17, a_snapshot(4))
    assert told == [
        ("s1", "accepted", msgspec.UNSET),
        ("s2", "rejected", "gate.foreign_lot"),
        (None, "rejected", "gate.invalid_field"),
        ("s4", "accepted", msgspec.UNSET),
    ]


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_request_holds_one_to_a_thousand_snapshots(gate, count):
    with pytest.raises(SnapshotCount):
        await send_snapshots(gate, *(a_snapshot(n) for n in range(count)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"snapshots": 7}', b"\xff", b"[" * 9_000])
async def test_a_body_that_holds_no_snapshots_is_refused(gate, body):
    with pytest.raises(BodyMalformed):
        await gate.snapshots(credentials(body), body)


async def test_a_snapshot_that_nobody_signed_is_refused(gate):
    body = msgspec.json.encode({"snapshots": [a_snapshot()]})
    with pytest.raises(SignatureWrong):
        await gate.snapshots(credentials(body, key=b"x" * 32), body)


class TakesNoBacklog(AcceptsAll):
    """Stays that are busy with old passages until they may go on."""

    async def take(self, passages: Sequence[Passage]) -> Batch:
        if all(one.received_at - one.seen_at <= timedelta(minutes=3) for one in passages):
            return Batch([Taken(Outcome.ACCEPTED, Answer(Nothing())) for _ in passages], [])
        return await super().take(passages)


async def test_a_backlog_does_not_make_a_car_at_the_barrier_wait(clock: HandClock):
    """A gate that was offline for a weekend fills its own queue and its own connection."""
    stays = TakesNoBacklog()
    stays.go.clear()
    gate = a_gate(stays, clock)
    gate.start()
    weekend = (EIGHT - timedelta(hours=60)).isoformat()
    body = a_body(*(a_row(number, seen_at=weekend) for number in range(900)))
    draining = asyncio.create_task(gate.passages(credentials(body), body))
    await asyncio.sleep(0)
    live = a_body(a_row(5_000), a_row(5_001))
    async with asyncio.timeout(5):
        told = await gate.passages(credentials(live), live)
    assert [one.outcome for one in told.results] == ["accepted"] * 2
    assert not draining.done()
    assert gate.waiting > 0
    stays.go.set()
    assert len((await draining).results) == 900
    await gate.stop()


async def test_a_request_of_both_is_answered_in_its_order(gate: Gate):
    weekend = (EIGHT - timedelta(hours=60)).isoformat()
    rows = [a_row(number, **({"seen_at": weekend} if number % 3 else {})) for number in range(30)]
    body = a_body(*rows)
    told = await gate.passages(credentials(body), body)
    assert [one.passage_id for one in told.results] == [row["passage_id"] for row in rows]
