"""Number plates as Jiangsu issues them.

Owns: the forms of GA 36 that the simulated city uses, and how often each is seen.
Never: remembers which plates are taken.
"""

from random import Random
from typing import NamedTuple

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and no O
DIGITS = "0123456789"
ENERGY_LETTERS = "DABCEFGHJK"  # D to E run on batteries alone
HOME = "苏B"  # Wuxi, to which Jiangyin belongs
NEIGHBOURS = ("苏A", "苏D", "苏E", "苏F", "苏K", "苏M", "沪A", "浙A")
HOME_SHARE, GREEN_SHARE = 0.9, 0.35


class Plate(NamedTuple):
    """A plate's text and its colour class; both together name the car."""

    text: str
    color: str


def draw_plate(random: Random) -> Plate:
    """Draw a plate: mostly of this city, every third of a new-energy car."""
    home = HOME if random.random() < HOME_SHARE else random.choice(NEIGHBOURS)
    if random.random() < GREEN_SHARE:
        return Plate(home + _green(random), "green")
    return Plate(home + _blue(random), "blue")


def _green(random: Random) -> str:
    second = random.choice(LETTERS) if random.random() < 0.5 else random.choice(DIGITS)  # noqa: PLR2004
    return random.choice(ENERGY_LETTERS) + second + _digits(4, random)


def _blue(random: Random) -> str:
    """Return five characters, of which at most two are letters."""
    text = list(_digits(5, random))
    for place in random.sample(range(5), random.choice((0, 1, 1, 2, 2))):
        text[place] = random.choice(LETTERS)
    return "".join(text)


def _digits(count: int, random: Random) -> str:
    return "".join(random.choices(DIGITS, k=count))
