"""What a sound journal is, and what is hashed of it.

Owns: the balance of a journal, its canonical bytes, the links of a chain and the text of an anchor.
Never: awaits, or reads a clock.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from onepark.contexts.ledger.errors import JournalUnsound
from onepark.contexts.ledger.model import Anchor, Head, Journal, KeptJournal, Seal
from onepark.kernel.types import OperatorId

LINES_MIN, LINES_MAX = 2, 1_000
FEN_MAX = 2**63 - 1
FIRST = bytes(32)  # what stands before the first link
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def demand_sound(journal: Journal) -> None:
    """Raise JournalUnsound unless a journal moves whole fen and comes to nothing."""
    key, amounts = journal.business_key, [line.amount_fen for line in journal.postings]
    if not LINES_MIN <= len(amounts) <= LINES_MAX:
        raise JournalUnsound(f"{key} has {len(amounts)} postings.")
    if not all(type(fen) is int and 0 < abs(fen) <= FEN_MAX for fen in amounts):
        raise JournalUnsound(f"{key} has a posting of no whole amount of fen.")
    if sum(amounts) != 0:
        raise JournalUnsound(f"{key} is off by {sum(amounts)} fen.")
    if journal.occurred_at.tzinfo is None:
        raise JournalUnsound(f"{key} occurred at a naive moment.")


def contents(journal: Journal) -> list[object]:
    """Return all that a journal says, in the order in which it is hashed."""
    return [
        journal.operator_id,
        journal.kind,
        journal.business_key,
        microseconds(journal.occurred_at),
        journal.day.isoformat(),
        journal.revenue_kind,
        journal.order_no,
        journal.lot_id,
        journal.about,
        [[account.kind, account.owner, fen] for account, fen in journal.postings],
    ]


def microseconds(instant: datetime) -> int:
    """Return an instant as whole microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def canonical(kept: KeptJournal, sequence: int) -> bytes:
    """Return the bytes of a journal at its place in the chain: JSON without spaces."""
    where = [1, sequence, kept.journal_id, microseconds(kept.posted_at)]
    return msgspec.json.encode([*where, *contents(kept.journal)])


def chain(head: Head, waiting: Sequence[KeptJournal]) -> list[Seal]:
    """Return the links that go on from a head, one a journal, in order."""
    seals, previous = [], head.digest
    for sequence, kept in enumerate(waiting, head.sequence + 1):
        digest = hashlib.sha256(previous + canonical(kept, sequence)).digest()
        seals.append(Seal(head.operator_id, sequence, kept.journal_id, previous, digest))
        previous = digest
    return seals


def no_head(operator_id: OperatorId) -> Head:
    """Return where a chain stands before its first link."""
    return Head(operator_id, 0, FIRST)


def anchor(day: date, at: datetime, *, last: Anchor | None, heads: Iterable[Head]) -> Anchor:
    """Return the anchor of a day, a hash over the one before it and the heads of every chain."""
    text = heads_text(heads)
    previous = FIRST if last is None else last.digest
    digest = hashlib.sha256(previous + f"{day.isoformat()}\n{text}".encode()).digest()
    return Anchor(day, at, text, previous, digest)


def heads_text(heads: Iterable[Head]) -> str:
    """Return heads as they are hashed into an anchor: JSON without spaces, by operator."""
    rows = [[head.operator_id, head.sequence, head.digest.hex()] for head in sorted(heads)]
    return msgspec.json.encode(rows).decode()
