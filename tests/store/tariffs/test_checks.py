"""Anybody may have plans checked, within bounds that are counted in the real Redis."""

import asyncio
from typing import Any

import pytest

from onepark.contexts.tariffs.errors import ChecksBusy, TooManyChecks
from onepark.contexts.tariffs.office import CHECKS_WAITING_MAX, Checks
from onepark.infra.limits import Limiter

FREE: dict[str, Any] = {"windows": [], "outside": "free", "caps": {"uncapped": True}}


async def test_one_address_cannot_have_plans_checked_without_end(redis):
    checks = Checks(Limiter(redis), per_minute=3)
    for _ in range(3):
        assert (await checks.for_anybody(FREE, address="192.0.2.1")).good
    with pytest.raises(TooManyChecks) as refused:
        await checks.for_anybody(FREE, address="192.0.2.1")
    assert refused.value.facts["retry_after_s"] in range(1, 61)
    assert (await checks.for_anybody(FREE, address="192.0.2.2")).good


async def test_more_plans_than_may_wait_are_sent_away_at_once(redis):
    checks = Checks(Limiter(redis))
    done = await asyncio.gather(
        *(checks.of(FREE) for _ in range(CHECKS_WAITING_MAX + 5)), return_exceptions=True
    )
    assert [type(one) for one in done].count(ChecksBusy) == 5
    assert await checks.of(FREE) == []
