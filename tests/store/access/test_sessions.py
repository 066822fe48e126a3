"""People get in with the right password, stay in by refreshing, and are out at once."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, operator, no-any-return"

import asyncio
from datetime import timedelta

import pytest

from onepark.contexts.access.errors import (
    LoginFailed,
    LoginRequired,
    PasswordWeak,
    TooManyLogins,
    TooManyRequests,
)
from onepark.contexts.access.model import PasswordChange, Refresh, SecondFactor
from onepark.contexts.access.service import SESSIONS_MAX
from onepark.infra.redis import open_redis
from onepark.infra.tokens import TOKEN_LIFE
from onepark.kernel.staff import Permission, Principal, StaffRole
from tests.archive import NOON
from tests.fakes.staff import HOME, PASSWORD, PER_MINUTE, SHELL, a_crew

NEW_PASSWORD = "staple battery horse"


async def test_the_right_password_gives_a_token_for_a_quarter_of_an_hour(crew, clock):
    account = await crew.appoint()
    session = await crew.log_in()
    assert session.expires_at == NOON + TOKEN_LIFE
    assert session.session_ends_at == NOON + timedelta(hours=12)
    by = await crew.admit(session, Permission.CREATE_ACCOUNT)
    assert (by.account_id, by.login, by.role) == (account.account_id, "li.ming", "city_admin")
    assert (by.operator_id, by.amr, by.second_factor_at) == (None, {"pwd"}, None)
    clock.pass_by(TOKEN_LIFE)
    with pytest.raises(LoginRequired):
        await crew.admit(session)


@pytest.mark.parametrize("tried", [("li.ming", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)])
async def test_wrong_login_wrong_password_and_disabled_account_get_one_answer(crew, tried):
    await crew.appoint()
    await crew.appoint("gone")
    await crew.staff.accounts.disable("gone", by=SHELL)
    with pytest.raises(LoginFailed) as refused:
        await crew.log_in(*tried)
    assert refused.value.detail == "Nobody has this login and this password."


@pytest.mark.parametrize("login", ["li.ming", "nobody", "gone"])
async def test_one_password_is_hashed_whoever_is_tried(crew, login, monkeypatch):
    """Equal work is what makes equal time."""
    await crew.appoint()
    await crew.appoint("gone")
    await crew.staff.accounts.disable("gone", by=SHELL)
    passwords = crew.staff.access._hashing._passwords
    hashed: list[str | None] = []
    run = passwords._run

    async def counted(password: str, password_hash: str | None) -> str:
        hashed.append(password_hash)
        return await run(password, password_hash)

    monkeypatch.setattr(passwords, "_run", counted)
    with pytest.raises(LoginFailed):
        await crew.log_in(login, "wrong")
    assert len(hashed) == 1
    assert hashed[0] is not None
    assert "m=64,t=1" in hashed[0]


@pytest.mark.parametrize("same", ["account", "address"])
async def test_guessing_is_slowed_by_account_and_by_address(crew, same):
    for number in range(PER_MINUTE + 1):
        login = "li.ming" if same == "account" else f"guess{number}"
        address = HOME if same == "address" else f"10.0.0.{number}"
        expected = LoginFailed if number < PER_MINUTE else TooManyLogins
        with pytest.raises(expected) as refused:
            await crew.log_in(login, "wrong", address=address)
    assert 0 < refused.value.facts["retry_after_s"] <= 60 / PER_MINUTE + 1


async def test_one_household_of_version_six_is_one_address(crew):
    for number in range(PER_MINUTE + 1):
        expected = LoginFailed if number < PER_MINUTE else TooManyLogins
        with pytest.raises(expected):
            await crew.log_in(f"guess{number}", "wrong", address=f"2001:db8::{number}")


async def test_strangers_who_guess_shut_nobody_out_from_where_they_are_known(crew):
    await crew.appoint()
    await crew.log_in()
    for number in range(PER_MINUTE + 3):
        with pytest.raises((LoginFailed, TooManyLogins)):
            await crew.log_in(password="wrong", address=f"192.0.2.{number}")
    with pytest.raises(TooManyLogins):
        await crew.log_in(address="192.0.2.99")
    assert (await crew.log_in()).token, "the usual address is counted by itself"


async def test_an_account_that_is_tried_all_hour_is_slowed_by_the_hour(
    service_db, staff_db, redis, clock
):
    crew = a_crew(service_db, staff_db, redis, clock=clock, login_per_minute_max=1_000)
    for number in range(12):
        with pytest.raises(LoginFailed):
            await crew.log_in(password="wrong", address=f"192.0.2.{number}")
    with pytest.raises(TooManyLogins) as refused:
        await crew.log_in(password="wrong", address="192.0.2.99")
    assert 0 < refused.value.facts["retry_after_s"] <= 3_600 / 12, "and never for ever"


async def test_staff_get_in_while_redis_is_down(service_db, staff_db, clock):
    nowhere = open_redis("redis://127.0.0.1:1/0")
    crew = a_crew(service_db, staff_db, nowhere, clock=clock)
    await crew.appoint()
    assert (await crew.principal()).login == "li.ming"
    await nowhere.aclose()


async def test_a_person_asks_only_so_often(service_db, staff_db, redis, clock):
    crew = a_crew(service_db, staff_db, redis, clock=clock, staff_per_minute_max=3)
    await crew.appoint()
    await crew.appoint("other")
    session = await crew.log_in()
    for _ in range(3):
        await crew.admit(session)
    with pytest.raises(TooManyRequests) as refused:
        await crew.admit(session)
    assert refused.value.facts["retry_after_s"] > 0
    assert (await crew.principal("other")).login == "other"


async def test_people_see_their_own_account_until_it_is_gone(crew):
    await crew.appoint("boss", "operator_admin", 3)
    boss = await crew.principal("boss")
    assert (await crew.staff.access.me(boss)).name == "李明"
    stranger = Principal(boss.account_id, "boss", StaffRole.OPERATOR_ADMIN, 4)
    with pytest.raises(LoginRequired):
        await crew.staff.access.me(stranger)


async def test_a_clock_set_back_does_not_lengthen_a_token(crew, clock):
    await crew.appoint()
    session = await crew.log_in()
    clock.pass_by(-timedelta(hours=1))
    assert await crew.admit(session)


async def test_a_refresh_token_buys_the_next_one_until_the_session_is_over(crew, clock):
    await crew.appoint()
    session, ends_at = await crew.log_in(), NOON + timedelta(hours=12)
    while clock.now() < ends_at - timedelta(hours=1):
        clock.pass_by(timedelta(hours=1))
        session = await crew.staff.access.refresh(Refresh(session.refresh_token), address=HOME)
        assert session.session_ends_at == ends_at
        assert await crew.admit(session)
    clock.pass_by(timedelta(hours=1))
    with pytest.raises(LoginRequired):
        await crew.staff.access.refresh(Refresh(session.refresh_token), address=HOME)
    with pytest.raises(LoginRequired):
        await crew.admit(session)


async def test_a_refresh_token_that_is_shown_twice_ends_its_session(crew, trail):
    await crew.appoint()
    first = await crew.log_in()
    second = await crew.staff.access.refresh(Refresh(first.refresh_token), address=HOME)
    with pytest.raises(LoginRequired):
        await crew.staff.access.refresh(Refresh(first.refresh_token), address="192.0.2.1")
    with pytest.raises(LoginRequired):
        await crew.staff.access.refresh(Refresh(second.refresh_token), address=HOME)
    with pytest.raises(LoginRequired):
        await crew.admit(second)
    assert (await trail("li.ming"))[-1] == ("onepark", "refresh_token_copied")


async def test_a_refresh_token_shown_twice_at_one_moment_is_taken_once(crew):
    await crew.appoint()
    shown = Refresh((await crew.log_in()).refresh_token)
    outcomes = await asyncio.gather(
        *(crew.staff.access.refresh(shown, address=HOME) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, LoginRequired) for one in outcomes) == 3


@pytest.mark.parametrize("token", ["1.{}", "999999999999999999.{}"])
async def test_a_refresh_token_that_was_made_up_buys_nothing(crew, token):
    await crew.appoint()
    await crew.log_in()
    with pytest.raises(LoginRequired):
        await crew.staff.access.refresh(Refresh(token.format("A" * 43)), address=HOME)


async def test_whoever_logs_out_is_out_at_once_and_alone(crew):
    await crew.appoint()
    one, other = await crew.log_in(), await crew.log_in()
    await crew.staff.access.log_out(by=await crew.admit(one))
    with pytest.raises(LoginRequired):
        await crew.admit(one)
    assert await crew.admit(other)


async def test_a_new_password_ends_every_session_but_the_one_that_it_begins(crew, trail):
    await crew.appoint()
    old, changing = await crew.log_in(), await crew.log_in()
    change = PasswordChange(PASSWORD, NEW_PASSWORD)
    by = await crew.admit(changing)
    begun = await crew.staff.access.change_password(change, by=by, address=HOME)
    for ended in (old, changing):
        with pytest.raises(LoginRequired):
            await crew.admit(ended)
        with pytest.raises(LoginRequired):
            await crew.staff.access.refresh(Refresh(ended.refresh_token), address=HOME)
    assert await crew.admit(begun)
    with pytest.raises(LoginFailed):
        await crew.log_in()
    assert await crew.log_in(password=NEW_PASSWORD)
    assert (await trail("li.ming"))[-1] == ("li.ming", "password_changed")


@pytest.mark.parametrize(
    ("old", "wanted", "refusal"),
    [
        ("wrong", NEW_PASSWORD, LoginFailed),
        (PASSWORD, "my.li.ming.password", PasswordWeak),
        (PASSWORD, "aaaaaaaaabbb", PasswordWeak),
    ],
)
async def test_a_password_is_changed_by_who_knows_it_and_to_a_better_one(
    crew, old, wanted, refusal
):
    await crew.appoint()
    by = await crew.principal()
    with pytest.raises(refusal):
        await crew.staff.access.change_password(PasswordChange(old, wanted), by=by, address=HOME)
    assert await crew.log_in()


async def test_whoever_holds_a_token_guesses_the_password_only_so_often(crew):
    await crew.appoint()
    by, change = await crew.principal(), PasswordChange("wrong", NEW_PASSWORD)
    for number in range(PER_MINUTE + 1):
        expected = LoginFailed if number < PER_MINUTE else TooManyLogins
        with pytest.raises(expected):
            await crew.staff.access.change_password(change, by=by, address=HOME)
    assert await crew.log_in(), "nobody is shut out by it"


async def test_an_account_has_only_so_many_sessions_and_the_oldest_goes_first(
    service_db, staff_db, redis, clock
):
    crew = a_crew(service_db, staff_db, redis, clock=clock, login_per_minute_max=100)
    await crew.appoint()
    sessions = [await crew.log_in() for _ in range(SESSIONS_MAX + 1)]
    with pytest.raises(LoginRequired):
        await crew.admit(sessions[0])
    assert [await crew.admit(one) for one in sessions[1:]]


async def test_sessions_of_long_ago_are_forgotten(crew, clock, service_db):
    await crew.appoint()
    await crew.log_in()
    clock.pass_by(timedelta(days=31))
    await crew.log_in()
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM access.session") == 1


async def test_a_role_is_told_what_its_session_lacks(crew):
    for login, role, operator_id in (
        ("clerk", "operator_clerk", 3),
        ("finance", "operator_finance", 3),
        ("mayor", "city_admin", None),
    ):
        await crew.appoint(login, role, operator_id)
    assert (await crew.log_in("clerk")).second_factor == SecondFactor.NOT_REQUIRED
    assert (await crew.log_in("finance")).second_factor == SecondFactor.NOT_ENROLLED
    assert (await crew.log_in("mayor")).second_factor == SecondFactor.NOT_ENROLLED
    await crew.enrolled("finance")
    assert (await crew.log_in("finance")).second_factor == SecondFactor.NEEDED
