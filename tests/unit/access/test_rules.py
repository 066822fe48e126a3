"""What a role does not clearly have, it does not have."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

import pytest

from onepark.contexts.access.rules import MATRIX, allows, fits, may_appoint
from onepark.kernel.staff import Permission, Principal, StaffRole

R, P = StaffRole, Permission


def a_person(role: StaffRole, operator_id: int | None = None) -> Principal:
    return Principal(1, "li.ming", role, operator_id)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (P.READ_SELF, set(R)),
        (P.READ_REGISTRY, set(R)),
        (P.READ_STATISTICS, set(R)),
        (P.CREATE_ACCOUNT, {R.CITY_ADMIN, R.OPERATOR_ADMIN}),
        (P.ROTATE_SECRET, {R.CITY_ADMIN, R.OPERATOR_ADMIN}),
        (P.READ_TARIFFS, set(R)),
        (P.DRAFT_TARIFF, {R.CITY_ADMIN, R.OPERATOR_ADMIN, R.OPERATOR_CLERK}),
        (P.PUBLISH_TARIFF, {R.CITY_ADMIN, R.OPERATOR_ADMIN}),
        (P.READ_MISREADS, set(R)),
        (P.READ_REFUNDS, set(R)),
        (P.GIVE_BACK, {R.CITY_ADMIN, R.OPERATOR_ADMIN}),
        (P.DECIDE_MISREAD, {R.OPERATOR_ADMIN, R.OPERATOR_CLERK}),
        (P.DECIDE_TWO_LOTS, {R.CITY_ADMIN, R.CITY_SUPERVISOR}),
    ],
)
def test_each_permission_belongs_to_these_roles(permission, roles):
    assert {role for role in R if allows(role, permission)} == roles


def test_every_role_stands_in_the_matrix_and_an_unknown_one_may_do_nothing():
    assert set(MATRIX) == set(R)
    assert not allows("guest", P.READ_SELF)
    assert not allows(R.CITY_ADMIN, "delete_everything")


@pytest.mark.parametrize(
    ("role", "operator_id", "goes_together"),
    [
        (R.CITY_ADMIN, None, True),
        (R.CITY_ADMIN, 3, False),
        (R.AUDITOR, 3, False),
        (R.OPERATOR_CLERK, 3, True),
        (R.OPERATOR_ADMIN, None, False),
    ],
)
def test_an_operators_role_needs_an_operator_and_a_citys_role_has_none(
    role, operator_id, goes_together
):
    assert fits(role, operator_id) is goes_together


@pytest.mark.parametrize(
    ("by", "role", "operator_id", "may"),
    [
        (a_person(R.CITY_ADMIN), R.CITY_ADMIN, None, True),
        (a_person(R.CITY_ADMIN), R.OPERATOR_ADMIN, 3, True),
        (a_person(R.CITY_SUPERVISOR), R.OPERATOR_CLERK, 3, False),
        (a_person(R.AUDITOR), R.AUDITOR, None, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.OPERATOR_CLERK, 3, True),
        (a_person(R.OPERATOR_ADMIN, 3), R.OPERATOR_ADMIN, 3, True),
        (a_person(R.OPERATOR_ADMIN, 3), R.OPERATOR_CLERK, 4, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.CITY_ADMIN, 3, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.CITY_ADMIN, None, False),
        (a_person(R.OPERATOR_CLERK, 3), R.OPERATOR_CLERK, 3, False),
    ],
)
def test_nobody_gives_more_than_their_own_rows(by, role, operator_id, may):
    assert may_appoint(by, role, operator_id) is may
