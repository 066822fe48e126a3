"""Contracts: what one person drafts, a second one puts in force.

Owns: versions of contracts on their way, the parties that they name, and what waits for a person.
Never: touches a version that clearing has used, or a day that was cleared.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import asyncpg

from onepark.contexts.settlement import contract_store
from onepark.contexts.settlement.errors import (
    DatesInvalid,
    LotUnknown,
    OperatorNotNamed,
    PartyUnknown,
    SecondPersonNeeded,
    TaskUnknown,
    TermsInvalid,
    VersionClosed,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.settlement.model import (
    OPERATOR_PARTY,
    PAYER_PARTY,
    TREASURY_PARTY,
    BankAccount,
    NewParty,
    NewVersion,
    PartyPage,
    PartyView,
    TaskDone,
    TaskKind,
    TaskPage,
    TaskView,
    VersionKind,
    VersionPage,
    VersionRow,
    VersionState,
    VersionView,
)
from onepark.contexts.settlement.ports import Archive, AuditTrail, KnownLot
from onepark.contexts.settlement.rules import clearing_day, flaws
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.kernel.staff import Change, Principal, is_another_person
from onepark.kernel.types import LotCode, LotId, OperatorId

REMINDS_BEFORE = timedelta(days=90)
CLAIMS_AFTER = timedelta(days=30)  # a debt that nothing has set off for so long
CLAIM_TAKES = timedelta(days=14)
PARTIES_SHOWN_MAX = 1_000
NEWEST = 2**53


class Contracts:
    """What is agreed on lots, and by whom."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        archive: Callable[[], Archive],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db = service_db, staff_db
        self._archive, self._audit, self._clock = archive, audit, clock

    # -- parties -------------------------------------------------------------------------------

    async def keep_party(self, new: NewParty, *, by: Principal) -> PartyPage:
        """Register a party of an operator, or what has changed of it; return all of them."""
        operator_id = whose(new.operator_id, by)
        at = self._clock.now()
        change = Change(by.login, "settlement.party_kept", new.party, operator_id, after=new.name)
        async with self._db.transaction() as tx:
            await contract_store.keep_party(tx, new, operator_id, by=by.login, at=at)
            await self._audit.append(tx, [change], at=at)
        return await self.parties(by=by)

    async def parties(self, *, by: Principal) -> PartyPage:
        """Return parties and what the books owe them."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await contract_store.parties(tx, limit=PARTIES_SHOWN_MAX)
        return PartyPage(tuple(_party(*row) for row in rows))

    # -- versions ------------------------------------------------------------------------------

    async def draft(self, new: NewVersion, *, by: Principal) -> VersionView:
        """Keep a version that somebody proposes."""
        lots = self._lots(new.lots)
        operator_id = lots[0].operator_id
        if by.operator_id not in {None, operator_id}:
            raise LotUnknown("A lot is of another operator.", field="lots")
        demand_sound(new)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            named = [share.party for share in new.terms.parties]
            missing = set(named) - await contract_store.known_parties(tx, operator_id, named)
            if missing - {OPERATOR_PARTY, TREASURY_PARTY}:
                raise PartyUnknown("Register it first.", field="parties", party=min(missing))
            for standing in missing:
                party = NewParty(party=standing, name=standing)
                await contract_store.keep_party(tx, party, operator_id, by=by.login, at=at)
            numbers = sorted(lot.lot_id for lot in lots)
            row = await contract_store.add(tx, new, operator_id, lots=numbers, by=by, at=at)
            await self._audit.append(tx, [_trace(row, "drafted", by)], at=at)
        return self._view(row)

    async def approve(self, version_id: int, *, by: Principal) -> VersionView:
        """Put a draft in force, by somebody who did not write it, from a day not yet cleared."""
        await self._see(version_id, by)
        at = self._clock.now()
        with _refusing():
            async with self._db.transaction() as tx:
                version = await contract_store.lock(tx, version_id)
                assert version is not None, "it was seen and versions never go"
                demand_approvable(version, by)
                cleared = await contract_store.last_cleared_day(tx)
                if cleared is not None and version.valid_from <= cleared:
                    raise DatesInvalid(f"Days up to {cleared} are cleared.", field="valid_from")
                await contract_store.approve(tx, version, by=by, at=at)
                await self._audit.append(tx, [_trace(version, "approved", by)], at=at)
        return await self.show(version_id, by=by)

    async def withdraw(self, version_id: int, *, by: Principal) -> VersionView:
        """Drop a draft."""
        await self._see(version_id, by)
        at = self._clock.now()
        async with self._db.transaction() as tx:
            version = await contract_store.lock(tx, version_id)
            assert version is not None, "it was seen and versions never go"
            demand_draft(version)
            await contract_store.withdraw(tx, version_id)
            await self._audit.append(tx, [_trace(version, "withdrawn", by)], at=at)
        return await self.show(version_id, by=by)

    async def page(
        self,
        *,
        state: VersionState | None,
        contract_no: str | None,
        before: int | None,
        limit: int,
        by: Principal,
    ) -> VersionPage:
        """Return the next versions that this person may see, newest first."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await contract_store.page(
                tx, state=state, contract_no=contract_no, before=before or NEWEST, limit=limit
            )
        more = rows[-1].version_id if len(rows) == limit else None
        return VersionPage(tuple(self._view(row) for row in rows), more)

    async def show(self, version_id: int, *, by: Principal) -> VersionView:
        """Return one version."""
        return self._view(await self._see(version_id, by))

    # -- tasks ---------------------------------------------------------------------------------

    async def remind(self) -> int:
        """Raise what waits for a person as of today; return how much is new."""
        now = self._clock.now()
        today = clearing_day(now)
        async with self._db.transaction() as tx:
            return await contract_store.raise_tasks(
                tx,
                now,
                ends_by=today + REMINDS_BEFORE,
                idle_since=today - CLAIMS_AFTER,
                due=today + CLAIM_TAKES,
            )

    async def tasks(self, *, limit: int, by: Principal) -> TaskPage:
        """Return what is not done, what is due first before the rest."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await contract_store.tasks(tx, limit=limit)
        return TaskPage(
            tuple(
                TaskView(number, operator_id, TaskKind(kind), *rest)
                for number, operator_id, kind, *rest in map(tuple, rows)
            )
        )

    async def end_task(self, task_id: int, done: TaskDone, *, by: Principal) -> TaskPage:
        """Note what was done; return what is left."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            if not await contract_store.is_task(tx, task_id):
                raise TaskUnknown(f"No task {task_id}.")
        at = self._clock.now()
        async with self._db.transaction() as tx:
            operator_id = await contract_store.end_task(
                tx, task_id, reason=done.reason, by=by.login, at=at
            )
            if operator_id is not None:
                subject = f"task {task_id}"
                change = Change(
                    by.login, "settlement.task_done", subject, operator_id, after=done.reason
                )
                await self._audit.append(tx, [change], at=at)
        return await self.tasks(limit=PARTIES_SHOWN_MAX, by=by)

    # -- within --------------------------------------------------------------------------------

    async def _see(self, version_id: int, by: Principal) -> VersionRow:
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await contract_store.versions(tx, [version_id])
        version = found.get(version_id)
        if version is None or version.kind != VersionKind.CONTRACT:
            raise VersionUnknown(f"No version {version_id}.")
        return version

    def _lots(self, codes: Sequence[str]) -> list[KnownLot]:
        archive = self._archive()
        found = [lot for code in codes if (lot := archive.lot(LotCode(code))) is not None]
        if len(found) != len(set(codes)) or len({lot.operator_id for lot in found}) != 1:
            raise LotUnknown("A lot is unknown, twice there or of another operator.", field="lots")
        return found

    def _view(self, row: VersionRow) -> VersionView:
        archive = self._archive()
        lots = [archive.lot_by_id(LotId(number)) for number in row.lots]
        assert row.form is not None, "contracts have a form"
        return VersionView(
            version_id=row.version_id,
            operator_id=row.operator_id,
            contract_no=row.contract_no,
            number=row.number,
            title=row.title,
            form=row.form,
            terms=row.terms,
            lots=tuple("" if lot is None else lot.code for lot in lots),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            takeover_on=row.takeover_on,
            expires_on=row.expires_on,
            state=row.state,
            drafter=row.drafter,
            drafted_at=row.drafted_at,
            approver=row.approver,
            approved_at=row.approved_at,
        )


def whose(named: int | None, by: Principal) -> OperatorId:
    """Return whose books somebody means: an operator's people mean their own."""
    if by.operator_id is None and named is None:
        raise OperatorNotNamed("The city has to say.", field="operator_id")
    if by.operator_id is not None and named not in {None, by.operator_id}:
        raise OperatorNotNamed("These are another operator's books.", field="operator_id")
    return OperatorId(
        named if by.operator_id is None and named is not None else by.operator_id or 0
    )


def demand_sound(new: NewVersion) -> None:
    """Raise unless terms can be computed and dates follow each other."""
    for flaw in flaws(new.terms):
        raise TermsInvalid(flaw.reason, field=flaw.field)
    if PAYER_PARTY in {share.party for share in new.terms.parties}:
        raise TermsInvalid("This names the account that payouts leave from.", field="parties")
    if new.valid_until is not None and new.valid_until <= new.valid_from:
        raise DatesInvalid("It would end before it begins.", field="valid_until")
    for field, day in (("takeover_on", new.takeover_on), ("expires_on", new.expires_on)):
        if day is not None and day < new.valid_from:
            raise DatesInvalid("That is before the version begins.", field=field)


def demand_draft(version: VersionRow) -> None:
    """Raise unless a version is a draft still."""
    if version.state != VersionState.DRAFT:
        raise VersionClosed(f"It is {version.state}.", state=version.state)


def demand_approvable(version: VersionRow, by: Principal) -> None:
    """Raise unless this person may put a draft in force."""
    demand_draft(version)
    if not is_another_person(by, version.drafter_id):
        raise SecondPersonNeeded("Who drafted a version does not approve it.")


@contextmanager
def _refusing() -> Iterator[None]:
    """Tell in our words what the database refuses when two people approve at once."""
    try:
        yield
    except asyncpg.ExclusionViolationError as error:
        raise VersionsOverlap("Another contract holds for a lot at that time.") from error
    except asyncpg.RestrictViolationError as error:
        raise DatesInvalid("A day of it was cleared meanwhile.", field="valid_from") from error


def _party(  # noqa: PLR0917  the columns of a row
    operator_id: int,
    party: str,
    name: str,
    holder: str | None,
    account_no: str | None,
    bank_code: str | None,
    balance_fen: int,
) -> PartyView:
    account = None
    if holder is not None and account_no is not None and bank_code is not None:
        account = BankAccount(holder, account_no, bank_code)
    return PartyView(operator_id, party, name, account, balance_fen)


def _trace(version: VersionRow, did: str, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action=f"settlement.version_{did}",
        subject=f"contract {version.contract_no} version {version.number}",
        operator_id=version.operator_id,
        after={"title": version.title, "valid_from": version.valid_from},
    )
