"""A car and the habits of its driver.

Owns: what is drawn when a car is made, so that one seed gives one city.
Never: reports, pays, or reads a clock.
"""

from random import Random

from msgspec import Struct

from onepark.simulator.city.plates import draw_plate
from onepark.simulator.city.profile import Kind, draw_stay_s

REPEATED_SHARE = 0.02  # of the passages, a little rain
LOOKS_UP_SHARE = 0.1
ENTRY, EXIT_REQUEST, EXIT = "entry", "exit_request", "exit"
CHANNELS = ("wechat", "alipay")


class Car(Struct):
    """One car in one lot; whatever chance decides about it is decided when it is made."""

    lot: str
    plate: str
    color: str
    stays_s: float  # in the city's own time
    looks_up: bool = False
    channel: str = CHANNELS[0]
    repeats: tuple[str, ...] = ()  # the kinds of passage that are sent twice
    together: bool = False  # both in one request
    stay_id: int | None = None


def draw_car(lot: str, kind: Kind, *, random: Random) -> Car:
    """Draw a car that comes to a lot."""
    plate = draw_plate(random)
    passages = (ENTRY, EXIT_REQUEST, EXIT)
    return Car(
        lot=lot,
        plate=plate.text,
        color=plate.color,
        stays_s=draw_stay_s(kind, random),
        looks_up=random.random() < LOOKS_UP_SHARE,
        channel=random.choice(CHANNELS),
        repeats=tuple(one for one in passages if random.random() < REPEATED_SHARE),
        together=random.random() < 0.5,  # noqa: PLR2004  one half, one half
    )
