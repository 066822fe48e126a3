"""The verifier finds what somebody with all rights has changed, and nothing where nobody has."""

import base64
import json
from asyncio import to_thread
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from onepark.app.cli.ledger import ledger
from onepark.app.ledger_audit import audit
from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind
from onepark.contexts.ledger.service import Ledger, Sealer
from onepark.infra.db import Database, Role, open_database
from onepark.kernel.types import OperatorId
from tests.builders import EIGHT
from tests.conftest import named, run_sql
from tests.fakes.clock import HandClock
from tests.store.ledger.conftest import a_journal, moved, numbers

GUILTY = 5  # the journal that is tampered with
PAID = """
    INSERT INTO payments.attempt (attempt_no, lot_id, operator_id, order_no, charge_no, channel,
        amount_fen, state, created_at, expires_at, paid_at)
    VALUES ($1, 7, $2, 'o', $3, 'wechat', 500, 'success', $4, $4, $4)
"""


class Books(NamedTuple):
    """Sealed and anchored books of two operators, and whoever has all rights over them."""

    url: str
    db: Database
    sealer: Sealer
    clock: HandClock
    owner: Any


@pytest.fixture
async def books(servers: tuple[str, str], template: str) -> AsyncIterator[Books]:
    name = f"test_{uuid4().hex[:12]}"
    await run_sql(servers[0], f"CREATE DATABASE {name} TEMPLATE {template}")
    url = named(servers[0], name)
    db = await open_database(url, Role.SERVICE, connections=2)
    owner = await asyncpg.connect(url)
    clock = HandClock(EIGHT)
    books = Books(url, db, Sealer(db, clock), clock, owner)
    for _ in range(2):
        await pay(books, *(an_attempt(number) for number in range(4)))
        await books.sealer.seal_waiting()
        await books.sealer.anchor_today()
        clock.at += timedelta(days=1)
    yield books
    await owner.close()
    await db.close()
    await run_sql(servers[0], f"DROP DATABASE {name} WITH (FORCE)")


def an_attempt(number: int) -> Journal:
    """The receipt of an attempt; keys sort as they were made, so that journal 5 is operator 1's."""
    key = f"attempt:{next(numbers):06}"
    return a_journal(
        business_key=key, operator_id=OperatorId(1 + number % 2), order_no="o", lot_id=7
    )


async def pay(books: Books, *journals: Journal) -> None:
    """Post receipts of attempts that were paid."""
    async with books.db.transaction() as tx:
        for one in journals:
            attempt_no = one.business_key.removeprefix("attempt:")
            await tx.execute(PAID, attempt_no, one.operator_id, int(attempt_no), one.occurred_at)
        await Ledger().post(tx, journals)


async def tamper(books: Books, *statements: str) -> None:
    """Do what no role may, as a superuser with every trigger and foreign key off."""
    async with books.owner.transaction():
        await books.owner.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            done = await books.owner.execute(statement.format(guilty=GUILTY))
            assert not done.endswith(" 0"), statement


async def run(books: Books, *arguments: object) -> Result:
    env = {
        "ONEPARK_DATABASE_URL": books.url,
        "ONEPARK_REDIS_URL": "redis://127.0.0.1:1",
        "ONEPARK_SECRET_KEY": base64.b64encode(bytes(range(32))).decode(),
    }
    return await to_thread(
        lambda: CliRunner().invoke(ledger, [str(one) for one in arguments], env=env)
    )


async def test_books_that_nobody_touched_are_right(books: Books):
    done = await run(books, "verify")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("8 journals, 16 postings, 8 seals, 2 anchors, 0 faults")


POSTING = "UPDATE ledger.posting SET {} WHERE journal_id = {{guilty}}"
JOURNAL = "UPDATE ledger.journal SET {} WHERE journal_id = {{guilty}}"
SEAL = "UPDATE ledger.seal SET {} WHERE journal_id = {{guilty}}"
NO_POSTINGS = "DELETE FROM ledger.posting WHERE journal_id = {guilty}"
NO_JOURNAL = "DELETE FROM ledger.journal WHERE journal_id = {guilty}"
ANOTHER_HASH, GONE = "is not the hash of its journal", "seals a journal that is gone"


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ([POSTING.format("amount_fen = amount_fen + 1") + " AND line = 1"], "is off by 1 fen"),
        ([POSTING.format("amount_fen = 2 * amount_fen")], ANOTHER_HASH),
        ([POSTING.format("owner = 'alipay'") + " AND line = 1"], ANOTHER_HASH),
        ([POSTING.format("operator_id = 9") + " AND line = 1"], "postings of another operator"),
        ([NO_POSTINGS + " AND line = 2"], "has not its 2 postings"),
        ([NO_POSTINGS], "has not its 2 postings"),
        ([JOURNAL.format("occurred_at = occurred_at + interval '1 us'")], ANOTHER_HASH),
        ([JOURNAL.format("clearing_day = clearing_day + 1")], ANOTHER_HASH),
        ([JOURNAL.format("posted_at = posted_at - interval '1 s'")], ANOTHER_HASH),
        ([JOURNAL.format("business_key = 'other'")], ANOTHER_HASH),
        ([JOURNAL.format("operator_id = 2")], "seals a journal of another operator"),
        ([NO_JOURNAL], GONE),
        ([NO_JOURNAL, NO_POSTINGS], GONE),
        ([SEAL.format("digest = sha256('a')")], ANOTHER_HASH),
        ([SEAL.format("sequence = 99")], "no seals 5 to 98"),
        ([SEAL.format("operator_id = 2, sequence = 99")], "seals a journal of another operator"),
    ],
)
async def test_what_was_tampered_with_is_found_and_its_journal_named(
    books: Books, statements: list[str], told: str
):
    await tamper(books, *statements)
    done = await run(books, "verify")
    assert done.exit_code == 1
    assert done.output.startswith(f"FIRST GUILTY 首条异常: journal {GUILTY}: "), done.output
    assert told in done.output


async def test_a_deleted_seal_leaves_a_gap(books: Books):
    await tamper(books, "DELETE FROM ledger.seal WHERE journal_id = {guilty}")
    found = await audit(books.owner)
    assert any("no seals 3 to 3" in fault.what for fault in found.faults)


async def test_the_end_of_a_chain_that_was_cut_off_is_missed_by_its_anchor(books: Books):
    last = "SELECT max(journal_id) FROM ledger.journal"
    await tamper(
        books,
        f"DELETE FROM ledger.seal WHERE journal_id = ({last})",
        f"DELETE FROM ledger.posting WHERE journal_id = ({last})",
        "DELETE FROM payments.attempt WHERE 'attempt:' || attempt_no ="
        f" (SELECT business_key FROM ledger.journal WHERE journal_id = ({last}))",
        f"DELETE FROM ledger.journal WHERE journal_id = ({last})",
    )
    found = await audit(books.owner)
    day = EIGHT.date() + timedelta(days=1)
    [fault] = found.faults
    told = "saw seal 4, which is gone; the chain ends at 3"
    assert fault.what == f"operator 2: anchor {day} {told}"


async def test_a_chain_that_was_forged_from_the_changed_journal_on_is_found_by_its_anchor(
    books: Books,
):
    """The seals are made anew by the platform's own code, so that every hash is right again."""
    await tamper(
        books,
        "UPDATE ledger.posting SET amount_fen = 2 * amount_fen WHERE journal_id = {guilty}",
        "UPDATE payments.attempt SET amount_fen = 1000 WHERE 'attempt:' || attempt_no ="
        " (SELECT business_key FROM ledger.journal WHERE journal_id = {guilty})",
        "DELETE FROM ledger.seal WHERE operator_id = 1 AND journal_id >= {guilty}",
        "INSERT INTO ledger.unsealed SELECT operator_id, journal_id, posted_at FROM ledger.journal"
        " WHERE operator_id = 1 AND journal_id >= {guilty}",
    )
    await books.sealer.seal_waiting()
    found = await audit(books.owner)
    assert len(found.faults) == 1
    assert "is not what anchor" in found.faults[0].what


async def test_whoever_rewrites_everything_is_found_by_what_was_printed_before(
    books: Books, tmp_path
):
    printed = tmp_path / "anchors"
    printed.write_text(
        "".join([(await run(books, "anchor", "--day", day)).output for day in days_of(books)])
    )
    assert (await run(books, "verify", "--anchor", printed)).exit_code == 0
    await tamper(
        books,
        "DELETE FROM ledger.anchor",
        "DELETE FROM ledger.seal",
        "UPDATE ledger.posting SET amount_fen = 2 * amount_fen WHERE journal_id = {guilty}",
        "UPDATE payments.attempt SET amount_fen = 1000 WHERE 'attempt:' || attempt_no ="
        " (SELECT business_key FROM ledger.journal WHERE journal_id = {guilty})",
        "INSERT INTO ledger.unsealed SELECT operator_id, journal_id, posted_at FROM ledger.journal",
    )
    await books.sealer.seal_waiting()
    assert (await run(books, "verify")).exit_code == 0, "the books agree with themselves again"
    done = await run(books, "verify", "--anchor", printed)
    assert done.exit_code == 1
    assert "is not what printed anchor" in done.output


def days_of(books: Books) -> list[date]:
    return [(books.clock.at - timedelta(days=back)).date() for back in (2, 1)]


async def test_an_anchor_that_was_changed_or_taken_away_is_found(books: Books):
    await tamper(books, "UPDATE ledger.anchor SET heads = replace(heads, '[2,', '[3,')")
    assert any("its digest is not" in fault.what for fault in (await audit(books.owner)).faults)
    first = "(SELECT min(anchor_day) FROM ledger.anchor)"
    await tamper(books, f"DELETE FROM ledger.anchor WHERE anchor_day = {first}")
    assert any("before it is missing" in fault.what for fault in (await audit(books.owner)).faults)


async def test_a_journal_that_nobody_seals_is_found_after_a_minute(books: Books):
    await pay(books, an_attempt(0))
    assert (await audit(books.owner)).faults == []
    await tamper(
        books,
        "UPDATE ledger.journal SET posted_at = posted_at - interval '61 s'"
        " WHERE journal_id = (SELECT max(journal_id) FROM ledger.journal)",
    )
    [fault] = (await audit(books.owner)).faults
    assert "has no seal after 61 s" in fault.what


async def test_a_payment_without_its_journal_and_a_journal_without_its_payment_are_found(
    books: Books,
):
    await books.owner.execute(PAID, "lost", 1, 0, EIGHT)
    async with books.db.transaction() as tx:
        await Ledger().post(tx, [a_journal(business_key="attempt:forged")])
    told = [fault.what for fault in (await audit(books.owner)).faults]
    assert len(told) == 2
    assert "is the receipt of no paid attempt" in told[0]
    assert told[1] == "attempt lost was paid and has no journal"


async def test_a_pass_that_was_paid_stands_in_the_books_as_prepaid(books: Books):
    prepaid = Account(AccountKind.PREPAID, "pass")
    bought = structs.replace(
        an_attempt(0), kind=JournalKind.PREPAYMENT, postings=moved(500, out_of=prepaid)
    )
    await pay(books, bought)
    assert (await audit(books.owner)).faults == []
    forged = structs.replace(bought, business_key="attempt:forged")
    async with books.db.transaction() as tx:
        await Ledger().post(tx, [forged])
    [fault] = (await audit(books.owner)).faults
    assert "is the receipt of no paid attempt" in fault.what


async def test_a_receipt_of_another_amount_than_was_paid_is_found(books: Books):
    odd = an_attempt(0)
    await pay(books, odd)
    await tamper(
        books,
        "UPDATE payments.attempt SET amount_fen = 499"
        f" WHERE attempt_no = '{odd.business_key.removeprefix('attempt:')}'",
    )
    [fault] = (await audit(books.owner)).faults
    assert "500 of 499 fen" in fault.what


async def test_the_anchor_of_this_moment_is_printed_and_not_kept(books: Books):
    done = await run(books, "anchor", "--now")
    read = json.loads(done.output)
    assert [[one, four] for one, four, _ in json.loads(read["heads"])] == [[1, 4], [2, 4]]
    assert await books.owner.fetchval("SELECT count(*) FROM ledger.anchor") == 2
    assert (await run(books, "anchor", "--day", "2001-01-01")).exit_code == 1


async def test_a_text_that_is_not_ascii_is_hashed_alike_by_both(books: Books):
    """The verifier writes its JSON with another library than the sealer."""
    odd = a_journal(kind=JournalKind.ADJUSTMENT, order_no='停"\\\u2028/<\x01é', about="refund:1")
    async with books.db.transaction() as tx:
        await Ledger().post(tx, [odd])
    await books.sealer.seal_waiting()
    assert (await audit(books.owner)).faults == []
