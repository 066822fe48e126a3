"""Filing plans, and having them at hand when a car wants out.

Owns: the catalogue in memory that hot paths read, and the transactions that change it.
Never: computes an amount, or changes a version that is filed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from asyncpg import (
    CheckViolationError,
    ExclusionViolationError,
    RestrictViolationError,
    UniqueViolationError,
)

from onepark.contexts.calendar.rules import engine as calendar_engine
from onepark.contexts.tariffs import proof, rules, store
from onepark.contexts.tariffs.errors import (
    AlreadyBegun,
    FilingInvalid,
    LotUnknown,
    NoPlan,
    VersionsOverlap,
    VersionUnknown,
)
from onepark.contexts.tariffs.model import (
    Assignment,
    FiledPlan,
    Filing,
    LotTariff,
    Plan,
    PlanSpan,
    QuoteAnswer,
    QuoteAsked,
    TariffInForce,
)
from onepark.contexts.tariffs.ports import LotDirectory
from onepark.contexts.tariffs.wording import plain_chinese
from onepark.infra.clock import Clock
from onepark.infra.db import Database
from onepark.kernel.types import LotCode, LotId, OperatorId, PlanId


class Tariffs:
    """Every plan that is filed, compiled, and renewed when the revision moves."""

    def __init__(self, service_db: Database, clock: Clock) -> None:
        self._db = service_db
        self._clock = clock
        self._catalogue = rules.build_catalogue(0, [], [], engines={}, hashes={})

    async def load(self) -> None:
        """Read every plan and assignment as of one moment."""
        async with self._db.transaction() as tx:
            await store.stand_still(tx)
            revision = await store.revision(tx)
            rows = await store.plans(tx)
            assignments = await store.assignments(tx)
            rulings = await store.rulings(tx)
        bodies, calendar = {row.body for row in rows}, calendar_engine(rulings)
        self._catalogue = rules.build_catalogue(
            revision,
            rows,
            assignments,
            engines={body: rules.compile_plan(body, calendar) for body in bodies},
            hashes={body: proof.plan_hash(json.loads(body)) for body in bodies},
            rulings=rulings,
            calendar=calendar,
        )

    async def refresh(self) -> bool:
        """Read again if something was filed or assigned; tell whether it was."""
        async with self._db.connection() as tx:
            revision = await store.revision(tx)
        if revision == self._catalogue.revision:
            return False
        await self.load()
        return True

    def plan_at(self, lot_id: LotId, at: datetime) -> Plan | None:
        """Return the version that the lot charges by at that moment, if there is one."""
        return rules.plan_at(self._catalogue, lot_id, at)

    def plan(self, plan_id: PlanId) -> Plan | None:
        """Return one version, however old."""
        return self._catalogue.plans.get(plan_id)

    def is_filed(self, operator_id: OperatorId, plan_key: str) -> bool:
        """Tell whether an operator has filed a plan under that key."""
        return (operator_id, plan_key) in self._catalogue.versions

    def quote(self, asked: QuoteAsked, lots: LotDirectory) -> QuoteAnswer:
        """Price a span for somebody who asks; nothing is kept."""
        rules.check_asked(asked)
        plan = self._plan_asked(asked, lots)
        [quote] = rules.price([rules.request_of(plan, asked)])
        plan_hash, rulings = self._hash_of(plan, asked.plan), self._catalogue.rulings
        told = rules.answer(plan, asked, quote, plan_hash=plan_hash, rulings=rulings)
        return proof.sealed(told)

    def lot_tariff(self, code: str, lots: LotDirectory) -> LotTariff:
        """Return what a lot charges by now, and what it will charge by next."""
        lot = lots.lot(LotCode(code))
        if lot is None:
            raise LotUnknown("No lot has this code.", field="lot")
        spans = rules.spans_of(self._catalogue, lot.lot_id)
        present, later = rules.now_and_next(spans, self._clock.now())
        return LotTariff(code, self._told(present), self._told(later))

    def filed_plan(self, plan_hash: str) -> FiledPlan:
        """Return a plan that was published, by its hash."""
        body = self._catalogue.bodies.get(plan_hash)
        if body is None:
            raise VersionUnknown("No published plan has this hash.", field="plan_hash")
        return FiledPlan(plan_hash, json.loads(body))

    async def publish(
        self,
        *,
        plan_key: str,
        operator_id: OperatorId,
        name: str,
        body: str,
        valid_from_at: datetime,
    ) -> PlanId:
        """File a new version of one plan; the version in force ends where it begins."""
        filing = Filing(plan_key, operator_id, name, body, valid_from_at)
        [plan_id] = await self.publish_many([filing])
        return plan_id

    async def publish_many(self, filings: Sequence[Filing]) -> list[PlanId]:
        """File versions of many plans, all or none, in the order given."""
        for body in {filing.body for filing in filings}:
            rules.compile_plan(body)
        with refusing():
            async with self._db.transaction() as tx:
                await store.close_versions(tx, filings)
                filed = await store.file_versions(tx, filings, at=self._clock.now())
        await self.load()
        return [filed[filing.operator_id, filing.plan_key] for filing in filings]

    async def assign(
        self, *, lot_id: LotId, operator_id: OperatorId, plan_key: str, valid_from_at: datetime
    ) -> None:
        """Let a lot charge by a plan from that moment on."""
        await self.assign_many([Assignment(lot_id, operator_id, plan_key, valid_from_at)])

    async def assign_many(self, assigned: Sequence[Assignment]) -> None:
        """Let many lots charge by plans, all or none."""
        with refusing():
            async with self._db.transaction() as tx:
                await store.close_assignments(tx, assigned)
                done = await store.assign(tx, assigned)
                rules.check_assigned(assigned, done)
        await self.load()

    def _told(self, span: PlanSpan | None) -> TariffInForce | None:
        if span is None:
            return None
        row = self._catalogue.rows[span.plan_id]
        body = json.loads(row.body)
        return TariffInForce(
            plan_key=row.plan_key,
            version=row.version,
            name=row.name,
            plan_hash=self._catalogue.hashes[row.body],
            valid_from_at=span.valid_from_at,
            valid_until_at=span.valid_until_at,
            text_zh=tuple(plain_chinese(body)),
            body=body,
        )

    def _hash_of(self, plan: Plan, of_asker: Mapping[str, Any] | None) -> str:
        if of_asker is not None:
            return proof.plan_hash(of_asker)
        return self._catalogue.hashes[self._catalogue.rows[plan.plan_id].body]

    def _plan_asked(self, asked: QuoteAsked, lots: LotDirectory) -> Plan:
        if asked.plan is not None:
            return rules.plan_of_asker(asked.plan, asked.entered_at, self._catalogue.calendar)
        lot = lots.lot(LotCode(asked.lot or ""))
        if lot is None:
            raise LotUnknown("No lot has this code.", field="lot")
        plan = self.plan_at(lot.lot_id, asked.entered_at)
        if plan is None:
            raise NoPlan("The lot charges by no plan at entered_at.", field="entered_at")
        return plan


@contextmanager
def refusing() -> Iterator[None]:
    """Say in our words what the constraints of the schema refuse."""
    try:
        yield
    except (ExclusionViolationError, UniqueViolationError) as error:
        raise VersionsOverlap("Another version or assignment is in force then.") from error
    except RestrictViolationError as error:
        raise AlreadyBegun("What has been in force stays as it was.") from error
    except CheckViolationError as error:
        constraint = error.constraint_name
        raise FilingInvalid(f"The filing breaks {constraint}.", rule=constraint) from error
