"""What an invoice says, and when its provider is asked again.

Owns: the tax of a line, the check of a tax id, the lease element, what a provider's word does.
Never: awaits, or reads a clock.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from onepark.contexts.invoices.model import (
    BuyerKind,
    Document,
    Event,
    Invoice,
    InvoiceState,
    Line,
    Said,
    Seller,
    SellerKind,
    Title,
    Word,
)
from onepark.kernel.types import CHINA, Fen, OrderNo

RATE_BASE = 10_000
CREDIT_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
CREDIT_CODE_LENGTH = 18
PREFECTURE_DIGITS = 4  # of a GB/T 2260 code

ASK_AFTER = tuple(timedelta(seconds=s) for s in (2, 5, 10, 30, 60, 300, 600, 1_800, 3_600))
TRIES_MAX = 48  # about a day and a half
TELL_AFTER = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400))
TELL_MAX = 16  # about a day and a half
LOOKED_AT_IN = timedelta(days=1)
CONTACT_KEPT = timedelta(days=90)
TITLE_KEPT = timedelta(days=730)
UNANSWERED, SLOW, BY_HAND, MISMATCH = "unanswered", "slow", "by_hand", "mismatch"
RED_REFUSED = "red_refused"
REFUND = "refund"  # who asks for a red invoice when money goes back

UNDER_WAY = (
    InvoiceState.REQUESTED,
    InvoiceState.ISSUING,
    InvoiceState.RED_REQUESTED,
    InvoiceState.RED_CONFIRMED,
)
_FORWARD = list(InvoiceState)
STATE_OF = {
    Word.ISSUED: InvoiceState.ISSUED,
    Word.RED_REQUESTED: InvoiceState.RED_REQUESTED,
    Word.RED_CONFIRMED: InvoiceState.RED_CONFIRMED,
    Word.REVERSED: InvoiceState.REVERSED,
}
EVENT_OF = {
    InvoiceState.ISSUED: Event.ISSUED,
    InvoiceState.FAILED: Event.FAILED,
    InvoiceState.REVERSED: Event.REVERSED,
}


def tax_of(amount_fen: int, rate_bp: int) -> Fen:
    """Return the tax in an amount that includes it, rounded half up to a whole fen."""
    base = RATE_BASE + rate_bp
    return Fen((2 * amount_fen * rate_bp + base) // (2 * base))


def is_credit_code(text: str) -> bool:
    """Tell whether the last of 18 characters is the check of the others (GB 32100-2015)."""
    values = [CREDIT_CODE_CHARACTERS.find(one) for one in text]
    if len(values) != CREDIT_CODE_LENGTH or min(values) < 0:
        return False
    total = sum(value * pow(3, place, 31) for place, value in enumerate(values[:-1]))
    return (31 - total % 31) % 31 == values[-1]


def title_fault(title: Title) -> tuple[str, str] | None:
    """Say which field of a title is wrong and why; None: it may stand on an invoice."""
    if title.name != title.name.strip():
        return "title.name", "begins or ends with a space"
    if title.kind == BuyerKind.INDIVIDUAL:
        wrong = title.tax_id is not None
        return ("title.tax_id", "an individual has none") if wrong else None
    if title.tax_id is None:
        return "title.tax_id", "an organisation has one"
    if not is_credit_code(title.tax_id):
        return "title.tax_id", "its last character does not check the others"
    return None


def seller_kind(document: Document) -> SellerKind:
    """Say who may make out a document."""
    return SellerKind.FISCAL if document == Document.FISCAL else SellerKind.VAT


def is_cross_city(lot_town: str, seller_division: str) -> bool:
    """Tell whether a lot lies in another prefecture than where its seller is registered."""
    return lot_town[:PREFECTURE_DIGITS] != seller_division[:PREFECTURE_DIGITS]


def lease_text(at: datetime) -> str:
    """Write an end of a lease as the tax authority wants it for parking."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def tax_sum(lines: Sequence[Line]) -> Fen:
    """Return the tax of an invoice: what its lines come to, and nothing rounded again."""
    return Fen(sum(line.tax_fen for line in lines))


def fingerprint(order_nos: Iterable[OrderNo], title: Title, document: Document) -> bytes:
    """Return what makes two requests for an invoice the same."""
    said = [title.kind, title.name, title.tax_id or "", document, *sorted(order_nos)]
    return hashlib.sha256("\n".join(said).encode()).digest()


def ask_again_at(invoice: Invoice, now: datetime) -> datetime:
    """Return when the provider of an invoice under way is asked again."""
    return now + ASK_AFTER[min(max(invoice.tries, 1), len(ASK_AFTER)) - 1]


def tell_again_at(tries: int, now: datetime) -> datetime | None:
    """Return when somebody who did not hear is told again; None: never."""
    if tries >= TELL_MAX:
        return None
    return now + TELL_AFTER[min(max(tries, 1), len(TELL_AFTER)) - 1]


def judge(invoice: Invoice, said: Said) -> InvoiceState | None:
    """Say where a provider's word leads an invoice to: forward, or nowhere."""
    wanted = STATE_OF.get(said.word)
    if wanted is None or _FORWARD.index(wanted) <= _FORWARD.index(invoice.state):
        return None
    if wanted != InvoiceState.ISSUED and invoice.red_no is None:
        return None  # nobody asked for it to be taken back: a person looks
    return wanted


def agrees(invoice: Invoice, said: Said) -> bool:
    """Tell whether a provider speaks of the invoice that we asked for."""
    reversed_unasked = said.word == Word.REVERSED and invoice.red_no is None
    return (
        said.invoice_no == invoice.invoice_no
        and said.total_fen in {None, invoice.total_fen}
        and (invoice.number is None or said.number in {None, invoice.number})
        and not reversed_unasked
    )


def lease_of(seller: Seller, *, town: str, address: str) -> tuple[str, str, str, bool]:
    """Return where a lease was: province, city, address, and whether across cities."""
    return seller.province, seller.city, address, is_cross_city(town, seller.division)
