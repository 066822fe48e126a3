"""Three tariffs written by hand, as an engineer would who knows nothing but them.

Owns: T1 (windows, restart after 24 hours), T5 (tiers, cap of 24 hours, night pack) and T8 (units of
two lengths) in closed form, once for one stay in Python and once for columns in numpy.
Never: shares code or a plan file with what it is compared with.

Sources of the tariffs: tests/vectors/tariffs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]

DAY_S, HOUR_S, CHINA_S = 86_400, 3_600, 28_800
Window = tuple[int, int, int, int, int]  # from, to, unit, price in the first hour, price after it

T1: Sequence[Window] = (
    (7 * HOUR_S, 9 * HOUR_S, 1_800, 500, 500),
    (9 * HOUR_S, 17 * HOUR_S, 1_800, 300, 400),
    (17 * HOUR_S, 20 * HOUR_S, 1_800, 500, 500),
)
T8: Sequence[Window] = (
    (8 * HOUR_S, 20 * HOUR_S, 900, 400, 500),
    (20 * HOUR_S, 32 * HOUR_S, 3_600, 400, 400),
)
T1_FREE_S, T5_FREE_S, T8_FREE_S = 1_800, 3_600, 900
T5_CAP_FEN, T5_FULL_DAY_S = 4_000, 86_400
NIGHT_FROM_S, NIGHT_S, NIGHT_FEN, NIGHT_UNITS = 20 * HOUR_S, 11 * HOUR_S, 100, 5


# -- one stay --------------------------------------------------------------------------------------


def windowed(entered: int, until: int, windows: Sequence[Window], free: int) -> int:
    """Price a stay by windows that each begin anew, and anew every 24 hours from entry."""
    if until - entered <= free:
        return 0
    start, fee, anchor = entered + free, 0, entered
    while start < until:
        end = min(until, anchor + DAY_S)
        day = start - (start + CHINA_S) % DAY_S - DAY_S
        while day < end:
            for first, last, unit, low, high in windows:
                begins, ends = max(start, day + first), min(end, day + last)
                if begins < ends:
                    units = -((begins - ends) // unit)
                    cheap = min(units, HOUR_S // unit)
                    fee += cheap * low + (units - cheap) * high
            day += DAY_S
        anchor += DAY_S
        start = max(end, anchor) if end == anchor else end
    return fee


def t1(entered: int, until: int) -> int:
    return windowed(entered, until, T1, T1_FREE_S)


def t8(entered: int, until: int) -> int:
    return windowed(entered, until, T8, T8_FREE_S)


def t5(entered: int, until: int) -> int:
    stay = until - entered
    if stay <= T5_FREE_S:
        return 0
    night = (entered + CHINA_S - NIGHT_FROM_S) % DAY_S
    if night + stay <= NIGHT_S:
        return min(-((T5_FREE_S - stay) // HOUR_S), NIGHT_UNITS) * NIGHT_FEN
    if stay <= DAY_S:
        return hospital(stay - T5_FREE_S)
    days, rest = divmod(stay - DAY_S, DAY_S)
    return hospital(DAY_S - T5_FREE_S) + days * hospital(DAY_S) + hospital(rest)


def hospital(billed: int) -> int:
    """Price billed time of one 24 hours: 2 up to two hours, then 2, 3 and 5 an hour, at most 40."""
    if billed <= 0:
        return 0
    hours = -(-billed // HOUR_S)
    fee = 200
    fee += 200 * min(max(hours - 2, 0), 2)
    fee += 300 * min(max(hours - 4, 0), 3)
    fee += 500 * max(hours - 7, 0)
    return min(fee, T5_CAP_FEN)


# -- columns ---------------------------------------------------------------------------------------


def windowed_columns(
    entered: Column, until: Column, windows: Sequence[Window], free: int
) -> Column:
    """Price columns as `windowed` prices one stay; rows of more than 24 hours go another round."""
    fees = np.zeros(len(entered), np.int64)
    rows = np.flatnonzero(until - entered > free)
    start, anchor = entered[rows] + free, entered[rows]
    while len(rows):
        end = np.minimum(until[rows], anchor + DAY_S)
        midnight = start - (start + CHINA_S) % DAY_S
        fees[rows] += _cycle(start, end, midnight, windows)
        more = until[rows] > anchor + DAY_S
        rows, anchor = rows[more], anchor[more] + DAY_S
        start = anchor
    return fees


def _cycle(start: Column, end: Column, midnight: Column, windows: Sequence[Window]) -> Column:
    fee = np.zeros(len(start), np.int64)
    for day in (-DAY_S, 0, DAY_S):
        for first, last, unit, low, high in windows:
            if day < 0 and last <= DAY_S:
                continue  # ended before this midnight
            begins = np.maximum(start, midnight + (day + first))
            length = np.minimum(end, midnight + (day + last)) - begins
            units = (np.maximum(length, 0) + (unit - 1)) // unit
            if low == high:
                fee += units * low
            else:
                fee += units * high - np.minimum(units, HOUR_S // unit) * (high - low)
    return fee


def hospital_columns(entered: Column, until: Column) -> Column:
    stay = until - entered
    days, rest = np.divmod(np.maximum(stay - DAY_S, 0), DAY_S)
    first = _hospital(np.minimum(stay, DAY_S) - T5_FREE_S)
    fees = first + days * T5_CAP_FEN + _hospital(rest)
    night = (entered + (CHINA_S - NIGHT_FROM_S)) % DAY_S + stay <= NIGHT_S
    hours = np.minimum((stay - T5_FREE_S + (HOUR_S - 1)) // HOUR_S, NIGHT_UNITS)
    fees = np.where(night, hours * NIGHT_FEN, fees)
    return np.where(stay <= T5_FREE_S, 0, fees)


def _hospital(billed: Column) -> Column:
    hours = (np.maximum(billed, 0) + (HOUR_S - 1)) // HOUR_S
    fee = (
        200
        + 200 * np.clip(hours - 2, 0, 2)
        + 300 * np.clip(hours - 4, 0, 3)
        + 500 * np.maximum(hours - 7, 0)
    )
    return np.where(hours > 0, np.minimum(fee, T5_CAP_FEN), 0)
