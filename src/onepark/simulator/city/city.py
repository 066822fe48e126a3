"""The simulated city: its lots, its clock, and who comes and leaves when.

Owns: the pace of the city's own time, arrivals, and the departures that wait for their moment.
Never: knows what happens at a gate, or when the run ends.
"""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from datetime import datetime
from random import Random

from onepark.kernel.types import CHINA
from onepark.simulator.city.car import Car, draw_car
from onepark.simulator.city.crew import Crew
from onepark.simulator.city.line import Now
from onepark.simulator.city.lot import Lot
from onepark.simulator.city.profile import DAY_S, Flow, draw_poisson

TICK_S = 0.1
TICK_MAX_S = 1.0  # what was slept through is not made up for
PACE_MAX = 3_600.0  # an hour of the city in a second of ours
AT_GATES_MAX = 2_000  # when the platform answers no more, nobody else drives up
COMES_BACK_S = 120.0  # of our time: a driver who gave up paying tries again
PLATE_TRIES_MAX = 100


class City:
    """Everything that moves.

    The city's own clock runs as fast as it must for the city to send ``rate`` passages a second:
    it starts at the hour that it is, and a day of it may pass in a few of our hours.
    """

    def __init__(self, lots: Mapping[str, Lot], *, rate: float, seed: int, crew: Crew) -> None:
        self.lots = dict(lots)
        self._rate, self._seed, self._crew = rate, seed, crew
        self._order = list(self.lots.values())
        self._flow = Flow([(lot.kind, lot.bays) for lot in self._order])
        self._random = Random(seed)  # noqa: S311  a city, not a secret
        self._randoms = {code: Random(f"{seed}:{code}") for code in self.lots}  # noqa: S311
        self._plates: set[str] = set()
        self._leaving: list[tuple[float, int, Car]] = []  # a heap in order of the city's clock
        self._numbered = 0
        self._cars: dict[str, Car] = {}  # inside, by plate
        self.second = second_of_day(datetime.now(CHINA))
        self.turned_away = 0

    # -- cars ----------------------------------------------------------------------------------

    def random_of(self, lot: Lot) -> Random:
        """Return the chance that decides in one lot, whatever happens in the others."""
        return self._randoms[lot.code]

    def new_car(self, lot: Lot) -> Car:
        """Make a car whose plate is nowhere inside."""
        for _ in range(PLATE_TRIES_MAX):
            car = draw_car(lot.code, lot.kind, random=self.random_of(lot))
            if car.plate not in self._plates:
                self._plates.add(car.plate)
                return car
        raise RuntimeError("the plates are used up")

    def park(self, car: Car, *, stays_s: float) -> None:
        """Let a car stand until the city's clock has moved on so far."""
        self._plates.add(car.plate)
        self._cars[car.plate] = car
        self._numbered += 1
        heapq.heappush(self._leaving, (self.second + stays_s, self._numbered, car))

    def forget(self, car: Car) -> None:
        """Let a car go for good; its plate may be drawn again."""
        self._plates.discard(car.plate)
        self._cars.pop(car.plate, None)

    def inside(self) -> list[Car]:
        """Return the cars inside, each with what is left of its stay."""
        for leaves_at, _, car in self._leaving:
            car.stays_s = max(leaves_at - self.second, 0.0)
        return list(self._cars.values())

    def now(self) -> Now:
        """Return what the live line shows."""
        inside = sum(lot.others + lot.present for lot in self._order)
        return Now(inside, sum(lot.bays for lot in self._order), self.second)

    # -- time ----------------------------------------------------------------------------------

    async def live(self) -> None:
        """Let cars come and leave until cancelled."""
        last = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(TICK_S)
            now = asyncio.get_running_loop().time()
            self._move_on(min(now - last, TICK_MAX_S))
            last = now

    @property
    def pace(self) -> float:
        """Return how many seconds of the city pass in one of ours."""
        return min(self._rate / max(self._flow.passages_s(self.second), 1e-9), PACE_MAX)

    def _move_on(self, seconds: float) -> None:
        passed_s = seconds * self.pace
        self.second += passed_s
        coming = draw_poisson(self._flow.arrivals_s(self.second) * passed_s, self._random)
        for _ in range(coming):
            self._let_in(self._order[self._flow.draw_lot(self.second, self._random)])
        while self._leaving and self._leaving[0][0] <= self.second and self._gates_are_free():
            self._crew.drive(self._leave(heapq.heappop(self._leaving)[2]))

    def _gates_are_free(self) -> bool:
        return self._crew.driving < AT_GATES_MAX

    def _let_in(self, lot: Lot) -> None:
        if lot.room > 0 and self._gates_are_free():
            self._crew.drive(self._enter(lot, self.new_car(lot)))
        else:
            self.turned_away += 1

    async def _enter(self, lot: Lot, car: Car) -> None:
        if await lot.enter(car):
            self.park(car, stays_s=car.stays_s)
        else:
            self.forget(car)

    async def _leave(self, car: Car) -> None:
        car.stays_s = 0.0
        if await self.lots[car.lot].leave(car):
            self.forget(car)
        else:
            self.park(car, stays_s=COMES_BACK_S * self.pace)

    # -- the beginning -------------------------------------------------------------------------

    def take_up(self, cars: Iterable[Car], occupied: Mapping[str, int]) -> int:
        """Take up the cars that an earlier run left inside, and see who else is there.

        The platform's counts are the truth: a lot that holds fewer cars than are remembered was
        emptied meanwhile, and nothing that is remembered of it is believed.
        """
        remembered: dict[str, list[Car]] = {code: [] for code in self.lots}
        for car in cars:
            if car.lot in remembered:
                remembered[car.lot].append(car)
        for code, lot in self.lots.items():
            ours = remembered[code] if len(remembered[code]) <= occupied[code] else []
            lot.present, lot.others = len(ours), occupied[code] - len(ours)
            for car in ours:
                self.park(car, stays_s=car.stays_s)
        return len(self._cars)


def second_of_day(at: datetime) -> float:
    """Return the seconds since midnight."""
    return float((at.hour * 60 + at.minute) * 60 + at.second) % DAY_S
