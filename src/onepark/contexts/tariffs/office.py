"""What staff do with tariffs: each step by somebody, traced, in one transaction.

Owns: the use cases of filing: draft, check, publish, withdraw, assign; and checks of plans.
Never: prices anything, or takes a step without its line in the audit trail.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from onepark.contexts.tariffs import checking, filing, filing_store, rules, store
from onepark.contexts.tariffs.checking import CheckAnswer, Finding
from onepark.contexts.tariffs.errors import (
    ChecksBusy,
    DraftUnknown,
    TooManyChecks,
    VersionUnknown,
)
from onepark.contexts.tariffs.filing import (
    Assigned,
    Draft,
    DraftPage,
    DraftRow,
    DraftState,
    FiledVersion,
    NewAssignment,
    NewDraft,
    Publication,
    VersionPage,
)
from onepark.contexts.tariffs.model import Filing, PlanRow
from onepark.contexts.tariffs.ports import AuditTrail, LotDirectory
from onepark.contexts.tariffs.proof import plan_hash
from onepark.contexts.tariffs.service import Tariffs, refusing
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.infra.limits import Limit, Limiter
from onepark.kernel.staff import Principal
from onepark.kernel.types import PlanId

CHECKS_PER_MINUTE = 30  # of one address
CHECKS_AT_ONCE = 2
CHECKS_WAITING_MAX = 32


class Checks:
    """Plans looked through beside the event loop, a few at a time."""

    def __init__(self, limiter: Limiter, *, per_minute: int = CHECKS_PER_MINUTE) -> None:
        self._limiter = limiter
        self._by_address = Limit("tariff_check", per_minute, open_when_down=True)
        self._slots = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0

    async def for_anybody(self, body: Mapping[str, Any], *, address: str) -> CheckAnswer:
        """Check a plan for whoever asks; nothing is kept."""
        await self._limiter.take(self._by_address, address, refused=TooManyChecks)
        findings = await self.of(body)
        return CheckAnswer(checking.is_good(findings), plan_hash(body), tuple(findings))

    async def of(self, body: Mapping[str, Any] | str) -> list[Finding]:
        """Return what is wrong or odd about a plan."""
        if self._waiting >= CHECKS_WAITING_MAX:
            raise ChecksBusy("Try again in a moment.")
        self._waiting += 1
        try:
            async with self._slots:
                if isinstance(body, str):
                    return await asyncio.to_thread(checking.check, body)
                return await asyncio.to_thread(checking.check_body, body)
        finally:
            self._waiting -= 1


class TariffOffice:
    """Filing by people: what one drafts, a second one puts in force."""

    def __init__(
        self,
        staff_db: Database,
        *,
        tariffs: Tariffs,
        checks: Checks,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._tariffs, self._checks = staff_db, tariffs, checks
        self._audit, self._clock = audit, clock

    # -- drafts --------------------------------------------------------------------------------

    async def draft(self, new: NewDraft, lots: LotDirectory, *, by: Principal) -> Draft:
        """Keep a plan that somebody proposes."""
        owner = filing.owner_of(new.operator_id, by, lots)
        body, at = checking.body_text(new.body), self._clock.now()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            row = await filing_store.add_draft(tx, new, owner, body=body, by=by, at=at)
            await self._audit.append(tx, [filing.trace(row, "drafted", by)], at=at)
        return filing.draft_view(row)

    async def drafts(
        self, *, state: DraftState | None, before: int | None, limit: int, by: Principal
    ) -> DraftPage:
        """Return the next drafts that this person may see, newest first."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await filing_store.page_of_drafts(tx, state=state, before=before, limit=limit)
        return DraftPage(tuple(rows), rows[-1].draft_id if len(rows) == limit else None)

    async def show_draft(self, draft_id: int, *, by: Principal) -> Draft:
        """Return one draft whole."""
        return filing.draft_view(await self._read(draft_id, by))

    async def check(self, draft_id: int, *, by: Principal) -> Draft:
        """Check a draft and keep what was found with it; no transaction is open meanwhile."""
        draft = await self._read(draft_id, by)
        filing.check_open(draft)
        findings = await self._checks.of(draft.body)
        state, at = filing.state_after_check(findings), self._clock.now()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            draft = await _locked(tx, draft_id)
            filing.check_open(draft)
            await filing_store.save_check(tx, draft_id, findings, state=state, by=by, at=at)
            told = {"state": state, "findings": findings}
            await self._audit.append(tx, [filing.trace(draft, "checked", by, **told)], at=at)
        return await self.show_draft(draft_id, by=by)

    async def publish(self, draft_id: int, asked: Publication, *, by: Principal) -> Draft:
        """Put a checked draft in force, by somebody who did not write it."""
        at = self._clock.now()
        from_at = filing.begins_at(asked.valid_from_at, at)
        with refusing():
            async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
                draft = await _locked(tx, draft_id)
                filing.check_publication(draft, by)
                plan_id = await _filed(tx, draft, from_at=from_at, at=at)
                await filing_store.save_publication(tx, draft_id, plan_id, by=by, at=at)
                told = {"state": "published", "plan_id": plan_id, "valid_from_at": from_at}
                await self._audit.append(tx, [filing.trace(draft, "published", by, **told)], at=at)
        await self._tariffs.refresh()
        return await self.show_draft(draft_id, by=by)

    async def withdraw(self, draft_id: int, *, by: Principal) -> Draft:
        """Drop a draft, or take back what it became as long as that has not begun."""
        at = self._clock.now()
        with refusing():
            async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
                draft = await _locked(tx, draft_id)
                version = await _version_of(tx, draft)
                filing.check_withdrawal(draft, version, by, now=at)
                if version is not None:
                    await filing_store.withdraw_version(tx, version.plan_id, at=at)
                    filing.check_left_bare(await filing_store.lots_left_bare(tx, version.plan_id))
                await filing_store.save_withdrawal(tx, draft_id, by=by, at=at)
                told = {"state": "withdrawn", "plan_id": draft.plan_id}
                await self._audit.append(tx, [filing.trace(draft, "withdrawn", by, **told)], at=at)
        await self._tariffs.refresh()
        return await self.show_draft(draft_id, by=by)

    # -- versions and lots ---------------------------------------------------------------------

    async def versions(
        self, *, plan_key: str | None, before: int | None, limit: int, by: Principal
    ) -> VersionPage:
        """Return the next versions that this person may see, newest first."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await filing_store.page_of_versions(
                tx, plan_key=plan_key, before=before, limit=limit
            )
        return VersionPage(tuple(rows), rows[-1].plan_id if len(rows) == limit else None)

    async def version(self, plan_id: int, *, by: Principal) -> FiledVersion:
        """Return one version whole."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            row = await filing_store.find_version(tx, PlanId(plan_id))
        if row is None:
            raise VersionUnknown("No version has this number.", field="plan_id")
        return filing.version_view(row)

    async def assign(self, asked: NewAssignment, lots: LotDirectory, *, by: Principal) -> Assigned:
        """Let lots charge by a plan that is in force from that moment on."""
        at = self._clock.now()
        owner = filing.owner_of(asked.operator_id, by, lots)
        from_at = filing.begins_at(asked.valid_from_at, at)
        known = filing.lots_of(asked, lots, owner)
        assigned = filing.assignments_of(asked, known, operator_id=owner, from_at=from_at)
        with refusing():
            async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
                version = await filing_store.version_at(tx, owner, asked.plan_key, from_at)
                filing.check_assignment(version, known.values(), by)
                await store.close_assignments(tx, assigned)
                rules.check_assigned(assigned, await store.assign(tx, assigned))
                traces = filing.trace_of_assignment(asked, known, owner, by=by, from_at=from_at)
                await self._audit.append(tx, traces, at=at)
        await self._tariffs.refresh()
        return Assigned(asked.plan_key, owner, tuple(known), from_at)

    async def _read(self, draft_id: int, by: Principal) -> DraftRow:
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            draft = await filing_store.find_draft(tx, draft_id)
        return _known(draft)


async def _locked(tx: Tx, draft_id: int) -> DraftRow:
    return _known(await filing_store.lock_draft(tx, draft_id))


def _known(draft: DraftRow | None) -> DraftRow:
    if draft is None:
        raise DraftUnknown("No draft has this number.", field="draft_id")
    return draft


async def _filed(tx: Tx, draft: DraftRow, *, from_at: datetime, at: datetime) -> PlanId:
    """File a draft as the next version of its plan; the version in force ends where it begins."""
    new = Filing(draft.plan_key, draft.operator_id, draft.name, draft.body, from_at)
    await store.close_versions(tx, [new])
    filed = await store.file_versions(tx, [new], at=at)
    return filed[draft.operator_id, draft.plan_key]


async def _version_of(tx: Tx, draft: DraftRow) -> PlanRow | None:
    return None if draft.plan_id is None else await filing_store.find_version(tx, draft.plan_id)
