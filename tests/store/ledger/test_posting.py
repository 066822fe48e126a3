"""Journals as they come into the books, against the real database."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from onepark.contexts.ledger.errors import BusinessKeyReused, JournalUnsound
from onepark.contexts.ledger.model import JournalKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.infra.db import Database, StaffScope
from onepark.kernel.types import Fen, OperatorId
from tests.store.ledger.conftest import RECEIVABLE, REVENUE, a_journal, moved

LEDGER = Ledger()


async def post(db: Database, *journals: object) -> None:
    async with db.transaction() as tx:
        await LEDGER.post(tx, journals)  # type: ignore[arg-type]


async def test_what_is_posted_stands_in_the_books(service_db: Database, operator_id: OperatorId):
    journal = a_journal(operator_id=operator_id)
    await post(service_db, journal)
    async with service_db.connection() as tx:
        assert await LEDGER.balances(tx, operator_id) == {RECEIVABLE: 500, REVENUE: -500}
        assert (await LEDGER.journal(tx, journal.business_key)) == a_journal(
            operator_id=operator_id,
            business_key=journal.business_key,
            clearing_day=journal.day,
        )


async def test_the_same_journal_posted_again_changes_nothing(
    service_db: Database, operator_id: OperatorId
):
    journal = a_journal(operator_id=operator_id)
    await post(service_db, journal, journal)
    await post(service_db, journal)
    async with service_db.connection() as tx:
        assert await LEDGER.balances(tx, operator_id) == {RECEIVABLE: 500, REVENUE: -500}


async def test_fifty_tries_at_once_post_one_journal(service_db: Database, operator_id: OperatorId):
    journal = a_journal(operator_id=operator_id)
    await asyncio.gather(*(post(service_db, journal) for _ in range(50)))
    async with service_db.connection() as tx:
        assert (await LEDGER.balances(tx, operator_id))[RECEIVABLE] == 500


@pytest.mark.parametrize(
    "changes",
    [
        {"postings": moved(501)},
        {"kind": JournalKind.DUPLICATE_RECEIPT},
        {"occurred_at": datetime(2026, 6, 1, tzinfo=UTC)},
        {"clearing_day": date(2026, 6, 1)},
        {"order_no": "other"},
        {"lot_id": 8},
        {"about": "other"},
        {"operator_id": 8},
    ],
)
async def test_something_else_under_a_key_is_refused(service_db: Database, changes):
    journal = a_journal()
    await post(service_db, journal)
    with pytest.raises(BusinessKeyReused):
        await post(service_db, a_journal(**({"business_key": journal.business_key} | changes)))


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (Posting(RECEIVABLE, Fen(0)), Posting(REVENUE, Fen(0))),
        (Posting(RECEIVABLE, Fen(5)), Posting(REVENUE, Fen(-4))),
        (Posting(RECEIVABLE, 0.5), Posting(REVENUE, -0.5)),  # type: ignore[arg-type]
    ],
)
async def test_a_journal_that_is_not_sound_reaches_no_database(service_db: Database, postings):
    with pytest.raises(JournalUnsound):
        await post(service_db, a_journal(postings=postings))


async def test_the_day_of_a_journal_is_that_of_shanghai(service_db: Database):
    late = a_journal(occurred_at=datetime(2026, 5, 9, 16, 0, tzinfo=UTC))
    assert late.day == date(2026, 5, 10)
    assert a_journal(occurred_at=datetime(2026, 5, 9, 15, 59, tzinfo=UTC)).day == date(2026, 5, 9)


async def test_what_is_on_an_account_is_known_for_each_day(
    service_db: Database, operator_id: OperatorId
):
    for day in (9, 10):
        await post(service_db, a_journal(operator_id=operator_id, clearing_day=date(2026, 5, day)))
    async with service_db.connection() as tx:
        before = await LEDGER.balances(tx, operator_id, until=date(2026, 5, 9))
        after = await LEDGER.balances(tx, operator_id, until=date(2026, 5, 10))
    assert (before[RECEIVABLE], after[RECEIVABLE]) == (500, 1000)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.journal SET kind = kind",
        "DELETE FROM ledger.posting",
        "UPDATE ledger.seal SET digest = digest",
        "DELETE FROM ledger.anchor",
    ],
)
async def test_the_service_may_only_add(service_db: Database, statement: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with service_db.transaction() as tx:
            await tx.execute(statement)


@pytest.mark.parametrize("table", ["journal", "posting", "seal", "anchor"])
async def test_even_the_owner_may_only_add(owner, table: str):
    for statement in (
        f"UPDATE ledger.{table} SET operator_id = 1"
        if table != "anchor"
        else "UPDATE ledger.anchor SET heads = ''",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table} CASCADE",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)


async def test_staff_see_the_books_of_their_operator_alone(
    service_db: Database, staff_db: Database, operator_id: OperatorId
):
    await post(service_db, a_journal(operator_id=operator_id))
    for scope, seen in ((StaffScope(operator_id), 2), (StaffScope(OperatorId(1)), 0)):
        async with staff_db.transaction(scope) as tx:
            found = await tx.fetchval(
                "SELECT count(*) FROM ledger.pub_balance WHERE operator_id = $1", operator_id
            )
        assert found == seen
