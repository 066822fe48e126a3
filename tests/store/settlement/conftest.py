"""An operator with books, lots and people who agree on contracts."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import pytest

from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.settlement.contracts import Contracts
from onepark.contexts.settlement.model import NewParty, NewVersion, VersionView
from onepark.contexts.settlement.service import Clearing
from onepark.contexts.settlement.statements import Statements
from onepark.contexts.settlement.terms import Cycle, Form, Share, Terms
from onepark.infra.db import Database, Role, open_database
from onepark.kernel.staff import Principal, StaffRole
from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, RevenueKind
from tests.conftest import named, run_sql
from tests.fakes.city import Archive, a_city_lot
from tests.fakes.clock import HandClock

DRAFTER = Principal(1, "drafter", StaffRole.CITY_FINANCE, None)
APPROVER = Principal(2, "approver", StaffRole.CITY_APPROVER, None)
THIRD = Principal(3, "third", StaffRole.CITY_FINANCE, None)
FIRST = date(2026, 5, 1)
RECEIVABLE = Account(AccountKind.CHANNEL_RECEIVABLE, "wechat")
REVENUE = Account(AccountKind.PARKING_REVENUE, "commercial")
NON_TAX = Account(AccountKind.PARKING_REVENUE, "non_tax")
FEE = Account(AccountKind.PROVIDER_FEE, "wechat")
FEE_PAYABLE = Account(AccountKind.FEE_PAYABLE, "wechat")
REFUNDS = Account(AccountKind.REFUNDS_PAYABLE, "wechat")
numbers = count(1)
SIXTY = (("group", 600_000), ("town", 250_000), ("investor", 150_000))


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def terms_of(shares: Sequence[tuple[str, int]] = SIXTY, **changes: Any) -> Terms:
    return Terms(parties=tuple(Share(*one) for one in shares), **({"cycle": Cycle.DAY} | changes))


class Rig(NamedTuple):
    """Books, contracts and clearing of operator 7, whose lots are 1 to 9."""

    db: Database
    clock: HandClock
    ledger: Ledger
    contracts: Contracts
    clearing: Clearing
    statements: Statements

    async def post(self, *journals: Journal) -> None:
        async with self.db.transaction() as tx:
            await self.ledger.post(tx, journals)

    async def fact(
        self, fen: int, day: date = FIRST, *, order: str | None = None, **changes: Any
    ) -> str:
        """Somebody pays, or gets back; return the order."""
        order = order or f"O{next(numbers)}"
        values: dict[str, Any] = {
            "kind": JournalKind.RECEIPT if fen > 0 else JournalKind.REFUND_RESERVED,
            "business_key": f"fact:{next(numbers)}",
            "operator_id": OperatorId(7),
            "occurred_at": noon_of(day),
            "revenue_kind": RevenueKind.COMMERCIAL,
            "order_no": OrderNo(order),
            "lot_id": LotId(1),
            "postings": (
                Posting(RECEIVABLE if fen > 0 else REFUNDS, Fen(fen)),
                Posting(REVENUE, Fen(-fen)),
            ),
        }
        await self.post(Journal(**(values | changes)))
        return order

    async def fee(self, fen: int, order: str, day: date = FIRST) -> None:
        postings = Posting(FEE, Fen(fen)), Posting(FEE_PAYABLE, Fen(-fen))
        await self.fact(fen, day, order=order, kind=JournalKind.FEE, postings=postings)

    async def contract(self, terms: Terms | None = None, **changes: Any) -> VersionView:
        """Agree on lot 1 from the first of May on."""
        terms = terms or terms_of()
        for share in terms.parties:
            await self.contracts.keep_party(
                NewParty(share.party, share.party, operator_id=7), by=DRAFTER
            )
        values: dict[str, Any] = {
            "contract_no": f"C{next(numbers)}",
            "title": "合作经营",
            "form": Form.REVENUE_SHARE,
            "terms": terms,
            "lots": ("320281001101",),
            "valid_from": FIRST,
        }
        draft = await self.contracts.draft(NewVersion(**(values | changes)), by=DRAFTER)
        return await self.contracts.approve(draft.version_id, by=APPROVER)

    async def clear(self, through: date = FIRST) -> Any:
        self.clock.at = max(self.clock.at, noon_of(through + timedelta(days=1)))
        return await self.clearing.clear_through(through)

    async def balances(self) -> dict[str, int]:
        """What is on every account, credit negative."""
        async with self.db.connection() as tx:
            found = await self.ledger.balances(tx, OperatorId(7))
        return {f"{kind}:{who}": int(fen) for (kind, who), fen in found.items() if fen}

    async def owed(self) -> dict[str, int]:
        """What the books owe each party."""
        found = await self.balances()
        return {
            name.partition(":")[2]: -fen
            for name, fen in found.items()
            if name.startswith(("party_payable", "treasury_payable"))
        }


def rig_of(service: Database, staff: Database) -> Rig:
    """Books, contracts and clearing over these connections."""
    clock = HandClock(noon_of(FIRST))
    archive = Archive([a_city_lot(number) for number in range(1, 10)])
    contracts = Contracts(service, staff, archive=archive, audit=Audit(), clock=clock)
    ledger = Ledger()
    clearing = Clearing(service, books=ledger, clock=clock, facts_at_once=3)
    return Rig(service, clock, ledger, contracts, clearing, Statements(service, staff))


@pytest.fixture
async def fresh_url(servers: tuple[str, str], template: str) -> AsyncIterator[str]:
    """Books of each test's own: days are the whole city's."""
    name = f"test_settlement_{next(numbers)}"
    await run_sql(servers[0], f"CREATE DATABASE {name} TEMPLATE {template}")
    yield named(servers[0], name)
    await run_sql(servers[0], f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def owner(fresh_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(fresh_url)
    yield connection
    await connection.close()


@pytest.fixture
async def staff(fresh_url: str) -> AsyncIterator[Database]:
    database = await open_database(fresh_url, Role.STAFF, connections=1)
    yield database
    await database.close()


@pytest.fixture
async def rig(fresh_url: str, staff: Database) -> AsyncIterator[Rig]:
    service = await open_database(fresh_url, Role.SERVICE, connections=2)
    yield rig_of(service, staff)
    await service.close()
