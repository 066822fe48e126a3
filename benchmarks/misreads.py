"""Misread exits of a synthetic city: how many find their car, how many another, how many wait.

Owns: the lots, their cars and their exits; the confusions are those of noise.py.
Never: tells the matcher anything that a gate does not report, or uses the figures of its prior.

usage: nox -s misreads -- [--exits 525000] [--seed 1] [--learn 0] [--margin 10000]
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.noise import Noise, Report, report
from onepark import _native
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


class Row(NamedTuple):
    """What became of the misread exits of a case."""

    rate: float
    inside: int
    counts: Counter[str]


def main() -> None:
    """Measure every rate and size, and print a table with what all of them make together."""
    args = _arguments()
    body = json.loads(_model(args.learn, args.seed))
    body["margin"] = args.margin or body["margin"]
    model = _native.PlateModel(json.dumps(body))
    which = f"{model.name} version {model.version}, margin {body['margin']}"
    print(f"model {which}, seed {args.seed}", flush=True)
    print(HEAD, flush=True)
    began = time.perf_counter()
    rows = []
    for rate in RATES:
        for inside in SIZES:
            exits = args.exits if inside <= SMALL else args.exits // FEWER
            rows.append(_measure(model, Case(rate, inside, exits, args.seed)))
            print(_line(rows[-1]), flush=True)
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
    parser.add_argument("--learn", type=int, default=0, help="decisions learned beforehand")
    parser.add_argument("--margin", type=int, help="another margin than the model's")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _model(decisions: int, seed: int) -> str:
    """Return the prior, or what it becomes by so many decisions on readings of the same camera."""
    random, noise, body = Random(~seed), Noise(seed), _native.prior_plate_model()
    pairs = []
    for _ in range(decisions):
        plate = draw_plate(random).text
        pairs.append((_native.normalise_plate(noise.misread(plate, random)), plate))
    for first in range(0, decisions, 5_000):
        body = _native.learn_plate_model(body, pairs[first : first + 5_000])
    return body


def _measure(model: _native.PlateModel, case: Case) -> Row:
    random, noise = Random(f"{case.seed} {case.rate} {case.inside}"), Noise(case.seed)
    counts: Counter[str] = Counter()
    while counts["exits"] < case.exits:
        lot = _lot(case, noise, random)
        leaving = [index for index, car in enumerate(lot) if not car.has_left]
        leaving = leaving[: case.exits - counts["exits"]]
        readings = [_misread(lot[index].plate, noise, random) for index in leaving]
        stays = [car.entered for car in lot]
        for index, answer in zip(leaving, model.match_many(readings, stays), strict=True):
            counts.update(_outcome(lot[index], index, answer))
        strangers = list(_strangers(lot, random))
        for verdict, _ in model.match_many(strangers, stays):
            counts["strangers"] += 1
            counts["strangers_taken"] += verdict == "accepted"
    return Row(case.rate, case.inside, counts)


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


def _outcome(
    car: Car, index: int, answer: tuple[str, list[tuple[int, int, list[str]]]]
) -> Iterator[str]:
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
