"""How a city parks: who comes when, and for how long.

Owns: arrivals by hour and lengths of stay by kind of lot, and what follows from them.
Never: reads a clock, or knows a lot, a request or a random number that it was not given.
"""

from bisect import bisect_left
from enum import StrEnum
from math import exp
from random import Random
from typing import NamedTuple

from msgspec import Struct

HOURS = 24
HOUR_S = 3_600
DAY_S = HOURS * HOUR_S
BINS = 96  # quarters of an hour
BIN_S = DAY_S // BINS
QUANTILES = 100
POISSON_MAX = 50.0  # more is drawn in parts, for exp() has an end

ROADSIDE_TYPE, PUBLIC_TYPE = 3, 2  # parking_type of the city interface


class LotFacts(Struct, frozen=True):
    """What the public archive says of a lot, as far as it matters here."""

    parking_type: int | None = None
    parking_locate: int | None = None
    attached_type: str | None = None


class Kind(StrEnum):
    """What people come to a lot for."""

    ROADSIDE = "roadside"
    HOSPITAL = "hospital"
    MALL = "mall"
    HOUSING = "housing"
    OFFICE = "office"
    MARKET = "market"
    PUBLIC = "public"


class Stay(NamedTuple):
    """How long cars stay, in hours: a triangle from the shortest over the usual to the longest."""

    least_h: float
    usual_h: float
    most_h: float


class Profile(NamedTuple):
    """One kind of lot: visits a bay and day, when they begin, and how long they last."""

    turns: float
    by_hour: tuple[int, ...]
    stay: Stay
    overnight: float  # the share that stays as residents and staff do


OVERNIGHT = Stay(8.0, 13.0, 24.0)

PROFILES = {
    Kind.ROADSIDE: Profile(
        9.0,
        (1, 1, 1, 1, 1, 2, 5, 8, 10, 10, 9, 9, 8, 8, 9, 9, 9, 10, 11, 10, 8, 5, 3, 2),
        Stay(0.1, 0.4, 2.5),
        0.02,
    ),
    Kind.HOSPITAL: Profile(
        3.5,
        (1, 1, 1, 1, 1, 4, 12, 22, 24, 18, 12, 7, 7, 14, 14, 9, 6, 5, 5, 4, 3, 2, 2, 1),
        Stay(0.75, 1.75, 3.25),
        0.05,
    ),
    Kind.MALL: Profile(
        2.9,
        (1, 0, 0, 0, 0, 1, 2, 4, 8, 14, 16, 16, 12, 12, 13, 12, 14, 18, 20, 14, 7, 3, 2, 1),
        Stay(1.0, 2.2, 4.25),
        0.05,
    ),
    Kind.HOUSING: Profile(
        1.1,
        (2, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 8, 16, 18, 14, 10, 7, 5, 3),
        Stay(2.0, 12.5, 15.0),
        0.10,
    ),
    Kind.OFFICE: Profile(
        1.6,
        (1, 0, 0, 0, 0, 1, 6, 26, 30, 12, 6, 4, 5, 10, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1),
        Stay(0.5, 8.5, 10.0),
        0.10,
    ),
    Kind.MARKET: Profile(
        7.5,
        (1, 1, 1, 2, 6, 16, 20, 18, 14, 10, 8, 5, 3, 3, 5, 8, 10, 8, 4, 2, 1, 1, 1, 1),
        Stay(0.2, 0.5, 1.5),
        0.02,
    ),
    Kind.PUBLIC: Profile(
        3.0,
        (2, 1, 1, 1, 1, 2, 5, 10, 12, 10, 9, 8, 8, 8, 9, 8, 8, 9, 10, 9, 7, 5, 4, 3),
        Stay(0.25, 1.5, 5.0),
        0.12,
    ),
}

KIND_OF_BUILDING = {
    "01": Kind.HOUSING,
    "03": Kind.HOUSING,
    "04": Kind.OFFICE,
    "06": Kind.HOSPITAL,
    "07": Kind.OFFICE,
    "08": Kind.OFFICE,
    "12": Kind.MARKET,
    "13": Kind.MALL,
    "14": Kind.OFFICE,
    "15": Kind.MALL,
}


def kind_of(facts: LotFacts) -> Kind:
    """Return what a lot is used for; one that the archive says little of is a public one."""
    if facts.parking_type == ROADSIDE_TYPE:
        return Kind.ROADSIDE
    return KIND_OF_BUILDING.get(facts.attached_type or "", Kind.PUBLIC)


class Rhythm(NamedTuple):
    """An ordinary day of one bay of a kind, in quarters of an hour; the day repeats itself."""

    arrivals: tuple[float, ...]  # a second
    departures: tuple[float, ...]  # a second
    inside: tuple[float, ...]  # the share of the bays that is taken


def rhythm_of(profile: Profile) -> Rhythm:
    """Follow the cars of an ordinary day from their arrival to their departure."""
    whole = sum(profile.by_hour)
    arrivals = [profile.turns * profile.by_hour[b * HOURS // BINS] / whole / 4 for b in range(BINS)]
    departures = [0.0] * BINS
    inside = [0.0] * BINS
    for quantile in range(QUANTILES):
        for stay, share in _stays_at((quantile + 0.5) / QUANTILES, profile):
            bins = round(stay * HOUR_S / BIN_S)
            for start, cars in enumerate(arrivals):
                moved = cars * share / QUANTILES
                departures[(start + bins) % BINS] += moved
                for later in range(start, start + bins):
                    inside[later % BINS] += moved
    return Rhythm(
        tuple(cars / BIN_S for cars in arrivals),
        tuple(cars / BIN_S for cars in departures),
        tuple(inside),
    )


def _stays_at(quantile: float, profile: Profile) -> tuple[tuple[float, float], ...]:
    ordinary = _triangle(quantile, profile.stay)
    overnight = _triangle(quantile, OVERNIGHT)
    return (ordinary, 1 - profile.overnight), (overnight, profile.overnight)


def _triangle(quantile: float, stay: Stay) -> float:
    """Return the stay, in hours, that this share of the cars does not exceed."""
    low, mode, high = stay
    if quantile <= (mode - low) / (high - low):
        return low + float((quantile * (high - low) * (mode - low)) ** 0.5)
    return high - float(((1 - quantile) * (high - low) * (high - mode)) ** 0.5)


def bin_of(second_of_day: float) -> int:
    """Return the quarter of an hour that a second of the day lies in."""
    return int(second_of_day % DAY_S) // BIN_S


def draw_stay_s(kind: Kind, random: Random) -> float:
    """Draw how long one car stays."""
    profile = PROFILES[kind]
    stay = OVERNIGHT if random.random() < profile.overnight else profile.stay
    return _triangle(random.random(), stay) * HOUR_S


def spread_of_stays_s(kind: Kind, entries: int) -> list[int]:
    """Return whole seconds of stays so that every entry is equally likely."""
    profile = PROFILES[kind]
    overnight = round(profile.overnight * entries)
    parts = ((entries - overnight, profile.stay), (overnight, OVERNIGHT))
    return [
        round(_triangle((place + 0.5) / count, stay) * HOUR_S)
        for count, stay in parts
        for place in range(count)
    ]


def spread_of_arrivals_s(kind: Kind, entries: int) -> list[int]:
    """Return seconds of the day at which cars come so that every entry is equally likely."""
    by_hour = PROFILES[kind].by_hour
    whole, up_to, spread = sum(by_hour), 0, list[int]()
    for hour, share in enumerate(by_hour):
        up_to += share
        count = up_to * entries // whole - len(spread)
        spread += [hour * HOUR_S + place * HOUR_S // count for place in range(count)]
    return spread


class Visit(NamedTuple):
    """A car that is inside: how long ago it came, and how long it means to stay on."""

    ago_s: float
    stays_s: float


def draw_inside(kind: Kind, bays: int, *, second_of_day: float, random: Random) -> list[Visit]:
    """Draw the cars that stand in a lot at a moment of the day, in the order of their coming.

    Everybody who came in the last day is drawn, and who would have left by now is left out.
    """
    rhythm = RHYTHMS[kind]
    inside: list[Visit] = []
    for back in range(BINS):
        expected = bays * rhythm.arrivals[bin_of(second_of_day - back * BIN_S)] * BIN_S
        for _ in range(draw_poisson(expected, random)):
            ago_s = (back + random.random()) * BIN_S
            stays_s = draw_stay_s(kind, random) - ago_s
            if stays_s > 0:
                inside.append(Visit(ago_s, stays_s))
    return sorted(inside, reverse=True)


def draw_poisson(mean: float, random: Random) -> int:
    """Draw how often something happens that happens ``mean`` times on average."""
    drawn = 0
    while mean > POISSON_MAX:
        drawn += draw_poisson(POISSON_MAX, random)
        mean -= POISSON_MAX
    floor, chance = exp(-mean), random.random()
    while chance > floor:
        drawn += 1
        chance *= random.random()
    return drawn


class Flow:
    """The whole city at any moment of its day: how fast it would move, and where cars come."""

    def __init__(self, lots: list[tuple[Kind, int]]) -> None:
        """Take the kind and the bays of every lot."""
        self._lots = lots
        self._bays = {kind: sum(bays for of, bays in lots if of == kind) for kind in Kind}
        self._at = -1
        self._up_to: list[float] = []

    def passages_s(self, second_of_day: float) -> float:
        """Return how many passages a second an ordinary city sends: one in, two on the way out."""
        at = bin_of(second_of_day)
        return sum(
            bays * (RHYTHMS[kind].arrivals[at] + 2 * RHYTHMS[kind].departures[at])
            for kind, bays in self._bays.items()
        )

    def arrivals_s(self, second_of_day: float) -> float:
        """Return how many cars come a second."""
        at = bin_of(second_of_day)
        return sum(bays * RHYTHMS[kind].arrivals[at] for kind, bays in self._bays.items())

    def draw_lot(self, second_of_day: float, random: Random) -> int:
        """Draw where the next car goes, as the index of a lot."""
        at = bin_of(second_of_day)
        if at != self._at:
            self._at, self._up_to, total = at, [], 0.0
            for kind, bays in self._lots:
                total += bays * RHYTHMS[kind].arrivals[at]
                self._up_to.append(total)
        chance = random.random() * self._up_to[-1]
        return min(bisect_left(self._up_to, chance), len(self._lots) - 1)


RHYTHMS = {kind: rhythm_of(profile) for kind, profile in PROFILES.items()}
