"""What staff see and say of differences.

Owns: whose differences a person sees, that an end has a reason and a line in the audit trail, and
the way of a bank statement into the books.
Never: changes what was found.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from onepark.contexts.reconciliation import difference_store, rules, store
from onepark.contexts.reconciliation.difference_store import Filter
from onepark.contexts.reconciliation.errors import (
    BillRefused,
    DifferenceClosed,
    DifferenceUnknown,
    QueryInvalid,
    ResolutionMisplaced,
)
from onepark.contexts.reconciliation.keeping import keep
from onepark.contexts.reconciliation.model import (
    LONG,
    DayKey,
    DayPage,
    DifferenceClass,
    DifferencePage,
    Fetched,
    FileKind,
    Settled,
    Settling,
    StatementKept,
)
from onepark.contexts.reconciliation.ports import AuditTrail, StatementReader
from onepark.contexts.reconciliation.service import Reconciliation
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import CHINA, OperatorId

FIRST_DAY = date(2000, 1, 1)
DAYS_SHOWN = 31
DAYS_SHOWN_MAX = 366
PAGE_MAX = 200
NUMBER_MAX = 2**62

ChannelName = Annotated[str, Meta(max_length=LONG, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]


class DaysAsked(Struct, frozen=True):
    """Which days are asked for."""

    channel: ChannelName | None = None
    since: date | None = None
    until: date | None = None


class DifferencesAsked(Struct, frozen=True, rename={"difference_class": "class"}):
    """Which differences are asked for."""

    difference_class: DifferenceClass | None = None
    channel: ChannelName | None = None
    open: bool | None = True
    older_than_days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    after: Annotated[int, Meta(ge=0, le=NUMBER_MAX)] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50


class StatementAsked(Struct, frozen=True, rename={"form": "format"}):
    """In which format a bank statement is."""

    form: Annotated[str, Meta(max_length=16, examples=["camt053", "csv"])] = "camt053"


class ReconciliationDesk:
    """Staff at the differences between the books."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        reconciliation: Reconciliation,
        readers: Mapping[str, StatementReader],
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db, self._reconciliation = service_db, staff_db, reconciliation
        self._readers, self._audit, self._clock = readers, audit, clock

    async def days(self, asked: DaysAsked, *, by: Principal) -> DayPage:
        """Return how far the files of a span of days are; they are the city's."""
        until = asked.until or self._clock.now().astimezone(CHINA).date()
        if until < FIRST_DAY:
            raise QueryInvalid("There are no bills of such days.", field="until")
        since = asked.since or until - timedelta(days=DAYS_SHOWN)
        if not 0 <= (until - since).days <= DAYS_SHOWN_MAX:
            raise QueryInvalid(f"Ask for at most {DAYS_SHOWN_MAX} days.", field="since")
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.days(
                tx, channel=asked.channel, since=since, until=until, limit=DAYS_SHOWN_MAX * 8
            )
        return DayPage(tuple(found))

    async def differences(self, asked: DifferencesAsked, *, by: Principal) -> DifferencePage:
        """Return the next differences that this person may see."""
        now = self._clock.now()
        wanted = Filter(
            asked.after,
            asked.limit,
            now - timedelta(days=asked.older_than_days),
            asked.difference_class,
            asked.channel,
            asked.open,
        )
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await difference_store.page(tx, wanted, now)
        last = found[-1].difference_id if len(found) == asked.limit else None
        return DifferencePage(tuple(found), last)

    async def settle(self, difference_id: int, said: Settling, *, by: Principal) -> Settled:
        """End a difference, with a reason."""
        if said.resolution not in rules.BY_PEOPLE:
            raise ResolutionMisplaced("Only the books themselves say so.", field="resolution")
        if not said.reason.strip() or not said.reason.isprintable():
            raise ResolutionMisplaced("Say why, in plain text.", field="reason")
        now = self._clock.now()
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            scope = await difference_store.scope_of(tx, difference_id)
        if scope is None:
            raise DifferenceUnknown(f"No difference {difference_id}.")
        async with self._db.transaction() as tx:
            if not await difference_store.settle(
                tx, difference_id, said.resolution, at=now, by=by.login, reason=said.reason
            ):
                raise DifferenceClosed("It was ended before.")
            change = _settled(difference_id, said, scope.operator_id, by)
            await self._audit.append(tx, [change], at=now)
        return Settled(difference_id, said.resolution)

    async def take_statement(self, form: str, body: bytes, *, by: Principal) -> StatementKept:
        """Keep a bank statement that adds up, and look in it for what providers have paid out."""
        reader = self._readers.get(form)
        if reader is None:
            raise QueryInvalid("No such format is read here.", field="format")
        if by.operator_id is not None:
            raise QueryInvalid("Statements are of the city's own accounts.", field=None)
        if not body:
            raise BillRefused("cut_short", "The file is empty.")
        bill = await asyncio.to_thread(reader, body)
        if bill.day is None:
            raise BillRefused("empty", "The statement has no entry.")
        key, now = DayKey(f"bank:{bill.account}"[:LONG], FileKind.BANK, bill.day), self._clock.now()
        async with self._db.transaction() as tx:
            is_new = await keep(tx, key, Fetched(body), bill, at=now, by=by.login)
            change = _kept(key, len(bill.movements), by)
            await self._audit.append(tx, [change] if is_new else [], at=now)
        await self._reconciliation.match_payouts()
        return StatementKept(
            account=bill.account,
            day=bill.day,
            sha256=hashlib.sha256(body).hexdigest(),
            rows=len(bill.movements),
            known=not is_new,
        )


def _settled(difference_id: int, said: Settling, operator_id: int | None, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action="reconciliation.difference_settled",
        subject=f"difference {difference_id}",
        operator_id=None if operator_id is None else OperatorId(operator_id),
        after={"resolution": said.resolution, "reason": said.reason},
    )


def _kept(key: DayKey, rows: int, by: Principal) -> Change:
    return Change(
        actor=by.login,
        action="reconciliation.statement_kept",
        subject=f"{key.channel} {key.day}",
        operator_id=None,
        after={"rows": rows},
    )
