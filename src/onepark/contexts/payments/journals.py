"""What goes into the books when money goes back.

Owns: which accounts a refund moves, and the keys of its journals.
Never: posts, or decides whether money moves.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from onepark.contexts.ledger.model import Account, AccountKind, Journal, JournalKind, Posting
from onepark.contexts.membership.numbers import is_members
from onepark.contexts.payments import rules
from onepark.contexts.payments.model import Refund
from onepark.kernel.types import Fen, OperatorId

BY_HAND = "by_hand"  # the account that a refund by hand is paid from

Writer: TypeAlias = Callable[[Refund, datetime], Journal]


def reserved(refund: Refund, at: datetime) -> Journal:
    """Take what is to go back out of what was earned."""
    postings = (_of(_source(refund), +1, refund), _of(_payable(refund), -1, refund))
    return _journal(refund, at, kind=JournalKind.REFUND_RESERVED, postings=postings)


def reserved_again(refund: Refund, at: datetime) -> Journal:
    """Reserve what was released and is paid after all."""
    postings = (_of(_source(refund), +1, refund), _of(_payable(refund), -1, refund))
    kind = JournalKind.REFUND_RESERVED
    return _journal(refund, at, kind=kind, postings=postings, again=":again")


def released(refund: Refund, at: datetime) -> Journal:
    """Put back what was reserved and is not paid."""
    postings = (_of(_payable(refund), +1, refund), _of(_source(refund), -1, refund))
    return _journal(refund, at, kind=JournalKind.REFUND_RELEASED, postings=postings)


def paid(refund: Refund, at: datetime) -> Journal:
    """Let the channel have paid what was reserved."""
    channel = Account(AccountKind.CHANNEL_RECEIVABLE, refund.channel)
    postings = (_of(_payable(refund), +1, refund), _of(channel, -1, refund))
    return _journal(refund, at, kind=JournalKind.REFUND_PAID, postings=postings)


def paid_by_hand(refund: Refund, at: datetime) -> Journal:
    """Let somebody have paid what was reserved, by another way."""
    hand = Account(AccountKind.BANK, BY_HAND)
    postings = (_of(_payable(refund), +1, refund), _of(hand, -1, refund))
    return _journal(refund, at, kind=JournalKind.REFUND_PAID, postings=postings)


def _journal(
    refund: Refund,
    at: datetime,
    *,
    kind: JournalKind,
    postings: tuple[Posting, ...],
    again: str = "",
) -> Journal:
    return Journal(
        kind=kind,
        business_key=f"refund:{refund.refund_no}:{kind.value.removeprefix('refund_')}{again}",
        operator_id=OperatorId(refund.operator_id),
        occurred_at=at,
        revenue_kind=refund.revenue_kind,
        postings=postings,
        order_no=refund.order_no,
        lot_id=refund.lot_id,
        about=rules.receipt_key(refund.attempt_no),
    )


def _source(refund: Refund) -> Account:
    """Return where the receipt went: to what was earned or prepaid, or to what was paid twice."""
    if refund.surplus:
        return Account(AccountKind.DUPLICATE_RECEIPTS, refund.channel)
    if is_members(refund.order_no):
        return Account(AccountKind.PREPAID, "pass")
    return Account(AccountKind.PARKING_REVENUE, refund.revenue_kind)


def _payable(refund: Refund) -> Account:
    return Account(AccountKind.REFUNDS_PAYABLE, refund.channel)


def _of(account: Account, sign: int, refund: Refund) -> Posting:
    return Posting(account, Fen(sign * refund.amount_fen))
