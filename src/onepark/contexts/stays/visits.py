"""How many visits of a car were given free minutes.

Owns: which earlier visits the quota of a tariff counts, and how many a car's row remembers.
Never: awaits, reads the clock, or knows how many minutes are free.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from onepark.contexts.stays.model import Car, Stay
from onepark.contexts.tariffs.model import FreeQuota, QuotaPer
from onepark.kernel.types import CHINA

ENTRIES_MAX = 100  # as many visits as a quota can give
REMEMBERED = timedelta(hours=48)  # before the newest: a day, and as much for what comes late
A_DAY = timedelta(hours=24)


def count_in(car: Car, stay: Stay, quota: FreeQuota | None) -> None:
    """Note, as a stay begins, how many free visits the car has had; remember this one if it is one.

    The number stays with the stay, so that it can be priced again whatever comes later.
    """
    if quota is None:
        return
    assert stay.entered_at is not None, "a stay counts from its entry"
    given = car.free_entries_at or []
    stay.free_visits_used = used_before(given, stay.entered_at, quota)
    if stay.free_visits_used < quota.visits:
        car.free_entries_at = remember(given, stay.entered_at)


def used_before(given: Sequence[datetime], entered_at: datetime, quota: FreeQuota) -> int:
    """Count the free visits in the 24 hours before an entry, or before it on its day in China."""
    if quota.per == QuotaPer.HOURS_24:
        return sum(entered_at - A_DAY < at < entered_at for at in given)
    day = entered_at.astimezone(CHINA).date()
    return sum(at < entered_at and at.astimezone(CHINA).date() == day for at in given)


def remember(given: Sequence[datetime], entered_at: datetime) -> list[datetime]:
    """Return the entries of free visits with one more, in order, without what is too old."""
    entries = sorted({*given, entered_at})
    return [at for at in entries[-ENTRIES_MAX:] if at >= entries[-1] - REMEMBERED]
