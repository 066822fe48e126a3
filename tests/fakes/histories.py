"""What devices tell of one car: histories in every order and split, and what they must come to.

Owns: how tests of any order spell passages.
Never: folds anything.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import product

from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.stays.moments import EVIDENCE
from tests.builders import EIGHT, a_passage, minutes
from tests.reference.stay_oracle import Visit, visits

# What a passage of a history may be: an entry, an exit, an opened barrier, an exit with its entry,
# or what shows that the car had gone by then.
WHAT = ("entry", "exit", "derived", "carried", "gone")

State = tuple[list[Visit], list[int | None], int]  # visits, fees of those that ended, cars inside


def a_history(kinds: Sequence[str], gaps: Sequence[float], **changes: object) -> list[Passage]:
    """Passages of one car, one after the other; gaps are minutes."""
    at, told = EIGHT, []
    for number, what in enumerate(kinds):
        at += minutes(gaps[number - 1]) if number else timedelta(0)
        told.append(a_passage_of(what, at, **changes))
    return told


def a_passage_of(what: str, at: datetime, **changes: object) -> Passage:
    """One passage, by a word of WHAT, or ``ask`` for a request that nobody waits for any more."""
    if what == "entry":
        return a_passage(Kind.ENTRY, at, lane="E", **changes)
    if what == "ask":
        late = {"received_at": at + minutes(600)}
        return a_passage(Kind.EXIT_REQUEST, at, lane="X", **(late | changes))
    if what == "gone":
        return a_passage(Kind.EXIT, at, lane="", derived=True, device_id=EVIDENCE, **changes)
    entered_at = at - minutes(12) if what == "carried" else None
    derived = what == "derived"
    return a_passage(Kind.EXIT, at, lane="X", entered_at=entered_at, derived=derived, **changes)


def expected(history: Sequence[Passage]) -> State:
    """Return what a history comes to, at 5 yuan a begun hour."""
    told = visits(history)
    fees: list[int | None] = [
        500 * -((one.entered_at - one.exited_at) // timedelta(hours=1))
        for one in told
        if one.state == "closed" and one.entered_at and one.exited_at
    ]
    return told, fees, sum(one.state == "open" for one in told)


def splits(order: Sequence[Passage]) -> Iterator[list[list[Passage]]]:
    """Cut an order into batches in every way."""
    for cuts in product((False, True), repeat=len(order) - 1):
        batches = [[order[0]]]
        for passage, cut in zip(order[1:], cuts, strict=True):
            if cut:
                batches.append([])
            batches[-1].append(passage)
        yield batches
