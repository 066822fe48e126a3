"""Nouns of payouts.

Owns: the states of a payout, what is asked of one and what is shown.
Never: decides which step follows.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from onepark.contexts.settlement.model import OperatorNumber, PlainText
from onepark.contexts.settlement.terms import AmountFen, PartyCode


class PayoutState(StrEnum):
    """How far money is on its way."""

    DRAFT = "draft"
    CHECKED = "checked"
    APPROVED = "approved"
    SENT = "sent"
    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """What a bank said of a payout that was sent."""

    PAID = "paid"
    FAILED = "failed"
    RETURNED = "returned"


class NewPayout(Struct, frozen=True, forbid_unknown_fields=True):
    """Money for a party; left out, all that it may have."""

    party: PartyCode
    amount_fen: AmountFen | None = None
    operator_id: OperatorNumber | None = None


class PayoutEnd(Struct, frozen=True, forbid_unknown_fields=True):
    """What the bank said; a reason for what did not arrive."""

    outcome: Outcome
    reason: PlainText | None = None


class Withdrawal(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a payout is not to go."""

    reason: PlainText


class Sending(Struct, frozen=True, forbid_unknown_fields=True):
    """Which way all approved payouts of an operator are to go."""

    driver: Annotated[
        str, Meta(pattern=r"^[a-z0-9_]{1,32}$(?!\n)", examples=["iso20022", "bank_csv"])
    ]
    operator_id: OperatorNumber | None = None


class PayoutRow(Struct, frozen=True):
    """A payout as it is kept; the fields stand in the order of the statements that read it."""

    payout_no: str
    operator_id: int
    party: str
    amount_fen: int
    state: PayoutState
    holder: str
    account_no: str
    bank_code: str
    drafter_id: int
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None = None
    checked_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    file_no: str | None = None
    payer_no: str | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None


class PayoutView(Struct, frozen=True):
    """A payout as it is shown; of its account only the end."""

    payout_no: str
    operator_id: int
    party: str
    amount_fen: int
    state: PayoutState
    holder: str
    account_end: str
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None
    approved_by: str | None
    file_no: str | None
    sent_at: datetime | None
    ended_at: datetime | None
    reason: str | None


class PayoutPage(Struct, frozen=True):
    """Payouts, newest first."""

    payouts: tuple[PayoutView, ...]


class Sent(Struct, frozen=True):
    """What went, in which file; what was held back is larger than its party's balance by now."""

    file_no: str
    driver: str
    payouts: tuple[str, ...]
    amount_fen: int
    held_back: tuple[str, ...]


class PayoutFileRow(NamedTuple):
    """A file as it was handed out."""

    file_no: str
    media_type: str
    content: bytes
