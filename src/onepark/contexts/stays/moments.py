"""How passages and stays lie in time.

Owns: how long a passage is live, a second look the same event, and an exit a confirmation.
Never: awaits, reads the clock, or changes what it looks at.
"""

from datetime import UTC, datetime, timedelta

from onepark.contexts.stays.model import Car, Kind, Passage, Stay, StayState

LIVE = timedelta(minutes=3)  # older than this, nobody waits at the barrier for the answer
REREAD = timedelta(minutes=2)  # the same car seen again at another camera of the same side
CONFIRMS = timedelta(minutes=10)  # a real exit after a derived one
WAITS = timedelta(minutes=15)  # as long a person at the desk believes a car to stand at the exit
FIRST_SEEN_AT = datetime(2000, 1, 1, tzinfo=UTC)
LAST_SEEN_AT = datetime(2100, 1, 1, tzinfo=UTC)
AHEAD_MAX = timedelta(minutes=5)  # of a clock that is right enough
DECIDED_IN = timedelta(hours=24)  # what became of a car that has gone is known by then

EVIDENCE = ":evidence"  # no device can have this name: who says by when an unseen car had gone

KIND_ORDER = {Kind.ENTRY: 0, Kind.EXIT_REQUEST: 1, Kind.EXIT: 2}


def in_order(passage: Passage) -> tuple[datetime, int, str, int, int, str]:
    """Return where a passage stands among those of its car; no two stand in one place."""
    order = (passage.device_id, passage.epoch or 0, passage.seq or 0, passage.passage_id)
    return (passage.seen_at, KIND_ORDER[passage.kind], *order)


def moves(passage: Passage) -> bool:
    """Tell whether a passage moves its car; who asks to leave stays where he is."""
    return passage.kind != Kind.EXIT_REQUEST


def is_late(passage: Passage, car: Car) -> bool:
    """Tell whether something as late is known of the car already."""
    known_at = car.known_until_at
    return moves(passage) and known_at is not None and passage.seen_at <= known_at


def is_live(passage: Passage) -> bool:
    return passage.received_at - passage.seen_at <= LIVE


def decide_by(passage: Passage) -> datetime:
    """Return until when a person has to say whose a held passage is."""
    is_waiting = passage.kind == Kind.EXIT_REQUEST
    return passage.received_at + (WAITS if is_waiting else DECIDED_IN)


def reaches(passage: Passage, stay: Stay) -> bool:
    return stay.entered_at is not None and passage.seen_at >= stay.entered_at


def confirms(passage: Passage, stay: Stay) -> bool:
    if not stay.exit_derived or stay.exited_at is None:
        return False
    return timedelta(0) <= passage.seen_at - stay.exited_at <= CONFIRMS


def again(passage: Passage, at: datetime | None) -> bool:
    """Tell whether a second camera saw what happened a moment before."""
    return at is not None and timedelta(0) <= passage.seen_at - at <= REREAD


def overlaps(passage: Passage, stay: Stay) -> bool:
    """Tell whether an exit carries an entry from before the end of another stay."""
    carried_at = passage.entered_at
    return carried_at is not None and stay.exited_at is not None and carried_at < stay.exited_at


def was_given_up(stay: Stay) -> bool:
    """Tell whether a stay was ended for what showed that its car had gone."""
    return stay.state == StayState.EXIT_MISSING and stay.exited_at is not None


def begun_at(stay: Stay) -> datetime:
    """Return when the passage was that began a stay: its entry, or an exit that carried one."""
    at = stay.exited_at if stay.entry_lane is None else stay.entered_at
    assert at is not None, "a passage began it"
    return at


def covers(stay: Stay, at: datetime) -> bool:
    """Tell whether a car was inside at a moment."""
    if stay.entered_at is None or at < stay.entered_at:
        return False
    return stay.exited_at is not None and at <= stay.exited_at
