"""Nouns of settlement: versions, days, what a day came to, statements.

Owns: what is kept and shown of contracts and of clearing.
Never: computes, or knows how a payout travels.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from onepark.contexts.settlement.rules import Amounts, Sums
from onepark.contexts.settlement.terms import Cycle, Form, PartyCode, Terms
from onepark.kernel.types import OperatorId

OPERATOR_PARTY, TREASURY_PARTY = "operator", "treasury"
PAYER_PARTY = "payer"  # no party: the account that an operator's payouts leave from
LOTS_MAX = 500
NO_LOT = 0

ContractNo: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)",
        description="合同编号 Number of the contract",
        examples=["JY-2026-017"],
    ),
]
PlainText: TypeAlias = Annotated[
    str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{1,128}$(?!\n)", examples=["青阳镇停车场合作经营"])
]
LotText: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)", examples=["320281001101"])]
OperatorNumber: TypeAlias = Annotated[
    int, Meta(ge=1, le=2**53 - 1, description="经营单位编号 Whose books", examples=[1])
]


class VersionKind(StrEnum):
    """What a version says, and where it comes from."""

    CONTRACT = "contract"
    OPERATOR_WHOLE = "operator_whole"  # no contract holds for the lot
    TREASURY_WHOLE = "treasury_whole"  # non-tax revenue


class VersionState(StrEnum):
    """How far a version has come."""

    DRAFT = "draft"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class LineKind(StrEnum):
    """Why a cycle moved money between parties beside its payments."""

    TIER = "tier"
    GUARANTEE = "guarantee"


class TaskKind(StrEnum):
    """What a person must look at."""

    TAKEOVER = "takeover"  # 到期接管
    EXPIRY = "expiry"
    LOT_WITHOUT_CONTRACT = "lot_without_contract"
    CLAIM = "claim"  # a party owes, and nothing came in to set it off


class BankAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a party's money goes."""

    holder: PlainText
    account_no: Annotated[
        str, Meta(pattern=r"^[0-9]{6,32}$(?!\n)", examples=["6222021001116245702"])
    ]
    bank_code: Annotated[
        str,
        Meta(pattern=r"^[0-9]{12}$(?!\n)", description="联行号 CNAPS", examples=["102302200015"]),
    ]


class NewParty(Struct, frozen=True, forbid_unknown_fields=True):
    """A party to be, or its new account."""

    party: PartyCode
    name: PlainText
    account: BankAccount | None = None
    operator_id: OperatorNumber | None = None


class PartyView(Struct, frozen=True):
    """A party and what the books owe it; a negative balance is carried and set off."""

    operator_id: int
    party: str
    name: str
    account: BankAccount | None
    balance_fen: int


class PartyPage(Struct, frozen=True):
    """Every party of the operators that this person sees."""

    parties: tuple[PartyView, ...]


class NewVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a contract to be."""

    contract_no: ContractNo
    title: PlainText
    form: Form
    terms: Terms
    lots: Annotated[tuple[LotText, ...], Meta(min_length=1, max_length=LOTS_MAX)]
    valid_from: date
    valid_until: date | None = None
    takeover_on: date | None = None
    expires_on: date | None = None


class VersionRow(Struct, frozen=True):
    """A version as it is kept; the fields stand in the order of the statements that read it."""

    version_id: int
    operator_id: OperatorId
    kind: VersionKind
    contract_no: str
    number: int
    title: str
    form: Form | None
    terms: Terms
    lots: tuple[int, ...]
    valid_from: date
    valid_until: date | None
    takeover_on: date | None
    expires_on: date | None
    state: VersionState
    drafter_id: int
    drafter: str
    drafted_at: datetime
    approver_id: int | None
    approver: str | None
    approved_at: datetime | None


class VersionView(Struct, frozen=True):
    """A version as it is shown."""

    version_id: int
    operator_id: int
    contract_no: str
    number: int
    title: str
    form: Form
    terms: Terms
    lots: tuple[str, ...]
    valid_from: date
    valid_until: date | None
    takeover_on: date | None
    expires_on: date | None
    state: VersionState
    drafter: str
    drafted_at: datetime
    approver: str | None
    approved_at: datetime | None


class VersionPage(Struct, frozen=True):
    """Versions, newest first; ``next_before`` asks for the page after, null is the end."""

    versions: tuple[VersionView, ...]
    next_before: int | None


class TaskView(Struct, frozen=True):
    """Something that a person must look at, until when."""

    task_id: int
    operator_id: int
    kind: TaskKind
    subject: str
    due_on: date
    amount_fen: int | None
    raised_at: datetime


class TaskPage(Struct, frozen=True):
    """What is not done, what is due first before the rest."""

    tasks: tuple[TaskView, ...]


class TaskDone(Struct, frozen=True, forbid_unknown_fields=True):
    """What was done about it."""

    reason: PlainText


class DayRow(NamedTuple):
    """A day of clearing."""

    day: date
    journal_from: int
    journal_through: int
    facts: int
    closed_at: datetime | None


class DayView(Struct, frozen=True):
    """A day, and what it came to."""

    day: date
    state: str
    facts: int
    late_facts: int
    gross_fen: int
    fee_fen: int
    coupon_fen: int
    closed_at: datetime | None


class DayPage(Struct, frozen=True):
    """Days, newest first."""

    days: tuple[DayView, ...]


class DayTotal(NamedTuple):
    """What a day came to for one version and lot, of facts of one original day."""

    version_id: int
    lot_id: int
    original_day: date
    operator_id: OperatorId
    facts: int
    sums: Sums
    amounts: Amounts


class CycleLine(NamedTuple):
    """What a day moved between the parties of a version, beside its payments."""

    day: date
    version_id: int
    kind: LineKind
    operator_id: OperatorId
    amounts: Amounts


class Cleared(Struct, frozen=True):
    """What a run of clearing did."""

    days: int
    facts: int
    statements: int


class StatementKey(NamedTuple):
    """Whose statement of which cycle it is."""

    operator_id: OperatorId
    party: str
    cycle: Cycle
    first_day: date
