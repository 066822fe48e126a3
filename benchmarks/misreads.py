"""Misread exits of a synthetic city: how many find their car, how many another, how many wait.

Owns: the lots, their cars and their exits; the confusions are those of noise.py.
Never: tells the matcher anything that a gate does not report, or uses the figures of its prior.

Two cities, one at each rate, begin with the model that ships and learn as the platform does: from
exits that found their car by themselves and from those that a person decided. Every exit counts,
the first ones too.

usage: nox -s misreads -- [--exits 525000] [--seed 1] [--shipped] [--margin 11000]
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from math import sqrt
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.noise import Noise, Report, report
from onepark import _native
from onepark.contexts.stays.lessons import is_plate
from onepark.contexts.stays.plates import LEARN_FROM, READINGS_MAX
from onepark.simulator.city.plates import Plate, draw_plate

RATES = (0.02, 0.10)  # of all readings, at the entry and at the exit
SIZES = (10, 100, 1_000, 10_000)
SMALL = 1_000  # the largest size that the sum counts
FEWER = 25  # of the larger ones, so many times fewer exits: they take long
NOW_S = 1_800_000_000
STAY_LOG_MEAN, STAY_LOG_DEVIATION = 8.5, 1.0  # of the natural log of seconds: half leave by 82 min
STAY_MEAN_S = 8_103
MISSING_EXITS = 0.01
CLEARED_AFTER_S = 72 * 3_600  # a stay whose exit was missed stays open so long
STRANGERS = 0.05  # cars whose entry was missed, for each car that leaves


HEAD = """\
| rate | inside | exits | recall@1 | resolved | held | wrong in 100,000 | collided in 100,000 \
| resolved, entry right | wrong in 100,000, entry right | strangers taken |
|---|---|---|---|---|---|---|---|---|---|---|"""


class Car(NamedTuple):
    """A car of the lot: its plate, and what the entry camera reported."""

    plate: Plate
    entered: Report
    has_left: bool

    @property
    def was_misread(self) -> bool:
        """Whether the stay was opened with another text."""
        return self.entered.plate != self.plate.text


class Case(NamedTuple):
    """Lots of one size, at one rate of misreadings."""

    rate: float
    inside: int
    exits: int
    seed: int


Answer = tuple[str, list[tuple[int, int, list[str]]]]


class Row(NamedTuple):
    """What became of the misread exits of a case."""

    rate: float
    inside: int
    counts: Counter[str]


def main() -> None:
    """Measure every rate and size, and print a table with what all of them make together."""
    args = _arguments()
    print(f"margin {args.margin}, seed {args.seed}, learns: {not args.shipped}", flush=True)
    print(HEAD, flush=True)
    began = time.perf_counter()
    rows = [row for rate in RATES for row in _city(rate, args)]
    small = [row.counts for row in rows if row.inside <= SMALL]
    print(_line(Row(0.0, 0, sum(small, Counter()))))
    print(f"\n{time.perf_counter() - began:.0f} s", flush=True)
    if args.json:
        found = [{"rate": rate, "inside": inside, **counts} for rate, inside, counts in rows]
        args.json.write_text(json.dumps(found, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exits", type=int, default=525_000, help="misread exits a rate and size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shipped", action="store_true", help="keep the model that ships")
    default = json.loads(_native.prior_plate_model())["margin"]
    parser.add_argument("--margin", type=int, default=default, help="another than the default")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


class Camera:
    """The kind of camera that a city has, and the model that it has learned so far."""

    def __init__(self, *, margin: int, learns: bool) -> None:
        """Begin with the model that ships."""
        body = json.loads(_native.prior_plate_model())
        self.body = json.dumps(body | {"margin": margin})
        self.model = _native.PlateModel(self.body)
        self.learns = learns
        self.readings: list[tuple[str, str]] = []

    def learn(self, readings: Iterable[tuple[str, str]]) -> None:
        """Take what became known of its readings; make new versions when the platform would."""
        self.readings += readings
        while self.learns and len(self.readings) >= LEARN_FROM:
            taken, self.readings = self.readings[:READINGS_MAX], self.readings[READINGS_MAX:]
            self.body = _native.learn_plate_model(self.body, taken)
            self.model = _native.PlateModel(self.body)


def _city(rate: float, args: argparse.Namespace) -> list[Row]:
    """Let the lots of every size have their exits side by side, all under one kind of camera."""
    camera = Camera(margin=args.margin, learns=not args.shipped)
    cases = [
        Case(rate, inside, args.exits if inside <= SMALL else args.exits // FEWER, args.seed)
        for inside in SIZES
    ]
    measured = [Measured(case, camera) for case in cases]
    while behind := [one for one in measured if one.share < 1]:
        min(behind, key=lambda one: one.share).next_lot()
    rows = [Row(rate, one.case.inside, one.counts) for one in measured]
    for row in rows:
        print(_line(row), flush=True)
    return rows


class Measured:
    """One size of lots, and what became of its exits so far."""

    def __init__(self, case: Case, camera: Camera) -> None:
        """Begin with no exit."""
        self.case, self.camera = case, camera
        self.random = Random(f"{case.seed} {case.rate} {case.inside}")
        self.noise = Noise(case.seed)
        self.counts: Counter[str] = Counter()

    @property
    def share(self) -> float:
        """How much of the case is done."""
        return self.counts["exits"] / self.case.exits

    def next_lot(self) -> None:
        """Let every car leave one lot misread, and cars come by that never came in."""
        model = self.camera.model
        lot = _lot(self.case, self.noise, self.random)
        leaving = [index for index, car in enumerate(lot) if not car.has_left]
        leaving = leaving[: self.case.exits - self.counts["exits"]]
        readings = [_misread(lot[index].plate, self.noise, self.random) for index in leaving]
        stays = [car.entered for car in lot]
        known = []
        answers = model.match_many(readings, stays)
        for index, reading, answer in zip(leaving, readings, answers, strict=True):
            self.counts.update(_outcome(lot[index], index, answer))
            known.append((reading.plate, stays[_taken(answer, index)].plate))
        strangers = list(_strangers(lot, self.random))
        for verdict, _ in model.match_many(strangers, stays):
            self.counts["strangers"] += 1
            self.counts["strangers_taken"] += verdict == "accepted"
        self.camera.learn(pair for pair in known if is_plate(pair[1]))


def _taken(answer: Answer, index: int) -> int:
    """Return the stay that the books say it was: where a person decided, the right one."""
    verdict, ranked = answer
    return ranked[0][0] if verdict in {"accepted", "exact"} else index


def _lot(case: Case, noise: Noise, random: Random) -> list[Car]:
    """Return the open stays of one lot; some of the cars have left unseen."""
    gone = MISSING_EXITS * CLEARED_AFTER_S / STAY_MEAN_S
    share_gone = gone / (1 + gone)
    cars: dict[Plate, Car] = {}
    while len(cars) < case.inside:
        plate = draw_plate(random)
        if plate in cars:
            continue
        has_left = random.random() < share_gone
        stay_s = random.lognormvariate(STAY_LOG_MEAN, STAY_LOG_DEVIATION)
        age_s = random.uniform(0, CLEARED_AFTER_S) if has_left else stay_s
        text = noise.misread(plate.text, random) if random.random() < case.rate else plate.text
        text = _native.normalise_plate(text)
        cars[plate] = Car(plate, report(text, plate.color, NOW_S - int(age_s), random), has_left)
    return list(cars.values())


def _misread(plate: Plate, noise: Noise, random: Random) -> Report:
    text = _native.normalise_plate(noise.misread(plate.text, random))
    return report(text, plate.color, NOW_S, random)


def _strangers(lot: list[Car], random: Random) -> Iterator[Report]:
    """Yield right readings of cars that are not inside, as far as the books know."""
    inside = {car.plate.text for car in lot}
    for _ in range(max(1, int(len(lot) * STRANGERS))):
        plate = draw_plate(random)
        if plate.text not in inside:
            yield report(plate.text, plate.color, NOW_S, random)


def _outcome(car: Car, index: int, answer: Answer) -> Iterator[str]:
    verdict, ranked = answer
    is_right = bool(ranked) and ranked[0][0] == index
    yield "exits"
    if car.was_misread:
        yield "entries_misread"
    if is_right:
        yield "first"
    if verdict not in {"accepted", "exact"}:
        yield "held"
        return
    what = "resolved" if is_right else "wrong" if verdict == "accepted" else "collided"
    yield what
    if not car.was_misread and what != "collided":
        yield f"{what}_of_right_entries"


def _line(row: Row) -> str:
    """Return one row of the table: of all exits, and of those whose entry was read right."""
    count = row.counts
    exits, right = count["exits"], count["exits"] - count["entries_misread"]
    rate = f"{row.rate:.0%}" if row.rate else "both"
    inside = f"{row.inside:,}" if row.inside else f"up to {SMALL:,}"
    cells = (
        f"{rate} | {inside} | {exits:,}",
        f"{count['first'] / exits:.4f}",
        f"{count['resolved'] / exits:.4f}",
        f"{count['held'] / exits:.4f}",
        _in_100_000(count["wrong"], exits),
        _in_100_000(count["collided"], exits),
        f"{count['resolved_of_right_entries'] / right:.4f}",
        _in_100_000(count["wrong_of_right_entries"], right),
        f"{count['strangers_taken'] / count['strangers']:.2%}",
    )
    return f"| {' | '.join(cells)} |"


def _in_100_000(count: int, of: int) -> str:
    return f"{count}: {count / of * 1e5:.2f} (< {_upper(count) / of * 1e5:.2f})"


def _upper(count: int) -> float:
    """Bound a Poisson mean from above, at 97.5 %, by the square-root rule."""
    return (sqrt(count + 1) + 0.98) ** 2


if __name__ == "__main__":
    main()
