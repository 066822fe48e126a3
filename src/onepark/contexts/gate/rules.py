"""What counts as a passage or a snapshot, who may send it, and when a lane is opened.

Owns: the checks of single passages and snapshots, the keys that are good, when a command is given.
Never: awaits, or reads the clock.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.gate import clocks
from onepark.contexts.gate.model import (
    NO_DECISION,
    PLATE_CHARACTERS_MAX,
    AckedCommand,
    AckResult,
    ClockState,
    Credentials,
    HeartbeatIn,
    PassageIn,
    PassageResult,
    PassageResults,
    PoolSnapshot,
    Rejection,
    SnapshotIn,
    SnapshotResult,
)
from onepark.contexts.registry.model import Device, Lane, Lot
from onepark.contexts.stays.events import OrderPaid
from onepark.contexts.stays.model import Kind, Outcome, Passage, Progress, Taken
from onepark.contexts.stays.moments import AHEAD_MAX, FIRST_SEEN_AT, LAST_SEEN_AT
from onepark.contexts.vacancies.model import Snapshot
from onepark.kernel.types import LaneCode, Pool, Vehicle

ASKED_LATELY = timedelta(minutes=3)  # after it nobody is believed to wait at the lane
OPEN_LIVES = timedelta(seconds=30)
BILLED_FOR = timedelta(days=31)  # no gate is offline for longer: its clock is wrong
WINDOW_S = 300
NAME_MAX = 64
NO_SECRET = (b"\0" * 32,)

_PASSAGES = msgspec.json.Decoder(PassageIn)
_SNAPSHOTS = msgspec.json.Decoder(SnapshotIn)
_ANY = msgspec.json.Decoder()

LaneOf = Callable[[LaneCode], Lane | None]


class Sender(NamedTuple):
    """The device behind a request, the code of its lot, and how far its clock is ahead."""

    device: Device
    lot: str
    ahead: timedelta = clocks.NONE


def good_secrets(device: Device | None, now: datetime) -> Sequence[bytes]:
    """Return the keys that may have signed; an unknown device costs as much time as a known one."""
    if device is None:
        return NO_SECRET
    return [s.secret for s in device.secrets if s.not_after is None or now <= s.not_after]


def check(raw: Raw, sender: Sender, *, lane_of: LaneOf, now: datetime) -> Passage | Rejection:
    """Read one passage, or say why it is none."""
    try:
        given = _PASSAGES.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Rejection("gate.invalid_field", str(error), named_in(raw, "passage_id"))
    then = _corrected(given, sender.ahead) if sender.ahead else given
    refused = _why_not(then, now) or _why_not_lane(then, sender, lane_of)
    if refused is not None:
        return Rejection(refused[0], refused[1], given.passage_id)
    lane = lane_of(LaneCode(given.lane))
    assert lane is not None, "a lane of the device is in the directory"
    passage = _passage(then, sender.device, lane=lane, received_at=now)
    is_old = now - then.seen_at > BILLED_FOR
    if not sender.ahead:
        return replace(passage, clock_suspect=True) if is_old else passage
    suspect = is_old or abs(sender.ahead) > clocks.BILLED
    told = _fingerprint(given)
    return replace(passage, fingerprint=told, shown_at=given.seen_at, clock_suspect=suspect)


def _corrected(given: PassageIn, ahead: timedelta) -> PassageIn:
    """Move what a clock showed to the platform's time."""
    entered_at = None if given.entered_at is None else moved(given.entered_at, ahead)
    return replace(given, seen_at=moved(given.seen_at, ahead), entered_at=entered_at)


def _why_not(given: PassageIn, now: datetime) -> tuple[str, str] | None:
    texts = (given.passage_id, given.lot, given.lane, given.plate, given.ticket, given.image_url)
    if not all(text is None or text.isprintable() for text in texts):
        return "gate.control_character", "A text holds a control character."
    if len(given.plate) > PLATE_CHARACTERS_MAX:
        return "gate.plate_too_long", f"plate: more than {PLATE_CHARACTERS_MAX} characters"
    return _why_not_then(given, now)


def _why_not_then(given: PassageIn, now: datetime) -> tuple[str, str] | None:
    if not FIRST_SEEN_AT <= given.seen_at < LAST_SEEN_AT:
        return "gate.seen_at_out_of_range", "seen_at: outside the years 2000 to 2100"
    if given.seen_at > now + AHEAD_MAX:
        return "gate.seen_at_in_future", "seen_at: more than 5 minutes ahead"
    if given.entered_at is None or FIRST_SEEN_AT <= given.entered_at <= given.seen_at:
        return None
    return "gate.entered_at_out_of_range", "entered_at: after seen_at, or before 2000"


def _why_not_lane(given: PassageIn, sender: Sender, lane_of: LaneOf) -> tuple[str, str] | None:
    if given.lot != sender.lot:
        return "gate.foreign_lot", "lot: the device belongs to another lot"
    if given.lane not in sender.device.lanes or lane_of(LaneCode(given.lane)) is None:
        return "gate.foreign_lane", "lane: the device does not stand there"
    return None


def named_in(raw: Raw, field: str) -> str | None:
    """Return what a part of a request calls itself, for the answer to one that cannot be read."""
    try:
        given = _ANY.decode(raw).get(field)
    except (msgspec.DecodeError, UnicodeError, RecursionError, AttributeError):
        return None
    return given if isinstance(given, str) and len(given) <= NAME_MAX else None


def _passage(given: PassageIn, device: Device, *, lane: Lane, received_at: datetime) -> Passage:
    plate = _native.normalise_plate(given.plate)
    return Passage(
        lot_id=device.lot_id,
        operator_id=device.operator_id,
        device_id=device.device_id,
        passage_id=given.passage_id,
        lane=given.lane,
        confirms_exit=lane.confirms_exit,
        kind=given.kind,
        car_key=_car_key(given, plate, device),
        plate=plate,
        plate_raw=given.plate,
        plate_color=given.plate_color,
        vehicle=given.vehicle,
        seen_at=given.seen_at,
        received_at=received_at,
        fingerprint=_fingerprint(given),
        epoch=given.epoch,
        seq=given.seq,
        ticket=given.ticket,
        confidence=given.confidence,
        image_url=given.image_url,
        entered_at=given.entered_at,
        plate_suspect=not _native.plate_is_plausible(plate, given.plate_color.value),
        camera_model=device.camera_model or "",
        zone=lane.zone,
    )


def cannot_wait(passage: Passage) -> bool:
    """Tell whether a car wants out: what is full refuses those first that want in."""
    return passage.kind is not Kind.ENTRY


def may_press(body: bytes) -> bool:
    """Tell whether a body may hold a car that wants out, before anything is spent on it."""
    return b'"exit' in body


def size_of(body: bytes) -> int:
    """Return about how many passages a body holds, before anything is spent on it."""
    return body.count(b'"passage_id"')


def _car_key(given: PassageIn, plate: str, device: Device) -> str:
    """Name the car: its plate with the colour class, its ticket, or, unread, only this passage."""
    if plate:
        return f"{plate}/{given.plate_color.value}"
    if given.ticket is not None:
        return f"ticket:{given.ticket}"
    return f"unread:{device.device_id}:{given.passage_id}"


def _fingerprint(given: PassageIn) -> bytes:
    """Return what makes two bodies under one id the same passage (not image, not confidence)."""
    parts = (
        given.lot,
        given.lane,
        given.kind,
        given.plate,
        given.plate_color,
        given.vehicle,
        given.seen_at.astimezone(UTC).isoformat(),
        given.epoch,
        given.seq,
        given.ticket,
        given.entered_at and given.entered_at.astimezone(UTC).isoformat(),
    )
    return blake2b(msgspec.json.encode(parts), digest_size=16).digest()


def clock_of(offset: timedelta | None) -> ClockState | UnsetType:
    """Say what a clock that is so far off is good for."""
    if offset is None:
        return UNSET
    if clocks.is_right(offset):
        return ClockState.RIGHT
    return ClockState.CORRECTED if abs(offset) <= clocks.BILLED else ClockState.NOT_BILLED


def why_no_holes(told: HeartbeatIn) -> str | None:
    """Say what is wrong with the numbers that a device says it lost."""
    if told.lost and told.epoch is None:
        return "epoch: say of which epoch the lost numbers are"
    if any(first > last for first, last in told.lost):
        return "lost: a hole ends before it begins"
    return None


def is_fresh(credentials: Credentials, now: datetime) -> bool:
    """Tell whether a right signature was made just now."""
    return abs(now.timestamp() - int(credentials.timestamp)) <= WINDOW_S


def ends_stay(command: AckedCommand, lane_of: LaneOf) -> bool:
    """Tell whether an opened lane is all that will ever be heard of the exit."""
    lane = lane_of(LaneCode(command.lane))
    return command.result == AckResult.DONE and lane is not None and not lane.confirms_exit


def derived_exit(command: AckedCommand, device: Device, now: datetime) -> Passage:
    """Return the exit that an opened lane stands for; the command's id lets it count once."""
    passage_id = f"opened:{command.command_id}"
    return Passage(
        lot_id=device.lot_id,
        operator_id=device.operator_id,
        device_id=device.device_id,
        passage_id=passage_id,
        lane=command.lane,
        confirms_exit=False,
        kind=Kind.EXIT,
        car_key=command.car_key,
        plate=command.plate,
        plate_raw=command.plate,
        plate_color=command.car_key.rpartition("/")[2],
        vehicle=Vehicle.SMALL,
        seen_at=now,
        received_at=now,
        fingerprint=blake2b(passage_id.encode(), digest_size=16).digest(),
        derived=True,
    )


def results_of(
    checked: Sequence[Passage | Rejection], taken: Sequence[Taken], *, progress: Progress | None
) -> PassageResults:
    """Say what became of a request; ``taken`` tells it of the passages that were some, in order."""
    told = iter(taken)
    results = [
        result_of_rejection(one) if isinstance(one, Rejection) else result_of(one, next(told))
        for one in checked
    ]
    return PassageResults(results, progress or UNSET)


def result_of(passage: Passage, taken: Taken) -> PassageResult:
    """Say what became of a passage that was one."""
    if taken.answer is None:
        reason = taken.reason or ""
        return PassageResult(passage.passage_id, taken.outcome, NO_DECISION, reason=reason)
    answer = taken.answer
    return PassageResult(
        passage.passage_id,
        taken.outcome,
        answer.decision,
        answer.stay_id,
        answer.order_no,
        answer.due_fen,
        answer.lines,
        answer.reason,
    )


def result_of_rejection(rejection: Rejection) -> PassageResult:
    """Say why a passage was none; nothing of it is stored and its id stays free."""
    return PassageResult(
        rejection.passage_id,
        Outcome.REJECTED,
        NO_DECISION,
        reason=rejection.reason,
        detail=rejection.detail,
    )


def may_open(paid: OrderPaid, now: datetime) -> bool:
    """Open only for a car that is inside and asked to leave a moment ago."""
    return paid.still_inside and paid.asked_at is not None and asked_lately(paid.asked_at, now)


def asked_lately(asked_at: datetime, now: datetime) -> bool:
    """Tell whether a car is believed to wait at its lane still."""
    return now - asked_at <= ASKED_LATELY


def check_snapshot(raw: Raw, sender: Sender, *, lot: Lot, now: datetime) -> Snapshot | Rejection:
    """Read one snapshot, or say why it is none; its moment is corrected as that of a passage."""
    try:
        given = _SNAPSHOTS.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Rejection("gate.invalid_field", str(error), named_in(raw, "snapshot_id"))
    taken_at = moved(given.taken_at, sender.ahead)
    refused = _why_no_snapshot(replace(given, taken_at=taken_at), lot, now)
    if refused is not None:
        return Rejection(refused[0], refused[1], given.snapshot_id)
    return Snapshot(
        lot_id=sender.device.lot_id,
        operator_id=sender.device.operator_id,
        device_id=sender.device.device_id,
        snapshot_id=given.snapshot_id,
        taken_at=taken_at,
        shown_at=given.taken_at if sender.ahead else None,
        received_at=now,
        fingerprint=_fingerprint_of_snapshot(given),
        occupied={pool: _inside(told, lot.pools[pool]) for pool, told in given.pools.items()},
    )


def moved(shown_at: datetime, ahead: timedelta) -> datetime:
    """Return when it was; a moment that no calendar holds is left to be refused."""
    try:
        return shown_at - ahead
    except OverflowError:
        return shown_at


def _why_no_snapshot(given: SnapshotIn, lot: Lot, now: datetime) -> tuple[str, str] | None:
    if not given.snapshot_id.isprintable():
        return "gate.control_character", "snapshot_id: holds a control character"
    if given.lot != lot.code:
        return "gate.foreign_lot", "lot: the device belongs to another lot"
    if not FIRST_SEEN_AT <= given.taken_at < LAST_SEEN_AT:
        return "gate.taken_at_out_of_range", "taken_at: outside the years 2000 to 2100"
    if given.taken_at > now + AHEAD_MAX:
        return "gate.taken_at_in_future", "taken_at: more than 5 minutes ahead"
    return next(
        (why for pool, told in given.pools.items() if (why := _why_no_count(pool, told, lot))), None
    )


def _why_no_count(pool: Pool, told: PoolSnapshot, lot: Lot) -> tuple[str, str] | None:
    if pool not in lot.pools:
        return "gate.foreign_pool", f"pools.{pool}: the lot has no such pool"
    if (told.occupied is None) == (told.free is None):
        return "gate.invalid_field", f"pools.{pool}: give occupied or free, one of them"
    if told.free is not None and told.free > lot.pools[pool]:
        return "gate.over_capacity", f"pools.{pool}.free: the pool has {lot.pools[pool]} bays"
    return None


def _inside(told: PoolSnapshot, capacity: int) -> int:
    """Return the cars inside, whichever way the lot counts; more cars than bays is possible."""
    return told.occupied if told.occupied is not None else capacity - (told.free or 0)


def _fingerprint_of_snapshot(given: SnapshotIn) -> bytes:
    """Return what makes two bodies under one id the same snapshot."""
    counts = sorted((pool.value, told.occupied, told.free) for pool, told in given.pools.items())
    parts = (given.lot, given.taken_at.astimezone(UTC).isoformat(), counts)
    return blake2b(msgspec.json.encode(parts), digest_size=16).digest()


def result_of_snapshot(one: Snapshot | Rejection, kept: Iterator[Outcome]) -> SnapshotResult:
    """Say what became of one snapshot; ``kept`` tells it of those that were good, in order."""
    if isinstance(one, Rejection):
        return SnapshotResult(one.passage_id, Outcome.REJECTED, one.reason, one.detail)
    outcome = next(kept)
    if outcome is Outcome.CONFLICT:
        return SnapshotResult(one.snapshot_id, outcome, "gate.snapshot_id_reused")
    return SnapshotResult(one.snapshot_id, outcome)
