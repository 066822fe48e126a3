"""Nouns of the books.

Owns: journals with their postings, the accounts there are, seals and anchors.
Never: knows why money moved, or what a channel is.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from onepark.kernel.types import CHINA, Fen, LotId, OperatorId, OrderNo, RevenueKind


class JournalKind(StrEnum):
    """What happened; closed, so that whoever reads the books knows every kind."""

    RECEIPT = "receipt"  # a channel took money that was owed
    DUPLICATE_RECEIPT = "duplicate_receipt"  # and money that was not owed any more
    UNKNOWN_RECEIPT = "unknown_receipt"  # a bill shows money that nobody knows of
    PREPAYMENT = "prepayment"  # for a pass or a top-up
    PREPAYMENT_USED = "prepayment_used"
    REFUND_RESERVED = "refund_reserved"
    REFUND_RELEASED = "refund_released"  # it will not be paid after all
    REFUND_PAID = "refund_paid"
    FEE_ESTIMATED = "fee_estimated"
    FEE = "fee"  # as the provider's bill says it, or the difference to the estimate
    CHANNEL_PAYOUT = "channel_payout"  # a channel paid its balance to the bank
    CLEARING = "clearing"  # revenue given to the parties that share it
    CLEARING_ADJUSTED = "clearing_adjusted"
    TAX = "tax"
    TREASURY = "treasury"  # non-tax revenue handed on
    PAYOUT = "payout"  # sent to a party
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RETURNED = "payout_returned"
    SUSPENSE_RESOLVED = "suspense_resolved"
    WRITE_OFF = "write_off"
    COUPON = "coupon"  # what a merchant's coupon paid of an order
    COUPON_OWED = "coupon_owed"  # and that the merchant owes it; no fact to be shared
    ADJUSTMENT = "adjustment"  # a person corrected the books, with a reason kept elsewhere


class AccountKind(StrEnum):
    """What an account holds; the comment says whose, which is the account's ``owner``."""

    CHANNEL_RECEIVABLE = "channel_receivable"  # channel: collected, not paid to the bank
    BANK = "bank"  # bank account
    PARKING_REVENUE = "parking_revenue"  # revenue kind: collected, not given to the parties
    DUPLICATE_RECEIPTS = "duplicate_receipts"  # channel: to be refunded
    SUSPENSE = "suspense"  # channel or bank account: whose it is nobody knows yet
    PREPAID = "prepaid"  # "pass", "top_up", …: received, not used
    REFUNDS_PAYABLE = "refunds_payable"  # channel: reserved, not paid
    PROVIDER_FEE = "provider_fee"  # channel
    COUPONS = "coupons"  # whoever gave them: what they paid for, as a part of revenue
    FEE_PAYABLE = "fee_payable"  # channel: estimated, not on a bill
    PARTY_PAYABLE = "party_payable"  # party; negative is carried
    PAYOUT_SENT = "payout_sent"  # party: sent, and neither paid nor returned
    TAX_PAYABLE = "tax_payable"  # tax class
    TREASURY_PAYABLE = "treasury_payable"  # treasury account
    ROUNDING = "rounding"  # what it is rounded for
    WRITTEN_OFF = "written_off"  # why


class Account(NamedTuple):
    """One account of an operator; which operator's, its journal says."""

    kind: AccountKind
    owner: str  # 1 to 64 of A-Z a-z 0-9 _ . : -


class Posting(NamedTuple):
    """One line of money moved: debit is positive, credit negative, nothing is refused."""

    account: Account
    amount_fen: Fen


class Journal(Struct, frozen=True, kw_only=True):
    """Something that happened once, as postings that come to nothing.

    ``business_key`` names it in the words of whoever posts it, such as ``attempt:…``: whoever posts
    it again changes nothing. ``clearing_day`` is the day of ``occurred_at`` unless it is given.
    """

    kind: JournalKind
    business_key: str  # 1 to 128 printable ASCII characters without a space
    operator_id: OperatorId
    occurred_at: datetime
    revenue_kind: RevenueKind
    postings: tuple[Posting, ...]
    order_no: OrderNo | None = None
    lot_id: LotId | None = None
    about: str | None = None  # the business key of the journal that this one follows or corrects
    clearing_day: date | None = None

    @property
    def day(self) -> date:
        """Return the day that it is cleared with."""
        return self.clearing_day or self.occurred_at.astimezone(CHINA).date()


class KeptJournal(Struct, frozen=True):
    """A journal in the books."""

    journal_id: int
    posted_at: datetime
    journal: Journal


class Seal(Struct, frozen=True):
    """One link of an operator's chain."""

    operator_id: OperatorId
    sequence: int
    journal_id: int
    previous: bytes
    digest: bytes


class Head(NamedTuple):
    """Where an operator's chain ends."""

    operator_id: OperatorId
    sequence: int
    digest: bytes


class Anchor(Struct, frozen=True):
    """The heads of all chains at one moment, to be printed and kept elsewhere."""

    anchor_day: date
    anchored_at: datetime
    heads: str  # as they were hashed
    previous: bytes
    digest: bytes


class Balance(NamedTuple):
    """What is on one account."""

    operator_id: OperatorId
    account: Account
    balance_fen: Fen
