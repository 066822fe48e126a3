"""Clearing: what each fact of the books gives to whom, day by day.

Owns: the days in their order, one bounded step at a time, and the end of each.
Never: clears a fact twice, touches a closed day, or shares by a rule of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from onepark.contexts.ledger.model import AccountKind, Journal
from onepark.contexts.settlement import books, contract_store, statement_store, store
from onepark.contexts.settlement.cycles import lines_due, statements
from onepark.contexts.settlement.errors import DayNotOver
from onepark.contexts.settlement.model import (
    OPERATOR_PARTY,
    TREASURY_PARTY,
    Cleared,
    CycleLine,
    DayPage,
    DayRow,
    DayTotal,
    DayView,
    VersionKind,
    VersionRow,
)
from onepark.contexts.settlement.ports import Books
from onepark.contexts.settlement.rules import clearing_day, cycle_of, lines
from onepark.contexts.settlement.terms import PPM, Base, Cycle, Share, Terms
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Tx
from onepark.kernel.staff import Principal

FACTS_AT_ONCE = 50_000
STANDING = {
    VersionKind.OPERATOR_WHOLE: Terms(
        parties=(Share(OPERATOR_PARTY, PPM),), base=Base.NET_OF_FEE, cycle=Cycle.MONTH
    ),
    VersionKind.TREASURY_WHOLE: Terms(
        parties=(Share(TREASURY_PARTY, PPM),), base=Base.GROSS, cycle=Cycle.DAY
    ),
}


class Clearing:
    """The clearing of every operator's books."""

    def __init__(
        self,
        service_db: Database,
        *,
        books: Books,
        clock: Clock,
        facts_at_once: int = FACTS_AT_ONCE,
    ) -> None:
        self._db, self._books, self._clock = service_db, books, clock
        self._facts_at_once = facts_at_once

    async def clear_through(self, through: date) -> Cleared:
        """Clear and close every day up to this one; what is closed stays, so again is nothing.

        Raises DayNotOver for a day that has not ended in Jiangyin.
        """
        done = Cleared(0, 0, 0)
        while (step := await self.step(through)) is not None:
            done = Cleared(
                done.days + step.days, done.facts + step.facts, done.statements + step.statements
            )
        return done

    async def step(self, through: date) -> Cleared | None:
        """Do one bounded piece of the work up to a day; None if nothing is left to do."""
        now = self._clock.now()
        if through >= clearing_day(now):
            raise DayNotOver("A day is cleared when it is over.", field="day")
        async with self._db.transaction() as tx:
            day = await self._open_day(tx, through)
            if day is None:
                return None
            taken = await store.take_facts(tx, day, limit=self._facts_at_once)
            if taken.looked_at:
                await self._share(tx, day, taken)
                return Cleared(0, taken.facts, 0)
            return Cleared(1, 0, await self._close(tx, day.day))

    async def due_step(self, *, after_hours: int) -> int:
        """Do one piece of what is due by now; return how much was done."""
        at = self._clock.now() - timedelta(hours=after_hours)
        step = await self.step(clearing_day(at) - timedelta(days=1))
        return 0 if step is None else 1

    async def days(self, *, until: date, limit: int, by: Principal) -> DayPage:
        """Return days, and what they came to for those whom this person may see."""
        async with self._db.transaction() as tx:
            rows = await store.days(tx, operator_id=by.operator_id, until=until, limit=limit)
        return DayPage(
            tuple(
                DayView(
                    row["day"],
                    "open" if row["closed_at"] is None else "closed",
                    row["facts"],
                    row["late_facts"],
                    row["gross_fen"],
                    row["fee_fen"],
                    row["coupon_fen"],
                    row["closed_at"],
                )
                for row in rows
            )
        )

    async def _open_day(self, tx: Tx, through: date) -> DayRow | None:
        """Return the day to go on with, locked; days follow each other without a gap."""
        day = await store.open_day(tx)
        if day is None:
            last = await store.last_day(tx)
            first = await store.first_fact_day(tx) if last is None else None
            following = first if last is None else last.day + timedelta(days=1)
            if following is None or following > through:
                return None
            floor = 0 if last is None else last.journal_from
            await store.begin_day(tx, following, journal_from=floor, at=self._clock.now())
            day = await store.open_day(tx)
        return None if day is None or day.day > through else day

    async def _share(self, tx: Tx, day: DayRow, taken: store.Taken) -> None:
        """Share the facts that were taken: each different case once, however often it came."""
        await store.fill_standing(tx, STANDING, at=self._clock.now())
        cases = await store.cases(tx)
        versions = await contract_store.versions(tx, list({case.version_id for case in cases}))
        parts = [
            (case, lines(versions[case.version_id].terms, case.before, case.after))
            for case in cases
        ]
        await store.save_facts(tx, day.day, taken, parts=parts)

    # -- the end of a day ----------------------------------------------------------------------

    async def _close(self, tx: Tx, day: date) -> int:
        """Post what a day came to, make the statements that end with it, and close it."""
        totals = await store.total_day(tx, day)
        versions = {
            **await contract_store.versions_held(tx, day, day),
            **await contract_store.versions(tx, list({total.version_id for total in totals})),
        }
        moved = await self._move(tx, day, versions)
        journals = [
            *await self._journals(tx, day, totals, versions),
            *(books.of_line(line, versions[line.version_id]) for line in moved),
        ]
        await self._books.post(tx, [one for one in journals if one is not None])
        made = await self._state(tx, day)
        await store.close_day(tx, day, at=self._clock.now())
        return made

    async def _move(self, tx: Tx, day: date, versions: Mapping[int, VersionRow]) -> list[CycleLine]:
        """Move between parties what tiers and guarantees ask for on this day."""
        found: list[CycleLine] = []
        held = await self._with_cycles(tx, day, versions)
        for version in held.values():
            first = cycle_of(version.terms.cycle, day).first
            totals, moved = await store.cycle_so_far(tx, version.version_id, first, day)
            found += lines_due(version, day, totals=totals, moved=moved)
        for line in found:
            await store.add_line(tx, line)
        return found

    async def _with_cycles(
        self, tx: Tx, day: date, versions: Mapping[int, VersionRow]
    ) -> dict[int, VersionRow]:
        """Return the versions whose cycle may move money: those in force on any day of it."""
        month = cycle_of(Cycle.MONTH, day)
        held = await contract_store.versions_held(tx, month.first, day)
        known = sorted((held | dict(versions)).items())
        return {number: one for number, one in known if one.terms.tiers or one.terms.guarantees}

    async def _journals(
        self, tx: Tx, day: date, totals: Sequence[DayTotal], versions: Mapping[int, VersionRow]
    ) -> list[Journal | None]:
        borne: dict[tuple[int, int, date], list[books.Taken]] = {}
        for one in await store.borne(tx, day):
            key = one.version_id, one.lot_id, one.original_day
            taken = AccountKind(one.account), one.owner, one.amount_fen
            borne.setdefault(key, []).append(taken)
        return [
            books.of_total(
                total,
                versions[total.version_id],
                day=day,
                borne=borne.get((total.version_id, total.lot_id, total.original_day), ()),
            )
            for total in totals
        ]

    async def _state(self, tx: Tx, day: date) -> int:
        """Make the statements of the cycles that end with a day; return how many."""
        made = 0
        for cycle in Cycle:
            span = cycle_of(cycle, day)
            if span.last != day:
                continue
            numbers = await statement_store.versions_with_sums(tx, *span)
            versions = {
                number: version
                for number, version in (await contract_store.versions(tx, numbers)).items()
                if version.terms.cycle == cycle
            }
            sums = await statement_store.sums(tx, *span, list(versions))
            moved = await statement_store.lines(tx, *span, list(versions))
            found = statements(versions, sums, moved)
            await statement_store.keep(tx, list(found.values()), at=self._clock.now())
            made += len(found)
        return made
