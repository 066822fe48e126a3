"""Who may do what.

Owns: the permission matrix; what it does not name is denied.
Never: awaits, or knows how a person was verified.
"""

from collections.abc import Mapping

from onepark.kernel.staff import Permission, Principal, StaffRole
from onepark.kernel.types import OperatorId

OPERATOR_ROLES = frozenset({StaffRole.OPERATOR_ADMIN, StaffRole.OPERATOR_CLERK})

_READING = frozenset(
    {
        Permission.READ_SELF,
        Permission.READ_REGISTRY,
        Permission.READ_TARIFFS,
        Permission.READ_MISREADS,
        Permission.READ_STATISTICS,
        Permission.READ_REFUNDS,
    }
)
_DRAFTING = _READING | {Permission.DRAFT_TARIFF}
_ADMINISTERING = _DRAFTING | {
    Permission.CREATE_ACCOUNT,
    Permission.ROTATE_SECRET,
    Permission.PUBLISH_TARIFF,
    Permission.GIVE_BACK,
}
# Who has the lot's images and its intercom.
_RUNNING_LOTS = frozenset({Permission.DECIDE_MISREAD, Permission.RULE_PASSAGE})
# Who sees the lots of every operator.
_SUPERVISING = frozenset({Permission.DECIDE_TWO_LOTS})

MATRIX: Mapping[StaffRole, frozenset[Permission]] = {
    StaffRole.CITY_ADMIN: _ADMINISTERING | _SUPERVISING | {Permission.RULE_CALENDAR},
    StaffRole.CITY_SUPERVISOR: _READING | _SUPERVISING,
    StaffRole.OPERATOR_ADMIN: _ADMINISTERING | _RUNNING_LOTS,
    StaffRole.OPERATOR_CLERK: _DRAFTING | _RUNNING_LOTS,
    StaffRole.AUDITOR: _READING,
}


def allows(role: StaffRole, permission: Permission) -> bool:
    """Tell whether the role has the permission; within an operator's rows for its own roles."""
    return permission in MATRIX.get(role, frozenset())


def fits(role: StaffRole, operator_id: OperatorId | None) -> bool:
    """Tell whether an account of this role names an operator exactly when it must."""
    return (role in OPERATOR_ROLES) == (operator_id is not None)


def may_appoint(by: Principal, role: StaffRole, operator_id: OperatorId | None) -> bool:
    """Tell whether this person may give that role: the city any, an operator only its own two."""
    if not allows(by.role, Permission.CREATE_ACCOUNT):
        return False
    if by.operator_id is None:
        return True
    return role in OPERATOR_ROLES and operator_id == by.operator_id
