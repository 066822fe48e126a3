"""The SQL of invoices.

Owns: every statement on sellers, invoices and their lines.
Never: decides; a row goes in or out as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from onepark.contexts.invoices.model import (
    BuyerKind,
    Document,
    Invoice,
    InvoiceState,
    Line,
    Seller,
    SellerKind,
)
from onepark.infra.db import Record, Tx, columns_of
from onepark.kernel.types import OperatorId, OrderNo

SELLER_COLUMNS = """
    seller_id, operator_id, kind, name, tax_id, division, province, city, provider,
    provider_account, drawer, rate_bp, goods_code, goods_name, preferential_code, valid_from,
    valid_until
"""

SELLER_ON = f"""
    SELECT {SELLER_COLUMNS} FROM invoices.seller
    WHERE operator_id = $1 AND kind = $2 AND valid_from <= $3
    ORDER BY valid_from DESC LIMIT 1
"""  # noqa: S608

SELLER = f"SELECT {SELLER_COLUMNS} FROM invoices.seller WHERE seller_id = $1"  # noqa: S608

SELLERS = f"""
    SELECT {SELLER_COLUMNS} FROM invoices.seller ORDER BY operator_id, kind, valid_from LIMIT $1
"""  # noqa: S608

FILE_SELLER = f"""
    INSERT INTO invoices.seller (operator_id, kind, name, tax_id, division, province, city,
        provider, provider_account, drawer, rate_bp, goods_code, goods_name, preferential_code,
        valid_from, valid_until, filed_by, filed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
    ON CONFLICT (operator_id, kind, valid_from) DO NOTHING
    RETURNING {SELLER_COLUMNS}
"""  # noqa: S608


async def seller_on(
    tx: Tx, operator_id: OperatorId, kind: SellerKind, *, day: date
) -> Seller | None:
    """Return in whose name an operator's documents are made out on a day."""
    row = await tx.fetchrow(SELLER_ON, operator_id, kind, day)
    seller = None if row is None else _seller(row)
    ended = seller is not None and seller.valid_until is not None and seller.valid_until < day
    return None if ended else seller


async def seller(tx: Tx, seller_id: int) -> Seller:
    """Return one version of a seller."""
    row = await tx.fetchrow(SELLER, seller_id)
    assert row is not None, "sellers are never deleted"
    return _seller(row)


async def sellers(tx: Tx, *, limit: int) -> list[Seller]:
    """Return the sellers that whoever asks may see."""
    return [_seller(row) for row in await tx.fetch(SELLERS, limit)]


async def file_seller(tx: Tx, filed: Seller, *, by: str, at: datetime) -> Seller | None:
    """Keep a version of a seller; None if one begins on that day already."""
    values = [getattr(filed, name) for name in Seller.__struct_fields__[1:]]
    row = await tx.fetchrow(FILE_SELLER, *values, by, at)
    return None if row is None else _seller(row)


COLUMNS = """
    invoice_no, operator_id, seller_id, document, fingerprint, buyer_kind, buyer_name,
    buyer_tax_id, contact, total_fen, tax_fen, rate_bp, state, requested_at, lines, follows, rounds,
    tries, next_ask_at, number, issued_at, trouble, waits_since_at, due_at, refunded_at, red_no,
    red_reason, red_asked_by, red_asked_at, red_number, reversed_at, rest_wanted
"""

NEW_INVOICE = """
    INSERT INTO invoices.invoice (invoice_no, operator_id, seller_id, document, fingerprint,
        buyer_kind, buyer_name, buyer_tax_id, contact, total_fen, tax_fen, rate_bp, state,
        requested_at, lines, follows, next_ask_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $14)
"""

NEW_LINES = """
    INSERT INTO invoices.line (invoice_no, live, operator_id, line_no, lot_id, order_no, amount_fen,
        tax_fen, province, city, address, cross_city, lease_from_at, lease_until_at, plate)
    SELECT $1, true, $2, * FROM unnest(
        $3::smallint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::text[],
        $9::text[], $10::text[], $11::boolean[], $12::timestamptz[], $13::timestamptz[],
        $14::text[])
"""


async def new_invoice(tx: Tx, made: Invoice, lines: Sequence[Line]) -> None:
    """Keep an invoice with its lines before any provider hears of it."""
    fields = Invoice.__struct_fields__[:16]
    await tx.execute(NEW_INVOICE, *(getattr(made, name) for name in fields))
    rows = [
        (number, *(getattr(line, name) for name in Line.__struct_fields__))
        for number, line in enumerate(lines, 1)
    ]
    await tx.execute(NEW_LINES, made.invoice_no, made.operator_id, *columns_of(rows))


INVOICE = f"SELECT {COLUMNS} FROM invoices.invoice WHERE invoice_no = $1"  # noqa: S608

LOCK_INVOICE = f"{INVOICE} FOR UPDATE"

LINES = """
    SELECT lot_id, order_no, amount_fen, tax_fen, province, city, address, cross_city,
        lease_from_at, lease_until_at, plate
    FROM invoices.line WHERE invoice_no = $1 ORDER BY line_no
"""

LIVE_OF_ORDERS = f"""
    SELECT {COLUMNS} FROM invoices.invoice
    WHERE invoice_no IN (
        SELECT invoice_no FROM invoices.line WHERE live AND order_no = ANY ($1))
    ORDER BY invoice_no
"""  # noqa: S608


async def invoice(tx: Tx, invoice_no: str) -> Invoice | None:
    """Return one invoice."""
    row = await tx.fetchrow(INVOICE, invoice_no)
    return None if row is None else _invoice(row)


async def lock_invoice(tx: Tx, invoice_no: str) -> Invoice:
    """Lock an invoice; everything that moves it does that first."""
    row = await tx.fetchrow(LOCK_INVOICE, invoice_no)
    assert row is not None, "invoices are never deleted"
    return _invoice(row)


async def lines(tx: Tx, invoice_no: str) -> list[Line]:
    """Return what an invoice is of."""
    return [Line(**dict(row)) for row in await tx.fetch(LINES, invoice_no)]


async def live_of_orders(tx: Tx, order_nos: Sequence[OrderNo]) -> list[Invoice]:
    """Return the invoices of orders that stand."""
    return [_invoice(row) for row in await tx.fetch(LIVE_OF_ORDERS, order_nos)]


FOLLOWER = "SELECT invoice_no FROM invoices.invoice WHERE follows = $1"


async def follower(tx: Tx, invoice_no: str) -> str | None:
    """Return the invoice of the rest of one that was taken back, if there is one."""
    number: str | None = await tx.fetchval(FOLLOWER, invoice_no)
    return number


class Wanted(NamedTuple):
    """Which invoices a page shows; None and False: whatever they are."""

    order_no: str | None
    state: InvoiceState | None
    waiting: bool


PAGE = f"""
    SELECT {COLUMNS} FROM invoices.invoice AS one
    WHERE invoice_no > $1
        AND ($2::text IS NULL OR EXISTS (
            SELECT FROM invoices.line
            WHERE line.invoice_no = one.invoice_no AND line.order_no = $2))
        AND ($3::text IS NULL OR state = $3) AND (NOT $4 OR waits_since_at IS NOT NULL)
    ORDER BY invoice_no LIMIT $5
"""  # noqa: S608


async def page(tx: Tx, wanted: Wanted, *, after: str, limit: int) -> list[Invoice]:
    """Return the next invoices that whoever asks may see."""
    rows = await tx.fetch(PAGE, after, wanted.order_no, wanted.state, wanted.waiting, limit)
    return [_invoice(row) for row in rows]


MOVED = """
    UPDATE invoices.invoice SET
        contact = $2, state = $3, rounds = $4, tries = $5, next_ask_at = $6, number = $7,
        issued_at = $8, trouble = $9, waits_since_at = $10, due_at = $11, refunded_at = $12,
        red_no = $13, red_reason = $14, red_asked_by = $15, red_asked_at = $16, red_number = $17,
        reversed_at = $18, rest_wanted = $19
    WHERE invoice_no = $1
"""

MOVING = (
    *("contact", "state", "rounds", "tries", "next_ask_at", "number", "issued_at", "trouble"),
    *("waits_since_at", "due_at", "refunded_at", "red_no", "red_reason", "red_asked_by"),
    *("red_asked_at", "red_number", "reversed_at", "rest_wanted"),
)


async def moved(tx: Tx, now: Invoice) -> None:
    """Keep where an invoice stands now; the caller has locked it."""
    await tx.execute(MOVED, now.invoice_no, *(getattr(now, name) for name in MOVING))


TAKE_DUE = f"""
    UPDATE invoices.invoice
    SET tries = tries + 1, next_ask_at = $1 + interval '1 minute',
        state = CASE state WHEN 'requested' THEN 'issuing' ELSE state END
    WHERE invoice_no IN (
        SELECT invoice_no FROM invoices.invoice WHERE next_ask_at <= $1
        ORDER BY next_ask_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING {COLUMNS}
"""  # noqa: S608


async def take_due(tx: Tx, now: datetime, *, limit: int) -> list[Invoice]:
    """Take invoices whose provider is to be asked; nobody else takes them for a minute."""
    return [_invoice(row) for row in await tx.fetch(TAKE_DUE, now, limit)]


REFUNDED = """
    UPDATE invoices.invoice SET refunded_at = coalesce(refunded_at, $2)
    WHERE live AND invoice_no IN (
        SELECT invoice_no FROM invoices.line WHERE live AND order_no = $1)
"""

TO_REVERSE = """
    SELECT invoice_no FROM invoices.invoice
    WHERE refunded_at IS NOT NULL AND state = 'issued' AND waits_since_at IS NULL
    ORDER BY refunded_at LIMIT $1
"""

RESTS = """
    SELECT invoice_no FROM invoices.invoice
    WHERE rest_wanted AND NOT live ORDER BY requested_at LIMIT $1
"""

FORGET_CONTACTS = """
    UPDATE invoices.invoice SET contact = NULL
    WHERE contact IS NOT NULL AND requested_at < $1
        AND state IN ('failed', 'issued', 'reversed') AND NOT rest_wanted
"""


async def refunded(tx: Tx, order_no: OrderNo, at: datetime) -> None:
    """Keep that money of an order goes back for which an invoice stands."""
    await tx.execute(REFUNDED, order_no, at)


async def to_reverse(tx: Tx, *, limit: int) -> list[str]:
    """Return issued invoices of which some money goes back."""
    return [row["invoice_no"] for row in await tx.fetch(TO_REVERSE, limit)]


async def rests(tx: Tx, *, limit: int) -> list[str]:
    """Return invoices that were taken back and whose rest is to be made out anew."""
    return [row["invoice_no"] for row in await tx.fetch(RESTS, limit)]


async def forget_contacts(tx: Tx, before: datetime) -> None:
    """Forget where old invoices were sent to."""
    await tx.execute(FORGET_CONTACTS, before)


def _seller(row: Record) -> Seller:
    values = dict(row)
    values["kind"] = SellerKind(values["kind"])
    return Seller(**values)


KINDS: Mapping[str, type[Document] | type[BuyerKind] | type[InvoiceState]] = {
    "document": Document,
    "buyer_kind": BuyerKind,
    "state": InvoiceState,
}


def _invoice(row: Record) -> Invoice:
    values = dict(row)
    return Invoice(**{**values, **{name: kind(values[name]) for name, kind in KINDS.items()}})
