"""The words between a device and the platform.

Owns: the wire form of passages, results, heartbeats and commands, with its bounds.
Never: decides anything.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from onepark.contexts.stays.model import Decision, Kind, Nothing, Outcome, Progress
from onepark.contexts.tariffs.model import Line
from onepark.kernel.types import Fen, OrderNo, PlateColor, Pool, StayId, Vehicle

PASSAGES_MAX = 1_000
SNAPSHOTS_MAX = 1_000
BAYS_MAX = 100_000
PLATE_CHARACTERS_MAX = 16
HOLES_MAX = 100
BARRIERS_MAX = 100

Instant = Annotated[datetime, Meta(tz=True, examples=["2026-11-22T08:30:00+08:00"])]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Counter = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class PassageIn(Struct, frozen=True, gc=False):
    """One car seen at one lane at one moment, as a device reports it."""

    passage_id: Annotated[Id, Meta(description="设备内永久唯一 unique to its device for ever")]
    lot: Annotated[str, Meta(max_length=64, description="12 位停车场编码 lot code")]
    lane: Id
    kind: Kind
    seen_at: Instant
    plate: Annotated[str, Meta(description="车牌原文，最多 16 个字符 plate as read")] = ""
    plate_color: PlateColor = PlateColor.UNKNOWN
    vehicle: Vehicle = Vehicle.SMALL
    epoch: Counter | None = None
    seq: Counter | None = None
    ticket: Id | None = None
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None
    image_url: Annotated[str, Meta(max_length=500)] | None = None
    entered_at: Instant | None = None


class PassagesIn(Struct, frozen=True):
    """A request of 1 to 1,000 passages, each still as sent: one bad one costs no other."""

    passages: list[Raw]


class PassageReport(Struct, frozen=True):
    """What the documentation shows of a request."""

    passages: Annotated[list[PassageIn], Meta(min_length=1, max_length=PASSAGES_MAX)]


class Rejection(Struct, frozen=True):
    """Why one passage of a request is no passage."""

    reason: str
    detail: str
    passage_id: str | None = None


class PassageResult(Struct, frozen=True, omit_defaults=True):
    """What became of one passage; a barrier moves only on an accepted or duplicate ``open``."""

    passage_id: str | None
    outcome: Outcome
    decision: Decision
    stay_id: StayId | UnsetType = UNSET
    order_no: OrderNo | UnsetType = UNSET
    due_fen: Fen | UnsetType = UNSET
    lines: tuple[Line, ...] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class PassageResults(Struct, frozen=True, omit_defaults=True):
    """The results in the order of the request, and how far the device's numbers have come."""

    results: list[PassageResult]
    progress: Progress | UnsetType = UNSET


NO_DECISION = Nothing()

Bays = Annotated[int, Meta(ge=0, le=BAYS_MAX)]


class PoolSnapshot(Struct, frozen=True):
    """How full a pool is, by the lot's own count: the cars in it, or the bays that are free."""

    occupied: Annotated[Bays | None, Meta(description="在场车辆数 · cars inside")] = None
    free: Annotated[Bays | None, Meta(description="空余泊位数 · free bays of the capacity")] = None


class SnapshotIn(Struct, frozen=True):
    """The absolute counts of a lot at one moment."""

    snapshot_id: Annotated[Id, Meta(description="设备内永久唯一 unique to its device for ever")]
    lot: Annotated[str, Meta(max_length=64, description="12 位停车场编码 lot code")]
    taken_at: Instant
    pools: Annotated[
        dict[Pool, PoolSnapshot],
        Meta(min_length=1, description="逐类给出 occupied 或 free · occupied or free of each"),
    ]


class SnapshotsIn(Struct, frozen=True):
    """A request of 1 to 1,000 snapshots, each still as sent: one bad one costs no other."""

    snapshots: list[Raw]


class SnapshotReport(Struct, frozen=True):
    """What the documentation shows of a request."""

    snapshots: Annotated[list[SnapshotIn], Meta(min_length=1, max_length=SNAPSHOTS_MAX)]


class SnapshotResult(Struct, frozen=True, omit_defaults=True):
    """What became of one snapshot."""

    snapshot_id: str | None
    outcome: Outcome
    reason: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class SnapshotResults(Struct, frozen=True):
    """The results in the order of the request."""

    results: list[SnapshotResult]


Hole = tuple[Counter, Counter]


class RaisedBy(StrEnum):
    """Who or what raised a barrier."""

    PLATFORM = "platform"  # for a car that was let through
    HAND = "hand"
    FIRE = "fire"  # a fire alarm opens every way out
    POWER = "power"  # its power failed
    FAULT = "fault"  # something broke, or was broken


class BarrierIn(Struct, frozen=True):
    """Since when a barrier stood open, and until when if it has been lowered."""

    lane: Id
    raised_at: Instant
    by: RaisedBy
    lowered_at: Instant | None = None


class BarrierResult(Struct, frozen=True, omit_defaults=True):
    """What became of what was said of one barrier."""

    lane: str | None
    outcome: Outcome
    reason: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class Heartbeat(Struct, frozen=True, kw_only=True):
    """A device says that it lives, what its clock shows, and which of its passages are lost."""

    device_time: Instant | None = None
    status: Annotated[str, Meta(max_length=32)] | None = None
    epoch: Counter | None = None
    lost: Annotated[
        tuple[Hole, ...],
        Meta(
            max_length=HOLES_MAX,
            description="不会再上报的序号区间 first and last number of what is never sent",
        ),
    ] = ()


class HeartbeatIn(Heartbeat, frozen=True, kw_only=True):
    """A heartbeat with its barriers still as sent: a bad one costs nothing else."""

    barriers: Annotated[tuple[Raw, ...], Meta(max_length=BARRIERS_MAX)] = ()


class HeartbeatReport(Heartbeat, frozen=True, kw_only=True):
    """What the documentation shows of a heartbeat."""

    barriers: Annotated[
        tuple[BarrierIn, ...],
        Meta(
            max_length=BARRIERS_MAX,
            description="抬杆及落杆情况，可重复 barriers that were raised; repeats are harmless",
        ),
    ] = ()


class ClockState(StrEnum):
    """What a device's clock is good for."""

    RIGHT = "right"  # within 5 s
    CORRECTED = "corrected"  # its passages are moved to the platform's time
    NOT_BILLED = "not_billed"  # over 10 min off: moved as well, and nobody is charged by them


class HeartbeatAnswer(Struct, frozen=True, omit_defaults=True):
    """The platform's time, by how much the device's clock is ahead of it, what is missing.

    ``barriers`` answers those of the heartbeat, in their order.
    """

    server_time: datetime
    clock_offset_ms: int | None
    clock: ClockState | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    barriers: tuple[BarrierResult, ...] | UnsetType = UNSET


class CommandKind(StrEnum):
    OPEN = "open"


class Command(Struct, frozen=True):
    """An order to a device; it names the car and the exit request, and is void after its time."""

    command_id: int
    kind: CommandKind
    lane: str
    passage_id: str
    plate: str
    order_no: OrderNo
    reason: str
    created_at: datetime
    expires_at: datetime


class Commands(Struct, frozen=True):
    """The commands that a device has not acknowledged, oldest first."""

    commands: list[Command]


class AckResult(StrEnum):
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class Ack(Struct, frozen=True):
    command_id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    result: AckResult


class AcksIn(Struct, frozen=True):
    acks: Annotated[list[Ack], Meta(min_length=1, max_length=100)]


class AckedCommand(Struct, frozen=True):
    """A command of which a device has said what became."""

    command_id: int
    lane: str
    plate: str
    car_key: str
    result: AckResult


class AckOutcome(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"


class AckAnswer(Struct, frozen=True):
    command_id: int
    outcome: AckOutcome


class AckAnswers(Struct, frozen=True):
    results: list[AckAnswer]


SIGNED_BY = ("onepark-device", "webhook-id", "webhook-timestamp", "webhook-signature")


class Credentials(Struct, frozen=True):
    """The headers of SIGNED_BY in their order, as received; an absent one is empty."""

    device: str
    message_id: str
    timestamp: str
    signature: str
