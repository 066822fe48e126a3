"""The SQL of refunds.

Owns: every statement on refunds, and what of their attempts only refunds ask for.
Never: decides; a row goes in or out as it is. A refund is changed under its attempt's lock only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.contexts.payments.model import (
    Attempt,
    Cause,
    Refund,
    RefundState,
    Ruling,
)
from onepark.contexts.payments.store import COLUMNS as ATTEMPT_COLUMNS
from onepark.contexts.payments.store import attempt_of
from onepark.infra.db import Record, Tx
from onepark.kernel.types import Fen, LotId, OrderNo, RevenueKind

COLUMNS = """
    refund_no, attempt_no, lot_id, operator_id, order_no, channel, surplus, amount_fen, cause,
    reason, asked_by, asked_at, state, rounds, tries, request_key, again_of, provider_refund,
    refunded_at, trouble, waits_since_at, due_at, ruled_at, ruled_by, ruling, ruling_reason,
    revenue_kind
"""

KEEP_REQUEST = """
    INSERT INTO payments.refund_request (request_key, fingerprint) VALUES ($1, $2)
    ON CONFLICT DO NOTHING
    RETURNING fingerprint
"""

EARLIER_REQUEST = "SELECT fingerprint FROM payments.refund_request WHERE request_key = $1"


async def keep_request(tx: Tx, key: str, fingerprint: bytes) -> bytes | None:
    """Take a key for a request; if it was taken before, return what for."""
    if await tx.fetchval(KEEP_REQUEST, key, fingerprint) is not None:
        return None
    earlier: bytes = await tx.fetchval(EARLIER_REQUEST, key)
    return earlier


LOCK_PAID_ATTEMPTS = f"""
    SELECT {ATTEMPT_COLUMNS} FROM payments.attempt
    WHERE order_no = ANY ($1) AND state = 'success' AND NOT surplus
    ORDER BY attempt_no FOR UPDATE
"""  # noqa: S608

ATTEMPTS_SEEN = """
    SELECT attempt_no FROM payments.attempt WHERE attempt_no = $1 OR order_no = $2 LIMIT 1
"""

BACK = """
    SELECT attempt_no, sum(amount_fen)::bigint AS back_fen FROM payments.refund
    WHERE attempt_no = ANY ($1) AND state <> 'closed' GROUP BY attempt_no
"""


async def lock_paid_attempts(tx: Tx, order_nos: Sequence[OrderNo]) -> list[Attempt]:
    """Lock the attempts that orders count, in the order of their keys."""
    return [attempt_of(row) for row in await tx.fetch(LOCK_PAID_ATTEMPTS, order_nos)]


async def sees_payment(tx: Tx, attempt_no: str | None, order_no: str | None) -> bool:
    """Say whether whoever asks may see such a payment, or one of such an order."""
    return await tx.fetchval(ATTEMPTS_SEEN, attempt_no, order_no) is not None


async def back_by_attempt(tx: Tx, attempts: Sequence[Attempt]) -> dict[str, int]:
    """Return what of each attempt went back, or may go."""
    rows = await tx.fetch(BACK, [one.attempt_no for one in attempts])
    return {row["attempt_no"]: row["back_fen"] for row in rows}


NEW_REFUND = """
    INSERT INTO payments.refund (refund_no, attempt_no, lot_id, operator_id, order_no, channel,
        surplus, amount_fen, cause, reason, asked_by, asked_at, request_key, again_of, state,
        next_query_at, revenue_kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'new', $12, $15)
"""


async def new_refund(tx: Tx, made: Refund) -> None:
    """Reserve a refund before any provider hears of it."""
    await tx.execute(
        NEW_REFUND,
        made.refund_no,
        made.attempt_no,
        made.lot_id,
        made.operator_id,
        made.order_no,
        made.channel,
        made.surplus,
        made.amount_fen,
        made.cause,
        made.reason,
        made.asked_by,
        made.asked_at,
        made.request_key,
        made.again_of,
        made.revenue_kind,
    )


REFUND = f"SELECT {COLUMNS} FROM payments.refund WHERE refund_no = $1"  # noqa: S608

OF_ORDER = f"SELECT {COLUMNS} FROM payments.refund WHERE order_no = $1 ORDER BY asked_at, refund_no"  # noqa: S608

OF_REQUEST = f"SELECT {COLUMNS} FROM payments.refund WHERE request_key = $1 ORDER BY refund_no"  # noqa: S608

PAGE = f"""
    SELECT {COLUMNS} FROM payments.refund
    WHERE refund_no > $1 AND ($2::text IS NULL OR order_no = $2)
        AND ($3::text IS NULL OR state = $3) AND (NOT $4 OR waits_since_at IS NOT NULL)
    ORDER BY refund_no LIMIT $5
"""  # noqa: S608


async def refund(tx: Tx, refund_no: str) -> Refund | None:
    """Return one refund."""
    row = await tx.fetchrow(REFUND, refund_no)
    return None if row is None else _refund(row)


async def of_order(tx: Tx, order_no: str) -> list[Refund]:
    """Return the refunds of an order, oldest first."""
    return [_refund(row) for row in await tx.fetch(OF_ORDER, order_no)]


async def of_request(tx: Tx, key: str) -> list[Refund]:
    """Return what was asked for under a key."""
    return [_refund(row) for row in await tx.fetch(OF_REQUEST, key)]


class Wanted(NamedTuple):
    """Which refunds a page shows; None and False: whatever they are."""

    order_no: str | None
    state: RefundState | None
    waiting: bool


async def page(tx: Tx, wanted: Wanted, *, after: str, limit: int) -> list[Refund]:
    """Return the next refunds that whoever asks may see."""
    rows = await tx.fetch(PAGE, after, wanted.order_no, wanted.state, wanted.waiting, limit)
    return [_refund(row) for row in rows]


# The attempt is what two processes meet at; what is read of its refunds is read after that. Those
# whose provider may not be asked yet stand in nobody's way.
LOCK_DUE = """
    SELECT attempt_no, channel FROM payments.attempt
    WHERE attempt_no IN (
            SELECT due.attempt_no FROM payments.refund AS due
            JOIN payments.attempt AS paid ON paid.attempt_no = due.attempt_no
            WHERE due.next_query_at <= $1 AND coalesce(paid.next_refund_at <= $1, true)
            ORDER BY due.next_query_at LIMIT 4 * $2)
        AND coalesce(next_refund_at <= $1, true)
    ORDER BY attempt_no LIMIT $2
    FOR UPDATE SKIP LOCKED
"""

TAKE_DUE = f"""
    UPDATE payments.refund
    SET tries = tries + 1, next_query_at = $1 + interval '1 minute',
        state = CASE state WHEN 'new' THEN 'sent' ELSE state END
    WHERE refund_no IN (
        SELECT DISTINCT ON (attempt_no) refund_no FROM payments.refund
        WHERE attempt_no = ANY ($2) AND next_query_at <= $1
        ORDER BY attempt_no, next_query_at, refund_no)
    RETURNING {COLUMNS}
"""  # noqa: S608

NEXT_REFUND_AT = """
    UPDATE payments.attempt AS attempt SET next_refund_at = at
    FROM unnest($1::text[], $2::timestamptz[]) AS said (attempt_no, at)
    WHERE attempt.attempt_no = said.attempt_no
"""


async def lock_due(tx: Tx, now: datetime, *, limit: int) -> dict[str, str]:
    """Lock attempts with refunds that are due; return their channels. Nobody waits for a lock."""
    rows = await tx.fetch(LOCK_DUE, now, limit)
    return {row["attempt_no"]: row["channel"] for row in rows}


async def take_due(tx: Tx, now: datetime, next_at: Mapping[str, datetime]) -> list[Refund]:
    """Take one due refund of each locked attempt; nobody else takes it for a minute."""
    rows = await tx.fetch(TAKE_DUE, now, list(next_at))
    await tx.execute(NEXT_REFUND_AT, list(next_at), list(next_at.values()))
    return [_refund(row) for row in rows]


MOVED = """
    UPDATE payments.refund
    SET state = $3, next_query_at = $4, provider_refund = coalesce($5, provider_refund),
        refunded_at = $6, trouble = $7, waits_since_at = $8, due_at = $9,
        ruled_at = NULL, ruled_by = NULL, ruling = NULL, ruling_reason = NULL
    WHERE refund_no = $1 AND state = $2
"""

RULED = """
    UPDATE payments.refund
    SET state = $2, rounds = $3, tries = $4, next_query_at = $5, refunded_at = $6,
        waits_since_at = NULL, due_at = NULL,
        ruled_at = $7, ruled_by = $8, ruling = $9, ruling_reason = $10
    WHERE refund_no = $1
"""

SOON = """
    UPDATE payments.refund SET next_query_at = $2
    WHERE attempt_no = $1 AND next_query_at > $2 AND state = 'processing'
"""


async def moved(tx: Tx, before: Refund, now: Refund, *, next_query_at: datetime | None) -> None:
    """Keep where a refund stands now."""
    await tx.execute(
        MOVED,
        before.refund_no,
        before.state,
        now.state,
        next_query_at,
        now.provider_refund,
        now.refunded_at,
        now.trouble,
        now.waits_since_at,
        now.due_at,
    )


async def ruled(tx: Tx, now: Refund, *, next_query_at: datetime | None) -> None:
    """Keep what a person made of a refund."""
    await tx.execute(
        RULED,
        now.refund_no,
        now.state,
        now.rounds,
        now.tries,
        next_query_at,
        now.refunded_at,
        now.ruled_at,
        now.ruled_by,
        now.ruling,
        now.ruling_reason,
    )


async def ask_soon(tx: Tx, attempt_no: str, at: datetime) -> None:
    """Have the provider asked after the refunds of an attempt that it accepted."""
    await tx.execute(SOON, attempt_no, at)


SURPLUS_WAITING = """
    SELECT attempt_no FROM payments.attempt AS attempt
    WHERE surplus
        AND NOT EXISTS (
            SELECT FROM payments.refund
            WHERE refund.attempt_no = attempt.attempt_no AND cause = 'surplus')
        AND amount_fen > (
            SELECT coalesce(sum(refund.amount_fen), 0) FROM payments.refund
            WHERE refund.attempt_no = attempt.attempt_no AND state <> 'closed')
    ORDER BY attempt_no LIMIT $1
"""

HAS_SURPLUS_REFUND = """
    SELECT EXISTS (SELECT FROM payments.refund WHERE attempt_no = $1 AND cause = 'surplus')
"""


async def surplus_waiting(tx: Tx, *, limit: int) -> list[str]:
    """Return attempts that paid what was settled already and are not given back."""
    return [row["attempt_no"] for row in await tx.fetch(SURPLUS_WAITING, limit)]


async def has_surplus_refund(tx: Tx, attempt_no: str) -> bool:
    """Say whether a surplus has been given back by itself."""
    found: bool = await tx.fetchval(HAS_SURPLUS_REFUND, attempt_no)
    return found


# What is on its way to an order's payer, and what came to nothing until somebody has it retried.
GOING_BACK = """
    SELECT coalesce(sum(amount_fen), 0)::bigint FROM payments.refund
    WHERE order_no = $1 AND NOT surplus AND state <> 'success'
        AND (state <> 'closed' OR cause = 'order' AND ruling IS DISTINCT FROM 'retried')
"""

ORDERS_TO_GIVE_BACK = f"""
    SELECT due.lot_id, due.order_no FROM (
        SELECT lot_id, order_no, refund_due_fen FROM stays.pub_refund_due
        UNION ALL
        SELECT lot_id, order_no, refund_due_fen FROM membership.pub_refund_due
    ) AS due
    WHERE due.refund_due_fen > ({GOING_BACK.replace("$1", "due.order_no")})
        AND EXISTS (
            SELECT FROM payments.attempt AS paid
            WHERE paid.order_no = due.order_no AND paid.state = 'success' AND NOT paid.surplus
                AND paid.amount_fen > (
                    SELECT coalesce(sum(refund.amount_fen), 0) FROM payments.refund
                    WHERE refund.attempt_no = paid.attempt_no AND state <> 'closed'))
    ORDER BY due.lot_id, due.order_no LIMIT $1
"""  # noqa: S608


class ToGiveBack(NamedTuple):
    """An order that was paid more than its fee."""

    lot_id: LotId
    order_no: OrderNo


async def orders_to_give_back(tx: Tx, *, limit: int) -> list[ToGiveBack]:
    """Return orders that have more to give back than is on its way."""
    return [ToGiveBack(*row) for row in await tx.fetch(ORDERS_TO_GIVE_BACK, limit)]


async def going_back(tx: Tx, order_no: OrderNo) -> Fen:
    """Return what of an order's money is on its way back."""
    amount: Fen = await tx.fetchval(GOING_BACK, order_no)
    return amount


OLDEST_UNDER_WAY = """
    SELECT min(asked_at) FROM payments.refund WHERE next_query_at IS NOT NULL
"""

WAITING = "SELECT count(*) FROM payments.refund WHERE waits_since_at IS NOT NULL"


async def oldest_under_way(tx: Tx) -> datetime | None:
    """Return when the oldest refund was asked for that no provider has settled."""
    asked_at: datetime | None = await tx.fetchval(OLDEST_UNDER_WAY)
    return asked_at


async def waiting_for_people(tx: Tx) -> int:
    """Return how many refunds wait for a person."""
    waiting: int = await tx.fetchval(WAITING)
    return waiting


def _refund(row: Record) -> Refund:
    values = dict(row)
    values["state"], values["cause"] = RefundState(values["state"]), Cause(values["cause"])
    values["revenue_kind"] = RevenueKind(values["revenue_kind"])
    values["ruling"] = None if values["ruling"] is None else Ruling(values["ruling"])
    return Refund(**values)
