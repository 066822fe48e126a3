"""What becomes of a passage that a wrong clock told of."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec import Raw

from onepark.contexts.gate import rules
from onepark.contexts.gate.model import ClockState, HeartbeatIn, Rejection
from onepark.contexts.stays.case import CarCase
from onepark.contexts.stays.model import Kind, Open, OpenReason, Passage
from tests.builders import EIGHT, a_passage, inside, minutes
from tests.fakes.books import Books
from tests.unit.gate.test_rules import DEVICE, LANE, LOT_CODE, given
from tests.unit.stays.test_rules import fold

SECOND = timedelta(seconds=1)


def checked(raw: Raw, *, ahead: timedelta, now: datetime = EIGHT) -> Passage | Rejection:
    sender = rules.Sender(DEVICE, LOT_CODE, ahead)
    return rules.check(raw, sender, lane_of={LANE.lane: LANE}.get, now=now)


@pytest.mark.parametrize(
    ("ahead", "suspect"),
    [
        (minutes(4), False),
        (-minutes(10), False),
        (minutes(10) + SECOND, True),
        (-timedelta(days=365), True),
    ],
)
def test_a_passage_is_moved_to_the_time_of_the_platform_and_keeps_what_was_shown(ahead, suspect):
    passage = checked(given(seen_at=(EIGHT + ahead).isoformat()), ahead=ahead)
    assert isinstance(passage, Passage)
    assert (passage.seen_at, passage.shown_at) == (EIGHT, EIGHT + ahead)
    assert passage.clock_suspect is suspect


def test_a_clock_that_fell_back_to_1970_is_mended_where_its_offset_is_known():
    shown = datetime.fromisoformat("1970-01-01T00:03:00+00:00")
    unknown = checked(given(seen_at=shown.isoformat()), ahead=timedelta(0))
    assert isinstance(unknown, Rejection)
    assert unknown.reason == "gate.seen_at_out_of_range"
    passage = checked(given(seen_at=shown.isoformat()), ahead=shown - EIGHT)
    assert isinstance(passage, Passage)
    assert passage.seen_at == EIGHT


def test_an_offset_beyond_all_calendars_is_refused_or_never_billed():
    refused = checked(given(), ahead=timedelta(days=-365 * 4500))
    assert isinstance(refused, Rejection)
    assert refused.reason == "gate.seen_at_out_of_range"
    left = checked(given(), ahead=timedelta(days=365 * 4500))
    assert isinstance(left, Passage)
    assert (left.seen_at, left.clock_suspect) == (EIGHT, True)


def test_an_entry_that_an_exit_carries_was_told_by_the_same_clock():
    told = given(
        kind="exit",
        seen_at=(EIGHT + minutes(3)).isoformat(),
        entered_at=(EIGHT - minutes(57)).isoformat(),
    )
    passage = checked(told, ahead=minutes(3))
    assert isinstance(passage, Passage)
    assert passage.entered_at == EIGHT - minutes(60)


@for_all(st.timedeltas(-minutes(4), minutes(4)))
def test_the_same_passage_is_the_same_whatever_was_known_of_the_clock(ahead):
    """A gate sends it again after its heartbeat: that is a repeat and no conflict."""
    before, after = checked(given(), ahead=timedelta(0)), checked(given(), ahead=ahead)
    assert isinstance(before, Passage)
    assert isinstance(after, Passage)
    assert before.fingerprint == after.fingerprint


@pytest.mark.parametrize(
    ("offset", "state"),
    [
        (5 * SECOND, ClockState.RIGHT),
        (-6 * SECOND, ClockState.CORRECTED),
        (minutes(10), ClockState.CORRECTED),
        (minutes(11), ClockState.NOT_BILLED),
    ],
)
def test_a_device_is_told_what_its_clock_is_good_for(offset, state):
    assert rules.clock_of(offset) is state


def test_lost_numbers_need_their_epoch_and_run_forward():
    assert rules.why_no_holes(HeartbeatIn(lost=((1, 2),))) is not None
    assert rules.why_no_holes(HeartbeatIn(epoch=1, lost=((3, 2),))) is not None
    assert rules.why_no_holes(HeartbeatIn(epoch=1, lost=((2, 2),))) is None


# -- what it costs -----------------------------------------------------------------------------


def test_nobody_is_charged_by_a_clock_that_is_too_wrong():
    """The car is let out; what it would have cost is computed and written off."""
    books = Books()
    books.take(a_passage(Kind.ENTRY, EIGHT, clock_suspect=True))
    books.take(a_passage(Kind.EXIT, EIGHT + minutes(61)))
    [stay], [order] = books.real(), books.orders.values()
    assert stay.marks == ["clock_suspect"]
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (1000, 0, 1000)


def test_a_car_at_such_a_lane_is_let_out():
    case: CarCase = CarCase(passages=[], **inside())
    case.passages.append(a_passage(Kind.EXIT_REQUEST, EIGHT + minutes(61), clock_suspect=True))
    [kept] = fold(case).kept
    assert isinstance(kept.answer.decision, Open)
    assert kept.answer.decision.reason == OpenReason.FREE


def test_it_is_not_charged_later_either_when_more_is_heard_of():
    books = Books()
    books.take(a_passage(Kind.ENTRY, EIGHT, clock_suspect=True))
    books.take(a_passage(Kind.EXIT, EIGHT + minutes(200)))
    books.take(a_passage(Kind.EXIT, EIGHT + minutes(61)))
    order = books.orders[books.real()[0].stay_id]
    assert (order.fee_fen, order.owed_fen, order.written_off_fen) == (1000, 0, 1000)
