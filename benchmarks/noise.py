"""How cameras misread: a published confusion model that the shipped prior has not seen.

Owns: the mix of errors, the pairs of look-alikes with their weights, and what becomes of a plate.
Never: shares a figure of a pair with the prior that it tests (native/core/src/plate/prior.json).
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
SERIAL = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

# The mix that one operator has published (docs/plates.md): shares of a hundred misread passages.
MIX = {
    "look_alike": 45,
    "missing_tail": 25,
    "dissimilar": 12,
    "missing_middle": 8,
    "province": 6,
    "multiple": 4,
}
TWO_TAILS = 0.15  # of the missing tails, so many lack two characters
CITY_CODE = 0.3  # of the slips in the first two places, so many are in the letter
COLOR_UNKNOWN, COLOR_WRONG, VEHICLE_WRONG = 0.02, 0.01, 0.005

# Groups whose members are read for each other, as several public post-processors list them.
GROUPS = ("0QDC", "1LTJ7", "2Z7", "5S86", "8B3", "6G", "4A", "EF", "CG", "UV", "MNW", "PR", "XKY")
OWN_PAIRS = 0.5  # so many of the other errors are pairs that only this camera confuses


class Noise:
    """One camera's confusions: the pairs of every group, weighted, and pairs of its own."""

    def __init__(self, seed: int) -> None:
        """Draw the weights; two seeds are two cameras."""
        random = Random(seed)
        self._listed = {true: _weighted(_listed(true), random) for true in SERIAL}
        self._own = {true: random.sample([c for c in SERIAL if c != true], 2) for true in SERIAL}

    def misread(self, plate: str, random: Random) -> str:
        """Return what was read instead of the plate; never the plate."""
        while True:
            (kind,) = random.choices(list(MIX), list(MIX.values()))
            seen = self._apply(kind, plate, random)
            if seen != plate:
                return seen

    def _apply(self, kind: str, plate: str, random: Random) -> str:
        if kind == "multiple":
            singles = [name for name in MIX if name != kind]
            weights = [MIX[name] for name in singles]
            for single in random.choices(singles, weights, k=2):
                plate = self._apply(single, plate, random)
            return plate
        if kind == "missing_tail":
            return plate[: -2 if random.random() < TWO_TAILS else -1]
        if kind == "province":
            return _slip(plate, random)
        place = random.randrange(2, len(plate)) if len(plate) > 2 else 0  # noqa: PLR2004
        if kind == "missing_middle":
            place = min(place, len(plate) - 2)
            return plate[:place] + plate[place + 1 :]
        if plate[place] not in SERIAL:
            return plate
        other = self._look_alike if kind == "look_alike" else self._dissimilar
        return plate[:place] + other(plate[place], random) + plate[place + 1 :]

    def _look_alike(self, true: str, random: Random) -> str:
        listed, weights = self._listed[true]
        return random.choices(listed, weights)[0] if listed else random.choice(self._own[true])

    def _dissimilar(self, true: str, random: Random) -> str:
        is_own = random.random() < OWN_PAIRS
        return random.choice(self._own[true]) if is_own else _any(true, random)


class Report(NamedTuple):
    """What a device reports of a car: plate, colour, vehicle, epoch second."""

    plate: str
    color: str
    vehicle: str
    at_s: int


def report(plate: str, color: str, at_s: int, random: Random) -> Report:
    """Return a report whose colour and vehicle class are now and then wrong."""
    chance = random.random()
    if chance < COLOR_UNKNOWN:
        color = "unknown"
    elif chance < COLOR_UNKNOWN + COLOR_WRONG:
        color = random.choice(("blue", "yellow", "green"))
    vehicle = "large" if random.random() < VEHICLE_WRONG else "small"
    return Report(plate, color, vehicle, at_s)


def _listed(true: str) -> list[str]:
    return sorted({other for group in GROUPS if true in group for other in group} - {true})


def _weighted(others: list[str], random: Random) -> tuple[list[str], Sequence[float]]:
    return others, [random.expovariate(1.0) + 0.1 for _ in others]


def _slip(plate: str, random: Random) -> str:
    if random.random() < CITY_CODE:
        return plate[0] + _any(plate[1:2] or "B", random, SERIAL[10:]) + plate[2:]
    return _any(plate[0], random, PROVINCES) + plate[1:]


def _any(true: str, random: Random, alphabet: str = SERIAL) -> str:
    return random.choice([c for c in alphabet if c != true])
