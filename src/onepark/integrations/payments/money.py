"""Yuan and fen as text, and fen as a whole number.

Owns: the one place where a provider's amounts become our fen and back.
Never: rounds, or passes through a float.
"""

import re
from decimal import Decimal

from onepark.kernel.types import Fen

_FEN = re.compile(r"0|[1-9][0-9]{0,11}")
_YUAN = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,2})?")
_OF_BILL = re.compile(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,2}0{0,4})?")


class AmountMalformed(ValueError):
    """A text that is no plain amount: yuan with at most two digits after the point, or fen."""


def fen_of_yuan(text: str) -> Fen:
    """Convert exactly; signs, exponents, separators and a third digit are refused."""
    if _YUAN.fullmatch(text) is None:
        raise AmountMalformed(f"{text[:20]!r} is no amount in yuan")
    return Fen(int(Decimal(text).scaleb(2)))


def fen_of_text(text: str) -> Fen:
    """Read a whole number of fen; signs, points, separators and leading zeros are refused."""
    if _FEN.fullmatch(text) is None:
        raise AmountMalformed(f"{text[:20]!r} is no amount in fen")
    return Fen(int(text))


def fen_of_bill(text: str) -> Fen:
    """Convert an amount of a bill: it may be negative and end in zeroes, as in 0.01000."""
    if _OF_BILL.fullmatch(text) is None:
        raise AmountMalformed(f"{text[:20]!r} is no amount of whole fen")
    return Fen(int(Decimal(text).scaleb(2)))


def yuan_of_fen(amount_fen: Fen) -> str:
    """Write an amount with two digits after the point."""
    assert amount_fen >= 0, "an amount to collect is not negative"
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"
