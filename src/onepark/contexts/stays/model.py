"""Nouns of a car in a lot.

Owns: passages, decisions, stays, orders, charges, counts, and who a misread exit may be.
Never: decides anything.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from onepark.contexts.tariffs.model import Carry, Line
from onepark.kernel.types import Fen, LotId, OrderNo, PlanId, Pool, RevenueKind, StayId


class Kind(StrEnum):
    """What a device saw."""

    ENTRY = "entry"  # the car went in
    EXIT_REQUEST = "exit_request"  # it stands at the exit and wants out
    EXIT = "exit"  # it has gone


class Passage(Struct, frozen=True, gc=False):
    """One car seen at one lane at one moment, checked and with its lot resolved."""

    lot_id: LotId
    operator_id: int
    device_id: str
    passage_id: str
    lane: str
    confirms_exit: bool
    kind: Kind
    car_key: str
    plate: str
    plate_raw: str
    plate_color: str
    vehicle: str
    seen_at: datetime
    received_at: datetime
    fingerprint: bytes
    epoch: int | None = None
    seq: int | None = None
    ticket: str | None = None
    confidence: float | None = None
    image_url: str | None = None
    entered_at: datetime | None = None
    plate_suspect: bool = False
    derived: bool = False  # nobody saw it: an opened barrier stands for it
    camera_model: str = ""
    decided_for: tuple[str, str] | None = None  # device and id of the held one that it stands for
    zone: str | None = None  # that the cars of its lane enter
    shown_at: datetime | None = None  # by its device's clock, where that was known to be wrong
    clock_suspect: bool = False  # too wrong to bill by

    @property
    def key(self) -> tuple[int, str, str]:
        """Return the claim's key."""
        return (self.lot_id, self.device_id, self.passage_id)

    @property
    def car(self) -> tuple[int, str]:
        """Return the key of the car's row."""
        return (self.lot_id, self.car_key)

    @property
    def asked_by(self) -> tuple[str, str]:
        """Return the device and the id that a command at its lane names."""
        return self.decided_for or (self.device_id, self.passage_id)


class OpenReason(StrEnum):
    """Why a barrier opens."""

    ENTERED = "entered"
    FREE = "free"
    PASS = "pass"  # noqa: S105  a pass covers its stay
    PAID = "paid"
    LEAVING = "leaving"  # an answered open whose car has not passed yet


class HoldReason(StrEnum):
    """Why a person decides."""

    ENTRY_MISSING = "entry_missing"
    CLOCK_SUSPECT = "clock_suspect"  # the exit would lie before the entry
    MISREAD_EXIT = "misread_exit"  # one of several cars inside, or a person must make sure


class Open(Struct, frozen=True, tag="open", tag_field="type"):
    """Let the car through, until ``valid_until``."""

    reason: OpenReason
    valid_until: datetime


class Pay(Struct, frozen=True, tag="pay", tag_field="type"):
    """The amount stands until ``valid_until``."""

    valid_until: datetime


class Hold(Struct, frozen=True, tag="hold", tag_field="type"):
    """Wait, a person decides."""

    reason: HoldReason


class Nothing(Struct, frozen=True, tag="none", tag_field="type"):
    """Nobody waits for an answer."""


Decision = Open | Pay | Hold | Nothing


class PassageState(StrEnum):
    """What became of a passage; everything but FOLDED has an owner to look at it."""

    FOLDED = "folded"
    ASKED = "asked"  # an exit request moves nothing
    HELD = "held"
    CONFIRMED = "confirmed"  # the real exit after a derived one
    DUPLICATE_ENTRY = "duplicate_entry"
    DUPLICATE_EXIT = "duplicate_exit"
    LATE = "late"  # kept; it belongs before what is known already
    MISREAD_EXIT = "misread_exit"  # folded: it was the car inside that it resembles
    VOID = "void"  # a person said what it was; what was said is a passage of its own


class Answer(Struct, frozen=True, omit_defaults=True):
    """What a passage was told, for ever."""

    decision: Decision
    stay_id: StayId | UnsetType = UNSET
    order_no: OrderNo | UnsetType = UNSET
    due_fen: Fen | UnsetType = UNSET
    lines: tuple[Line, ...] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class Outcome(StrEnum):
    """How a passage of a request fared."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class Progress(Struct, frozen=True):
    """Which of a device's numbered passages of an epoch are kept; those missing it sends again."""

    epoch: int
    acked_through: int  # all up to it are kept, or said to be lost
    missing: tuple[tuple[int, int], ...]  # first and last of each hole up to the greatest, in order
    reused: int  # how often a number came again with another passage


class Taken(NamedTuple):
    """The outcome of one passage; no answer for a conflict or a rejected one."""

    outcome: Outcome
    answer: Answer | None = None
    reason: str | None = None
    progress: Progress | None = None  # of its device, if it numbers its passages


class StayState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    ENTRY_MISSING = "entry_missing"
    EXIT_MISSING = "exit_missing"
    MISREAD_EXIT = "misread_exit"  # it never was one: its exit was another car's
    VOID = "void"  # it never was one, as is known by now


CLOCK_SUSPECT = "clock_suspect"  # the mark of a stay whose ends such a clock told


class Stay(Struct):
    """One car's time in one lot; the fields stand in the order of stays.stay_row_v4."""

    lot_id: LotId
    stay_id: StayId
    operator_id: int
    car_key: str
    plate: str
    plate_color: str
    vehicle: str
    pool: Pool
    plan_id: PlanId | None
    state: StayState
    marks: list[str]
    entered_at: datetime | None = None
    entry_lane: str | None = None
    exited_at: datetime | None = None
    exit_lane: str | None = None
    exit_derived: bool = False
    cap_anchor_at: datetime | None = None
    cap_charged_fen: Fen | None = None
    free_visits_used: int | None = None  # as counted at its entry; None: its plan has no quota
    zone: str | None = None  # that it came into; None: into none, or nobody saw it come
    fleet_id: int | None = None  # of which it took a seat as it came

    @property
    def is_billed(self) -> bool:
        """Tell whether anybody may be charged: not by a clock that was too wrong."""
        return CLOCK_SUSPECT not in self.marks

    @property
    def first_at(self) -> datetime:
        """Return the first moment that is known of it."""
        at = self.entered_at or self.exited_at
        assert at is not None, "a stay was seen"
        return at

    @property
    def last_at(self) -> datetime:
        """Return the last moment that is known of it."""
        at = self.exited_at or self.entered_at
        assert at is not None, "a stay was seen"
        return at

    @property
    def carry(self) -> Carry | None:
        """Return what earlier visits had used of a cap when this one began."""
        if self.cap_anchor_at is None or self.cap_charged_fen is None:
            return None
        return Carry(self.cap_anchor_at, self.cap_charged_fen)


class OrderState(StrEnum):
    OPEN = "open"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"


class Order(Struct):
    """What is owed for a stay; the fields stand in the order of stays.order_row."""

    lot_id: LotId
    order_no: OrderNo
    stay_id: StayId
    operator_id: int
    car_key: str
    plate: str
    state: OrderState
    opened_at: datetime
    fee_fen: Fen | None = None  # fixed when the stay ends
    owed_fen: Fen | None = None
    paid_fen: Fen = Fen(0)
    written_off_fen: Fen = Fen(0)
    refund_due_fen: Fen = Fen(0)
    covered_until_at: datetime | None = None  # until then a payment lets the car out
    quoted_fen: Fen | None = None  # the whole fee as an exit was last told
    quoted_at: datetime | None = None
    asked_lane: str | None = None  # where the car last asked to leave
    asked_device_id: str | None = None
    asked_passage_id: str | None = None
    asked_at: datetime | None = None
    settled: bool = False  # the stay is over and nothing is owed


class Car(Struct):
    """What two batches meet at; the fields stand in the order of stays.car_row_v3."""

    lot_id: LotId
    car_key: str
    open_stay_id: StayId | None = None
    last_stay_id: StayId | None = None
    cap_anchor_at: datetime | None = None  # what visits so far used of a cap that spans them
    cap_charged_fen: Fen | None = None
    free_entries_at: list[datetime] | None = None  # of late visits that used up a quota, in order
    known_until_at: datetime | None = None  # of its last passage that was folded


class StayAndOrder(Struct):
    """A stay with its order; a stay whose entry is missing has none."""

    stay: Stay
    order: Order | None


class Verdict(StrEnum):
    """What the plates inside say of an exit whose own plate is not inside."""

    EXACT = "exact"  # the same text under another colour
    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


class Candidate(Struct, frozen=True):
    """A car inside that a misread exit may be; the best of them comes first."""

    stay_id: StayId | None  # None: the stay begins in this batch
    car_key: str
    plate: str
    plate_color: str
    vehicle: str
    entered_s: int
    left_s: int | None = None  # it has just gone, and is no more than a rival
    score_milli: int = 0
    reasons: tuple[str, ...] = ()


class Suspicion(Struct, frozen=True):
    """Whose exit it may be, and the version of the camera's model that says so."""

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    model_version: int


class Count(Struct, frozen=True):
    """The open stays of a lot and pool; newer is the greater (incarnation, n)."""

    lot_id: LotId
    pool: Pool
    incarnation: int
    n: int
    occupied: int
    changed_at: datetime


class Emptied(NamedTuple):
    """A pool of a lot that held no car at a moment, and the device that says so."""

    lot_id: LotId
    pool: Pool
    at: datetime
    told_by: str


class LeftOpen(NamedTuple):
    """A way out whose barrier stood open, and the cars that a pool of its lot held after it."""

    lot_id: LotId
    pool: Pool
    lane: str
    raised_by: str
    raised_at: datetime
    lowered_at: datetime
    counted_at: datetime
    counted: int
    told_by: str  # the device that counted


class LaneMoment(NamedTuple):
    """Where and when somebody passed."""

    lot_id: LotId
    lane: str
    at: datetime


class Lift(NamedTuple):
    """A barrier that stood open, and why; None: it has not been lowered, as far as is known."""

    raised_by: str
    raised_at: datetime
    lowered_at: datetime | None


class LaneThen(NamedTuple):
    """What the gate knows of a lane at a moment: whom it was told to let out, and its barrier."""

    commanded: dict[OrderNo, datetime]  # not longer before than an exit may follow its opening
    lifts: tuple[Lift, ...]


class Charge(Struct, frozen=True):
    """One frozen amount of an order, priced to a stated moment."""

    lot_id: LotId
    order_no: OrderNo
    charge_no: int
    operator_id: int
    amount_fen: Fen
    priced_until_at: datetime
    plan_id: PlanId | None
    lines: tuple[Line, ...]
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL  # of its order, since that was opened


class Due(Struct, frozen=True):
    """What an order owes at a moment; the lines explain the whole fee."""

    order: Order
    stay: Stay
    fee_fen: Fen
    due_fen: Fen
    state: OrderState
    lines: tuple[Line, ...]
    priced_until_at: datetime
