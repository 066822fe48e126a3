"""The controls of the fault runs: what is broken must be caught, what is sound must pass."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.checker import Seen, violations
from tests.faults.traffic import Car

CAME = datetime(2026, 9, 1, 8, tzinfo=UTC)
LEFT = CAME + timedelta(hours=2)


def car(plate: str, *, left: bool) -> Car:
    answers: dict[str, Any] = {f"entry-{plate}": {}} | ({f"exit-{plate}": {}} if left else {})
    return Car("JY01", plate, CAME, LEFT, answers)


def stay(*, left: bool, **other: Any) -> dict[str, Any]:
    return {
        "state": "closed" if left else "open",
        "entered_at": CAME,
        "exited_at": LEFT if left else None,
        "fee_fen": 800 if left else None,
        **other,
    }


CARS = [car("A", left=True), car("B", left=True), car("C", left=False)]


def sound(**other: Any) -> Seen:
    ids = [passage_id for one in CARS for passage_id in one.answers]
    parts: dict[str, Any] = {
        "stays": {("JY01", one.plate): [stay(left=one.plate != "C")] for one in CARS},
        "answered": dict.fromkeys(ids, True),
        "passages": dict.fromkeys(ids, 1),
        "counts": {"JY01": 1},
        "board": {"JY01": 1},
    }
    return Seen(**parts | other)


def broken(**other: Any) -> set[str]:
    return {one.invariant for one in violations(CARS, sound(**other))}


def test_a_sound_history_passes() -> None:
    assert not broken()


@pytest.mark.parametrize("name", ["answered", "passages"])
def test_a_lost_passage_is_caught(name: str) -> None:
    held = dict(getattr(sound(), name))
    del held["exit-B"]
    assert broken(**{name: held}) == {"I9"}


def test_a_claim_without_an_answer_is_caught() -> None:
    assert broken(answered={**sound().answered, "exit-B": False}) == {"I9"}


def test_a_doubled_passage_is_caught() -> None:
    assert broken(passages={**sound().passages, "entry-A": 2}) == {"I9"}


@pytest.mark.parametrize(
    "stays",
    [
        [],
        [stay(left=True), stay(left=True)],
        [stay(left=False)],
        [stay(left=True, exited_at=LEFT + timedelta(seconds=1))],
    ],
    ids=["lost", "doubled", "still open", "of another time"],
)
def test_a_wrong_stay_is_caught(stays: list[dict[str, Any]]) -> None:
    assert "I4" in broken(stays={**sound().stays, ("JY01", "A"): stays})


def test_a_stay_of_nobody_is_caught() -> None:
    assert broken(stays={**sound().stays, ("JY01", "Z"): [stay(left=True)]}) == {"I4b"}


def test_another_fee_for_the_same_is_caught() -> None:
    assert broken(stays={**sound().stays, ("JY01", "A"): [stay(left=True, fee_fen=801)]}) == {"I7"}


@pytest.mark.parametrize("name", ["counts", "board"])
def test_a_drifted_count_is_caught(name: str) -> None:
    assert broken(**{name: {"JY01": 2}}) == {"I6"}
