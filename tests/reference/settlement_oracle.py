"""What parties are due, found the slow way: fraction by fraction, fen by fen.

Owns: the plainest reading of docs/settlement.md.
Never: imports the rules that it judges.
"""

from collections.abc import Sequence
from fractions import Fraction

Payment = tuple[int, int, int]  # gross, fee, coupon


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Give everybody whole fen, then each fen that is left to whoever lacks most of one."""
    sign, total = (-1, -total) if total < 0 else (1, total)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(part) for part in exact]
    lacks = [part - whole for part, whole in zip(exact, parts, strict=True)]
    while sum(parts) < total:
        neediest = lacks.index(max(lacks))
        parts[neediest] += 1
        lacks[neediest] = Fraction(-1)
    return [sign * part for part in parts]


def payment(
    money: Payment, weights: Sequence[int], *, base: str, fee_by: int | None, coupon_by: int | None
) -> list[int]:
    """What each party is due of one payment as it stands."""
    gross, fee, coupon = money
    shared = gross
    if base in ("net_of_fee", "net"):
        shared, fee = shared - fee, 0
    if base in ("net_of_coupons", "net"):
        shared, coupon = shared - coupon, 0
    parts = split(shared, weights)
    if fee_by is not None:
        parts[fee_by] -= fee
    if coupon_by is not None:
        parts[coupon_by] -= coupon
    return parts


def banded(total: int, bands: Sequence[tuple[int, Sequence[int]]]) -> list[int]:
    """Walk a cycle's base fen by fen into its bands, then split each band."""
    if total < 0:
        return split(total, bands[0][1])
    held = [0] * len(bands)
    for fen in range(total):
        held[max(at for at, (above, _) in enumerate(bands) if fen >= above)] += 1
    parts = [split(amount, weights) for amount, (_, weights) in zip(held, bands, strict=True)]
    return [sum(column) for column in zip(*parts, strict=True)]
