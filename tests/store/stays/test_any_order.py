"""The same passages come to the same stays, fees and counts in the database, whatever the order."""

import random
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from itertools import count, permutations

import pytest
from msgspec.structs import replace

from onepark.contexts.stays.model import Kind, Outcome, Passage
from onepark.contexts.stays.service import Stays
from onepark.kernel.types import LotId
from tests.builders import EIGHT, minutes
from tests.fakes.histories import State, a_history, a_passage_of, expected, splits
from tests.reference.stay_oracle import Visit, visits

ENTRY, ASK, EXIT = Kind.ENTRY, Kind.EXIT_REQUEST, Kind.EXIT
lots = count(700_000)

Batches = list[list[Passage]]

HISTORIES = [
    (("entry", "exit", "entry", "exit"), (30, 30, 30)),
    (("exit", "entry", "derived", "exit"), (30, 30, 5)),
    (("entry", "entry", "exit", "exit"), (30, 30, 1)),
    (("entry", "carried", "entry", "carried"), (30, 5, 30)),
]


async def take_side_by_side(stays: Stays, variants: Sequence[Batches]) -> list[LotId]:
    """Take each variant in a lot of its own, the first batches of all together, then the next."""
    of = [LotId(next(lots)) for _ in variants]
    for step in range(max(map(len, variants))):
        moved = [
            replace(passage, lot_id=lot)
            for lot, batches in zip(of, variants, strict=True)
            if step < len(batches)
            for passage in batches[step]
        ]
        for start in range(0, len(moved), 1000):
            await stays.take(moved[start : start + 1000])
    return of


async def states(owner, of: Sequence[LotId]) -> dict[LotId, dict[str, State]]:
    """Return what each lot's cars came to, and how many the lot holds."""
    rows = await owner.fetch(
        """
        SELECT s.lot_id, s.car_key, s.state, s.entered_at, s.entry_lane, s.exited_at, s.exit_lane,
            s.exit_derived, o.fee_fen
        FROM stays.stay AS s
        LEFT JOIN stays.stay_order AS o ON o.lot_id = s.lot_id AND o.stay_id = s.stay_id
        WHERE s.lot_id = ANY ($1) AND s.state <> 'void'
        ORDER BY CASE WHEN s.entry_lane IS NULL THEN s.exited_at ELSE s.entered_at END
        """,
        of,
    )
    found: dict[LotId, dict[str, State]] = {lot: {} for lot in of}
    for lot, car, *visit, fee in rows:
        told, fees, inside = found[lot].get(car, ([], [], 0))
        told.append(Visit(*visit))
        fees += [fee] if visit[0] == "closed" else []
        found[lot][car] = (told, fees, inside + (visit[0] == "open"))
    return found


async def occupied(owner, of: Sequence[LotId]) -> dict[LotId, int]:
    rows = await owner.fetch("SELECT lot_id, occupied FROM stays.count WHERE lot_id = ANY ($1)", of)
    return dict.fromkeys(of, 0) | {row["lot_id"]: row["occupied"] for row in rows}


async def same_as_the_oracle(
    stays: Stays, owner, history: Sequence[Passage], variants: Sequence[Batches]
) -> None:
    of = await take_side_by_side(stays, variants)
    wanted = expected(history)
    held = await occupied(owner, of)
    for lot, cars in (await states(owner, of)).items():
        assert list(cars.values()) == [wanted]
        assert held[lot] == wanted[2]


@pytest.mark.parametrize(("kinds", "gaps"), HISTORIES)
async def test_four_passages_in_every_order_and_every_split(stays, owner, kinds, gaps):
    history = a_history(kinds, gaps)
    variants = [split for order in permutations(history) for split in splits(order)]
    await same_as_the_oracle(stays, owner, history, variants)


async def test_seven_passages_in_a_sample_of_orders_splits_and_repeats(stays, owner):
    chance = random.Random(7)
    for _ in range(4):
        kinds = chance.choices(("entry", "exit", "derived", "carried", "ask"), (6, 6, 1, 1, 2), k=7)
        history = a_history(kinds, chance.choices((1, 5, 30), k=6))
        variants: list[Batches] = []
        for _ in range(150):
            sent = [*history, *chance.sample(history, 3)]
            chance.shuffle(sent)
            cuts = sorted(chance.sample(range(1, 10), chance.randrange(6)))
            ends = zip([0, *cuts], [*cuts, 10], strict=True)
            variants.append([sent[start:end] for start, end in ends])
        await same_as_the_oracle(stays, owner, history, variants)


def a_day(chance: random.Random, *, cars: int) -> dict[str, list[Passage]]:
    """A day of a lot: each car comes up to three times; some passages are never told of."""
    day: dict[str, list[Passage]] = {}
    for number in range(cars):
        plate, at, told = f"苏B{number:05d}", EIGHT, []
        for _ in range(chance.randint(1, 3)):
            at += minutes(chance.randint(5, 200))
            told.append(a_passage_of("entry", at, plate=plate))
            at += minutes(chance.randint(1, 300))
            told.append(a_passage_of(chance.choice(("exit", "exit", "derived")), at, plate=plate))
            if chance.random() < 0.2:
                told.append(a_passage_of("exit", at + minutes(1), plate=plate))
        day[f"{plate}/blue"] = [one for one in told if chance.random() < 0.95]
    return day


async def fingerprint(owner, lot: LotId) -> str:
    """Return one hash of all that a lot's passages came to."""
    cars = (await states(owner, [lot]))[lot]
    held = (await occupied(owner, [lot]))[lot]
    return sha256(repr((sorted(cars.items()), held)).encode()).hexdigest()


async def test_shuffled_days_of_a_lot_have_one_hash(stays, owner):
    chance = random.Random(2026)
    day = a_day(chance, cars=120)
    passages = [one for told in day.values() for one in told]
    hashes = set()
    for _ in range(4):
        lot = LotId(next(lots))
        chance.shuffle(passages)
        for start in range(0, len(passages), 97):
            batch = [replace(one, lot_id=lot) for one in passages[start : start + 97]]
            again = batch[: chance.randrange(5)]
            taken = (await stays.take([*batch, *again])).taken
            assert {one.outcome for one in taken} <= {Outcome.ACCEPTED, Outcome.DUPLICATE}
        hashes.add(await fingerprint(owner, lot))
    assert len(hashes) == 1
    told = (await states(owner, [lot]))[lot]
    assert told == {car: expected(one) for car, one in day.items() if visits(one)}


async def test_the_raw_record_tells_what_each_passage_has_come_to_in_the_end(stays, owner):
    lot = LotId(next(lots))
    late, *rest = a_history(("entry", "exit", "exit"), (30, 30), lot_id=lot)
    await stays.take(rest)
    rows = await owner.fetch("SELECT state FROM stays.passage WHERE lot_id = $1", lot)
    assert [row["state"] for row in rows] == ["held", "held"]
    await stays.take([late])
    rows = await owner.fetch(
        "SELECT p.state, s.state AS stay FROM stays.passage AS p JOIN stays.stay AS s"
        " USING (lot_id, stay_id) WHERE lot_id = $1 ORDER BY p.seen_at",
        lot,
    )
    assert [tuple(row) for row in rows] == [
        ("folded", "closed"),
        ("folded", "closed"),
        ("held", "entry_missing"),
    ]


async def test_a_stay_that_was_kept_for_an_exit_is_the_visit_that_its_entry_completes(stays, owner):
    """Two cameras of the exit were heard of before the entry: all of it is one stay."""
    lot = LotId(next(lots))
    entry, early, gone = a_history(("entry", "exit", "exit"), (60, 1.5), lot_id=lot)
    for passage in (gone, early, entry):
        await stays.take([passage])
    found = await owner.fetch("SELECT state FROM stays.stay WHERE lot_id = $1", lot)
    assert [row["state"] for row in found] == ["closed"]


async def test_more_passages_than_are_folded_again_leave_a_late_one_as_it_is(
    stays, owner, monkeypatch
):
    monkeypatch.setattr("onepark.contexts.stays.history_store.REFOLDED_MAX", 3)
    lot = LotId(next(lots))
    days = [EIGHT + timedelta(days=day) for day in range(1, 5)]
    for at in days:
        await stays.take([a_passage_of("entry", at, lot_id=lot)])
    taken = (await stays.take([a_passage_of("exit", EIGHT, lot_id=lot)])).taken
    assert [one.outcome for one in taken] == [Outcome.ACCEPTED], "it is kept all the same"
    late = await owner.fetchval(
        "SELECT count(*) FROM stays.passage WHERE lot_id = $1 AND state = 'late'", lot
    )
    assert late == 1
