"""The tax in an amount, slowly: a fraction, rounded half up, and the check character by the table.

Owns: what GB 32100-2015 and the half-up rule say, written down as they are read.
"""

from fractions import Fraction
from math import floor

WEIGHTS = (
    1,
    3,
    9,
    27,
    19,
    26,
    16,
    17,
    20,
    29,
    25,
    13,
    8,
    24,
    10,
    30,
    28,
)  # table 3 of the standard
VALUES = {one: place for place, one in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}


def tax_of(amount_fen: int, rate_bp: int) -> int:
    rate = Fraction(rate_bp, 10_000)
    return floor(amount_fen * rate / (1 + rate) + Fraction(1, 2))


def check_character(body: str) -> str:
    total = sum(VALUES[one] * weight for one, weight in zip(body, WEIGHTS, strict=True))
    left = 31 - total % 31
    return {value: one for one, value in VALUES.items()}[0 if left == 31 else left]
