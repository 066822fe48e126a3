"""The SQL of notices.

Owns: every statement on the inbox, each of as many notices as come together.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.payments.model import Incoming, KeptNotice, RefundFact, TradeFact, Verdict
from onepark.infra.db import Record, Tx, columns_of

_FACTS = Decoder(TradeFact | None)
_REFUND_FACTS = Decoder(RefundFact | None)
_ENCODER = Encoder()

KEEP_NOTICES = """
    INSERT INTO payments.notice (channel, event_key, event_type, fact, body, refund_fact, is_hint)
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::boolean[])
    ON CONFLICT (channel, event_key) DO NOTHING
    RETURNING channel, event_key, notice_id
"""

NOTICE_COLUMNS = """
    notice_id, channel, fact, received_at, tries, coalesce(refund_fact, 'null') AS refund, is_hint
"""

TAKE_NOTICES = f"""
    SELECT {NOTICE_COLUMNS} FROM payments.notice
    WHERE notice_id = ANY ($1::bigint[]) AND handled_at IS NULL
    ORDER BY notice_id FOR UPDATE SKIP LOCKED
"""  # noqa: S608

HINT = f"""
    SELECT {NOTICE_COLUMNS} FROM payments.notice
    WHERE notice_id = $1 AND handled_at IS NULL AND is_hint
"""  # noqa: S608

# Each time that one was looked at in vain it rests twice as long as before.
UNHANDLED_NOTICES = """
    SELECT notice_id, refund_fact IS NOT NULL OR is_hint AS alone FROM payments.notice
    WHERE handled_at IS NULL AND received_at < $1
      AND received_at + (power(2, least(tries, 17)) - 1) * interval '1 second' < $1
    ORDER BY tries, received_at LIMIT $2
"""

NOTICES_HANDLED = """
    UPDATE payments.notice AS kept SET handled_at = now(), verdict = told.verdict
    FROM unnest($1::bigint[], $2::text[]) AS told (notice_id, verdict)
    WHERE kept.notice_id = told.notice_id
"""

NOTICES_TRIED = "UPDATE payments.notice SET tries = tries + 1 WHERE notice_id = ANY ($1::bigint[])"

OLDEST_UNHANDLED = """
    SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8
    FROM payments.notice WHERE handled_at IS NULL
"""


class Waiting(NamedTuple):
    """A notice that nobody has handled; one that is alone is not handled with others."""

    notice_id: int
    alone: bool


async def keep_notices(tx: Tx, incoming: Sequence[Incoming]) -> dict[tuple[str, str], int]:
    """Keep verified notices, in key order; return the numbers of those that were not known."""
    rows = [
        (
            *(channel, notice.event_key, notice.event_type),
            *(_ENCODER.encode(notice.fact).decode(), body),
            None if notice.refund is None else _ENCODER.encode(notice.refund).decode(),
            notice.is_hint,
        )
        for channel, notice, body in incoming
    ]
    kept = await tx.fetch(KEEP_NOTICES, *columns_of(rows))
    return {(row["channel"], row["event_key"]): row["notice_id"] for row in kept}


async def take_notices(tx: Tx, notice_ids: Sequence[int]) -> list[KeptNotice]:
    """Lock the unhandled ones of these notices that nobody else is handling."""
    return [_notice(row) for row in await tx.fetch(TAKE_NOTICES, notice_ids)]


async def hint(tx: Tx, notice_id: int) -> KeptNotice | None:
    """Return an unhandled notice that is only a hint; None if there is none."""
    row = await tx.fetchrow(HINT, notice_id)
    return None if row is None else _notice(row)


async def unhandled_notices(tx: Tx, before: datetime, *, limit: int) -> list[Waiting]:
    """Return notices that were kept before a moment and not handled yet."""
    return [Waiting(*row) for row in await tx.fetch(UNHANDLED_NOTICES, before, limit)]


async def notices_handled(tx: Tx, handled: Mapping[int, Verdict]) -> None:
    """Note what notices did."""
    if handled:
        await tx.execute(NOTICES_HANDLED, list(handled), list(handled.values()))


async def notices_tried(tx: Tx, notice_ids: Sequence[int]) -> None:
    """Note that notices were looked at in vain."""
    if notice_ids:
        await tx.execute(NOTICES_TRIED, notice_ids)


async def oldest_unhandled_s(tx: Tx) -> float:
    """Return the age of the oldest notice that nobody has handled, in seconds."""
    age_s: float = await tx.fetchval(OLDEST_UNHANDLED)
    return age_s


def _notice(row: Record) -> KeptNotice:
    values = dict(row)
    values["fact"] = _FACTS.decode(row["fact"])
    values["refund"] = _REFUND_FACTS.decode(row["refund"])
    return KeptNotice(**values)
