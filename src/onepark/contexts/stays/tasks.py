"""Misread exits that a person must look at.

Owns: their nouns, what each role sees of them, and the passage that a decision stands for.
Never: awaits, or decides for the person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.json import Encoder
from msgspec.structs import replace

from onepark.contexts.stays.case import CarCase, Doubt, Kept
from onepark.contexts.stays.model import (
    Candidate,
    Decision,
    Kind,
    Nothing,
    Passage,
    PassageState,
    StayState,
    Verdict,
)
from onepark.contexts.tariffs.model import Line
from onepark.kernel.masks import mask_plate
from onepark.kernel.staff import Change
from onepark.kernel.types import Fen, LotCode, LotId, OperatorId, OrderNo, StayId

DESK = ":desk"  # no device can have this name, so that no device can use up a decision's id
PLATFORM = "onepark work"  # who decides when the plates inside leave no doubt; no login has a space
ENTRY_MISREAD = "entry_misread"  # a reason: the plate of the stay is the wrong one


class Misread(Struct, frozen=True):
    """A held passage, the cars inside that it may be, and what was decided."""

    task_id: int
    lot_id: LotId
    operator_id: OperatorId
    device_id: str
    passage_id: str
    passage_kind: Kind
    lane: str
    car_key: str
    plate: str
    plate_raw: str
    plate_color: str
    vehicle: str
    camera_model: str
    image_url: str | None
    seen_at: datetime
    opened_at: datetime
    due_at: datetime
    stay_id: StayId | None
    verdict: Verdict
    candidates: tuple[Candidate, ...]
    decided_at: datetime | None
    chosen_stay_id: StayId | None
    outcome: str | None


class CandidateView(Struct, frozen=True):
    """A car inside that a misread exit may be; 1,000 points of score are a factor of e."""

    stay_id: StayId
    plate: str
    plate_color: str
    vehicle: str
    entered_at: datetime
    score_milli: int
    reasons: tuple[str, ...]


class MisreadView(Struct, frozen=True):
    """A held exit as staff see it; who may not decide sees no whole plate and no image."""

    task_id: int
    lot: str
    lot_name: str
    lane: str
    kind: Kind
    plate: str
    plate_color: str
    vehicle: str
    seen_at: datetime
    due_at: datetime
    image_url: str | None
    candidates: tuple[CandidateView, ...]


class MisreadPage(Struct, frozen=True):
    """Some misreads, oldest first; ``next_after`` asks for more, null is the end."""

    misreads: tuple[MisreadView, ...]
    next_after: int | None


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose exit it was: the stay of one of the candidates, or null for none of them."""

    stay_id: Annotated[
        Annotated[int, Meta(ge=1, le=2**63 - 1)] | None,
        Meta(
            description="候选停车记录，均不是则为 null。A candidate's stay; null: none of them.",
            examples=[4097],
        ),
    ]


class Decided(Struct, frozen=True, omit_defaults=True):
    """What a decision came to; the same decision again gets the same answer."""

    task_id: int
    chosen_stay_id: StayId | None
    decision: Decision
    order_no: OrderNo | UnsetType = UNSET
    due_fen: Fen | UnsetType = UNSET
    lines: tuple[Line, ...] | UnsetType = UNSET


NOBODY = Nothing()
_ENCODER = Encoder()


def row_of(doubt: Doubt) -> tuple[object, ...]:
    """Return a task as stays.task_row."""
    passage, suspicion = doubt.passage, doubt.suspicion
    return (
        passage.lot_id,
        passage.operator_id,
        "misread_exit",
        passage.device_id,
        passage.passage_id,
        passage.kind,
        passage.lane,
        passage.car_key,
        passage.plate,
        passage.plate_raw,
        passage.plate_color,
        passage.vehicle,
        passage.camera_model,
        passage.image_url,
        passage.seen_at,
        passage.received_at,
        doubt.due_at,
        doubt.stay_id,
        suspicion.verdict,
        suspicion.model_version,
        _ENCODER.encode(suspicion.candidates).decode(),
        passage.received_at,
    )


def candidate_of(task: Misread, choice: Choice) -> Candidate | None:
    """Return the candidate that was chosen, if it is one."""
    chosen = (one for one in task.candidates if one.stay_id == choice.stay_id)
    return next(chosen, None)


def as_read(task: Misread, *, at: datetime) -> Passage:
    """Return the exit as the camera read it, under the id of its decision.

    The lane opens by a command and not by an answer, so what ends the stay is told by the lane.
    """
    passage_id = f"decided:{task.task_id}"
    return Passage(
        lot_id=task.lot_id,
        operator_id=task.operator_id,
        device_id=DESK,
        passage_id=passage_id,
        lane=task.lane,
        confirms_exit=True,
        kind=task.passage_kind,
        car_key=task.car_key,
        plate=task.plate,
        plate_raw=task.plate_raw,
        plate_color=task.plate_color,
        vehicle=task.vehicle,
        seen_at=task.seen_at,
        received_at=at,
        fingerprint=blake2b(passage_id.encode(), digest_size=16).digest(),
        image_url=task.image_url,
        camera_model=task.camera_model,
        decided_for=(task.device_id, task.passage_id),
    )


def passage_of(task: Misread, candidate: Candidate, *, at: datetime) -> Passage:
    """Return the exit as it is now known: of the chosen car, at the moment when it was seen."""
    return replace(
        as_read(task, at=at),
        car_key=candidate.car_key,
        plate=candidate.plate,
        plate_color=candidate.plate_color,
        vehicle=candidate.vehicle,
    )


def could_leave(cases: Sequence[CarCase], choice: Choice) -> bool:
    """Tell whether the chosen stay had no exit of its own before the decision."""
    known = [
        pair.stay
        for case in cases
        for pair in (case.open, case.last, *(case.history.pairs if case.history else ()))
        if pair is not None and pair.stay.stay_id == choice.stay_id
    ]
    return any(stay.state in {StayState.OPEN, StayState.EXIT_MISSING} for stay in known)


def is_done(kept: Kept, choice: Choice) -> bool:
    """Tell whether the fold came to the stay that was chosen."""
    folded = kept.state in {PassageState.FOLDED, PassageState.ASKED}
    return folded and kept.stay_id == choice.stay_id


def decided(task: Misread, kept: Kept | None) -> Decided:
    """Say what came of a decision; nothing moves when it was none of the candidates."""
    if kept is None:
        return Decided(task.task_id, None, NOBODY)
    answer = kept.answer
    return Decided(
        task.task_id,
        kept.stay_id,
        answer.decision,
        answer.order_no,
        answer.due_fen,
        answer.lines,
    )


def reading_of(candidate: Candidate) -> str | None:
    """Return the plate that the exit's camera should have read, if the stay's own is right."""
    return None if ENTRY_MISREAD in candidate.reasons else candidate.plate


def change_of(task: Misread, choice: Choice, *, actor: str) -> Change:
    """Return the line of the audit trail; it holds no plate."""
    return Change(
        actor=actor,
        action="stays.misread_decided",
        subject=f"task {task.task_id}",
        operator_id=task.operator_id,
        after={"lot_id": task.lot_id, "chosen_stay_id": choice.stay_id},
    )


def view_of(task: Misread, lot: tuple[LotCode, str], *, whole: bool) -> MisreadView:
    """Return a misread as somebody sees it."""
    code, name = lot
    return MisreadView(
        task_id=task.task_id,
        lot=code,
        lot_name=name,
        lane=task.lane,
        kind=task.passage_kind,
        plate=task.plate if whole else mask_plate(task.plate),
        plate_color=task.plate_color,
        vehicle=task.vehicle,
        seen_at=task.seen_at,
        due_at=task.due_at,
        image_url=task.image_url if whole else None,
        candidates=tuple(_candidate_view(one, whole=whole) for one in task.candidates),
    )


def _candidate_view(candidate: Candidate, *, whole: bool) -> CandidateView:
    assert candidate.stay_id is not None, "a kept candidate has a stay"
    reasons = candidate.reasons if whole else tuple(map(_without_characters, candidate.reasons))
    return CandidateView(
        stay_id=candidate.stay_id,
        plate=candidate.plate if whole else mask_plate(candidate.plate),
        plate_color=candidate.plate_color,
        vehicle=candidate.vehicle,
        entered_at=datetime.fromtimestamp(candidate.entered_s, UTC),
        score_milli=candidate.score_milli,
        reasons=reasons,
    )


def _without_characters(reason: str) -> str:
    """Return a reason without the places and characters that would give the plate away."""
    return reason.partition(":")[0]
