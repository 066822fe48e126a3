"""Yuan become fen exactly, or not at all."""

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from onepark.integrations.payments.money import AmountMalformed, fen_of_yuan, yuan_of_fen


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [("19.99", 1999), ("0.01", 1), ("0.1", 10), ("0", 0), ("5", 500), ("1000.00", 100_000)],
)
def test_an_amount_in_yuan_is_so_many_fen(yuan, fen):
    assert fen_of_yuan(yuan) == fen


@pytest.mark.parametrize(
    "text",
    ["", "1e-3", "1E2", "1,000.00", "0.001", "-1.00", "+1", ".5", "5.", "01.00", " 1", "1\n",
     "NaN", "Infinity", "１.00", "1_000", "0x10", "9" * 11],
)  # fmt: skip
def test_any_other_writing_is_refused(text):
    with pytest.raises(AmountMalformed):
        fen_of_yuan(text)


@given(integers(0, 10**11))
def test_there_and_back_is_the_same_amount(fen):
    assert fen_of_yuan(yuan_of_fen(fen)) == fen
