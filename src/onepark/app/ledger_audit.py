"""The books, recomputed by somebody who does not trust those who keep them.

Owns: reading every journal, seal and anchor with statements of its own, and naming what is wrong.
Never: uses the code that posts and seals, writes, or believes a number that it can recompute.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

UNSEALED_MAX = timedelta(seconds=60)
FAULTS_MAX = 1_000
PREFETCH = 1_000
ZEROS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Connection = Any  # of asyncpg, with or without a pool


class Fault(NamedTuple):
    """Something that is not as it was written, and the journal that shows it."""

    journal_id: int | None
    what: str


class KnownAnchor(NamedTuple):
    """An anchor as somebody printed it."""

    day: date
    heads: str
    previous: bytes
    digest: bytes


@dataclass
class Audit:
    """What was looked at, and what is wrong with it."""

    journals: int = 0
    postings: int = 0
    seals: int = 0
    anchors: int = 0
    faults: list[Fault] = field(default_factory=list)

    def blame(self, journal_id: int | None, what: str) -> None:
        """Note a fault; of very many the first are enough."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(journal_id, what))

    @property
    def first(self) -> Fault | None:
        """Return the fault of the lowest journal, or any if no journal shows one."""
        ordered = sorted(self.faults, key=lambda one: (one.journal_id is None, one.journal_id or 0))
        return ordered[0] if ordered else None


async def audit(connection: Connection, printed: Iterable[KnownAnchor] = ()) -> Audit:
    """Recompute the books as they are at one moment."""
    found = Audit()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        wanted = [*await _wanted(connection, found), *_printed(printed, found)]
        for operator_id in await _operators(connection):
            heads = [head for head in wanted if head.operator_id == operator_id]
            await _audit_chain(connection, operator_id, found=found, heads=heads)
        _audit_gone(wanted, set(await _operators(connection)), found)
        await _audit_unsealed(connection, found)
        await _audit_strays(connection, found)
        await _audit_attempts(connection, found)
    return found


# -- anchors -------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """What an anchor says of one place in a chain."""

    told_by: str
    operator_id: int
    sequence: int
    digest: str


ANCHORS = "SELECT anchor_day, heads, previous, digest FROM ledger.anchor ORDER BY anchor_day"


async def _wanted(connection: Connection, found: Audit) -> list[Wanted]:
    """Check the chain of kept anchors; return what they say of the chains of journals."""
    wanted: list[Wanted] = []
    previous = ZEROS
    for row in await connection.fetch(ANCHORS):
        found.anchors += 1
        anchor = KnownAnchor(*row)
        if anchor.previous != previous:
            found.blame(None, f"anchor {anchor.day}: an anchor before it is missing")
        wanted += _heads(anchor, f"anchor {anchor.day}", found)
        previous = anchor.digest
    return wanted


def _printed(printed: Iterable[KnownAnchor], found: Audit) -> list[Wanted]:
    wanted: list[Wanted] = []
    for anchor in printed:
        found.anchors += 1
        wanted += _heads(anchor, f"printed anchor {anchor.day}", found)
    return wanted


def _heads(anchor: KnownAnchor, name: str, found: Audit) -> list[Wanted]:
    text = f"{anchor.day.isoformat()}\n{anchor.heads}".encode()
    if hashlib.sha256(anchor.previous + text).digest() != anchor.digest:
        found.blame(None, f"{name}: its digest is not that of what it says")
        return []
    return [Wanted(name, *head) for head in json.loads(anchor.heads)]


# -- chains --------------------------------------------------------------------------------------

OPERATORS = """
    SELECT DISTINCT operator_id FROM ledger.seal
    UNION SELECT DISTINCT operator_id FROM ledger.journal ORDER BY operator_id
"""

CHAIN = """
    SELECT s.sequence, s.previous, s.digest, s.journal_id AS sealed_id, j.*, p.*
    FROM ledger.seal AS s
    LEFT JOIN ledger.journal AS j ON j.journal_id = s.journal_id
    LEFT JOIN LATERAL (
        SELECT array_agg(account ORDER BY line) AS accounts,
            array_agg(owner ORDER BY line) AS owners,
            array_agg(amount_fen ORDER BY line) AS amounts,
            array_agg(line ORDER BY line) AS numbers,
            array_agg(DISTINCT operator_id) AS operators
        FROM ledger.posting WHERE journal_id = s.journal_id) AS p ON true
    WHERE s.operator_id = $1
    ORDER BY s.sequence
"""


async def _operators(connection: Connection) -> list[int]:
    return [row[0] for row in await connection.fetch(OPERATORS)]


async def _audit_chain(
    connection: Connection, operator_id: int, *, found: Audit, heads: list[Wanted]
) -> None:
    """Walk one chain from its beginning; a broken link is told once and gone on from."""
    previous, sequence = ZEROS, 0
    seen: dict[int, list[Wanted]] = {}
    for head in heads:
        seen.setdefault(head.sequence, []).append(head)
    async for row in _rows(connection, operator_id):
        found.seals += 1
        if row["sequence"] != sequence + 1:
            found.blame(
                row["sealed_id"],
                f"operator {operator_id}: no seals {sequence + 1} to {row['sequence'] - 1}",
            )
        elif row["previous"] != previous:
            found.blame(row["sealed_id"], f"{_name(row)} does not follow the seal before it")
        for head in seen.pop(row["sequence"], []):
            if head.digest != row["digest"].hex():
                found.blame(row["sealed_id"], f"{_name(row)} is not what {head.told_by} saw")
        _audit_link(row, operator_id, found=found)
        previous, sequence = row["digest"], row["sequence"]
    for head in (head for heads in seen.values() for head in heads):
        found.blame(
            None,
            f"operator {operator_id}: {head.told_by} saw seal {head.sequence},"
            f" which is gone; the chain ends at {sequence}",
        )


def _audit_gone(wanted: list[Wanted], known: set[int], found: Audit) -> None:
    for head in wanted:
        if head.operator_id not in known:
            found.blame(None, f"{head.told_by}: operator {head.operator_id} has no chain any more")


async def _rows(connection: Connection, operator_id: int) -> AsyncIterator[asyncpg.Record]:
    async for row in connection.cursor(CHAIN, operator_id, prefetch=PREFETCH):
        yield row


def _audit_link(row: asyncpg.Record, operator_id: int, *, found: Audit) -> None:
    if row["journal_id"] is None:
        found.blame(row["sealed_id"], f"{_name(row)} seals a journal that is gone")
        return
    _audit_journal(row, found)
    if row["operator_id"] != operator_id:
        found.blame(row["journal_id"], f"{_name(row)} seals a journal of another operator")
    if hashlib.sha256(row["previous"] + canonical(row)).digest() != row["digest"]:
        found.blame(row["journal_id"], f"{_name(row)} is not the hash of its journal")


def _audit_journal(row: asyncpg.Record, found: Audit) -> None:
    """Check that one journal is whole and comes to nothing."""
    amounts, numbers = row["amounts"] or [], row["numbers"] or []
    found.journals += 1
    found.postings += len(amounts)
    name = f"journal {row['journal_id']} ({row['business_key']})"
    if numbers != list(range(1, row["lines"] + 1)):
        found.blame(row["journal_id"], f"{name} has not its {row['lines']} postings")
    if sum(amounts) != 0:
        found.blame(row["journal_id"], f"{name} is off by {sum(amounts)} fen")
    if 0 in amounts:
        found.blame(row["journal_id"], f"{name} has a posting of nothing")
    if (row["operators"] or []) != [row["operator_id"]]:
        found.blame(row["journal_id"], f"{name} has postings of another operator")


def canonical(row: asyncpg.Record) -> bytes:
    """Return what a seal is a hash of, after the hash before it, as docs/ledger.md says it."""
    lines = zip(row["accounts"] or [], row["owners"] or [], row["amounts"] or [], strict=True)
    told = [
        *(1, row["sequence"], row["journal_id"], _microseconds(row["posted_at"])),
        *(row["operator_id"], row["kind"], row["business_key"]),
        *(_microseconds(row["occurred_at"]), row["clearing_day"].isoformat()),
        *(row["revenue_kind"], row["order_no"], row["lot_id"], row["about"]),
        [list(line) for line in lines],
    ]
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _name(row: asyncpg.Record) -> str:
    key = f" ({row['business_key']})" if row["business_key"] else ""
    return f"seal {row['sequence']} of journal {row['sealed_id']}{key}"


# -- what no chain holds -------------------------------------------------------------------------

UNSEALED = """
    SELECT j.*, p.*, clock_timestamp() AS now_at
    FROM ledger.journal AS j
    LEFT JOIN LATERAL (
        SELECT array_agg(amount_fen ORDER BY line) AS amounts,
            array_agg(line ORDER BY line) AS numbers,
            array_agg(DISTINCT operator_id) AS operators
        FROM ledger.posting WHERE journal_id = j.journal_id) AS p ON true
    WHERE NOT EXISTS (SELECT FROM ledger.seal WHERE seal.journal_id = j.journal_id)
"""

STRAYS = """
    SELECT DISTINCT p.journal_id FROM ledger.posting AS p
    WHERE NOT EXISTS (SELECT FROM ledger.journal AS j WHERE j.journal_id = p.journal_id)
    ORDER BY p.journal_id LIMIT $1
"""


async def _audit_unsealed(connection: Connection, found: Audit) -> None:
    async for row in connection.cursor(UNSEALED, prefetch=PREFETCH):
        _audit_journal(row, found)
        age = row["now_at"] - row["posted_at"]
        if age > UNSEALED_MAX:
            found.blame(
                row["journal_id"],
                f"journal {row['journal_id']} ({row['business_key']}) has no seal"
                f" after {age.total_seconds():.0f} s",
            )


async def _audit_strays(connection: Connection, found: Audit) -> None:
    for row in await connection.fetch(STRAYS, FAULTS_MAX):
        found.blame(row["journal_id"], f"journal {row['journal_id']} is gone, its postings are not")


# -- against the payments ------------------------------------------------------------------------

ATTEMPTS = """
    SELECT a.attempt_no, a.amount_fen, j.journal_id, received.amount_fen AS posted_fen
    FROM (SELECT * FROM payments.attempt WHERE state = 'success') AS a
    FULL JOIN (
        SELECT * FROM ledger.journal
        WHERE kind IN ('receipt', 'prepayment', 'duplicate_receipt')) AS j
        ON j.business_key = 'attempt:' || a.attempt_no
    LEFT JOIN LATERAL (
        SELECT sum(amount_fen) AS amount_fen FROM ledger.posting AS p
        WHERE p.journal_id = j.journal_id AND p.account = 'channel_receivable'
            AND p.owner = a.channel) AS received ON true
    WHERE a.attempt_no IS NULL OR j.journal_id IS NULL
        OR received.amount_fen IS DISTINCT FROM a.amount_fen
        OR (a.operator_id, a.order_no, a.lot_id, a.revenue_kind, a.paid_at, a.surplus)
            IS DISTINCT FROM (j.operator_id, j.order_no, j.lot_id, j.revenue_kind, j.occurred_at,
                j.kind = 'duplicate_receipt')
    ORDER BY j.journal_id LIMIT $1
"""


async def _audit_attempts(connection: Connection, found: Audit) -> None:
    """Check that every paid attempt stands in the books as it was paid, and nothing else does."""
    for row in await connection.fetch(ATTEMPTS, FAULTS_MAX):
        if row["journal_id"] is None:
            found.blame(None, f"attempt {row['attempt_no']} was paid and has no journal")
        elif row["attempt_no"] is None:
            what = f"journal {row['journal_id']} is the receipt of no paid attempt"
            found.blame(row["journal_id"], what)
        else:
            found.blame(
                row["journal_id"],
                f"journal {row['journal_id']} is not as attempt {row['attempt_no']} was paid:"
                f" {row['posted_fen']} of {row['amount_fen']} fen",
            )
