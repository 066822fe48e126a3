"""What a role does not clearly have, it does not have."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

from datetime import UTC, datetime, timedelta

import pytest

from onepark.contexts.access.rules import (
    CODE_WAIT,
    CODE_WAIT_MAX,
    FACTOR_ROLES,
    FREE_WRONG_CODES,
    FRESH,
    MATRIX,
    MONEY,
    allows,
    fits,
    is_weak,
    may_appoint,
    network_of,
    wait_after_wrong_codes,
)
from onepark.kernel.staff import Permission, Principal, StaffRole, is_another_person

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
        (P.DECIDE_MISREAD, {R.OPERATOR_ADMIN, R.OPERATOR_CLERK}),
        (P.DECIDE_TWO_LOTS, {R.CITY_ADMIN, R.CITY_SUPERVISOR}),
        (P.MANAGE_ACCOUNTS, {R.CITY_ADMIN, R.OPERATOR_ADMIN}),
        (P.READ_AUDIT, {R.CITY_ADMIN, R.OPERATOR_ADMIN, R.AUDITOR}),
        (P.READ_LEDGER, set(R) - {R.CITY_ADMIN, R.OPERATOR_CLERK}),
        (P.ASK_REFUND, {R.OPERATOR_ADMIN, R.OPERATOR_FINANCE, R.CITY_FINANCE}),
        (
            P.SETTLE_REFUND,
            {R.OPERATOR_FINANCE, R.OPERATOR_APPROVER, R.CITY_FINANCE, R.CITY_APPROVER},
        ),
        (P.DRAFT_PAYOUT, {R.OPERATOR_FINANCE, R.CITY_FINANCE}),
        (P.CHECK_PAYOUT, {R.CITY_FINANCE}),
        (P.APPROVE_PAYOUT, {R.OPERATOR_APPROVER, R.CITY_APPROVER}),
        (P.APPROVE_CONTRACT, {R.CITY_APPROVER}),
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
        (R.OPERATOR_FINANCE, 3, True),
        (R.OPERATOR_APPROVER, None, False),
        (R.CITY_FINANCE, 3, False),
        (R.CITY_APPROVER, None, True),
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
        (a_person(R.OPERATOR_ADMIN, 3), R.OPERATOR_FINANCE, 3, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.OPERATOR_APPROVER, 3, False),
        (a_person(R.CITY_FINANCE), R.CITY_APPROVER, None, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.CITY_ADMIN, 3, False),
        (a_person(R.OPERATOR_ADMIN, 3), R.CITY_ADMIN, None, False),
        (a_person(R.OPERATOR_CLERK, 3), R.OPERATOR_CLERK, 3, False),
    ],
)
def test_nobody_gives_more_than_their_own_rows(by, role, operator_id, may):
    assert may_appoint(by, role, operator_id) is may


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (P.DRAFT_PAYOUT, P.APPROVE_PAYOUT),
        (P.CHECK_PAYOUT, P.APPROVE_PAYOUT),
        (P.DRAFT_CONTRACT, P.APPROVE_CONTRACT),
        (P.CREATE_ACCOUNT, P.APPROVE_PAYOUT),
        (P.CREATE_ACCOUNT, P.DRAFT_PAYOUT),
    ],
)
def test_no_role_has_both_hands_of_a_payout_or_a_contract(one, other):
    assert [role for role in R if allows(role, one) and allows(role, other)] == []


def test_no_operator_pays_itself_alone():
    of_an_operator = [role for role in R if fits(role, 3)]
    for permission in (P.CHECK_PAYOUT, P.APPROVE_CONTRACT):
        assert not any(allows(role, permission) for role in of_an_operator)


def test_what_needs_a_moment_ago_needs_a_code_at_all_and_only_clerks_need_none():
    assert FRESH <= MONEY
    assert set(R) - FACTOR_ROLES == {R.OPERATOR_CLERK}


def test_four_eyes_are_two_people_whatever_their_roles():
    by = a_person(R.CITY_APPROVER)
    assert is_another_person(by, 2)
    assert is_another_person(by, 2, None, 3)
    assert not is_another_person(by, 1)
    assert not is_another_person(by, 2, 1)


def test_wrong_codes_cost_more_time_each_but_never_more_than_a_quarter_of_an_hour():
    at = datetime(2026, 3, 2, 4, tzinfo=UTC)
    waits = [wait_after_wrong_codes(wrong, at, at) for wrong in range(200)]
    assert waits[: FREE_WRONG_CODES + 3] == [
        *[timedelta(0)] * FREE_WRONG_CODES,
        CODE_WAIT,
        CODE_WAIT * 2,
        CODE_WAIT * 4,
    ]
    assert waits == sorted(waits)
    assert waits[-1] == CODE_WAIT_MAX
    assert wait_after_wrong_codes(200, at, at + CODE_WAIT_MAX) == timedelta(0)
    assert wait_after_wrong_codes(200, None, at) == timedelta(0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "20010db800000000/64"),
        ("2001:db8::ffff:0:1", "20010db800000000/64"),
        ("2001:db8:0:1::1", "20010db800000001/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("somewhere", "somewhere"),
    ],
)
def test_a_household_is_one_address(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("password", "weak"),
    [
        ("correct horse battery", False),
        ("my LI.MING password", True),
        ("aaaaaaaabbbb", True),
        ("aabbccddeeff", False),
    ],
)
def test_a_password_that_is_guessed_first_is_weak(password, weak):
    assert is_weak(password, "li.ming") is weak
