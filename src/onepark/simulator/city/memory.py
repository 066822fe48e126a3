"""The cars that a run leaves inside, for the next run on the same city.

Owns: one file beside demo.json.
Never: trusts the file: what it says is compared with the platform's own counts.
"""

import logging
from pathlib import Path

import msgspec

from onepark.simulator.city.car import Car

FILE = "simulated-cars.json"


def remember(demo: Path, cars: list[Car]) -> None:
    """Write down who is inside."""
    file = demo.with_name(FILE)
    new = file.with_name(f".{FILE}.new")
    new.write_bytes(msgspec.json.encode(cars))
    new.replace(file)


def recall(demo: Path) -> list[Car]:
    """Return who was inside when the last run ended; nobody when that is not known."""
    try:
        return msgspec.json.decode(demo.with_name(FILE).read_bytes(), type=list[Car])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        logging.getLogger(__name__).warning("%s is not used: %s", FILE, error)
        return []
