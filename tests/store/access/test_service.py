"""People get in with the right password, and every account leaves a trail."""

# Ids are written as plain text here.
# mypy: disable-error-code="arg-type, index, dict-item"

import asyncio
import json
from datetime import timedelta

import asyncpg
import pytest
from argon2 import PasswordHasher

from onepark.contexts.access.errors import (
    LoginFailed,
    LoginRequired,
    LoginTaken,
    NotAllowed,
    RoleMisplaced,
    TooManyLogins,
)
from onepark.contexts.access.model import Credentials, NewAccount
from onepark.contexts.access.service import TOKEN_AUDIENCE, Access, Doorkeeper
from onepark.infra.limits import Limiter
from onepark.infra.redis import open_redis
from onepark.infra.tokens import TOKEN_LIFE, Passwords, Tokens
from onepark.kernel.staff import Permission, Principal, StaffRole
from tests.archive import KEY, NOON, HandClock

PASSWORD = "correct horse battery"
LOGINS_PER_MINUTE = 5


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock) -> Tokens:
    return Tokens(KEY, clock, audience=TOKEN_AUDIENCE)


@pytest.fixture
def doorkeeper(tokens) -> Doorkeeper:
    return Doorkeeper(tokens)


def an_access(service_db, staff_db, redis, *, tokens, clock) -> Access:
    return Access(
        service_db=service_db,
        staff_db=staff_db,
        passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=64)),
        tokens=tokens,
        limiter=Limiter(redis),
        clock=clock,
        logins_per_minute=LOGINS_PER_MINUTE,
    )


@pytest.fixture
def access(service_db, staff_db, redis, tokens, clock) -> Access:
    return an_access(service_db, staff_db, redis, tokens=tokens, clock=clock)


@pytest.fixture(autouse=True)
async def emptied(database_url: str):
    yield
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE access.account")
    await connection.close()


def new(login: str = "li.ming", role: StaffRole = StaffRole.CITY_ADMIN, **changes) -> NewAccount:
    return NewAccount(login, PASSWORD, "李明", role, **changes)


async def logged_in(access: Access, doorkeeper: Doorkeeper, login: str = "li.ming") -> Principal:
    session = await access.log_in(Credentials(login, PASSWORD), address="10.0.0.1")
    return doorkeeper.admit(f"Bearer {session.token}", Permission.READ_SELF)


async def test_the_right_password_gives_a_token_for_a_quarter_of_an_hour(access, doorkeeper, clock):
    account = await access.appoint(new(), actor="test")
    session = await access.log_in(Credentials("li.ming", PASSWORD), address="10.0.0.1")
    assert session.expires_at == NOON + TOKEN_LIFE
    assert doorkeeper.admit(f"bearer {session.token}", Permission.CREATE_ACCOUNT) == Principal(
        account.account_id, "li.ming", StaffRole.CITY_ADMIN, None
    )
    clock.pass_by(TOKEN_LIFE)
    with pytest.raises(LoginRequired):
        doorkeeper.admit(f"Bearer {session.token}", Permission.READ_SELF)


@pytest.mark.parametrize("tried", [("li.ming", "wrong"), ("nobody", PASSWORD)])
async def test_a_wrong_login_and_a_wrong_password_get_one_answer(access, tried):
    await access.appoint(new(), actor="test")
    with pytest.raises(LoginFailed) as refused:
        await access.log_in(Credentials(*tried), address="10.0.0.1")
    assert refused.value.detail == "Nobody has this login and this password."


@pytest.mark.parametrize("same", ["account", "address"])
async def test_guessing_is_slowed_by_account_and_by_address(access, same):
    for number in range(LOGINS_PER_MINUTE + 1):
        login = "li.ming" if same == "account" else f"guess{number}"
        address = "10.0.0.1" if same == "address" else f"10.0.0.{number}"
        expected = LoginFailed if number < LOGINS_PER_MINUTE else TooManyLogins
        with pytest.raises(expected):
            await access.log_in(Credentials(login, "wrong"), address=address)


async def test_staff_get_in_while_redis_is_down(service_db, staff_db, tokens, clock, doorkeeper):
    nowhere = open_redis("redis://127.0.0.1:1/0")
    access = an_access(service_db, staff_db, nowhere, tokens=tokens, clock=clock)
    await access.appoint(new(), actor="test")
    assert (await logged_in(access, doorkeeper)).login == "li.ming"
    await nowhere.aclose()


async def test_an_operator_admin_gives_accounts_in_the_own_operator_only(
    access, doorkeeper, service_db
):
    await access.appoint(new("boss", StaffRole.OPERATOR_ADMIN, operator_id=3), actor="test")
    boss = await logged_in(access, doorkeeper, "boss")
    clerk = await access.create_account(
        new("clerk", StaffRole.OPERATOR_CLERK, operator_id=3), by=boss
    )
    assert clerk.operator_id == 3
    for role, operator_id in ((StaffRole.OPERATOR_CLERK, 4), (StaffRole.CITY_ADMIN, None)):
        with pytest.raises(NotAllowed):
            await access.create_account(new("other", role, operator_id=operator_id), by=boss)
    async with service_db.connection() as tx:
        line = await tx.fetchrow(
            "SELECT actor, action, operator_id, after FROM access.audit"
            " WHERE subject = 'account clerk'"
        )
    assert tuple(line)[:3] == ("boss", "access.account_created", 3)
    assert json.loads(line["after"])["role"] == "operator_clerk"
    assert "argon2" not in line["after"]


async def test_a_login_is_given_once_also_at_the_same_moment(access):
    outcomes = await asyncio.gather(
        *(access.appoint(new(), actor="test") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, LoginTaken) for one in outcomes) == 4


async def test_a_city_role_with_an_operator_is_refused_and_leaves_nothing(access, service_db):
    with pytest.raises(RoleMisplaced):
        await access.appoint(new("lost", operator_id=3), actor="test")
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM access.account") == 0
        assert not await tx.fetchval("SELECT count(*) FROM access.audit WHERE subject ~ 'lost'")


async def test_people_see_their_own_account_until_it_is_gone(access, doorkeeper):
    await access.appoint(new("boss", StaffRole.OPERATOR_ADMIN, operator_id=3), actor="test")
    boss = await logged_in(access, doorkeeper, "boss")
    assert (await access.me(boss)).name == "李明"
    stranger = Principal(boss.account_id, "boss", StaffRole.OPERATOR_ADMIN, 4)
    with pytest.raises(LoginRequired):
        await access.me(stranger)


async def test_a_clock_set_back_does_not_lengthen_a_token(access, doorkeeper, clock):
    await access.appoint(new(), actor="test")
    session = await access.log_in(Credentials("li.ming", PASSWORD), address="10.0.0.1")
    clock.pass_by(-timedelta(hours=1))
    assert doorkeeper.admit(f"Bearer {session.token}", Permission.READ_SELF)
