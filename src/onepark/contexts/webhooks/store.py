"""The SQL of webhooks, but for what every outbox has.

Owns: every statement on endpoints, their keys and where a delivery goes.
Never: decides; a row goes in or out as it is.
"""

from datetime import datetime
from typing import Any

from onepark.contexts.webhooks.model import (
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointId,
    Kind,
    News,
    Target,
)
from onepark.infra.db import Tx
from onepark.kernel.types import OperatorId

# One row an endpoint, once: a fact that is handed on twice is one message.
FAN_OUT = """
    INSERT INTO webhooks.delivery (endpoint_id, operator_id, message_id, aggregate, fact, payload)
    SELECT endpoint_id, operator_id, $2, endpoint_id || ':' || $3::text, $4, $5
    FROM webhooks.endpoint
    WHERE operator_id = $1 AND ended_at IS NULL AND $4 = ANY (facts)
    ORDER BY endpoint_id
    ON CONFLICT (endpoint_id, message_id) DO NOTHING
"""

TARGET = """
    SELECT endpoint.endpoint_id, endpoint.url, delivery.message_id,
        ARRAY(SELECT sealed FROM webhooks.secret AS key
            WHERE key.endpoint_id = endpoint.endpoint_id
                AND (key.not_after IS NULL OR key.not_after > $2)
            ORDER BY key.not_before DESC, key.secret_id DESC)
    FROM webhooks.delivery AS delivery JOIN webhooks.endpoint AS endpoint USING (endpoint_id)
    WHERE delivery.id = $1 AND endpoint.ended_at IS NULL
"""

LOCK_OPERATOR = "SELECT pg_advisory_xact_lock(hashtextextended('webhooks.endpoint', $1))"

COUNT_ENDPOINTS = """
    SELECT count(*) FROM webhooks.endpoint WHERE operator_id = $1 AND ended_at IS NULL
"""

ADD_ENDPOINT = """
    INSERT INTO webhooks.endpoint (operator_id, url, facts, created_at, created_by)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (operator_id, url) WHERE ended_at IS NULL DO NOTHING
    RETURNING endpoint_id
"""

ENDPOINTS = """
    SELECT endpoint_id, operator_id, url, facts, created_at, created_by,
        (SELECT count(*) FROM webhooks.delivery AS one
            WHERE one.endpoint_id = endpoint.endpoint_id AND one.delivered_at IS NULL
                AND one.dead_at IS NULL) AS waiting,
        (SELECT count(*) FROM webhooks.delivery AS one
            WHERE one.endpoint_id = endpoint.endpoint_id AND one.delivered_at IS NULL
                AND one.dead_at IS NOT NULL) AS dead
    FROM webhooks.endpoint AS endpoint WHERE ended_at IS NULL ORDER BY endpoint_id
"""

LOCK_ENDPOINT = """
    SELECT operator_id, url FROM webhooks.endpoint
    WHERE endpoint_id = $1 AND ended_at IS NULL FOR UPDATE
"""

END_ENDPOINT = "UPDATE webhooks.endpoint SET ended_at = $2 WHERE endpoint_id = $1"

GIVE_UP = """
    UPDATE webhooks.delivery SET delivered_at = $2, ruled_by = $3, ruling = 'skipped'
    WHERE endpoint_id = $1 AND delivered_at IS NULL
"""

GOOD_SECRETS = """
    SELECT count(*) FROM webhooks.secret
    WHERE endpoint_id = $1 AND (not_after IS NULL OR not_after > $2)
"""

END_SECRETS = """
    UPDATE webhooks.secret SET not_after = $2
    WHERE endpoint_id = $1 AND (not_after IS NULL OR not_after > $2)
"""

NEW_KEY = """
    INSERT INTO webhooks.secret (endpoint_id, operator_id, sealed, not_before)
    VALUES ($1, $2, $3, $4)
"""

DELIVERIES = """
    SELECT id AS delivery_id, endpoint_id, message_id, fact AS kind, recorded_at, tries,
        next_try_at, trouble, delivered_at,
        CASE WHEN delivered_at IS NOT NULL THEN 'delivered'
             WHEN dead_at IS NOT NULL THEN 'dead' ELSE 'waiting' END AS state
    FROM webhooks.delivery
    WHERE ($1::bigint IS NULL OR endpoint_id = $1) AND ($2::bigint IS NULL OR id < $2)
        AND CASE $3::text
            WHEN 'delivered' THEN delivered_at IS NOT NULL
            WHEN 'dead' THEN delivered_at IS NULL AND dead_at IS NOT NULL
            WHEN 'waiting' THEN delivered_at IS NULL AND dead_at IS NULL
            ELSE true END
    ORDER BY id DESC LIMIT $4
"""


async def fan_out(tx: Tx, news: News) -> None:
    """Let a message wait for every endpoint of its operator that asked for its kind."""
    given = (news.operator_id, news.message_id, news.payment_no, news.kind, news.body)
    await tx.execute(FAN_OUT, *given)


async def target(tx: Tx, delivery_id: int, at: datetime) -> Target | None:
    """Return where a delivery goes and the good keys, newest first; None if nobody is there."""
    row = await tx.fetchrow(TARGET, delivery_id, at)
    return None if row is None else Target(*row)


async def lock_operator(tx: Tx, operator_id: OperatorId) -> None:
    """Let one transaction at a time add endpoints of an operator."""
    await tx.execute(LOCK_OPERATOR, operator_id)


async def count_endpoints(tx: Tx, operator_id: OperatorId) -> int:
    """Return how many endpoints an operator has."""
    counted: int = await tx.fetchval(COUNT_ENDPOINTS, operator_id)
    return counted


async def add_endpoint(
    tx: Tx, operator_id: OperatorId, url: str, facts: tuple[Kind, ...], *, by: str, at: datetime
) -> EndpointId | None:
    """Add an endpoint; None if the operator is told at this URL already."""
    added = await tx.fetchval(ADD_ENDPOINT, operator_id, url, sorted(set(facts)), at, by)
    return None if added is None else EndpointId(added)


async def endpoints(tx: Tx) -> list[Endpoint]:
    """Return the endpoints that the scope of this transaction lets through."""
    return [_endpoint(dict(row)) for row in await tx.fetch(ENDPOINTS)]


async def lock_endpoint(tx: Tx, endpoint_id: int) -> tuple[OperatorId, str] | None:
    """Lock an endpoint that has not ended; return whose it is and where."""
    row = await tx.fetchrow(LOCK_ENDPOINT, endpoint_id)
    return None if row is None else (OperatorId(row["operator_id"]), row["url"])


async def end_endpoint(tx: Tx, endpoint_id: int, *, by: str, at: datetime) -> None:
    """End an endpoint, and give up what waits for it."""
    await tx.execute(END_ENDPOINT, endpoint_id, at)
    await tx.execute(GIVE_UP, endpoint_id, at, by)


async def good_secrets(tx: Tx, endpoint_id: int, at: datetime) -> int:
    """Return how many keys of an endpoint are good."""
    counted: int = await tx.fetchval(GOOD_SECRETS, endpoint_id, at)
    return counted


async def end_secrets(tx: Tx, endpoint_id: int, *, at: datetime) -> None:
    """Let every key end at a moment, unless it ends before."""
    await tx.execute(END_SECRETS, endpoint_id, at)


async def add_secret(
    tx: Tx, endpoint_id: int, operator_id: OperatorId, *, sealed: bytes, at: datetime
) -> None:
    """Keep a sealed key."""
    await tx.execute(NEW_KEY, endpoint_id, operator_id, sealed, at)


async def deliveries(
    tx: Tx,
    endpoint_id: int | None,
    *,
    before: int | None,
    state: DeliveryState | None,
    limit: int,
) -> list[Delivery]:
    """Return the next deliveries that the scope of this transaction lets through, newest first."""
    rows = await tx.fetch(DELIVERIES, endpoint_id, before, state, limit)
    return [_delivery(dict(row)) for row in rows]


def _endpoint(values: dict[str, Any]) -> Endpoint:
    return Endpoint(**(values | {"facts": tuple(map(Kind, values["facts"]))}))


def _delivery(values: dict[str, Any]) -> Delivery:
    state, kind = DeliveryState(values["state"]), Kind(values["kind"])
    return Delivery(**(values | {"state": state, "kind": kind}))
