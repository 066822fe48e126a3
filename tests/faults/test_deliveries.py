"""The short run of deliveries, and the controls of what it compares."""

import tempfile
from pathlib import Path

import pytest

from tests.faults.deliveries import STORM, compared, delivered
from tests.faults.money import Money, Order, Settled, Taken

PAID = Money(
    orders=[Order("P1", 500, 0)],
    settled=[Settled("P1", 1, 500, "A1")],
    taken=[Taken("A1", "P1", 1, 500, surplus=False), Taken("A2", "P1", 1, 500, surplus=True)],
    provider={"A1": 500, "A2": 500},
)
POSTED = ["A1", "A2"]


@pytest.mark.timeout(300)
def test_no_payment_is_doubled_missed_or_made_up_however_it_is_told() -> None:
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = delivered(folder, seed=3, deliveries=2_000 + STORM)
    assert not broken
    assert (line["deliveries"], line["storms"], line["faults"]["kill_api"]) == (3_000, 1, 1)
    assert line["refused"] > 100, "hardly anything was forged"
    assert line["asked"] > 0, "no payment was left for the platform to find out"


def test_payments_that_stand_in_both_books_once_are_right() -> None:
    assert compared(PAID, POSTED) == ([], [], [])


@pytest.mark.parametrize(
    ("books", "posted", "kind"),
    [
        (PAID, ["A1", "A1", "A2"], "doubled"),
        (PAID._replace(orders=[Order("P1", 1_000, 0)]), POSTED, "doubled"),
        (
            PAID._replace(taken=[one._replace(surplus=False) for one in PAID.taken]),
            POSTED,
            "doubled",
        ),
        (PAID._replace(taken=PAID.taken[:1]), POSTED, "missed"),
        (PAID, POSTED[:1], "missed"),
        (PAID._replace(provider={"A1": 501, "A2": 500}), POSTED, "missed"),
        (PAID._replace(provider={"A1": 500}), POSTED, "invented"),
    ],
)
def test_what_is_doubled_missed_or_made_up_is_found(books, posted, kind) -> None:
    assert getattr(compared(books, posted), kind)
