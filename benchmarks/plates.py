"""Plates: what the matcher misses beside Levenshtein, and how fast a city-wide lookup is.

Owns: cases P0, P1a and P1b: their loads, their peers, and that both sides answer alike first.
Never: lets a peer do more than the case asks, or asks both sides different questions.

usage: nox -s bench -- --only P0,P1a,P1b
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from random import Random
from statistics import median
from typing import NamedTuple, TypeAlias

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from benchmarks.deletes import Deletes
from benchmarks.noise import Noise
from benchmarks.side_by_side import Measurement, told
from onepark import _native
from onepark.simulator.city.plates import draw_plate

ROUNDS = 5
FALSE_MATCHES = 0.001
INSIDE, LOTS = 1_000, 10
LIST, LOOKUPS, SCANS = 1_000_000, 20_000, 5
NOBODY = -100_000
AT_S = 1_800_000_000


class Found(NamedTuple):
    """How near the best is, how many are as near, and whether the right one is among them."""

    nearness: float
    ties: int
    is_right: bool


def cars(many: int, random: Random) -> list[str]:
    """Return different plates of one city; nearly all of them begin alike."""
    found: dict[str, None] = {}
    while len(found) < many:
        found[draw_plate(random).text] = None
    return list(found)


# P0: misses at one false match in a thousand


def missed_beside_levenshtein() -> Iterator[Measurement]:
    """Misread plates among the cars inside: ours and Levenshtein's misses at one rate of error.

    Text alone counts: colour, class and time say nothing here, so that both sides know the same.
    Each side accepts its best candidate from a nearness on, which is set on cars that are not
    inside. Levenshtein's whole numbers would overshoot the rate, so it may accept a share of the
    last step; of candidates that are equally near it is given its share of the right one.
    """
    rounds = [_missed(seed) for seed in range(1, ROUNDS + 1)]
    ratios = [ours / peer for ours, peer in rounds]
    ours, peer = (median(side) for side in zip(*rounds, strict=True))
    unit = f"share missed, {INSIDE} inside"
    yield told("P0", ratios, (ours, peer), unit)


def _missed(seed: int) -> tuple[float, float]:
    random, noise = Random(seed), Noise(1_000 + seed)
    sides: dict[str, tuple[list[Found], list[Found]]] = {"ours": ([], []), "peer": ([], [])}
    for _ in range(LOTS):
        plates = cars(2 * INSIDE, random)
        inside, strangers = plates[:INSIDE], plates[INSIDE:]
        readings = [noise.misread(plate, random) for plate in inside]
        for name, best in (("ours", _best_by_model), ("peer", _best_by_levenshtein)):
            sides[name][0].extend(best(readings, inside, inside))
            sides[name][1].extend(best(strangers, inside, [""] * INSIDE))
    return _missing(*sides["ours"]), _missing(*sides["peer"])


def _best_by_model(readings: list[str], inside: list[str], right: list[str]) -> list[Found]:
    body = json.loads(_native.prior_plate_model())
    body["threshold"], body["margin"] = -30_000, 1  # rank whatever comes near; the rate decides
    model = _native.PlateModel(json.dumps(body))
    stays = [(plate, "unknown", "", AT_S - 7_200) for plate in inside]
    answers = model.match_many([(plate, "unknown", "", AT_S) for plate in readings], stays)
    found = []
    for (_, ranked), true in zip(answers, right, strict=True):
        best = [index for index, score, _ in ranked if score == ranked[0][1]]
        nearness = ranked[0][1] if ranked else NOBODY
        found.append(Found(nearness, len(best) or 1, true in {inside[index] for index in best}))
    return found


def _best_by_levenshtein(readings: list[str], inside: list[str], right: list[str]) -> list[Found]:
    distances = process.cdist(
        readings, inside, scorer=Levenshtein.distance, dtype=np.uint8, workers=1
    )
    found = []
    for row, true in zip(distances, right, strict=True):
        best = np.flatnonzero(row == row.min())
        found.append(Found(-int(row.min()), len(best), true in {inside[index] for index in best}))
    return found


def _missing(misread: list[Found], strangers: list[Found]) -> float:
    """Return the share of misread plates that are not found at the allowed rate of error."""
    left = FALSE_MATCHES * len(strangers)
    false = Counter(found.nearness for found in strangers)
    right: dict[float, float] = defaultdict(float)
    for found in misread:
        right[found.nearness] += found.is_right / found.ties
    hit = 0.0
    for nearness in sorted({*right, *false}, reverse=True):
        step = false[nearness]
        hit += right[nearness] * (min(1.0, left / step) if step else 1.0)
        left -= step
        if left <= 0:
            break
    return 1 - hit / len(misread)


# P1: lookups in a list of a city


def lookups_beside_a_scan() -> Iterator[Measurement]:
    """Find what is one edit away in a million plates: ours ÷ rapidfuzz over the whole list."""
    random, noise = Random(1), Noise(1)
    plates = cars(LIST, random)
    index = _native.PlateIndex(plates)

    def scan(asked: list[str]) -> list[list[int]]:
        near = process.cdist(
            asked, plates, scorer=Levenshtein.distance, score_cutoff=1, dtype=np.uint8, workers=1
        )
        return [np.flatnonzero(row <= 1).tolist() for row in near]

    asked = [noise.misread(plate, random) for plate in random.sample(plates, 2 * LOOKUPS)]
    assert index.near_many(asked[:SCANS]) == scan(asked[:SCANS])
    yield _race("P1a", (index.near_many, LOOKUPS), (scan, SCANS), asked)


def lookups_beside_deletes() -> Iterator[Measurement]:
    """The same ÷ a SymSpell-style index in numpy that is asked in batches."""
    random, noise = Random(2), Noise(2)
    plates = cars(LIST, random)
    index, peer = _native.PlateIndex(plates), Deletes(plates)

    def near(asked: list[str]) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in asked]
        for question, plate in zip(*(ids.tolist() for ids in peer.near(asked)), strict=True):
            found[question].append(plate)
        return found

    asked = [noise.misread(plate, random) for plate in random.sample(plates, 5 * LOOKUPS)]
    assert index.near_many(asked) == near(asked)
    yield _race("P1b", (index.near_many, LOOKUPS), (near, LOOKUPS), asked)


Side: TypeAlias = tuple[Callable[[list[str]], list[list[int]]], int]


def _race(name: str, ours: Side, peer: Side, asked: list[str]) -> Measurement:
    """Alternate both sides over questions that rotate; a first round of each is not counted."""
    rates: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for (find, many), into in zip((ours, peer), rates, strict=True):
            first = turn * many % len(asked)
            questions = (asked + asked)[first : first + many]
            began = time.perf_counter()
            find(questions)
            into.append(many / (time.perf_counter() - began))
    counted = [(mine, theirs) for mine, theirs in zip(*rates, strict=True)][1:]
    medians = (median(mine for mine, _ in counted), median(theirs for _, theirs in counted))
    return told(name, [mine / theirs for mine, theirs in counted], medians, "lookups/s")


CASES: dict[str, Callable[[], Iterator[Measurement]]] = {
    "P0": missed_beside_levenshtein,
    "P1a": lookups_beside_a_scan,
    "P1b": lookups_beside_deletes,
}
