"""Who may do what.

Owns: the permission matrix, what needs a second factor, and how wrong codes are slowed.
Never: awaits, reads a clock, or knows how a person was verified.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from onepark.contexts.access.model import SecondFactor
from onepark.kernel.staff import Permission, Principal, StaffRole
from onepark.kernel.types import OperatorId

OTP = "otp"  # of RFC 8176: a one-time code, or a recovery code in its place
PASSWORD = "pwd"  # noqa: S105  a name of RFC 8176

OPERATOR_ROLES = frozenset(
    {
        StaffRole.OPERATOR_ADMIN,
        StaffRole.OPERATOR_CLERK,
        StaffRole.OPERATOR_FINANCE,
        StaffRole.OPERATOR_APPROVER,
    }
)
# What an operator's admin may give: both hands of one payment never come from one person.
GIVEN_BY_AN_OPERATOR = frozenset({StaffRole.OPERATOR_ADMIN, StaffRole.OPERATOR_CLERK})

_READING = frozenset(
    {
        Permission.READ_SELF,
        Permission.READ_REGISTRY,
        Permission.READ_TARIFFS,
        Permission.READ_MISREADS,
        Permission.READ_STATISTICS,
        Permission.READ_PASSES,
        Permission.READ_COUPONS,
        Permission.READ_WEBHOOKS,
    }
)
_DRAFTING = _READING | {Permission.DRAFT_TARIFF}
_ADMINISTERING = _DRAFTING | {
    Permission.READ_ACCOUNTS,
    Permission.CREATE_ACCOUNT,
    Permission.MANAGE_ACCOUNTS,
    Permission.READ_AUDIT,
    Permission.ROTATE_SECRET,
    Permission.PUBLISH_TARIFF,
}
# Who has the lot's images and its intercom, and knows its tenants.
_RUNNING_LOTS = frozenset(
    {
        Permission.DECIDE_MISREAD,
        Permission.RULE_PASSAGE,
        Permission.MANAGE_PASSES,
        Permission.TELL_RECEIPT,
    }
)
# Who sees the lots of every operator.
_SUPERVISING = frozenset({Permission.DECIDE_TWO_LOTS})
_READING_MONEY = frozenset(
    {
        Permission.READ_REFUNDS,
        Permission.READ_LEDGER,
        Permission.READ_CONTRACTS,
        Permission.READ_PAYOUTS,
        Permission.READ_RECONCILIATION,
        Permission.READ_INVOICES,
    }
)
_KEEPING_BOOKS = _READING_MONEY | {
    Permission.ASK_REFUND,
    Permission.SETTLE_REFUND,
    Permission.DRAFT_CONTRACT,
    Permission.DRAFT_PAYOUT,
    Permission.SETTLE_RECONCILIATION,
    Permission.ISSUE_INVOICE,
    Permission.MANAGE_COUPONS,
}
_SECOND_HAND = _READING_MONEY | {Permission.SETTLE_REFUND, Permission.APPROVE_PAYOUT}

MATRIX: Mapping[StaffRole, frozenset[Permission]] = {
    StaffRole.CITY_ADMIN: _ADMINISTERING
    | _SUPERVISING
    | {Permission.RULE_CALENDAR, Permission.MANAGE_PASSES},
    StaffRole.CITY_SUPERVISOR: _READING | _SUPERVISING | _READING_MONEY,
    # A payout is checked by the city, so that no operator pays itself; its contract is approved
    # by the city for the same reason.
    StaffRole.CITY_FINANCE: _READING | _KEEPING_BOOKS | {Permission.CHECK_PAYOUT},
    StaffRole.CITY_APPROVER: _READING | _SECOND_HAND | {Permission.APPROVE_CONTRACT},
    StaffRole.AUDITOR: _READING
    | _READING_MONEY
    | {Permission.READ_AUDIT, Permission.READ_ACCOUNTS},
    StaffRole.OPERATOR_ADMIN: _ADMINISTERING
    | _RUNNING_LOTS
    | _READING_MONEY
    | {Permission.ASK_REFUND, Permission.MANAGE_COUPONS, Permission.MANAGE_WEBHOOKS},
    StaffRole.OPERATOR_CLERK: _DRAFTING | _RUNNING_LOTS,
    StaffRole.OPERATOR_FINANCE: _READING | _KEEPING_BOOKS,
    StaffRole.OPERATOR_APPROVER: _READING | _SECOND_HAND,
}

# A token has these only when a code was given in its session.
MONEY = (
    _KEEPING_BOOKS
    | _SECOND_HAND
    | {Permission.CHECK_PAYOUT, Permission.APPROVE_CONTRACT, Permission.MANAGE_WEBHOOKS}
)
# And these only when that was a moment ago: after them money is gone, or a debt.
FRESH = frozenset(
    {
        Permission.SETTLE_REFUND,
        Permission.APPROVE_CONTRACT,
        Permission.APPROVE_PAYOUT,
        Permission.SETTLE_RECONCILIATION,
    }
)
# Who touches money, or gives accounts to those who do: their password alone is not enough.
FACTOR_ROLES = frozenset(
    role for role, given in MATRIX.items() if given & (MONEY | {Permission.MANAGE_ACCOUNTS})
)

FREE_WRONG_CODES = 5
CODE_WAIT = timedelta(seconds=30)  # after one wrong code more, then twice as long each time
CODE_WAIT_MAX = timedelta(minutes=15)
IPV6_NETWORK_BITS = 64  # what one household is given

LETTERS_MIN = 5  # different ones in a password


def allows(role: StaffRole, permission: Permission) -> bool:
    """Tell whether the role has the permission; within an operator's rows for its own roles."""
    return permission in MATRIX.get(role, frozenset())


def fits(role: StaffRole, operator_id: OperatorId | None) -> bool:
    """Tell whether an account of this role names an operator exactly when it must."""
    return (role in OPERATOR_ROLES) == (operator_id is not None)


def may_appoint(by: Principal, role: StaffRole, operator_id: OperatorId | None) -> bool:
    """Tell whether this person may give that role, or take it away.

    The city may give any, an operator two of its own: those who hold both hands of its money are
    the city's to name.
    """
    if not allows(by.role, Permission.CREATE_ACCOUNT):
        return False
    if by.operator_id is None:
        return True
    return role in GIVEN_BY_AN_OPERATOR and operator_id == by.operator_id


def lacks_second_factor(
    by: Principal, permission: Permission, at: datetime, *, fresh_for: timedelta
) -> bool:
    """Tell whether this permission waits for a code that the person has not given."""
    if permission in FRESH:
        return not has_fresh_factor(by, at, fresh_for=fresh_for)
    return permission in MONEY and OTP not in by.amr


def has_fresh_factor(by: Principal, at: datetime, *, fresh_for: timedelta) -> bool:
    """Tell whether the person gave a code in this session, a moment ago."""
    given_at = by.second_factor_at
    return OTP in by.amr and given_at is not None and at - given_at < fresh_for


def standing_of(role: StaffRole, *, enrolled: bool, given: bool) -> SecondFactor:
    """Say what a session still lacks for what its role may do."""
    if given:
        return SecondFactor.GIVEN
    if enrolled:
        return SecondFactor.NEEDED
    return SecondFactor.NOT_ENROLLED if role in FACTOR_ROLES else SecondFactor.NOT_REQUIRED


def wait_after_wrong_codes(wrong: int, last_wrong_at: datetime | None, at: datetime) -> timedelta:
    """Return how long after so many wrong codes in a row nobody may try another one.

    Only who has the password, or a session, gets as far as a code, so nobody else can be made to
    wait; and the wait ends.
    """
    if wrong < FREE_WRONG_CODES or last_wrong_at is None:
        return timedelta(0)
    doubled = min(wrong - FREE_WRONG_CODES, 10)
    wait = min(CODE_WAIT * int(2**doubled), CODE_WAIT_MAX)
    return max(last_wrong_at + wait - at, timedelta(0))


def network_of(address: str) -> str:
    """Return what counts as one address: a household has many of version 6."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if isinstance(read, IPv6Address):
        if read.ipv4_mapped is not None:
            return str(read.ipv4_mapped)
        return f"{read.packed[: IPV6_NETWORK_BITS // 8].hex()}/{IPV6_NETWORK_BITS}"
    return str(read)


def is_weak(password: str, login: str) -> bool:
    """Tell whether a password is guessed first: it holds the login, or hardly any letters."""
    return login in password.lower() or len(set(password)) < LETTERS_MIN
