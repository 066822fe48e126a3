"""Who shows no good token stays outside."""

import pytest

from onepark.contexts.access.errors import LoginRequired, NotAllowed
from onepark.contexts.access.model import Credentials, NewAccount
from onepark.contexts.access.service import TOKEN_AUDIENCE, Doorkeeper
from onepark.infra.tokens import Tokens
from onepark.kernel.staff import Permission, StaffRole
from tests.archive import KEY, HandClock

PASSWORD = "correct horse battery"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(KEY, HandClock(), audience=TOKEN_AUDIENCE)


@pytest.fixture
def doorkeeper(tokens) -> Doorkeeper:
    return Doorkeeper(tokens)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "x" * 9])
def test_no_token_no_entrance(doorkeeper, header):
    with pytest.raises(LoginRequired):
        doorkeeper.admit(header, Permission.READ_SELF)


def test_a_token_of_ours_that_names_no_known_role_lets_nobody_in(doorkeeper, tokens):
    token = tokens.issue("7", {"login": "x", "role": "emperor", "operator_id": None})
    with pytest.raises(LoginRequired):
        doorkeeper.admit(f"Bearer {token}", Permission.READ_SELF)


def test_a_token_is_not_enough_where_the_role_lacks_the_permission(doorkeeper, tokens):
    token = tokens.issue("7", {"login": "x", "role": "auditor", "operator_id": None})
    with pytest.raises(NotAllowed):
        doorkeeper.admit(f"Bearer {token}", Permission.ROTATE_SECRET)


def test_a_printed_login_shows_no_password():
    new = NewAccount("li.ming", PASSWORD, "李明", StaffRole.AUDITOR)
    assert PASSWORD not in f"{Credentials('li.ming', PASSWORD)} {new!r}"
