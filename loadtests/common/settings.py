"""What a run was asked for, as it reaches every process of Locust.

Owns: the names of the variables of the environment, and their defaults.
Never: decides what a user does.
"""

import os
from pathlib import Path
from typing import NamedTuple

from loadtests.common.thresholds import FILE

CITY, SEED = "ONEPARK_LOAD_CITY", "ONEPARK_LOAD_SEED"
PROCESSES = "ONEPARK_LOAD_PROCESSES"
MINUTES, USERS = "ONEPARK_LOAD_MINUTES", "ONEPARK_LOAD_USERS"
SCENARIO, BOOKS = "ONEPARK_LOAD_SCENARIO", "ONEPARK_LOAD_BOOKS"
THRESHOLDS = "ONEPARK_LOAD_THRESHOLDS"


class Asked(NamedTuple):
    """One run; the seed fixes its cars and their order."""

    city: Path
    seed: int
    processes: int  # workers, where the load is shared out
    minutes: float
    users: int
    scenario: str
    books: Path | None
    thresholds: Path


def asked() -> Asked:
    """Return what the environment asks for; one city of `nox -s up` if it says nothing."""
    books = os.environ.get(BOOKS)
    return Asked(
        city=Path(os.environ.get(CITY, ".onepark/demo.json")),
        seed=int(os.environ.get(SEED, "1")),
        processes=int(os.environ.get(PROCESSES, "1")),
        minutes=float(os.environ.get(MINUTES, "2")),
        users=int(os.environ.get(USERS, "40")),
        scenario=os.environ.get(SCENARIO, "mixed"),
        books=None if books is None else Path(books),
        thresholds=Path(os.environ.get(THRESHOLDS, FILE)),
    )
