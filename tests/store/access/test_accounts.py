"""Administrators give accounts and take them away, each within reach, and always with a trace."""

# mypy: disable-error-code="arg-type, index"

import asyncio
import json
from datetime import timedelta

import pytest

from onepark.contexts.access.accounts import Hand
from onepark.contexts.access.errors import (
    AccountUnknown,
    LoginFailed,
    LoginRequired,
    LoginTaken,
    NotAllowed,
    OwnAccount,
    PasswordWeak,
    RoleMisplaced,
    SecondFactorNeeded,
)
from onepark.contexts.access.model import AccountView, NewAccount, PasswordReset
from onepark.kernel.staff import StaffRole
from tests.archive import NOON
from tests.fakes.staff import PASSWORD, SHELL, Crew, new

NEW_PASSWORD = "staple battery horse"


@pytest.fixture
async def city(crew) -> Hand:
    """A city admin who has just given a code."""
    await crew.appoint("mayor")
    return Hand.of(await crew.trusted("mayor"))


@pytest.fixture
async def boss(crew) -> Hand:
    """An operator's admin who has just given a code."""
    await crew.appoint("boss", "operator_admin", 3)
    return Hand.of(await crew.trusted("boss"))


async def test_an_operator_admin_gives_two_roles_in_the_own_operator_only(crew, boss, service_db):
    accounts = crew.staff.accounts
    clerk = await accounts.create_account(new("clerk", "operator_clerk", 3), by=boss)
    assert clerk.operator_id == 3
    for role, operator_id in (
        ("operator_clerk", 4),
        ("city_admin", None),
        ("operator_finance", 3),
        ("operator_approver", 3),
    ):
        with pytest.raises(NotAllowed):
            await accounts.create_account(new("other", role, operator_id), by=boss)
    async with service_db.connection() as tx:
        line = await tx.fetchrow(
            "SELECT actor, action, operator_id, after FROM access.audit"
            " WHERE subject = 'account clerk'"
        )
    assert tuple(line)[:3] == ("boss", "access.account_created", 3)
    assert json.loads(line["after"])["role"] == "operator_clerk"
    assert "argon2" not in line["after"]


async def test_roles_that_codes_guard_are_given_and_changed_with_a_code(crew):
    await crew.appoint("mayor")
    await crew.appoint("finance", "city_finance")
    await crew.appoint("clerk", "operator_clerk", 3)
    accounts, password_only = crew.staff.accounts, Hand.of(await crew.principal("mayor"))
    for role in ("city_finance", "city_approver", "city_admin", "auditor"):
        with pytest.raises(SecondFactorNeeded):
            await accounts.create_account(new("other", role), by=password_only)
    for refused in (
        accounts.disable("finance", by=password_only),
        accounts.reset_second_factor("finance", by=password_only),
        accounts.set_password("finance", PasswordReset(NEW_PASSWORD), by=password_only),
    ):
        with pytest.raises(SecondFactorNeeded):
            await refused
    assert await accounts.disable("clerk", by=password_only)
    trusted = Hand.of(await crew.trusted("mayor"))
    assert await accounts.create_account(new("other", "city_approver"), by=trusted)
    crew.clock.pass_by(timedelta(minutes=15))
    with pytest.raises(SecondFactorNeeded):
        await accounts.create_account(new("another", "city_approver"), by=trusted)


async def test_a_login_is_given_once_also_at_the_same_moment(crew):
    outcomes = await asyncio.gather(*(crew.appoint() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, LoginTaken) for one in outcomes) == 4


async def test_a_city_role_with_an_operator_is_refused_and_leaves_nothing(crew, trail, service_db):
    with pytest.raises(RoleMisplaced):
        await crew.appoint("lost", "city_admin", 3)
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM access.account") == 0
    assert await trail("lost") == []


async def test_a_weak_password_is_given_to_nobody(crew):
    weak = NewAccount("li.ming", "li.ming-123456", "李明", StaffRole.AUDITOR)
    with pytest.raises(PasswordWeak):
        await crew.staff.accounts.create_account(weak, by=SHELL)


async def test_a_disabled_account_is_out_at_once_and_in_again_when_enabled(crew, city, trail):
    await crew.appoint("clerk", "operator_clerk", 3)
    session, accounts = await crew.log_in("clerk"), crew.staff.accounts
    told = await accounts.disable("clerk", by=city)
    assert told.disabled_at == crew.clock.now()
    assert await accounts.disable("clerk", by=city) == told, "once more changes nothing"
    for refused in (crew.admit(session), crew.log_in("clerk")):
        with pytest.raises((LoginRequired, LoginFailed)):
            await refused
    assert (await accounts.enable("clerk", by=city)).disabled_at is None
    with pytest.raises(LoginRequired):
        await crew.admit(session)  # what had ended stays so
    assert await crew.principal("clerk")
    assert await trail("clerk") == [
        ("test", "account_created"),
        ("mayor", "account_disabled"),
        ("mayor", "account_enabled"),
    ]


async def test_a_password_that_was_lost_is_replaced_and_the_sessions_end(crew, city, trail):
    await crew.appoint("clerk", "operator_clerk", 3)
    session = await crew.log_in("clerk")
    await crew.staff.accounts.set_password("clerk", PasswordReset(NEW_PASSWORD), by=city)
    with pytest.raises(LoginRequired):
        await crew.admit(session)
    with pytest.raises(LoginFailed):
        await crew.log_in("clerk", PASSWORD)
    assert await crew.log_in("clerk", NEW_PASSWORD)
    assert (await trail("clerk"))[-1] == ("mayor", "password_reset")


async def test_nobody_does_it_to_themselves(crew, city):
    accounts, reset = crew.staff.accounts, PasswordReset(NEW_PASSWORD)
    for refused in (
        accounts.disable("mayor", by=city),
        accounts.set_password("mayor", reset, by=city),
        accounts.reset_second_factor("mayor", by=city),
    ):
        with pytest.raises(OwnAccount):
            await refused
    assert await crew.principal("mayor")


async def test_an_operator_admin_does_not_find_accounts_of_others(crew, boss):
    await crew.appoint("mayor")
    await crew.appoint("stranger", "operator_clerk", 4)
    for login in ("mayor", "stranger", "nobody"):
        with pytest.raises(AccountUnknown):
            await crew.staff.accounts.disable(login, by=boss)
    page = await crew.staff.accounts.page(after=0, limit=10, by=boss)
    assert [one.login for one in page.accounts] == ["boss"]


async def test_an_operator_admin_does_not_touch_who_holds_money_of_the_own_operator(crew, boss):
    await crew.appoint("finance", "operator_finance", 3)
    accounts = crew.staff.accounts
    for refused in (
        accounts.disable("finance", by=boss),
        accounts.reset_second_factor("finance", by=boss),
        accounts.set_password("finance", PasswordReset(NEW_PASSWORD), by=boss),
    ):
        with pytest.raises(NotAllowed):
            await refused


async def test_accounts_are_listed_page_by_page_with_what_an_admin_must_know(crew, city):
    for number in range(4):
        await crew.appoint(f"clerk{number}", "operator_clerk", 3)
    await crew.staff.accounts.disable("clerk2", by=city)
    seen: list[AccountView] = []
    after: int | None = 0
    while after is not None:
        page = await crew.staff.accounts.page(after=after, limit=2, by=city)
        seen, after = [*seen, *page.accounts], page.next_after
    assert [one.login for one in seen] == ["mayor", "clerk0", "clerk1", "clerk2", "clerk3"]
    assert [one.second_factor for one in seen] == [True, False, False, False, False]
    assert [one.disabled_at is not None for one in seen] == [False, False, False, True, False]
    assert seen[0].created_at == NOON


async def test_staff_read_no_hash_and_no_secret(crew: Crew, staff_db, city):
    for statement in (
        "SELECT password_hash FROM access.account",
        "SELECT sealed FROM access.second_factor",
        "SELECT code_hash FROM access.recovery_code",
        "SELECT refresh_hash FROM access.session",
        "UPDATE access.account SET role = 'city_admin', operator_id = NULL",
        "DELETE FROM access.account",
    ):
        with pytest.raises(Exception, match="permission denied"):
            async with staff_db.transaction(city.scope) as tx:
                await tx.execute(statement)
