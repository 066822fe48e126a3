"""What must hold when the traffic has stopped, whatever happened before.

Owns: one function an invariant of the list in docs/faults.md, each returning what breaks it.
Never: mends, or asks the traffic's own memory of anything but what it was told.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import asyncpg

from onepark.simulator.city.wire import Trade
from tests.faults.money import MONEY, NO_MONEY, Money, money_of
from tests.faults.traffic import Car

SHOWN_MAX = 5
STAYS = """
    SELECT lot.code, s.plate, s.state, s.entered_at, s.exited_at, o.fee_fen
    FROM stays.stay AS s
    JOIN registry.lot AS lot USING (lot_id)
    LEFT JOIN stays.stay_order AS o USING (lot_id, stay_id)
"""
ANSWERED = "SELECT passage_id, answer IS NOT NULL AS answered FROM stays.claim"
KEPT = "SELECT passage_id, count(*) AS times FROM stays.passage GROUP BY passage_id"
KEPT_COUNTS = """
    SELECT lot.code, sum(occupied) AS occupied FROM stays.count
    JOIN registry.lot AS lot USING (lot_id) GROUP BY lot.code
"""


class Violation(NamedTuple):
    """An invariant that does not hold, and what shows it."""

    invariant: str
    what: str


class Seen(NamedTuple):
    """The database at rest, and what readers are told."""

    stays: Mapping[tuple[str, str], Sequence[asyncpg.Record]]
    answered: Mapping[str, bool]
    passages: Mapping[str, int]
    counts: Mapping[str, int]
    board: Mapping[str, int]
    money: Money = NO_MONEY


async def look(url: str, board: Mapping[str, int], trades: Sequence[Trade] = ()) -> Seen:
    """Read everything once."""
    connection = await asyncpg.connect(url)
    try:
        stays: dict[tuple[str, str], list[asyncpg.Record]] = {}
        for row in await connection.fetch(STAYS):
            stays.setdefault((row["code"], row["plate"]), []).append(row)
        return Seen(
            stays,
            {row["passage_id"]: row["answered"] for row in await connection.fetch(ANSWERED)},
            {row["passage_id"]: row["times"] for row in await connection.fetch(KEPT)},
            {row["code"]: int(row["occupied"]) for row in await connection.fetch(KEPT_COUNTS)},
            board,
            await money_of(connection, trades),
        )
    finally:
        await connection.close()


def acknowledged_is_kept(cars: Sequence[Car], seen: Seen) -> list[str]:
    """I9: what was answered is there, with its answer, once."""
    told = [passage_id for car in cars for passage_id in car.answers]
    lost = [one for one in told if not seen.answered.get(one) or one not in seen.passages]
    doubled = [one for one in told if seen.passages.get(one, 0) > 1]
    return [f"{one} is lost" for one in lost] + [f"{one} is kept twice" for one in doubled]


def one_stay_a_visit(cars: Sequence[Car], seen: Seen) -> list[str]:
    """I4 and I15: one stay a visit, from its entry to its exit, closed if it left."""
    wrong = []
    for car in cars:
        stays = [
            (row["state"], row["entered_at"], row["exited_at"])
            for row in seen.stays.get((car.lot, car.plate), ())
        ]
        has_left = f"exit-{car.plate}" in car.answers
        left = ("closed", car.entered_at, car.left_at)
        if stays != [left if has_left else ("open", car.entered_at, None)]:
            wrong.append(f"{car.lot} {car.plate}: {stays}")
    return wrong


def fees_are_alike(cars: Sequence[Car], seen: Seen) -> list[str]:
    """I3 and I7: every visit of a lot of the same length at one time of day has one price."""
    fees: dict[tuple[str, object], Counter[int | None]] = {}
    for car in cars:
        for row in seen.stays.get((car.lot, car.plate), ()):
            if row["state"] == "closed":
                at = (car.lot, (car.entered_at, car.left_at))
                fees.setdefault(at, Counter())[row["fee_fen"]] += 1
    return [f"{lot} at {at}: {dict(found)}" for (lot, at), found in fees.items() if len(found) > 1]


def counts_are_right(cars: Sequence[Car], seen: Seen) -> list[str]:
    """I6: a lot holds the cars that came and did not leave, in the books and on the board."""
    inside = Counter(car.lot for car in cars if f"exit-{car.plate}" not in car.answers)
    return [
        f"{lot}: {inside[lot]} inside, {seen.counts.get(lot, 0)} in the books, "
        f"{seen.board.get(lot)} on the board"
        for lot in {car.lot for car in cars}
        if not seen.counts.get(lot, 0) == seen.board.get(lot) == inside[lot]
    ]


def nobody_else_is_there(cars: Sequence[Car], seen: Seen) -> list[str]:
    """I4, the other way: no stay without a car."""
    known = {(car.lot, car.plate) for car in cars}
    return [f"{lot} {plate} is nobody's" for lot, plate in seen.stays if (lot, plate) not in known]


def _of_money(holds: Callable[[Sequence[Car], Money], list[str]]) -> "Check":
    return lambda cars, seen: holds(cars, seen.money)


Check = Callable[[Sequence[Car], Seen], list[str]]
INVARIANTS: Mapping[str, Check] = {
    "I9": acknowledged_is_kept,
    "I4": one_stay_a_visit,
    "I7": fees_are_alike,
    "I6": counts_are_right,
    "I4b": nobody_else_is_there,
    **{name: _of_money(holds) for name, holds in MONEY.items()},
}


def violations(cars: Sequence[Car], seen: Seen) -> list[Violation]:
    """Return everything that does not hold."""
    return [
        Violation(name, what) for name, holds in INVARIANTS.items() for what in holds(cars, seen)
    ]
