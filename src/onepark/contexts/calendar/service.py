"""Looking days up, and ruling on them.

Owns: the transaction around a ruling.
Never: decides which kind a day is.
"""

from datetime import date

from onepark.contexts.calendar import rules, store
from onepark.contexts.calendar.model import Day, Days, NewRuling
from onepark.contexts.calendar.ports import AuditTrail
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import CHINA


class Calendar:
    """The city's days."""

    def __init__(self, service_db: Database, *, audit: AuditTrail, clock: Clock) -> None:
        self._db, self._audit, self._clock = service_db, audit, clock

    async def days(self, first: date, last: date) -> Days:
        """Return what is known of each day."""
        async with self._db.connection() as tx:
            rulings = await store.rulings(tx, first, last)
        return rules.days_between(first, last, rulings)

    async def rule(self, day: date, ruling: NewRuling, *, by: Principal) -> Day:
        """Rule what a day to come is; prices of that day follow within seconds."""
        at = self._clock.now()
        rules.check_to_come(day, at.astimezone(CHINA).date())
        async with self._db.transaction() as tx:
            await store.rule(tx, day, ruling, by=by.login, at=at)
            change = Change(by.login, "calendar.rule", day.isoformat(), None, after=ruling)
            await self._audit.append(tx, [change], at=at)
            rulings = await store.rulings(tx, day, day)
        return rules.days_between(day, day, rulings).days[0]
