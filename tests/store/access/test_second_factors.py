"""What moves money needs a code; one code is taken once, and guessing it leads nowhere."""

# mypy: disable-error-code="arg-type"

import asyncio
from datetime import timedelta

import pytest

from onepark.contexts.access.errors import (
    CodeWrong,
    EnrolmentAbsent,
    LoginFailed,
    SecondFactorAbsent,
    SecondFactorNeeded,
    TooManyCodes,
)
from onepark.contexts.access.model import PasswordGiven, Refresh, SecondFactor, StepUp
from onepark.contexts.access.rules import CODE_WAIT, FREE_WRONG_CODES
from onepark.contexts.access.second_factors import CONFIRM_WITHIN, RECOVERY_CODES
from onepark.infra import totp
from onepark.infra.tokens import SealError
from onepark.kernel.staff import Permission
from tests.fakes.staff import HOME, PASSWORD, SECRET, SHELL, Crew

HALF_A_MINUTE = timedelta(seconds=totp.STEP_S)


@pytest.fixture
async def finance(crew: Crew) -> Crew:
    """Finance of an operator, without an authenticator."""
    await crew.appoint("finance", "operator_finance", 3)
    return crew


@pytest.fixture
async def bound(finance: Crew) -> Crew:
    """And with one."""
    await finance.enrolled("finance")
    return finance


async def test_money_is_shut_to_a_password_and_open_to_a_code(finance):
    session = await finance.log_in("finance")
    assert await finance.admit(session, Permission.READ_REGISTRY)
    for permission in (Permission.READ_LEDGER, Permission.DRAFT_PAYOUT):
        with pytest.raises(SecondFactorNeeded):
            await finance.admit(session, permission)
    trusted, _ = await finance.enrolled("finance")
    assert trusted.second_factor == SecondFactor.GIVEN
    by = await finance.admit(trusted, Permission.READ_LEDGER)
    assert by.amr == {"pwd", "otp"}
    with pytest.raises(SecondFactorNeeded):
        await finance.admit(session, Permission.READ_LEDGER)  # the old token says what it said


async def test_a_code_may_be_given_with_the_password_or_later(bound):
    at_once = await bound.log_in("finance", code=bound.code("finance"))
    assert at_once.second_factor == SecondFactor.GIVEN
    assert await bound.admit(at_once, Permission.READ_LEDGER)
    later = await bound.log_in("finance")
    assert later.second_factor == SecondFactor.NEEDED
    by = await bound.admit(later)
    stepped = await bound.staff.access.step_up(StepUp(bound.code("finance")), by=by)
    assert stepped.refresh_token is None
    assert await bound.admit(stepped, Permission.READ_LEDGER)
    refreshed = await bound.staff.access.refresh(Refresh(later.refresh_token), address=HOME)
    assert await bound.admit(refreshed, Permission.READ_LEDGER), "the session remembers the code"


async def test_what_pays_out_needs_a_code_of_a_moment_ago(bound, clock):
    session = await bound.log_in("finance", code=bound.code("finance"))
    assert await bound.admit(session, Permission.SETTLE_REFUND)
    clock.pass_by(timedelta(minutes=15))
    session = await bound.staff.access.refresh(Refresh(session.refresh_token), address=HOME)
    assert await bound.admit(session, Permission.READ_LEDGER)
    with pytest.raises(SecondFactorNeeded) as refused:
        await bound.admit(session, Permission.SETTLE_REFUND)
    assert refused.value.facts["step_up"] == "/v1/staff/sessions/current/codes"
    by = await bound.admit(session)
    again = await bound.staff.access.step_up(StepUp(bound.code("finance")), by=by)
    assert await bound.admit(again, Permission.SETTLE_REFUND)


async def test_one_code_is_taken_once_and_none_from_before_it(bound, clock):
    clock.pass_by(HALF_A_MINUTE * 4)
    now = totp.step_at(clock.now())
    assert await bound.log_in("finance", code=totp.code_at(SECRET, now))
    for step in (now, now - 1):
        with pytest.raises(CodeWrong):
            await bound.log_in("finance", code=totp.code_at(SECRET, step))
    assert await bound.log_in("finance", code=totp.code_at(SECRET, now + 1))


async def test_one_code_given_twice_at_one_moment_is_taken_once(bound, clock):
    clock.pass_by(HALF_A_MINUTE * 4)
    by, given = await bound.principal("finance"), StepUp(bound.code("finance"))
    outcomes = await asyncio.gather(
        *(bound.staff.access.step_up(given, by=by) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(one, CodeWrong) for one in outcomes) == 3


@pytest.mark.parametrize(("off", "right"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_a_clock_may_be_off_by_one_step(bound, clock, off, right):
    clock.pass_by(HALF_A_MINUTE * 8)
    code = totp.code_at(SECRET, totp.step_at(clock.now()) + off)
    if right:
        assert await bound.log_in("finance", code=code)
    else:
        with pytest.raises(CodeWrong):
            await bound.log_in("finance", code=code)


async def test_a_wrong_password_says_nothing_of_the_code(bound):
    code = bound.code("finance")
    with pytest.raises(LoginFailed):
        await bound.log_in("finance", "wrong", code=code)
    assert await bound.log_in("finance", code=code), "and does not use it up"


async def test_wrong_codes_in_a_row_must_wait_longer_and_longer_but_not_for_ever(bound, clock):
    clock.pass_by(HALF_A_MINUTE * 4)
    by = await bound.principal("finance")
    for _ in range(FREE_WRONG_CODES):
        with pytest.raises(CodeWrong):
            await bound.staff.access.step_up(StepUp("000000"), by=by)
    with pytest.raises(TooManyCodes) as refused:
        await bound.staff.access.step_up(StepUp(bound.code("finance")), by=by)
    assert refused.value.facts["retry_after_s"] == CODE_WAIT.seconds
    clock.pass_by(CODE_WAIT)
    with pytest.raises(CodeWrong):
        await bound.staff.access.step_up(StepUp("000000"), by=by)
    clock.pass_by(CODE_WAIT)
    with pytest.raises(TooManyCodes):
        await bound.staff.access.step_up(StepUp("000000"), by=by)
    clock.pass_by(CODE_WAIT)
    assert await bound.staff.access.step_up(StepUp(bound.code("finance")), by=by)
    with pytest.raises(CodeWrong):
        await bound.staff.access.step_up(StepUp("000000"), by=by)  # they are counted from one


async def test_wrong_codes_at_one_moment_are_all_counted(bound, clock):
    clock.pass_by(HALF_A_MINUTE * 4)
    by = await bound.principal("finance")
    outcomes = await asyncio.gather(
        *(bound.staff.access.step_up(StepUp("000000"), by=by) for _ in range(FREE_WRONG_CODES * 3)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, CodeWrong) for one in outcomes) == FREE_WRONG_CODES
    assert sum(isinstance(one, TooManyCodes) for one in outcomes) == 2 * FREE_WRONG_CODES


async def test_a_recovery_code_stands_in_once(finance, trail):
    _, codes = await finance.enrolled("finance")
    assert len(set(codes)) == RECOVERY_CODES
    session = await finance.log_in("finance", code=codes[3])
    assert await finance.admit(session, Permission.SETTLE_REFUND)
    for code in (codes[3], "4-aaaa-bbbb-cccc-dddd", "99-aaaa-bbbb-cccc-dddd"):
        with pytest.raises(CodeWrong):
            await finance.log_in("finance", code=code)
    assert await finance.log_in("finance", code=codes[9])
    assert (await trail("finance"))[-1] == ("finance", "recovery_code_used")


async def test_one_recovery_code_given_twice_at_one_moment_is_taken_once(finance):
    _, codes = await finance.enrolled("finance")
    by = await finance.principal("finance")
    outcomes = await asyncio.gather(
        *(finance.staff.access.step_up(StepUp(codes[0]), by=by) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, CodeWrong) for one in outcomes) == 3


async def test_neither_secret_nor_recovery_code_is_kept_in_clear(finance, service_db):
    _, codes = await finance.enrolled("finance")
    async with service_db.connection() as tx:
        sealed = await tx.fetchval("SELECT sealed FROM access.second_factor")
        hashes = [row[0] for row in await tx.fetch("SELECT code_hash FROM access.recovery_code")]
        trail = str(await tx.fetch("SELECT * FROM access.audit"))
    assert SECRET not in sealed
    assert all(one.startswith("$argon2id$") for one in hashes)
    assert not any(code in trail + "".join(hashes) for code in codes)
    assert totp.shown(SECRET) not in trail


async def test_a_secret_that_is_moved_to_another_account_opens_nothing(bound, service_db):
    await bound.appoint("other", "operator_finance", 3)
    await bound.enrolled("other")
    async with service_db.connection() as tx:
        await tx.execute(
            "UPDATE access.second_factor SET sealed = (SELECT sealed FROM access.second_factor"
            " JOIN access.account USING (account_id) WHERE login = 'finance')"
        )
    with pytest.raises(SealError):
        await bound.log_in("other", code=bound.code("other"))


async def test_who_has_no_authenticator_is_told_so(finance):
    with pytest.raises(SecondFactorAbsent):
        await finance.log_in("finance", code="000000")
    by = await finance.principal("finance")
    with pytest.raises(SecondFactorAbsent):
        await finance.staff.access.step_up(StepUp("000000"), by=by)


async def test_a_secret_is_shown_to_who_has_the_password(finance):
    by = await finance.principal("finance")
    with pytest.raises(LoginFailed):
        await finance.staff.access.enrol(PasswordGiven("wrong"), by=by)
    shown = await finance.staff.access.enrol(PasswordGiven(PASSWORD), by=by)
    assert shown.secret == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert shown.uri == (
        "otpauth://totp/OnePark%3Afinance"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=OnePark&digits=6&period=30"
    )


async def test_a_secret_holds_only_when_a_code_of_it_came_in_time(finance, clock):
    by = await finance.principal("finance")
    access = finance.staff.access
    with pytest.raises(SecondFactorAbsent):
        await access.confirm(StepUp("000000"), by=by)
    await access.enrol(PasswordGiven(PASSWORD), by=by)
    with pytest.raises(CodeWrong):
        await access.confirm(StepUp("000000"), by=by)
    assert (await finance.log_in("finance")).second_factor == SecondFactor.NOT_ENROLLED
    clock.pass_by(CONFIRM_WITHIN)
    with pytest.raises(EnrolmentAbsent):
        await access.confirm(StepUp(finance.code("finance")), by=by)
    await access.enrol(PasswordGiven(PASSWORD), by=by)
    assert await access.confirm(StepUp(finance.code("finance")), by=by)
    with pytest.raises(EnrolmentAbsent):
        await access.confirm(StepUp(finance.code("finance")), by=by)


async def test_an_authenticator_is_replaced_only_by_who_has_it(bound):
    by = await bound.principal("finance")
    with pytest.raises(SecondFactorNeeded):
        await bound.staff.access.enrol(PasswordGiven(PASSWORD), by=by)
    session = await bound.staff.access.step_up(StepUp(bound.code("finance")), by=by)
    trusted = await bound.admit(session)
    assert await bound.staff.access.enrol(PasswordGiven(PASSWORD), by=trusted)
    assert await bound.log_in("finance", code=bound.code("finance")), "the old one holds still"


async def test_a_lost_authenticator_is_taken_away_with_its_sessions_and_codes(
    finance, trail, service_db
):
    session, codes = await finance.enrolled("finance")
    told = await finance.staff.accounts.reset_second_factor("finance", by=SHELL)
    assert not told.second_factor
    with pytest.raises(Exception, match="ended"):
        await finance.admit(session)
    with pytest.raises(SecondFactorAbsent):
        await finance.log_in("finance", code=codes[0])
    async with service_db.connection() as tx:
        assert await tx.fetchval("SELECT count(*) FROM access.recovery_code") == 0
    again = await finance.staff.accounts.reset_second_factor("finance", by=SHELL)
    assert again == told
    actions = [action for _, action in await trail("finance")]
    assert actions == ["account_created", "second_factor_confirmed", "second_factor_reset"]
