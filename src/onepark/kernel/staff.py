"""People with an account: who they are, what they may do, and the trace of what they did.

Owns: the words that every context with staff endpoints shares, and when two hands are two people.
Never: knows how a person is verified, or which role has which permission.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from onepark.kernel.types import OperatorId


class StaffRole(StrEnum):
    """What a person is employed for; the last four belong to one operator, the others to the city.

    Finance works with money, an approver is the second person, and neither is appointed by an
    operator itself.
    """

    CITY_ADMIN = "city_admin"
    CITY_SUPERVISOR = "city_supervisor"
    CITY_FINANCE = "city_finance"
    CITY_APPROVER = "city_approver"
    AUDITOR = "auditor"
    OPERATOR_ADMIN = "operator_admin"
    OPERATOR_CLERK = "operator_clerk"
    OPERATOR_FINANCE = "operator_finance"
    OPERATOR_APPROVER = "operator_approver"


class Permission(StrEnum):
    """What a staff endpoint asks for, in its ``opt["permission"]``."""

    READ_SELF = "read_self"
    READ_ACCOUNTS = "read_accounts"
    CREATE_ACCOUNT = "create_account"
    MANAGE_ACCOUNTS = "manage_accounts"  # disable, enable, a new password, a lost second factor
    READ_AUDIT = "read_audit"
    READ_REGISTRY = "read_registry"
    READ_STATISTICS = "read_statistics"
    ROTATE_SECRET = "rotate_secret"  # noqa: S105  a name
    READ_TARIFFS = "read_tariffs"
    DRAFT_TARIFF = "draft_tariff"
    PUBLISH_TARIFF = "publish_tariff"
    RULE_CALENDAR = "rule_calendar"
    READ_MISREADS = "read_misreads"
    DECIDE_MISREAD = "decide_misread"
    RULE_PASSAGE = "rule_passage"
    DECIDE_TWO_LOTS = "decide_two_lots"
    READ_PASSES = "read_passes"
    MANAGE_PASSES = "manage_passes"
    READ_COUPONS = "read_coupons"
    MANAGE_COUPONS = "manage_coupons"
    TELL_RECEIPT = "tell_receipt"
    READ_REFUNDS = "read_refunds"
    ASK_REFUND = "ask_refund"
    SETTLE_REFUND = "settle_refund"
    READ_LEDGER = "read_ledger"
    READ_CONTRACTS = "read_contracts"
    DRAFT_CONTRACT = "draft_contract"
    APPROVE_CONTRACT = "approve_contract"
    READ_PAYOUTS = "read_payouts"
    DRAFT_PAYOUT = "draft_payout"
    CHECK_PAYOUT = "check_payout"
    APPROVE_PAYOUT = "approve_payout"
    READ_RECONCILIATION = "read_reconciliation"
    SETTLE_RECONCILIATION = "settle_reconciliation"
    READ_INVOICES = "read_invoices"
    ISSUE_INVOICE = "issue_invoice"
    READ_WEBHOOKS = "read_webhooks"
    MANAGE_WEBHOOKS = "manage_webhooks"


class Principal(Struct, frozen=True):
    """The verified person behind a request; ``operator_id`` is None for the city."""

    account_id: int
    login: str
    role: StaffRole
    operator_id: OperatorId | None
    session_id: int = 0
    amr: frozenset[str] = frozenset()  # how the person was verified, in the words of RFC 8176
    second_factor_at: datetime | None = None  # when a code was last given in this session


def is_another_person(by: Principal, *earlier: int | None) -> bool:
    """Tell whether nobody of these account ids is the person: what four eyes need.

    The roles do not say it: one person may have what both hands need. An unknown hand (None) is
    nobody, so that what a program drafted needs one person.
    """
    return by.account_id not in earlier


class Change(Struct, frozen=True):
    """One line of the audit trail; ``before`` and ``after`` are JSON and hold no secret."""

    actor: str  # a login, or the name of a program
    action: str
    subject: str
    operator_id: OperatorId | None  # whose rows were touched; None: the city's
    before: object = None
    after: object = None
