"""The SQL of messages and of who hears them.

Owns: every statement on messages and listeners.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from onepark.contexts.invoices.model import Event, Invoice, Message, Way
from onepark.infra.db import Record, Tx
from onepark.kernel.types import OperatorId

NEW_MESSAGE = """
    INSERT INTO invoices.message
        (message_id, invoice_no, operator_id, way, event, made_at, next_try_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (invoice_no, way, event) DO NOTHING
"""

COLUMNS = "message_id, invoice_no, operator_id, way, event, tries"

TAKE_DUE = f"""
    UPDATE invoices.message SET tries = tries + 1, next_try_at = $1 + interval '2 minutes'
    WHERE message_id IN (
        SELECT message_id FROM invoices.message WHERE next_try_at <= $1
        ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING {COLUMNS}
"""  # noqa: S608

DELIVERED = """
    UPDATE invoices.message SET delivered_at = $2, next_try_at = NULL, trouble = NULL
    WHERE message_id = $1
"""

UNHEARD = """
    UPDATE invoices.message SET next_try_at = $2, trouble = $3
    WHERE message_id = $1 AND delivered_at IS NULL
"""


async def new_message(
    tx: Tx, invoice: Invoice, way: Way, *, event: Event, message_id: str, at: datetime
) -> None:
    """Have somebody told of an invoice, once an event."""
    values = (message_id, invoice.invoice_no, invoice.operator_id, way, event, at)
    await tx.execute(NEW_MESSAGE, *values)


async def take_due(tx: Tx, now: datetime, *, limit: int) -> list[Message]:
    """Take messages that are due; nobody else takes them for two minutes."""
    return [_message(row) for row in await tx.fetch(TAKE_DUE, now, limit)]


async def delivered(tx: Tx, message_id: str, at: datetime) -> None:
    """Keep that a message was heard."""
    await tx.execute(DELIVERED, message_id, at)


async def unheard(tx: Tx, message_id: str, *, again_at: datetime | None, trouble: str) -> None:
    """Keep why a message was not heard, and when it is told again."""
    await tx.execute(UNHEARD, message_id, again_at, trouble)


SENT = """
    SELECT way, event, tries, delivered_at, next_try_at, trouble FROM invoices.message
    WHERE invoice_no = $1 ORDER BY made_at, way
"""


class Sent(NamedTuple):
    """What was told of an invoice, and whether it was heard."""

    way: str
    event: str
    tries: int
    delivered_at: datetime | None
    next_try_at: datetime | None
    trouble: str | None


async def sent(tx: Tx, invoice_no: str) -> Sequence[Sent]:
    """Return what was told of an invoice."""
    return [Sent(*row) for row in await tx.fetch(SENT, invoice_no)]


SET_LISTENER = """
    INSERT INTO invoices.listener (operator_id, url, secret, set_by, set_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (operator_id) DO UPDATE
    SET url = excluded.url, secret = excluded.secret, set_by = excluded.set_by,
        set_at = excluded.set_at
"""

LISTENER = "SELECT url, secret FROM invoices.listener WHERE operator_id = $1"

HAS_LISTENER = "SELECT EXISTS (SELECT FROM invoices.listener WHERE operator_id = $1)"


class Listener(NamedTuple):
    """Where an operator hears, and with what it is signed, sealed."""

    url: str
    secret: bytes


async def set_listener(
    tx: Tx, operator_id: OperatorId, listener: Listener, *, by: str, at: datetime
) -> None:
    """Keep where an operator wants to hear."""
    await tx.execute(SET_LISTENER, operator_id, listener.url, listener.secret, by, at)


async def listener(tx: Tx, operator_id: OperatorId) -> Listener | None:
    """Return where an operator wants to hear, if it does."""
    row = await tx.fetchrow(LISTENER, operator_id)
    return None if row is None else Listener(*row)


async def has_listener(tx: Tx, operator_id: OperatorId) -> bool:
    """Say whether an operator wants to hear."""
    found: bool = await tx.fetchval(HAS_LISTENER, operator_id)
    return found


def _message(row: Record) -> Message:
    values = dict(row)
    values["way"], values["event"] = Way(values["way"]), Event(values["event"])
    return Message(**values)
