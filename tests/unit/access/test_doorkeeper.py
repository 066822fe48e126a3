"""Who shows no good token stays outside, and a token says no more than its session and role."""

from datetime import datetime, timedelta

import pytest

from onepark.contexts.access.doorkeeper import Doorkeeper
from onepark.contexts.access.errors import (
    LoginRequired,
    NotAllowed,
    SecondFactorNeeded,
    TooManyRequests,
)
from onepark.contexts.access.model import (
    Credentials,
    NewAccount,
    PasswordChange,
    Refresh,
    Session,
    StepUp,
)
from onepark.contexts.access.rules import FRESH, MATRIX, MONEY
from onepark.contexts.access.service import TOKEN_AUDIENCE
from onepark.infra.tokens import Tokens
from onepark.kernel.staff import Permission, StaffRole
from tests.archive import KEY, NOON, HandClock

PASSWORD = "correct horse battery"
FRESH_FOR = timedelta(minutes=15)


class House:
    """One session holds, and somebody may be too fast."""

    def __init__(self) -> None:
        self.live = {(5, 7)}
        self.too_fast: set[int] = set()

    async def is_live(self, session_id: int, account_id: int, *, at: datetime) -> bool:
        return (session_id, account_id) in self.live

    async def wait_s(self, account_id: int) -> int:
        return 9 if account_id in self.too_fast else 0


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock) -> Tokens:
    return Tokens(KEY, clock, audience=TOKEN_AUDIENCE)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def doorkeeper(tokens, house, clock) -> Doorkeeper:
    return Doorkeeper(tokens, sessions=house, pace=house, clock=clock, fresh_for=FRESH_FOR)


@pytest.fixture
def shown(tokens):
    """A header of somebody with these claims."""

    def header(role: str = "auditor", **claims: object) -> str:
        said = {"login": "x", "role": role, "operator_id": None, "sid": 5, **claims}
        return f"Bearer {tokens.issue('7', {k: v for k, v in said.items() if v is not ...})}"

    return header


def given(at: datetime) -> dict[str, object]:
    return {"amr": ["pwd", "otp"], "second_factor_at": at.timestamp()}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "x" * 9])
async def test_no_token_no_entrance(doorkeeper, header):
    with pytest.raises(LoginRequired):
        await doorkeeper.admit(header, Permission.READ_SELF)


@pytest.mark.parametrize(
    "claims",
    [
        {"role": "emperor"},
        {"sid": ...},
        {"sid": "five"},
        {"sid": 6},
        {"amr": "otp"},
        {"second_factor_at": "yesterday"},
        {"operator_id": "all"},
    ],
)
async def test_a_token_of_ours_that_says_nothing_known_lets_nobody_in(doorkeeper, shown, claims):
    with pytest.raises(LoginRequired):
        await doorkeeper.admit(shown(**claims), Permission.READ_SELF)


async def test_a_token_is_good_for_its_session_and_as_long_as_that(doorkeeper, shown, house):
    assert (await doorkeeper.admit(shown(), Permission.READ_SELF)).session_id == 5
    house.live = {(5, 8)}
    with pytest.raises(LoginRequired):
        await doorkeeper.admit(shown(), Permission.READ_SELF)


async def test_a_token_is_not_enough_where_the_role_lacks_the_permission(doorkeeper, shown, clock):
    with pytest.raises(NotAllowed):
        await doorkeeper.admit(shown(**given(clock.now())), Permission.ROTATE_SECRET)


async def test_who_is_too_fast_waits(doorkeeper, shown, house):
    house.too_fast = {7}
    with pytest.raises(TooManyRequests) as refused:
        await doorkeeper.admit(shown(), Permission.READ_SELF)
    assert refused.value.facts == {"retry_after_s": 9}


@pytest.mark.parametrize("permission", Permission)
async def test_each_permission_opens_with_what_it_needs(doorkeeper, shown, permission):
    role = next(role for role, given_to in MATRIX.items() if permission in given_to)

    async def opens(**claims: object) -> bool:
        try:
            await doorkeeper.admit(shown(role, **claims), permission)
        except SecondFactorNeeded:
            return False
        return True

    assert await opens() is (permission not in MONEY)
    assert await opens(amr=["pwd"], second_factor_at=NOON.timestamp()) is (permission not in MONEY)
    assert await opens(**given(NOON - FRESH_FOR)) is (permission not in FRESH)
    assert await opens(**given(NOON - FRESH_FOR + timedelta(seconds=1)))


def test_what_is_printed_shows_no_password_code_or_token():
    new = NewAccount("li.ming", PASSWORD, "李明", StaffRole.AUDITOR)
    session = Session(PASSWORD, NOON, "given", PASSWORD, NOON)  # type: ignore[arg-type]
    printed = [
        Credentials("li.ming", PASSWORD, "123456"),
        PasswordChange(PASSWORD, PASSWORD),
        Refresh(PASSWORD),
        StepUp("123456"),
        session,
        new,
    ]
    assert PASSWORD not in str(printed)
    assert "123456" not in str(printed)
