"""Nouns of reconciliation.

Owns: lines of bills and of accounts, what was kept of a file, and differences between the books.
Never: knows a provider's wire format, or which difference there is.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from onepark.kernel.types import Fen, LotId, OperatorId, OrderNo, RevenueKind

LONG = 64  # characters of a number that anybody gives a trade, a refund or a movement


class FileKind(StrEnum):
    """What a file says: who paid, how an account moved, or what a bank booked."""

    TRADE = "trade"
    FUND = "fund"
    BANK = "bank"


class LineKind(StrEnum):
    """What one line of a bill or of an account is about."""

    TRADE = "trade"
    REFUND = "refund"
    FEE = "fee"
    PAYOUT = "payout"
    OTHER = "other"


class LineState(StrEnum):
    """What became of it there, in our own words; a bill is written once and never amended."""

    SUCCESS = "success"
    PENDING = "pending"
    FAILED = "failed"


class BillLine(NamedTuple):
    """One trade or refund of a trade bill; a fee is positive when it is charged to us."""

    provider: str
    kind: LineKind
    provider_txn: str  # of the trade, or of the refund
    our_no: str  # the number that we gave the attempt, or the refund
    amount_fen: Fen  # what we asked for
    settled_fen: Fen  # what of it reaches us before fees
    fee_fen: Fen
    at: datetime
    state: LineState
    line_no: int
    currency: str = "CNY"
    fund_key: str = ""  # under which the account moved for it
    of_no: str = ""  # of a refund: our number of the attempt
    fee_ppm: int | None = None  # the rate that the bill itself names
    app: str | None = None


class Movement(NamedTuple):
    """One movement of an account: what came in is positive."""

    provider: str
    kind: LineKind
    number: str  # the account's own
    fund_key: str
    amount_fen: Fen
    at: datetime
    line_no: int
    currency: str = "CNY"


class TradeBill(NamedTuple):
    """A whole trade bill whose totals agree with its lines."""

    lines: list[BillLine]


class AccountBill(NamedTuple):
    """A whole fund-flow bill or bank statement whose totals agree with its lines."""

    movements: list[Movement]
    account: str = ""
    day: date | None = None  # the last day that a bank statement is about


class Fetched(NamedTuple):
    """A file as it came; ``sha1`` is what the signed answer says of it unpacked."""

    body: bytes
    sha1: str | None = None


class DayKey(NamedTuple):
    """One file that there should be."""

    channel: str
    kind: FileKind
    day: date


class DayState(StrEnum):
    """How far a day's file is."""

    WANTED = "wanted"  # not to be had yet
    EMPTY = "empty"  # the provider says that nothing happened
    REFUSED = "refused"  # it came and cannot be believed
    READ = "read"  # kept, whole and counted


class Ours(NamedTuple):
    """One attempt or refund as our books have it."""

    kind: LineKind
    number: str
    amount_fen: Fen
    state: LineState
    operator_id: OperatorId | None
    lot_id: LotId | None
    provider_txn: str | None = None
    at: datetime | None = None
    order_no: OrderNo | None = None
    revenue_kind: RevenueKind = RevenueKind.COMMERCIAL


class DifferenceClass(StrEnum):
    """How two books differ."""

    THEIRS_ONLY = "theirs_only"  # 长款: paid there, not here
    OURS_ONLY = "ours_only"  # 短款: paid here, not there: a forged or mismatched notice
    AMOUNT_DIFFERS = "amount_differs"
    FEE_DIFFERS = "fee_differs"
    CURRENCY_DIFFERS = "currency_differs"
    STATE_DIFFERS = "state_differs"
    DUPLICATE = "duplicate"  # paid twice there for one number of ours
    BANK_DIFFERS = "bank_differs"  # the account did not move by what the bill says


class Owner(StrEnum):
    """Who has to look at a difference."""

    PLATFORM = "platform"
    PROVIDER = "provider"
    FINANCE = "finance"


class Resolution(StrEnum):
    """How a difference ended; people choose among the last four."""

    MATCHED_LATER = "matched_later"
    BELIEVED = "believed"  # the bill's word made the attempt paid
    REFUNDED = "refunded"
    CORRECTED = "corrected"
    WRITTEN_OFF = "written_off"
    EXPLAINED = "explained"


class Found(NamedTuple):
    """A difference as it is found; ``number`` tells it from others of its class and kind."""

    difference_class: DifferenceClass
    kind: LineKind
    number: str
    off_fen: Fen  # by how much money the books differ, never negative
    owner: Owner
    note: str = ""
    ours_fen: Fen | None = None
    theirs_fen: Fen | None = None
    provider_txn: str | None = None
    operator_id: OperatorId | None = None
    lot_id: LotId | None = None


class Thing(NamedTuple):
    """One trade or refund under the number that we gave it."""

    kind: LineKind
    number: str


class Booked(NamedTuple):
    """Where else a bill names a thing."""

    thing: Thing
    provider_txn: str
    day: date


class Case(NamedTuple):
    """All that the comparison of one channel and day may look at."""

    day: date
    lines: list[BillLine]
    ours: dict[Thing, Ours]  # of the numbers in the lines, and of what was paid on the day
    paid: list[Thing]  # what was paid or refunded on the day, as we believe
    elsewhere: list[Booked]  # of the same things, in the bills of other days
    fee_ppm: int | None  # what the contract says; None: what the bill says itself


class Matched(NamedTuple):
    """What comparing a day came to."""

    agreed: list[Thing]
    found: list[Found]
    unpaid: list[BillLine]  # paid there, while the attempt of ours waits or has ended
    moved: list[BillLine]  # refunds that are in another state there


class FundsMatched(NamedTuple):
    """What comparing a bill with the movements of the account came to."""

    agreed: list[str]
    found: list[Found]


class DayView(Struct, frozen=True):
    """One file of one channel and day: how far it is, and what it adds up to."""

    channel: str
    kind: FileKind
    day: date
    state: DayState
    tries: int
    reason: str | None
    rows: int
    trade_fen: Fen
    refund_fen: Fen
    fee_fen: Fen
    sha256: str | None
    matched_at: datetime | None


class DayPage(Struct, frozen=True):
    """Days of all channels, the latest first."""

    days: tuple[DayView, ...]


class DifferenceView(Struct, frozen=True):
    """How two books differ about one thing, since when, and who looks at it."""

    difference_id: int
    channel: str
    day: date
    difference_class: DifferenceClass
    kind: LineKind
    number: str
    provider_txn: str | None
    ours_fen: Fen | None
    theirs_fen: Fen | None
    off_fen: Fen
    operator_id: int | None
    lot_id: int | None
    owner: Owner
    note: str
    found_at: datetime
    age_s: int
    incident_at: datetime | None  # since when it is believed that a notice was forged
    resolution: Resolution | None
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None


class DifferencePage(Struct, frozen=True):
    """Some differences, oldest first; ``next_after`` asks for more, null is the end."""

    differences: tuple[DifferenceView, ...]
    next_after: int | None


class Settling(Struct, frozen=True, forbid_unknown_fields=True):
    """How a difference ends, said by a person."""

    resolution: Resolution
    reason: Annotated[
        str, Meta(min_length=3, max_length=500, examples=["The bank booked it a day late."])
    ]


class Settled(Struct, frozen=True):
    """The difference is closed."""

    difference_id: int
    resolution: Resolution


class StatementKept(Struct, frozen=True):
    """A bank statement was read, counted and kept; ``known`` says that it was there before."""

    account: str
    day: date
    sha256: str
    rows: int
    known: bool
