"""So many tries a minute, counted once for all processes."""

import asyncio

import pytest

from onepark.contexts.membership.errors import TooManyTries
from onepark.infra.limits import RETRY_WHEN_DOWN_S, Limit, Limiter
from onepark.infra.redis import open_redis

LOGIN = Limit("login", 6, open_when_down=False)


async def test_the_first_six_tries_pass_and_the_seventh_waits_ten_seconds(redis):
    limiter = Limiter(redis)
    assert [await limiter.wait_s(LOGIN, "li.ming") for _ in range(6)] == [0] * 6
    assert 9 <= await limiter.wait_s(LOGIN, "li.ming") <= 10


async def test_a_refused_try_costs_nothing(redis):
    limiter = Limiter(redis)
    for _ in range(20):
        await limiter.wait_s(LOGIN, "li.ming")
    assert await limiter.wait_s(LOGIN, "li.ming") <= 10


async def test_tries_come_back_with_time(redis):
    limiter, quick = Limiter(redis), Limit("quick", 600, open_when_down=False)
    while not await limiter.wait_s(quick, "x"):
        pass
    await asyncio.sleep(0.25)
    assert await limiter.wait_s(quick, "x") == 0


async def test_everybody_and_every_limit_counts_alone(redis):
    limiter, one = Limiter(redis), Limit("dues", 1, open_when_down=False)
    assert await limiter.wait_s(one, "苏B12345") == 0
    assert await limiter.wait_s(one, "苏B12345") > 0
    assert await limiter.wait_s(one, "苏B12346") == 0
    assert await limiter.wait_s(Limit("other", 1, open_when_down=False), "苏B12345") == 0


async def test_a_hundred_at_the_same_moment_do_not_get_past(redis):
    limiter = Limiter(redis)
    waits = await asyncio.gather(*(limiter.wait_s(LOGIN, "one") for _ in range(100)))
    assert waits.count(0) == 6


async def test_no_plate_stands_in_redis_and_every_key_ends(redis):
    await Limiter(redis).wait_s(LOGIN, "苏B12345")
    (key,) = await redis.keys("*")
    assert "苏B12345".encode() not in key
    assert 0 < await redis.pttl(key) <= 60_000


@pytest.mark.parametrize(("open_when_down", "wait_s"), [(True, 0), (False, RETRY_WHEN_DOWN_S)])
async def test_without_redis_the_caller_has_said_what_happens(open_when_down, wait_s):
    nowhere = open_redis("redis://127.0.0.1:1/0")
    limit = Limit("login", 6, open_when_down=open_when_down)
    assert await Limiter(nowhere).wait_s(limit, "x") == wait_s
    await nowhere.aclose()


async def test_who_tries_too_often_is_refused_in_the_callers_words(redis):
    once = Limit("once", 1, open_when_down=False)
    await Limiter(redis).take(once, "x", refused=TooManyTries)
    with pytest.raises(TooManyTries) as refused:
        await Limiter(redis).take(once, "x", refused=TooManyTries)
    assert refused.value.facts["retry_after_s"] in range(1, 61)
