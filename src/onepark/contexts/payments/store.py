"""The SQL of payments.

Owns: every statement on the tables of schema payments.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    JsapiCall,
    KeptNotice,
    Notice,
    PayInstruction,
    PayKind,
    RefundFact,
    TradeFact,
    Verdict,
)
from onepark.infra.db import Record, Tx
from onepark.kernel.events import encode, name_of
from onepark.kernel.types import OrderNo, RevenueKind

_FACTS = Decoder(TradeFact | None)
_JSAPI = Decoder(JsapiCall)
_REFUND_FACTS = Decoder(RefundFact | None)
_ENCODER = Encoder()

ONE_PAYER_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 5))"


async def one_payer_at_a_time(tx: Tx, order_no: str) -> None:
    """Let payments of one order begin one after another."""
    await tx.execute(ONE_PAYER_AT_A_TIME, order_no)


KEEP_REQUEST = """
    INSERT INTO payments.request (idempotency_key, fingerprint) VALUES ($1, $2)
    ON CONFLICT DO NOTHING
"""

EARLIER_REQUEST = """
    SELECT fingerprint, attempt_no FROM payments.request WHERE idempotency_key = $1
"""

ATTEMPT_OF_REQUEST = """
    UPDATE payments.request SET attempt_no = $2 WHERE idempotency_key = $1
"""


class Request(NamedTuple):
    """What a key was used for; no attempt while its first request has not got one."""

    fingerprint: bytes
    attempt_no: str | None


async def keep_request(tx: Tx, key: str, fingerprint: bytes) -> Request:
    """Take the key for this request, or return what it was taken for."""
    await tx.execute(KEEP_REQUEST, key, fingerprint)
    row = await tx.fetchrow(EARLIER_REQUEST, key)
    assert row is not None, "the key is taken now"
    return Request(row["fingerprint"], row["attempt_no"])


async def attempt_of_request(tx: Tx, key: str, attempt_no: str) -> None:
    """Tie a key to the attempt that answers it."""
    await tx.execute(ATTEMPT_OF_REQUEST, key, attempt_no)


COLUMNS = """
    attempt_no, lot_id, operator_id, order_no, charge_no, channel, amount_fen, state, created_at,
    expires_at, code_url, provider_txn, paid_at, surplus, queries, revenue_kind, kind,
    jsapi
"""

ATTEMPT = f"SELECT {COLUMNS} FROM payments.attempt WHERE attempt_no = $1"  # noqa: S608

LOCK_ATTEMPT = f"{ATTEMPT} AND channel = $2 FOR UPDATE"

LIVE_ATTEMPTS = f"""
    SELECT {COLUMNS} FROM payments.attempt
    WHERE order_no = $1 AND state IN ('created', 'pending') AND expires_at > $2
    ORDER BY attempt_no FOR UPDATE
"""  # noqa: S608

NEW_ATTEMPT = """
    INSERT INTO payments.attempt
        (attempt_no, lot_id, operator_id, order_no, charge_no, channel, amount_fen, state,
         created_at, expires_at, next_query_at, revenue_kind, kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

ATTEMPT_PENDING = """
    UPDATE payments.attempt SET state = 'pending', code_url = $2, jsapi = $3
    WHERE attempt_no = $1 AND state = 'created'
"""

ATTEMPT_ENDED = """
    UPDATE payments.attempt SET state = $2, next_query_at = NULL
    WHERE attempt_no = $1 AND state IN ('created', 'pending')
"""

ATTEMPT_SUCCEEDED = """
    UPDATE payments.attempt AS mine
    SET state = 'success', provider_txn = $2, paid_at = $3, surplus = $4, next_query_at = NULL
    WHERE mine.attempt_no = $1
"""

TXN_OF_ANOTHER = """
    SELECT EXISTS (
        SELECT FROM payments.attempt
        WHERE channel = $1 AND provider_txn = $2 AND attempt_no <> $3)
"""


async def attempt(tx: Tx, attempt_no: str) -> Attempt | None:
    """Return one attempt."""
    row = await tx.fetchrow(ATTEMPT, attempt_no)
    return None if row is None else attempt_of(row)


async def lock_attempt(tx: Tx, attempt_no: str, channel: str) -> Attempt | None:
    """Lock an attempt of a channel; the first lock of everything that settles."""
    row = await tx.fetchrow(LOCK_ATTEMPT, attempt_no, channel)
    return None if row is None else attempt_of(row)


async def live_attempts(tx: Tx, order_no: OrderNo, now: datetime) -> list[Attempt]:
    """Lock and return the attempts of an order that may still be paid."""
    return [attempt_of(row) for row in await tx.fetch(LIVE_ATTEMPTS, order_no, now)]


async def new_attempt(tx: Tx, made: Attempt, *, next_query_at: datetime | None) -> None:
    """Keep an attempt before any provider hears of it."""
    await tx.execute(
        NEW_ATTEMPT,
        made.attempt_no,
        made.lot_id,
        made.operator_id,
        made.order_no,
        made.charge_no,
        made.channel,
        made.amount_fen,
        made.state,
        made.created_at,
        made.expires_at,
        next_query_at,
        made.revenue_kind,
        made.kind,
    )


async def attempt_pending(tx: Tx, attempt_no: str, handed: PayInstruction) -> None:
    """Keep what the provider handed out; a success that came first stands."""
    call = None if handed.jsapi is None else _ENCODER.encode(handed.jsapi).decode()
    await tx.execute(ATTEMPT_PENDING, attempt_no, handed.code_url, call)


async def attempt_ended(tx: Tx, attempt_no: str, state: AttemptState) -> None:
    """Close or fail a live attempt."""
    await tx.execute(ATTEMPT_ENDED, attempt_no, state)


async def attempt_succeeded(
    tx: Tx, attempt_no: str, *, provider_txn: str, paid_at: datetime, surplus: bool
) -> None:
    """Keep that an attempt was paid."""
    await tx.execute(ATTEMPT_SUCCEEDED, attempt_no, provider_txn, paid_at, surplus)


async def txn_of_another(tx: Tx, channel: str, *, provider_txn: str, attempt_no: str) -> bool:
    """Say whether a provider's transaction has paid another attempt."""
    found: bool = await tx.fetchval(TXN_OF_ANOTHER, channel, provider_txn, attempt_no)
    return found


DUE_FOR_QUERY = f"""
    UPDATE payments.attempt SET queries = queries + 1, next_query_at = $1 + interval '1 minute'
    WHERE attempt_no IN (
        SELECT attempt_no FROM payments.attempt
        WHERE next_query_at <= $1 AND state IN ('created', 'pending')
        ORDER BY next_query_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING {COLUMNS}
"""  # noqa: S608

QUERY_AGAIN_AT = """
    UPDATE payments.attempt SET next_query_at = $2
    WHERE attempt_no = $1 AND state IN ('created', 'pending')
"""


async def due_for_query(tx: Tx, now: datetime, *, limit: int) -> list[Attempt]:
    """Take attempts whose provider is to be asked; nobody else takes them for a minute."""
    return [attempt_of(row) for row in await tx.fetch(DUE_FOR_QUERY, now, limit)]


async def query_again_at(tx: Tx, attempt_no: str, at: datetime) -> None:
    """Say when the provider of a live attempt is asked next."""
    await tx.execute(QUERY_AGAIN_AT, attempt_no, at)


KEEP_NOTICE = """
    INSERT INTO payments.notice (channel, event_key, event_type, fact, body, refund_fact, is_hint)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (channel, event_key) DO NOTHING
    RETURNING notice_id
"""

NOTICE_COLUMNS = """
    notice_id, channel, fact, received_at, tries, coalesce(refund_fact, 'null') AS refund, is_hint
"""

TAKE_NOTICE = f"""
    SELECT {NOTICE_COLUMNS} FROM payments.notice
    WHERE notice_id = $1 AND handled_at IS NULL
    FOR UPDATE SKIP LOCKED
"""  # noqa: S608

HINT = f"""
    SELECT {NOTICE_COLUMNS} FROM payments.notice
    WHERE notice_id = $1 AND handled_at IS NULL AND is_hint
"""  # noqa: S608

# Each time that one was looked at in vain it rests twice as long as before.
UNHANDLED_NOTICES = """
    SELECT notice_id FROM payments.notice
    WHERE handled_at IS NULL AND received_at < $1
      AND received_at + (power(2, least(tries, 17)) - 1) * interval '1 second' < $1
    ORDER BY tries, received_at LIMIT $2
"""

NOTICE_HANDLED = """
    UPDATE payments.notice SET handled_at = now(), verdict = $2 WHERE notice_id = $1
"""

NOTICE_TRIED = "UPDATE payments.notice SET tries = tries + 1 WHERE notice_id = $1"


async def keep_notice(tx: Tx, channel: str, notice: Notice, *, body: bytes) -> int | None:
    """Keep a verified notice and return its number; None if it is known already."""
    fact = _ENCODER.encode(notice.fact).decode()
    refund_fact = None if notice.refund is None else _ENCODER.encode(notice.refund).decode()
    what = (notice.event_key, notice.event_type, fact, body, refund_fact, notice.is_hint)
    number: int | None = await tx.fetchval(KEEP_NOTICE, channel, *what)
    return number


async def take_notice(tx: Tx, notice_id: int) -> KeptNotice | None:
    """Lock an unhandled notice; None if it is handled or being handled."""
    row = await tx.fetchrow(TAKE_NOTICE, notice_id)
    return None if row is None else _notice(row)


async def hint(tx: Tx, notice_id: int) -> KeptNotice | None:
    """Return an unhandled notice that is only a hint; None if there is none."""
    row = await tx.fetchrow(HINT, notice_id)
    return None if row is None else _notice(row)


async def unhandled_notices(tx: Tx, before: datetime, *, limit: int) -> list[int]:
    """Return notices that were kept before a moment and not handled yet."""
    rows = await tx.fetch(UNHANDLED_NOTICES, before, limit)
    return [row["notice_id"] for row in rows]


async def notice_handled(tx: Tx, notice_id: int, verdict: Verdict) -> None:
    """Note what a notice did."""
    await tx.execute(NOTICE_HANDLED, notice_id, verdict)


async def notice_tried(tx: Tx, notice_id: int) -> None:
    """Note that a notice was looked at in vain."""
    await tx.execute(NOTICE_TRIED, notice_id)


POST = "INSERT INTO payments.outbox (aggregate, fact, payload) VALUES ($1, $2, $3)"


async def post(tx: Tx, fact: AttemptSucceeded | RefundSucceeded) -> None:
    """Publish a fact of an attempt that this transaction holds the lock of."""
    await tx.execute(POST, fact.attempt_no, name_of(fact), encode(fact))


OLDEST_UNKNOWN = """
    SELECT min(created_at + coalesce(slow.more, '0 s'::interval))
    FROM payments.attempt LEFT JOIN unnest($1::text[], $2::interval[]) AS slow (channel, more)
        USING (channel)
    WHERE state IN ('created', 'pending')
"""

OLDEST_UNHANDLED = """
    SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8
    FROM payments.notice WHERE handled_at IS NULL
"""


async def oldest_unknown(tx: Tx, slow: Mapping[str, timedelta]) -> datetime | None:
    """Return when the oldest attempt began whose outcome is not known; None if there is none.

    One of a slow channel counts as so much younger.
    """
    created_at: datetime | None = await tx.fetchval(OLDEST_UNKNOWN, list(slow), list(slow.values()))
    return created_at


async def oldest_unhandled_s(tx: Tx) -> float:
    """Return the age of the oldest notice that nobody has handled, in seconds."""
    age_s: float = await tx.fetchval(OLDEST_UNHANDLED)
    return age_s


def _notice(row: Record) -> KeptNotice:
    values = dict(row)
    values["fact"] = _FACTS.decode(row["fact"])
    values["refund"] = _REFUND_FACTS.decode(row["refund"])
    return KeptNotice(**values)


def attempt_of(row: Record) -> Attempt:
    """Read one attempt, its columns in order."""
    values = dict(row)
    values["state"], values["kind"] = AttemptState(values["state"]), PayKind(values["kind"])
    values["jsapi"] = None if values["jsapi"] is None else _JSAPI.decode(values["jsapi"])
    values["revenue_kind"] = RevenueKind(values["revenue_kind"])
    return Attempt(**values)
