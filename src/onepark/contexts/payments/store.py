"""The SQL of payments.

Owns: every statement on the tables of schema payments.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.json import Decoder, Encoder

from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.payments.model import (
    Attempt,
    AttemptState,
    JsapiCall,
    PayInstruction,
    PayKind,
)
from onepark.infra.db import Record, Tx, columns_of
from onepark.kernel.events import encode, name_of
from onepark.kernel.types import OrderNo, RevenueKind

_JSAPI = Decoder(JsapiCall)
_ENCODER = Encoder()

Txn = tuple[str, str]  # a channel, and what its provider calls a transaction

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

LOCK_ATTEMPTS = f"""
    SELECT {COLUMNS} FROM payments.attempt
    WHERE attempt_no = ANY ($1) ORDER BY attempt_no FOR UPDATE
"""  # noqa: S608

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

ATTEMPTS_ENDED = """
    UPDATE payments.attempt AS kept SET state = told.state, next_query_at = NULL
    FROM unnest($1::text[], $2::text[]) AS told (attempt_no, state)
    WHERE kept.attempt_no = told.attempt_no AND kept.state IN ('created', 'pending')
"""

ATTEMPTS_SUCCEEDED = """
    UPDATE payments.attempt AS kept
    SET state = 'success', provider_txn = told.provider_txn, paid_at = told.paid_at,
        surplus = told.surplus, next_query_at = NULL
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::boolean[])
        AS told (attempt_no, provider_txn, paid_at, surplus)
    WHERE kept.attempt_no = told.attempt_no
"""

PAYERS_OF = """
    SELECT paid.channel, paid.provider_txn, paid.attempt_no
    FROM unnest($1::text[], $2::text[]) AS told (channel, provider_txn)
    JOIN payments.attempt AS paid
        ON paid.channel = told.channel AND paid.provider_txn = told.provider_txn
"""


async def attempt(tx: Tx, attempt_no: str) -> Attempt | None:
    """Return one attempt."""
    row = await tx.fetchrow(ATTEMPT, attempt_no)
    return None if row is None else attempt_of(row)


async def lock_attempt(tx: Tx, attempt_no: str, channel: str) -> Attempt | None:
    """Lock an attempt of a channel; the first lock of everything that gives back."""
    row = await tx.fetchrow(LOCK_ATTEMPT, attempt_no, channel)
    return None if row is None else attempt_of(row)


async def lock_attempts(tx: Tx, attempt_nos: Sequence[str]) -> list[Attempt]:
    """Lock attempts in the order of their keys; the first locks of everything that settles."""
    return [attempt_of(row) for row in await tx.fetch(LOCK_ATTEMPTS, attempt_nos)]


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


class Paid(NamedTuple):
    """What is kept of an attempt that was paid."""

    attempt_no: str
    provider_txn: str | None
    paid_at: datetime
    surplus: bool


async def attempts_ended(tx: Tx, ended: Mapping[str, AttemptState]) -> None:
    """Close or fail live attempts."""
    await tx.execute(ATTEMPTS_ENDED, list(ended), list(ended.values()))


async def attempts_succeeded(tx: Tx, paid: Sequence[Paid]) -> None:
    """Keep that attempts were paid."""
    await tx.execute(ATTEMPTS_SUCCEEDED, *columns_of(paid))


async def payers_of(tx: Tx, txns: Collection[Txn]) -> dict[Txn, str]:
    """Return which attempts these transactions of providers have paid."""
    rows = await tx.fetch(PAYERS_OF, *columns_of(txns, width=2)) if txns else []
    return {(row["channel"], row["provider_txn"]): row["attempt_no"] for row in rows}


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


POST = """
    INSERT INTO payments.outbox (aggregate, fact, payload)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
"""


async def post(tx: Tx, facts: Sequence[AttemptSucceeded | RefundSucceeded]) -> None:
    """Publish facts of attempts that this transaction holds the locks of."""
    rows = [(fact.attempt_no, name_of(fact), encode(fact)) for fact in facts]
    await tx.execute(POST, *columns_of(rows, width=3))


OLDEST_UNKNOWN = """
    SELECT min(created_at + coalesce(slow.more, '0 s'::interval))
    FROM payments.attempt LEFT JOIN unnest($1::text[], $2::interval[]) AS slow (channel, more)
        USING (channel)
    WHERE state IN ('created', 'pending')
"""


async def oldest_unknown(tx: Tx, slow: Mapping[str, timedelta]) -> datetime | None:
    """Return when the oldest attempt began whose outcome is not known; None if there is none.

    One of a slow channel counts as so much younger.
    """
    created_at: datetime | None = await tx.fetchval(OLDEST_UNKNOWN, list(slow), list(slow.values()))
    return created_at


def attempt_of(row: Record) -> Attempt:
    """Read one attempt, its columns in order."""
    values = dict(row)
    values["state"], values["kind"] = AttemptState(values["state"]), PayKind(values["kind"])
    values["jsapi"] = None if values["jsapi"] is None else _JSAPI.decode(values["jsapi"])
    values["revenue_kind"] = RevenueKind(values["revenue_kind"])
    return Attempt(**values)
