"""What is odd of a stay, as staff see it.

Owns: the nouns of oddities, who owns each, and what shows it.
Never: awaits, or finds anything odd by itself.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from onepark.contexts.stays.moments import DECIDED_IN
from onepark.kernel.masks import mask_plate
from onepark.kernel.types import Fen, LotCode, LotId, StayId


class Oddity(StrEnum):
    """Why somebody should look at a stay."""

    ENTRY_MISSING = "entry_missing"
    EXIT_MISSING = "exit_missing"
    MISREAD_EXIT = "misread_exit"
    PLATE_SUSPECT = "plate_suspect"
    CLOCK_SUSPECT = "clock_suspect"
    NO_PLATE = "no_plate"
    DUPLICATE_ENTRY = "duplicate_entry"  # it went in at another lane a moment later as well
    TAILGATE = "tailgate"  # it left right behind a car that was let out
    MANUAL_LIFT = "manual_lift"  # it left owing while its barrier was raised by hand
    PLATE_IN_TWO_LOTS = "plate_in_two_lots"  # both visits were real: a clone, or a misread plate
    UNOPENED_EXIT = "unopened_exit"  # it left owing and nobody opened for it, as far as is known


class Owner(StrEnum):
    """Whose it is to look."""

    OPERATOR = "operator"
    CITY = "city"


class Barrier(Struct, frozen=True):
    """A barrier that stood open when a car passed."""

    raised_by: str
    raised_at: datetime
    lowered_at: datetime | None


class UnopenedProof(Struct, frozen=True, omit_defaults=True, tag="unopened", tag_field="type"):
    """What shows that nobody opened for a car that left owing."""

    lane: str
    exited_at: datetime
    owed_fen: Fen  # at the exit
    other_stay_id: StayId | None = None  # of the car that was let out before it
    seconds_behind: int | None = None
    barrier: Barrier | None = None


class TwoLotsProof(Struct, frozen=True, tag="two_lots", tag_field="type"):
    """What shows that a plate was in two lots at once; the other visit is for the city to see."""

    pair_id: int
    overlap_from_at: datetime
    overlap_until_at: datetime


class AgainProof(Struct, frozen=True, tag="entered_again", tag_field="type"):
    """What shows that a car went in twice: the passage, which a person may void or correct."""

    lane: str
    device: str
    passage_id: str
    seen_at: datetime


Proof = UnopenedProof | TwoLotsProof | AgainProof


class Found(NamedTuple):
    """Something odd of a stay that was found by looking at more than its car."""

    lot_id: LotId
    stay_id: StayId
    operator_id: int
    kind: Oddity
    owner: Owner
    seen_at: datetime
    proof: UnopenedProof


class FoundView(Struct, frozen=True):
    """Something odd that was found later, its owner, its clock and what shows it."""

    oddity: Oddity
    owner: Owner
    found_at: datetime
    due_at: datetime
    proof: Proof


class OddStay(NamedTuple):
    """A stay that nobody has looked at."""

    stay_id: StayId
    operator_id: int
    plate: str
    plate_color: str
    state: str
    marks: list[str]
    entered_at: datetime | None
    exited_at: datetime | None
    found: tuple[FoundView, ...]


class OddStayView(Struct, frozen=True):
    """A stay that somebody should look at: whose it is to look, why, and until when."""

    lot: str
    lot_name: str
    stay_id: StayId
    operator_id: int
    owner: Owner
    plate: str
    plate_color: str
    entered_at: datetime | None
    exited_at: datetime | None
    oddities: tuple[Oddity, ...]
    due_at: datetime
    found: tuple[FoundView, ...]  # what shows it, where it takes more than the stay itself


class OddStayPage(Struct, frozen=True):
    """Some odd stays, oldest first; ``next_after`` asks for more, null is the end."""

    stays: tuple[OddStayView, ...]
    next_after: int | None


def view_of(one: OddStay, lot: tuple[LotCode, str], *, no_plate_after: timedelta) -> OddStayView:
    """Return an odd stay as staff see it: the plate masked, all its reasons together."""
    own = _own_of(one)
    return OddStayView(
        lot=lot[0],
        lot_name=lot[1],
        stay_id=one.stay_id,
        operator_id=one.operator_id,
        owner=_owner(one, own),
        plate=mask_plate(one.plate),
        plate_color=one.plate_color,
        entered_at=one.entered_at,
        exited_at=one.exited_at,
        oddities=(*own, *(found.oddity for found in one.found)),
        due_at=_due_at(one, own, no_plate_after),
        found=one.found,
    )


def _owner(one: OddStay, own: tuple[Oddity, ...]) -> Owner:
    """Return whose the stay is to look at: the operator's, unless all that is odd is the city's."""
    owners = {found.owner for found in one.found}
    return Owner.CITY if owners == {Owner.CITY} and not own else Owner.OPERATOR


def _own_of(one: OddStay) -> tuple[Oddity, ...]:
    """Return what is odd of a stay by itself; that no plate is a doubtful one says nothing more."""
    whys = {one.state, *one.marks} - ({Oddity.PLATE_SUSPECT} if not one.plate else set())
    no_plate = () if one.plate else (Oddity.NO_PLATE,)
    return (*(why for why in Oddity if why in whys), *no_plate)


def _due_at(one: OddStay, own: tuple[Oddity, ...], no_plate_after: timedelta) -> datetime:
    """Return until when somebody should have looked: the first of its clocks."""
    last_at = one.exited_at or one.entered_at
    assert last_at is not None, "a stay was seen"
    clocks = [found.due_at for found in one.found]
    if own == (Oddity.NO_PLATE,):
        last_at += no_plate_after  # a ticket is ordinary until then
    return min([last_at + DECIDED_IN, *clocks] if own or not clocks else clocks)
