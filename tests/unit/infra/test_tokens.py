"""Passwords are slow to guess, tokens end, and what is sealed opens only for its subject."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher

from onepark.infra.settings import SecretKey
from onepark.infra.tokens import (
    HASHES_WAITING_MAX,
    TOKEN_LIFE,
    HashersBusyError,
    Passwords,
    Sealer,
    SealError,
    TokenError,
    Tokens,
    derive,
    random_text,
)
from tests.archive import KEY, NOON, HandClock

OTHER_KEY = SecretKey(bytes(range(1, 33)))
CLAIMS = {"role": "auditor"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def tokens(clock: HandClock) -> Tokens:
    return Tokens(KEY, clock, audience="staff")


async def test_only_the_right_password_matches():
    passwords = Passwords()
    kept = await passwords.hash("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept
    assert await passwords.matches("correct horse battery", kept)
    assert not await passwords.matches("correct horse batterz", kept)


async def test_an_unknown_account_takes_as_long_as_a_wrong_password():
    passwords = Passwords()
    kept = await passwords.hash("correct horse battery")

    async def seconds(password_hash: str | None) -> float:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            assert not await passwords.matches("wrong", password_hash)
            took.append(time.perf_counter() - began)
        return min(took)

    known, unknown = await seconds(kept), await seconds(None)
    assert 0.5 < known / unknown < 2


async def test_too_many_waiting_logins_are_turned_away_at_once():
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64))
    tries = [passwords.matches("x", None) for _ in range(HASHES_WAITING_MAX + 3)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, HashersBusyError) for one in outcomes) == 3
    assert outcomes.count(False) == HASHES_WAITING_MAX
    assert await passwords.matches("x", None) is False, "and the next one is served again"


def test_a_token_says_what_was_put_in(tokens):
    claims = tokens.read(tokens.issue("7", CLAIMS))
    assert (claims["sub"], claims["role"]) == ("7", "auditor")


def test_a_token_ends_after_a_quarter_of_an_hour(tokens, clock):
    token = tokens.issue("7", CLAIMS)
    clock.pass_by(TOKEN_LIFE - timedelta(seconds=1))
    assert tokens.read(token)
    clock.pass_by(timedelta(seconds=1))
    with pytest.raises(TokenError):
        tokens.read(token)


def test_claims_cannot_outlive_or_rename_the_token(tokens, clock):
    token = tokens.issue("7", {"exp": 2**40, "sub": "1", "aud": "other", "iss": "me"})
    assert tokens.read(token)["sub"] == "7"
    clock.pass_by(TOKEN_LIFE)
    with pytest.raises(TokenError):
        tokens.read(token)


def forged(algorithm: str, key: Any, **changes: object) -> str:
    stamp = int(NOON.timestamp())
    claims = {"sub": "7", "iat": stamp, "exp": stamp + 60, "iss": "onepark", "aud": "staff"}
    claims |= changes
    return jwt.encode({k: v for k, v in claims.items() if v is not ...}, key, algorithm=algorithm)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * 5_000,
        forged("none", None),
        forged("HS512", derive(KEY, "token v1 staff") * 2),
        forged("HS256", KEY.raw),
        forged("HS256", derive(KEY, "token v1 citizens")),
        forged("HS256", derive(OTHER_KEY, "token v1 staff")),
        forged("HS256", derive(KEY, "token v1 staff"), aud="citizens"),
        forged("HS256", derive(KEY, "token v1 staff"), iss="somebody"),
        forged("HS256", derive(KEY, "token v1 staff"), exp=...),
        forged("HS256", derive(KEY, "token v1 staff"), exp="9" * 12),
        forged("HS256", derive(KEY, "token v1 staff"), sub=...),
    ],
)
def test_a_token_that_is_not_ours_is_refused(tokens, token):
    with pytest.raises(TokenError):
        tokens.read(token)


def test_the_forgery_that_is_no_forgery_is_read(tokens):
    assert tokens.read(forged("HS256", derive(KEY, "token v1 staff")))["sub"] == "7"


def test_what_is_sealed_can_be_opened_again_and_never_looks_the_same():
    sealer = Sealer(KEY, "test")
    one, two = (sealer.seal(b"secret", subject="cam") for _ in range(2))
    assert one != two
    assert b"secret" not in one
    assert sealer.open(one, subject="cam") == sealer.open(two, subject="cam") == b"secret"


@pytest.mark.parametrize(
    ("key", "purpose", "subject"),
    [(KEY, "test", "another cam"), (KEY, "other", "cam"), (OTHER_KEY, "test", "cam")],
)
def test_a_seal_opens_only_for_its_subject_purpose_and_key(key, purpose, subject):
    sealed = Sealer(KEY, "test").seal(b"secret", subject="cam")
    with pytest.raises(SealError):
        Sealer(key, purpose).open(sealed, subject=subject)


@pytest.mark.parametrize(
    "damage", [b"", b"\x02", b"\x01", b"\x01" + bytes(11), b"\x01" + bytes(40)]
)
def test_a_damaged_seal_does_not_open(damage):
    with pytest.raises(SealError):
        Sealer(KEY, "test").open(damage, subject="cam")


def test_no_two_purposes_share_a_key():
    assert derive(KEY, "a") != derive(KEY, "b")
    assert len(derive(KEY, "a")) == 32


def test_random_texts_are_of_capitals_and_digits_and_none_comes_twice():
    texts = {random_text(size) for size in (10, 15, 16, 20) for _ in range(100)}
    assert len(texts) == 400
    assert {len(one) for one in texts} == {16, 24, 26, 32}
    assert set("".join(texts)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
