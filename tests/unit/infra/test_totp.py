"""Codes as RFC 6238 says, in a window of one step to each side, each once."""

from datetime import UTC, datetime, timedelta

import pytest

from onepark.infra import totp

SECRET = b"12345678901234567890"


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_of_the_standard(seconds, code):
    """RFC 6238, appendix B, the rows of SHA-1."""
    step = totp.step_at(moment(seconds))
    assert totp.code_at(SECRET, step, digits=8) == code
    assert totp.code_at(SECRET, step) == code[2:]


@pytest.mark.parametrize("off", range(-3, 4))
def test_a_code_is_taken_now_and_one_step_to_each_side(off):
    at = moment(1_111_111_111)
    step = totp.step_at(at) + off
    found = totp.step_of(SECRET, totp.code_at(SECRET, step), at, after=0)
    assert found == (step if abs(off) <= 1 else None)


def test_a_code_of_a_step_that_was_used_is_none():
    at = moment(1_111_111_111)
    now = totp.step_at(at)
    assert totp.step_of(SECRET, totp.code_at(SECRET, now), at, after=now) is None
    assert totp.step_of(SECRET, totp.code_at(SECRET, now + 1), at, after=now) == now + 1


def test_a_step_lasts_half_a_minute():
    at = moment(60)
    assert totp.step_at(at) == totp.step_at(at + timedelta(seconds=29, microseconds=999_999))
    assert totp.step_at(at + timedelta(seconds=30)) == totp.step_at(at) + 1
