"""Cars that came before the simulator did.

Owns: reporting the last hours' entries in batches, as gates do that were offline.
Never: fills a lot beyond its room.
"""

import asyncio
from datetime import datetime, timedelta
from random import Random

from onepark.kernel.types import CHINA
from onepark.simulator.city.car import Car
from onepark.simulator.city.city import City
from onepark.simulator.city.lot import Lot
from onepark.simulator.city.profile import Visit, draw_inside

LOTS_AT_ONCE = 6


async def fill(city: City, stop: asyncio.Event) -> int:
    """Fill every lot as it is at this hour of an ordinary day; return how many cars that took.

    A lot that is begun is filled to its end; after a request to stop none is begun.
    """
    free = asyncio.Semaphore(LOTS_AT_ONCE)

    async def one(lot: Lot) -> int:
        async with free:
            return 0 if stop.is_set() else await _fill_lot(city, lot)

    return sum(await asyncio.gather(*map(one, city.lots.values())))


async def _fill_lot(city: City, lot: Lot) -> int:
    now = datetime.now(CHINA)
    hour = int(city.second // 3_600)
    random = Random(f"{lot.code} at {hour}")  # noqa: S311  a restart wants no fuller city
    inside = draw_inside(lot.kind, lot.bays, second_of_day=city.second, random=random)
    lacking = max(min(len(inside) - lot.others - lot.present, lot.room), 0)
    chosen = sorted(random.sample(inside, lacking), reverse=True)
    entered = await asyncio.gather(
        *(_enter(city, lot, car=city.new_car(lot), visit=visit, now=now) for visit in chosen)
    )
    return sum(entered)


async def _enter(city: City, lot: Lot, *, car: Car, visit: Visit, now: datetime) -> bool:
    counted = await lot.enter(car, now - timedelta(seconds=visit.ago_s))
    if counted:
        city.park(car, stays_s=visit.stays_s)
    else:
        city.forget(car)
    return counted
