"""A day at a lot, as its gates tell of it, and what the lot says of itself."""

import random
from datetime import datetime
from itertools import count
from typing import Any

from onepark.contexts.stays.model import Kind, Passage
from onepark.contexts.vacancies.model import Snapshot
from onepark.kernel.types import LotId, Pool
from tests.builders import EIGHT, a_passage, minutes

ENTRY, EXIT, ASK = Kind.ENTRY, Kind.EXIT, Kind.EXIT_REQUEST
numbers = count(1)


def a_day(lot: LotId, seed: int) -> list[list[Passage]]:
    """Batches of a day at a lot whose gates miss cars, send late and stand at odd lanes."""
    chance = random.Random(seed)
    passages: list[tuple[datetime, Passage]] = []
    for car in range(30):
        at, plate = EIGHT + minutes(chance.uniform(0, 200)), f"苏B{car:05}"
        for _ in range(chance.randint(1, 4)):
            left_at = at + minutes(chance.choice([1, 30, 90]) * chance.random())
            ways: list[tuple[Kind, dict[str, Any]]] = [(EXIT, {}), (EXIT, {"entered_at": at})]
            kind, more = chance.choice([*ways, (ASK, {"confirms_exit": False})])
            came = a_passage(ENTRY, at, lot_id=lot, plate=plate)
            went = a_passage(kind, left_at, lot_id=lot, plate=plate, **more)
            for passage in (came, went):
                if chance.random() > 0.12:
                    late = minutes(chance.choice([0, 0, 0, 0, 45, 240]))
                    passages.append((passage.seen_at + late, passage))
            at = left_at + minutes(chance.uniform(3, 60))
    coming = [passage for _, passage in sorted(passages, key=lambda pair: pair[0])]
    cuts = sorted(chance.sample(range(len(coming)), 6))
    return [coming[a:b] for a, b in zip([0, *cuts], [*cuts, len(coming)], strict=True) if a < b]


def a_snapshot(lot: LotId, at: datetime, occupied: int, **changes: Any) -> Snapshot:
    number, pool = next(numbers), changes.pop("pool", Pool.SHORT_STAY)
    values: dict[str, Any] = {
        "lot_id": lot,
        "operator_id": 7,
        "device_id": "cam",
        "snapshot_id": f"s{number}",
        "taken_at": at,
        "received_at": at,
        "fingerprint": number.to_bytes(16, "big"),
        "occupied": {pool: occupied},
    }
    return Snapshot(**(values | changes))
