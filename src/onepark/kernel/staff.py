"""People with an account: who they are, what they may do, and the trace of what they did.

Owns: the words that every context with staff endpoints shares.
Never: knows how a person is verified, or which role has which permission.
"""

from enum import StrEnum

from msgspec import Struct

from onepark.kernel.types import OperatorId


class StaffRole(StrEnum):
    """What a person is employed for; the first two and the auditor belong to the city."""

    CITY_ADMIN = "city_admin"
    CITY_SUPERVISOR = "city_supervisor"
    OPERATOR_ADMIN = "operator_admin"
    OPERATOR_CLERK = "operator_clerk"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a staff endpoint asks for, in its ``opt["permission"]``."""

    READ_SELF = "read_self"
    CREATE_ACCOUNT = "create_account"
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
    READ_REFUNDS = "read_refunds"
    GIVE_BACK = "give_back"


class Principal(Struct, frozen=True):
    """The verified person behind a request; ``operator_id`` is None for the city."""

    account_id: int
    login: str
    role: StaffRole
    operator_id: OperatorId | None


class Change(Struct, frozen=True):
    """One line of the audit trail; ``before`` and ``after`` are JSON and hold no secret."""

    actor: str  # a login, or the name of a program
    action: str
    subject: str
    operator_id: OperatorId | None  # whose rows were touched; None: the city's
    before: object = None
    after: object = None
